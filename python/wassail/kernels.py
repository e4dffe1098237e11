"""Reproducing kernels: objects that compose, never strings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._memory import require_matrix
from wassail._validate import check_positive, check_threads
from wassail.exceptions import InputError

__all__ = ["Gaussian", "Kernel"]


def check_points(x: ArrayLike, name: str) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return finite points of shape (n, d), C-contiguous; a vector is n points on a line."""
    points = real_array(x, name, ndim=(1, 2))
    check_finite(points, name)
    return np.ascontiguousarray(points if points.ndim > 1 else points[:, None])


class Kernel(ABC):
    """A positive definite function k(x, y) on points of R^d."""

    @abstractmethod
    def _core_kernel(self) -> _core.Kernel:
        """Return the kernel of the core."""

    def __call__(
        self, x: ArrayLike, y: ArrayLike | None = None, *, n_threads: int | None = None
    ) -> NDArray[np.float64]:
        """
        Return the matrix of values.

        Parameters
        ----------
        x : array_like of shape (n, d) or (n,)
            Points.
        y : array_like of shape (m, d) or (m,), optional
            Other points; `x` by default.
        n_threads : int, optional
            Threads to use; the result does not depend on it.

        Returns
        -------
        ndarray of shape (n, m)
            k(x_i, y_j).
        """
        left = check_points(x, "x")
        right = left if y is None else check_points(y, "y")
        if left.shape[1] != right.shape[1]:
            raise InputError(f"x has {left.shape[1]} coordinates and y has {right.shape[1]}")
        require_matrix(left.shape[0], right.shape[0], "a table of kernel values", "use fewer points")
        return _core.kernel_gram(self._core_kernel(), left, right, check_threads(n_threads))


@dataclass(frozen=True, slots=True)
class Gaussian(Kernel):
    r"""
    Gaussian kernel :math:`k(x, y) = \exp(-|x - y|^2 / (2 \ell^2))`.

    Parameters
    ----------
    lengthscale : float
        :math:`\ell`, positive, in units of the points.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Gaussian(1.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.135335],
           [0.135335, 1.      ]])
    """

    lengthscale: float

    def __post_init__(self) -> None:
        """Check the length."""
        object.__setattr__(self, "lengthscale", check_positive(self.lengthscale, "lengthscale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.gaussian(self.lengthscale)
