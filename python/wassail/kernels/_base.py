"""What every kernel is and does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._memory import require_matrix
from wassail._validate import check_integer, check_positive, check_threads
from wassail.exceptions import InputError

_SHORTEST = 1e-300  # squares of points in units of it keep all digits


def check_length(value: float, name: str) -> float:
    """Return a positive length that points can be divided by."""
    if np.ndim(value):
        raise InputError(f"{name} must be one number: divide each coordinate by its own scale first")
    length = check_positive(value, name)
    if length < _SHORTEST:
        raise InputError(f"{name} must be at least {_SHORTEST:g}, got {value!r}: bring the points to a larger scale")
    return length


def check_points(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return finite points of shape (n, d), C-contiguous, float32 or float64; a vector is n points on a line."""
    if isinstance(x, np.ndarray) and x.ndim > 2:
        hint = f"draws of chains are points after reshape(-1, {x.shape[-1]})"
        raise InputError(f"{name} must be 1-D or 2-D, got shape {x.shape}: {hint}")
    points = real_array(x, name, ndim=(1, 2))
    check_finite(points, name)
    return np.ascontiguousarray(points if points.ndim > 1 else points[:, None])


class Kernel(ABC):
    """
    A positive definite function k(x, y) on points of R^d.

    Kernels are immutable, compare by value, and compose: ``k + l``, ``k * l`` and ``2.0 * k`` are kernels.
    """

    __slots__ = ()
    __array_ufunc__ = None  # an array times a kernel is an error, not an array of kernels

    @abstractmethod
    def _core_kernel(self) -> _core.Kernel:
        """Return the kernel of the core."""

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        """Return checked points as the core's kernel reads them."""
        if scores is not None:
            raise InputError(f"scores of {name} are for Stein kernels, {self!r} takes none")
        return x

    def _layout(self) -> object:
        """Return what `_points` puts beside points: kernels compose when it is equal. None is nothing."""
        return None

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

    def diagonal(self, x: ArrayLike) -> NDArray[np.float64]:
        """
        Return the values of points with themselves.

        Parameters
        ----------
        x : array_like of shape (n, d) or (n,)
            Points.

        Returns
        -------
        ndarray of shape (n,)
            k(x_i, x_i).
        """
        return self._core_kernel().diagonal(self._points(check_points(x, "x"), "x", None))

    def power(self, alpha: float, *, dimension: int) -> Kernel:
        r"""
        Return the kernel whose Fourier transform is this one's to the power alpha, up to a factor.

        Parameters
        ----------
        alpha : float
            Positive. Kernel thinning is stated for 1/2 to 1 [1]_.
        dimension : int
            d of the points: for most kernels the power depends on it.

        Returns
        -------
        Kernel
            Of the same value scale: 1 at distance 0 for kernels that are 1 there.

        Raises
        ------
        InputError
            There is no such kernel in closed form; the message says for which alpha there is one.

        References
        ----------
        .. [1] R. Dwivedi, L. Mackey. Generalized kernel thinning. ICLR 2022. arXiv:2110.01593.

        Examples
        --------
        >>> from wassail import kernels
        >>> kernels.Matern(2.5).power(0.5, dimension=1)
        Matern(nu=1.0, lengthscale=0.6324555320336759)
        """
        return self._power(check_positive(alpha, "alpha"), check_integer(dimension, "dimension", minimum=1))

    def root(self, *, dimension: int) -> Kernel:
        """
        Return the square-root kernel, ``power(0.5)``.

        Parameters
        ----------
        dimension : int
            d of the points.

        Returns
        -------
        Kernel
            The kernel that root kernel thinning splits with.

        Raises
        ------
        InputError
            There is no such kernel in closed form.
        """
        return self.power(0.5, dimension=dimension)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        """Return the power of checked arguments."""
        if alpha == 1.0:
            return self
        raise InputError(f"{self!r} has no power kernel in closed form (alpha={alpha}, dimension={dimension})")

    def __add__(self, other: object) -> Kernel:
        """Return the sum."""
        from wassail.kernels.algebra import Sum

        return Sum((self, other)) if isinstance(other, Kernel) else NotImplemented

    def __radd__(self, other: object) -> Kernel:
        """Return the kernel itself: 0 is where `sum` starts."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def __mul__(self, other: Kernel | float) -> Kernel:
        """Return the product with a kernel or a positive number."""
        from wassail.kernels.algebra import Product, Sum

        if isinstance(other, Kernel):
            return Product((self, other))
        return Sum((self,), (other,)) if np.ndim(other) == 0 else NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Kernel:
        """Return the kernel divided by a positive number."""
        return self * (1.0 / check_positive(other, "divisor")) if np.ndim(other) == 0 else NotImplemented


def core_kernel(kernel: Kernel) -> _core.Kernel:
    """Return the kernel of the core, or refuse what is no kernel."""
    if not isinstance(kernel, Kernel):
        raise InputError(f"kernel must be one of wassail.kernels, such as kernels.Gaussian(1.0), got {kernel!r}")
    return kernel._core_kernel()  # noqa: SLF001  (the package's own door)


def takes_scores(kernel: Kernel) -> bool:
    """Whether something stands beside points for this kernel: the scores of Stein kernels."""
    return kernel_layout(kernel) is not None


def kernel_layout(kernel: Kernel) -> object:
    """Return what `kernel_points` puts beside points, to be compared: None is nothing."""
    return kernel._layout()  # noqa: SLF001  (the package's own door)


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
