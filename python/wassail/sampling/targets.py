"""Built-in log-densities: evaluated in the core, one chain a thread, without entering Python."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError

__all__ = ["Gaussian", "Target"]


class Target(ABC):
    """A log-density of the core."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension."""

    @abstractmethod
    def _core_target(self) -> _core.Target:
        """Return the density of the core."""


def _vector(value: ArrayLike, name: str) -> NDArray[np.float64]:
    vector = real_array(value, name, ndim=(1,)).astype(np.float64)
    check_finite(vector, name)
    return vector


def _precision(value: ArrayLike, dim: int) -> NDArray[np.float64]:
    """Return a diagonal or a symmetric positive definite matrix."""
    precision = real_array(value, "precision", ndim=(1, 2)).astype(np.float64)
    check_finite(precision, "precision")
    if precision.shape not in {(dim,), (dim, dim)}:
        raise InputError(f"precision must have shape ({dim},) or ({dim}, {dim}), got {precision.shape}")
    if precision.ndim == 1:
        if np.min(precision) <= 0.0:
            raise InputError(f"precision[{int(np.argmin(precision))}] is {np.min(precision)}: it must be positive")
        return precision
    if not np.allclose(precision, precision.T, rtol=1e-12, atol=1e-12 * float(np.abs(precision).max())):
        raise InputError("precision is not symmetric")
    try:
        np.linalg.cholesky(precision)
    except np.linalg.LinAlgError:
        raise InputError("precision is not positive definite") from None
    return np.asarray(0.5 * (precision + precision.T))


@dataclass(frozen=True, eq=False)
class Gaussian(Target):
    r"""
    Gaussian :math:`\log \pi(x) = -\tfrac12 (x - m)^\top P (x - m)`.

    Parameters
    ----------
    mean : array_like of shape (d,)
        m.
    precision : array_like of shape (d,) or (d, d)
        The inverse of the covariance: its diagonal, or a symmetric positive definite matrix.

    Raises
    ------
    InputError
        Shapes do not fit, or `precision` is not positive definite.

    Notes
    -----
    A gradient takes O(d) with a diagonal and O(d²) with a matrix.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.targets.Gaussian([0.0, 1.0], [1.0, 4.0]).dim
    2
    """

    mean: ArrayLike
    precision: ArrayLike
    _checked: tuple[NDArray[np.float64], NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check and copy both arrays."""
        mean = _vector(self.mean, "mean")
        object.__setattr__(self, "_checked", (mean, _precision(self.precision, mean.size)))

    @property
    def dim(self) -> int:
        """Dimension."""
        return self._checked[0].size

    def _core_target(self) -> _core.Target:
        mean, precision = self._checked
        build = _core.Target.diagonal_gaussian if precision.ndim == 1 else _core.Target.dense_gaussian
        return build(mean, precision.ravel())
