"""What every kernel is and does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._memory import require_matrix
from wassail._validate import check_threads
from wassail.exceptions import InputError


def check_points(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return finite points of shape (n, d), C-contiguous, float32 or float64; a vector is n points on a line."""
    points = real_array(x, name, ndim=(1, 2))
    check_finite(points, name)
    return np.ascontiguousarray(points if points.ndim > 1 else points[:, None])


class Kernel(ABC):
    """A positive definite function k(x, y) on points of R^d."""

    @abstractmethod
    def _core_kernel(self) -> _core.Kernel:
        """Return the kernel of the core."""

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        """Return checked points as the core's kernel reads them."""
        if scores is not None:
            raise InputError(f"scores of {name} are for Stein kernels, {self!r} takes none")
        return x

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
        packed = kernel_points(self, left, "x")
        other = packed if y is None else kernel_points(self, right, "y")
        return _core.kernel_gram(self._core_kernel(), packed, other, check_threads(n_threads))


def core_kernel(kernel: Kernel) -> _core.Kernel:
    """Return the kernel of the core, or refuse what is no kernel."""
    if not isinstance(kernel, Kernel):
        raise InputError(f"kernel must be one of wassail.kernels, such as kernels.Gaussian(1.0), got {kernel!r}")
    return kernel._core_kernel()  # noqa: SLF001  (the package's own door)


def kernel_points(kernel: Kernel, x: NDArray[Any], name: str, scores: ArrayLike | None = None) -> NDArray[Any]:
    """
    Return what the core's functions take as points for this kernel: for Stein kernels the scores stand beside them.

    Parameters
    ----------
    kernel : Kernel
        Any.
    x : ndarray of shape (n, d)
        As `check_points` returns them.
    name : str
        What the user calls `x`.
    scores : array_like of shape (n, d), optional
        ∇ log p at the points, for Stein kernels only; by default they are computed.
    """
    return kernel._points(x, name, scores)  # noqa: SLF001  (the package's own door)
