"""Functions that vanish on the boundary of a domain, for densities that do not vanish there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, first_index, float64_vector, real_array
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.kernels import check_points

_NEAREST = 1e-50  # of the largest distance

F64: TypeAlias = NDArray[np.float64]
Boundary: TypeAlias = Callable[[F64], tuple[ArrayLike, ArrayLike]]  # X (n, d) -> w (n,), ∇w (n, d)


def boundary_values(boundary: Boundary, points: NDArray[Any]) -> tuple[F64, F64]:
    """Return w > 0 and its gradient at the points."""
    if not callable(boundary):
        raise InputError(f"boundary must be callable as boundary(X) -> (values, gradients), got {boundary!r}")
    answer: object = boundary(points.astype(np.float64))
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise InputError(f"boundary(x) must return (values, gradients), got {answer!r}")
    values, slopes = answer
    n, d = points.shape
    factors = float64_vector(values, "boundary(x)[0]", n)
    gradients = np.asarray(real_array(slopes, "boundary(x)[1]", ndim=(2,)), dtype=np.float64)
    if gradients.shape != (n, d):
        raise InputError(f"boundary(x)[1] must have the shape of the points {(n, d)}, got {gradients.shape}")
    check_finite(factors, "boundary(x)[0]")
    check_finite(gradients, "boundary(x)[1]")
    if factors.min() <= 0.0:
        raise InputError(f"x[{first_index(factors <= 0.0)[0]}] is not inside the domain: the boundary is not positive")
    # Nearer to the boundary than that the gradient is all that counts, and quotients would overflow.
    return np.maximum(factors, _NEAREST * factors.max()), gradients


def _points(x: ArrayLike) -> F64:
    """Return points (n, d)."""
    return np.asarray(check_points(x, "x"), dtype=np.float64)


def _sides(value: ArrayLike, name: str) -> F64:
    """Return a number or a vector without NaN."""
    sides = np.array(real_array(value, name, ndim=(0, 1)), dtype=np.float64)
    if np.isnan(sides).any():
        raise InputError(f"{name} must not be nan, got {value!r}")
    sides.setflags(write=False)
    return sides


def _check_dimension(sides: F64, name: str, d: int) -> None:
    """Refuse a vector of another dimension than the points."""
    if sides.ndim and sides.size not in {1, d}:
        raise InputError(f"{name} has {sides.size} coordinates and x {d}")


@dataclass(frozen=True, eq=False)
class BallBoundary:
    r"""
    Distance to the boundary of a ball, :math:`w(x) = r - |x - c|`.

    Parameters
    ----------
    radius : float
        Positive.
    center : array_like of shape (d,), optional
        The origin by default.

    Examples
    --------
    >>> from wassail import discrepancy
    >>> values, gradients = discrepancy.BallBoundary(2.0)([[0.5, 0.0]])
    >>> values, gradients
    (array([1.5]), array([[-1., -0.]]))
    """

    radius: float
    center: ArrayLike | None = None

    def __post_init__(self) -> None:
        """Check the ball."""
        object.__setattr__(self, "radius", check_positive(self.radius, "radius"))
        if self.center is not None:
            center = _sides(self.center, "center")
            check_finite(center, "center")
            object.__setattr__(self, "center", center)

    def __call__(self, x: ArrayLike) -> tuple[F64, F64]:
        """Return the distances and their gradients."""
        points, center = _points(x), np.zeros(()) if self.center is None else np.asarray(self.center)
        _check_dimension(center, "center", points.shape[1])
        offset = points - center
        norms = np.hypot.reduce(np.abs(offset), axis=1)  # without overflow
        return self.radius - norms, -offset / np.maximum(norms, np.finfo(np.float64).tiny)[:, None]


@dataclass(frozen=True, eq=False)
class BoxBoundary:
    r"""
    Distance to the nearest face of a box, :math:`w(x) = \min_k \min(x_k - l_k, u_k - x_k)`.

    Parameters
    ----------
    lower, upper : array_like of shape (d,) or float
        Sides of the box, -inf and inf where there is none; at least one is finite.

    Examples
    --------
    >>> from wassail import discrepancy
    >>> values, gradients = discrepancy.BoxBoundary(0.0, [1.0, float("inf")])([[0.75, 3.0], [0.5, 0.25]])
    >>> values, gradients
    (array([0.25, 0.25]), array([[-1.,  0.],
           [ 0.,  1.]]))
    """

    lower: ArrayLike
    upper: ArrayLike

    def __post_init__(self) -> None:
        """Check the sides."""
        lower, upper = _sides(self.lower, "lower"), _sides(self.upper, "upper")
        if lower.ndim and upper.ndim and 1 not in {lower.size, upper.size} and lower.size != upper.size:
            raise InputError(f"lower has {lower.size} coordinates and upper {upper.size}")
        if not (lower < upper).all():
            raise InputError(f"lower must be below upper, got {lower.tolist()} and {upper.tolist()}")
        if not (np.isfinite(lower).any() or np.isfinite(upper).any()):
            raise InputError("a box without any finite side has no boundary: leave it out")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    def __call__(self, x: ArrayLike) -> tuple[F64, F64]:
        """Return the distances and their gradients."""
        points = _points(x)
        n, d = points.shape
        _check_dimension(np.asarray(self.lower), "lower", d)
        _check_dimension(np.asarray(self.upper), "upper", d)
        distances = np.stack((points - np.asarray(self.lower), np.asarray(self.upper) - points), axis=2).reshape(n, -1)
        nearest = distances.argmin(axis=1)
        gradients = np.zeros((n, d))
        gradients[np.arange(n), nearest // 2] = 1.0 - 2.0 * (nearest % 2)
        return distances[np.arange(n), nearest], gradients
