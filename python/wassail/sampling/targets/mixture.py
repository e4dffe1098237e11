"""Mixtures of Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._validate import check_weights
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, positive
from wassail.sampling.targets.gaussian import definite

__all__ = ["GaussianMixture"]

_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class GaussianMixture(BuiltIn):
    r"""
    Mixture :math:`\pi(x) = \sum_k w_k N(x; m_k, \Sigma_k)`, normalized.

    Parameters
    ----------
    weights : array_like of shape (components,)
        w, not negative; divided by its sum.
    means : array_like of shape (components, d)
        m.
    covariances : array_like of shape (components, d) or (components, d, d)
        Σ: variances, or symmetric positive definite matrices.

    Raises
    ------
    InputError
        Shapes do not fit, weights are negative, or a covariance is not positive definite.

    Notes
    -----
    Values are sums of exponentials relative to the largest, so that no component underflows all others. A gradient
    takes O(components · d), or O(components · d²). Components far from each other are modes that a chain rarely leaves:
    the draws of each chain are then right about one of them only.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.GaussianMixture([1.0, 3.0], [[-1.0], [1.0]], [[1.0], [1.0]])
    >>> logp, grad = target([[0.0]])
    >>> round(float(logp[0]), 6), round(float(grad[0, 0]), 6)
    (-1.418939, 0.5)
    """

    weights: ArrayLike
    means: ArrayLike
    covariances: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy all arrays."""
        means = np.array(real_array(self.means, "means", ndim=(2,)), dtype=np.float64)
        check_finite(means, "means")
        weights = check_weights(self.weights, "weights", means.shape[0])
        covariances = np.array(real_array(self.covariances, "covariances", ndim=(2, 3)), dtype=np.float64)
        check_finite(covariances, "covariances")
        k, d = means.shape
        if covariances.shape not in {(k, d), (k, d, d)}:
            raise InputError(f"covariances must have shape ({k}, {d}) or ({k}, {d}, {d}), got {covariances.shape}")
        if covariances.ndim == 2:
            positive(covariances, "covariances")
        else:
            covariances = np.stack([definite(c, f"covariances[{i}]") for i, c in enumerate(covariances)])
        self._keep(weights=weights / weights.sum(), means=means, covariances=covariances)

    def _build(self) -> _core.Target:
        weights, means, covariances = map(np.asarray, (self.weights, self.means, self.covariances))
        with np.errstate(divide="ignore"):
            logs = np.log(weights) - 0.5 * means.shape[1] * _LOG_2PI
        if covariances.ndim == 2:
            logs -= 0.5 * np.log(covariances).sum(axis=1)
            precisions: F64 = 1.0 / covariances
        else:
            logs -= 0.5 * np.linalg.slogdet(covariances)[1]
            precisions = np.linalg.inv(covariances)
            precisions = 0.5 * (precisions + np.swapaxes(precisions, 1, 2))
        return _core.Target.gaussian_mixture(logs, means.ravel(), precisions.ravel(), covariances.ndim == 3)
