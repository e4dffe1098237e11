"""Kernels that are functions of the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel

Pairwise: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64]], ArrayLike]  # (n, d), (m, d) -> (n, m)


@dataclass(frozen=True, slots=True)
class _Checked:
    """A function whose values are looked at before the core sees them."""

    function: Pairwise

    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        shape = (x.shape[0], y.shape[0])
        values = real_array(self.function(x, y), "the kernel function's value", ndim=(2,))
        if values.shape != shape:
            raise InputError(f"the kernel function returned shape {values.shape} for points of shape {shape}")
        check_finite(values, "the kernel function's value")
        return np.ascontiguousarray(values, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CallableKernel(Kernel):
    """
    A kernel given by a function; made by :func:`from_callable`.

    Parameters
    ----------
    function : callable
        ``function(X, Y)`` of float64 points (n, d) and (m, d) returns the values, (n, m).
    """

    function: Pairwise

    def __post_init__(self) -> None:
        """Check that it can be called."""
        if not callable(self.function):
            raise InputError(f"function must be callable as function(X, Y), got {self.function!r}")

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.callable(_Checked(self.function))


def from_callable(function: Pairwise) -> CallableKernel:
    """
    Return the kernel that a function computes, for all that the kernels of this module are good for.

    Parameters
    ----------
    function : callable
        ``function(X, Y)`` of float64 points (n, d) and (m, d) returns the values, (n, m), finite. It must be symmetric
        and positive definite, which is not checked, and a value must depend on its two points only: it is
        called with a few hundred points at a time.

    Returns
    -------
    CallableKernel
        Values are those of the function; it is called by one thread at a time, and what it raises comes out unchanged.

    Raises
    ------
    InputError
        It cannot be called; later, it returns the wrong shape or what is not finite.

    Notes
    -----
    A call has a fixed cost of some microseconds for up to 2048 values: expect 10 to 100 times the time of a built-in
    kernel.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernel = kernels.from_callable(lambda x, y: (1.0 + x @ y.T) ** 2)
    >>> kernel([0.0, 2.0])
    array([[ 1.,  1.],
           [ 1., 25.]])
    """
    return CallableKernel(function)
