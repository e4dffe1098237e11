"""Sums and products of kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, core_kernel, kernel_layout, kernel_points


def _check_parts(kernels: object) -> tuple[Kernel, ...]:
    """Return kernels that can be evaluated at the same points."""
    parts = tuple(kernels) if isinstance(kernels, tuple | list) else (kernels,)
    if not parts or not all(isinstance(k, Kernel) for k in parts):
        raise InputError(f"kernels must be a tuple of at least one kernel, got {kernels!r}")
    if any(kernel_layout(k) != kernel_layout(parts[0]) for k in parts):
        raise InputError("Stein kernels compose with Stein kernels of the same score only")
    return parts


class _Composed(Kernel):
    """Several kernels at the same points."""

    __slots__ = ()
    kernels: tuple[Kernel, ...]

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        first, *others = self.kernels
        packed = kernel_points(first, x, name, scores)
        for kernel in others:
            kernel_points(kernel, x, name, packed[:, x.shape[1] :] if packed is not x else None)
        return packed

    def _layout(self) -> object:
        return kernel_layout(self.kernels[0])


@dataclass(frozen=True, slots=True)
class Sum(_Composed):
    r"""
    Weighted sum :math:`k(x, y) = \sum_i w_i k_i(x, y)`; also written ``k + l`` and ``2.0 * k``.

    Radial kernels share one pass over the coordinates, and Gaussians whose squared lengths differ by powers of 2 one
    exponential.

    Parameters
    ----------
    kernels : tuple of Kernel
        At least one.
    weights : tuple of float, optional
        Positive; 1 each by default.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernel = kernels.Gaussian(1.0) + 2.0 * kernels.Gaussian(2.0)
    >>> kernel([0.0, 2.0]).round(6)
    array([[3.      , 1.348397],
           [1.348397, 3.      ]])
    """

    kernels: tuple[Kernel, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the parts, and take sums among them apart."""
        parts = _check_parts(self.kernels)
        listed: object = self.weights  # users pass anything
        given = tuple(listed) if isinstance(listed, tuple | list) else (listed,)
        if given and len(given) != len(parts):
            raise InputError(f"there are {len(given)} weights of {len(parts)} kernels")
        weights = tuple(check_positive(w, "weights") for w in given) or (1.0,) * len(parts)
        flat = []
        for weight, kernel in zip(weights, parts, strict=True):
            inner = zip(kernel.weights, kernel.kernels, strict=True) if isinstance(kernel, Sum) else [(1.0, kernel)]
            flat += [(weight * w, k) for w, k in inner]
        object.__setattr__(self, "kernels", tuple(k for _, k in flat))
        object.__setattr__(self, "weights", tuple(check_positive(w, "weights") for w, _ in flat))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.sum([core_kernel(k) for k in self.kernels], list(self.weights))

    def _power(self, alpha: float, dimension: int) -> Kernel:
        if len(self.kernels) == 1:
            return Sum((self.kernels[0].power(alpha, dimension=dimension),), (self.weights[0] ** alpha,))
        return Kernel._power(self, alpha, dimension)  # noqa: SLF001  (`super` does not know slotted classes)


@dataclass(frozen=True, slots=True)
class Product(_Composed):
    r"""
    Product :math:`k(x, y) = \prod_i k_i(x, y)`; also written ``k * l``.

    Parameters
    ----------
    kernels : tuple of Kernel
        At least one.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernel = kernels.Gaussian(1.0) * kernels.Linear()
    >>> kernel([1.0, 2.0]).round(6)
    array([[1.      , 1.213061],
           [1.213061, 4.      ]])
    """

    kernels: tuple[Kernel, ...]

    def __post_init__(self) -> None:
        """Check the parts, and take products among them apart."""
        flat: list[Kernel] = []
        for kernel in _check_parts(self.kernels):
            flat += kernel.kernels if isinstance(kernel, Product) else [kernel]
        object.__setattr__(self, "kernels", tuple(flat))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.product([core_kernel(k) for k in self.kernels])
