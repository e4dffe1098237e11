"""The Dirichlet law in coordinates of the whole space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, last_axis, positive, vector

__all__ = ["Dirichlet"]

_FEWEST = 2


@dataclass(frozen=True, eq=False)
class Dirichlet(BuiltIn):
    r"""
    Dirichlet law of shares θ, as a density of their log-ratios :math:`y_i = \log(\theta_i / \theta_K)`, i < K.

    .. math::

        \log \pi(y) = \sum_{i<K} \alpha_i y_i - \alpha_0 \log\Bigl(1 + \sum_{i<K} e^{y_i}\Bigr), \qquad
        \alpha_0 = \sum_{i \le K} \alpha_i.

    Parameters
    ----------
    concentration : array_like of shape (K,)
        α, positive.

    Raises
    ------
    InputError
        Fewer than two shares, or a concentration that is not positive.

    Notes
    -----
    The draws are points of :math:`R^{K-1}`, with the Jacobian in the density: :meth:`constrain` turns them into shares
    that have the Dirichlet law. A gradient takes O(K). The missing constant is
    :math:`\log \Gamma(\alpha_0) - \sum_i \log \Gamma(\alpha_i)`.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.Dirichlet([2.0, 3.0, 5.0])
    >>> target.dim
    2
    >>> target.constrain(target.unconstrain([0.2, 0.3, 0.5])).round(12).tolist()
    [0.2, 0.3, 0.5]
    """

    concentration: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy the concentrations."""
        concentration = positive(vector(self.concentration, "concentration"), "concentration")
        if concentration.size < _FEWEST:
            raise InputError("concentration needs at least two entries")
        self._keep(concentration=concentration)

    def _build(self) -> _core.Target:
        return _core.Target.dirichlet(np.asarray(self.concentration))

    def constrain(self, y: ArrayLike) -> F64:
        """
        Return the shares of points, for instance of draws.

        Parameters
        ----------
        y : array_like of shape (..., K − 1)
            Log-ratios to the last share.

        Returns
        -------
        ndarray of shape (..., K)
            Shares, which sum to 1.

        Raises
        ------
        InputError
            The last axis does not have K − 1 entries.
        """
        points = last_axis(y, "y", self.dim)
        full = np.concatenate([points, np.zeros((*points.shape[:-1], 1))], axis=-1)
        full = np.exp(full - full.max(axis=-1, keepdims=True))
        return np.asarray(full / full.sum(axis=-1, keepdims=True))

    def unconstrain(self, shares: ArrayLike) -> F64:
        """
        Return the log-ratios of positive shares.

        Parameters
        ----------
        shares : array_like of shape (..., K)
            Positive numbers; only their ratios count.

        Returns
        -------
        ndarray of shape (..., K − 1)
            Logarithms of the ratios to the last share.

        Raises
        ------
        InputError
            The last axis does not have K entries, or one is not positive.
        """
        points = positive(last_axis(shares, "shares", self.dim + 1), "shares")
        return np.asarray(np.log(points[..., :-1]) - np.log(points[..., -1:]))
