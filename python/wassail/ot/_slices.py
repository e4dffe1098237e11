"""Two weighted clouds and directions to project them on, checked and as the core takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, first_index, real_array, show_index
from wassail._frozen import FieldsOnly
from wassail._rng import Seed, make_generator
from wassail._validate import check_real
from wassail.exceptions import InputError, NumericalError
from wassail.ot import _line
from wassail.ot._dual import weighted_sum

F64: TypeAlias = NDArray[np.float64]

_MOST_POINTS = 2**32
_SAFE = 300  # binary exponents up to which squares and sums of coordinates stay in range
_LARGEST_SCALE = 1000


@dataclass(frozen=True, eq=False)
class SlicedGradient:
    """
    Derivatives of a sliced distance.

    Attributes
    ----------
    x : ndarray, shape (n, d)
        With respect to the points x.
    y : ndarray, shape (m, d)
        With respect to the points y.
    a : ndarray, shape (n,)
        With respect to the weights a. The mass cannot change, so it is defined up to a constant, and centered so that
        ⟨a, gradient.a⟩ = 0. Where sub-sums of a and b coincide, as they do for equal weights, the distance has a kink
        in the weights: for p = 1 this is one of its subgradients, for p > 1 that of the p-th power, scaled. At points
        of weight zero it is the derivative of giving them mass.
    b : ndarray, shape (m,)
        With respect to the weights b, likewise, at the mass of a.
    """

    x: F64
    y: F64
    a: F64
    b: F64

    def __repr__(self) -> str:
        (n, d), (m, _) = self.x.shape, self.y.shape
        return f"SlicedGradient(n={n}, m={m}, d={d})"


@dataclass(frozen=True, eq=False)
class Slices(FieldsOnly):
    """The two clouds and their largest coordinate; weights are both None where all are equal."""

    x: NDArray[Any]
    y: NDArray[Any]
    a: F64 | None
    b: F64 | None
    p: float
    mass: float
    slack: float
    largest: float
    n_threads: int

    @property
    def dimension(self) -> int:
        """Dimension of the points."""
        return int(self.x.shape[1])

    @cached_property
    def box(self) -> tuple[F64, float]:
        """A scaled point among the others, and the power of two that brings all into a safe range."""
        _, exponent = math.frexp(self.largest)
        scale = 1.0 if abs(exponent) <= _SAFE else math.ldexp(1.0, min(-exponent, _LARGEST_SCALE))
        return self.x[0].astype(np.float64) * scale, scale

    @cached_property
    def arguments(self) -> Any:  # noqa: ANN401
        """What the core takes."""
        center, scale = self.box
        weights = None if self.a is None else (self.a, self.b)
        return self.x, self.y, weights, center, scale, self.p, self.mass, self.slack

    def distances(self, directions: F64) -> F64:
        """W_p of the projections onto each direction."""
        found = _core.sliced_distances(self.arguments, directions, self.n_threads)
        distances: F64 = found / self.box[1]
        return distances

    def pulls(self, directions: F64) -> tuple[F64, F64]:
        """W_p of the projections onto each direction, and its derivative in the direction."""
        distances, pulls = _core.sliced_pulls(self.arguments, directions, self.n_threads)
        return distances / self.box[1], pulls / self.box[1]

    def gradient(self, directions: F64, value: float) -> SlicedGradient:
        """Differentiate the mean over the directions, whose value is known."""
        scale = self.box[1]
        x, y, a, b = _core.sliced_gradient(self.arguments, directions, value * scale, self.n_threads)
        a, b = a / scale, b / scale
        if not all(np.isfinite(part).all() for part in (x, y, a, b)):
            raise NumericalError(f"powers of order p = {self.p} of the largest distances leave the range of float64")
        return SlicedGradient(x, y, self._centered(a, self.a), self._centered(b, self.b))

    def _centered(self, potential: F64, weights: F64 | None) -> F64:
        if weights is None:
            return potential - float(potential.mean())
        return potential - weighted_sum(weights, potential) / self.mass


def read_slices(
    x: ArrayLike, y: ArrayLike, a: ArrayLike | None, b: ArrayLike | None, p: float, n_threads: int
) -> Slices:
    """Check clouds, weights and order."""
    order = check_real(p, "p")
    if not 1.0 <= order < math.inf:
        raise InputError(f"p must be at least 1 and finite, got {p!r}")
    (points_x, largest_x), (points_y, largest_y) = _read_cloud(x, "x"), _read_cloud(y, "y")
    if points_x.shape[1] != points_y.shape[1]:
        raise InputError(f"x has points of dimension {points_x.shape[1]}, y of dimension {points_y.shape[1]}")
    mass, weights_a, weights_b, slack = _line.masses(len(points_x), len(points_y), a, b)
    equal = a is None and b is None
    return Slices(
        x=points_x,
        y=points_y,
        a=None if equal else weights_a,
        b=None if equal else weights_b,
        p=order,
        mass=mass,
        slack=slack,
        largest=max(largest_x, largest_y),
        n_threads=n_threads,
    )


def _read_cloud(value: ArrayLike, name: str) -> tuple[NDArray[Any], float]:
    """Return C-contiguous points, finite and not too many to count in 32 bits, and their largest coordinate."""
    points = real_array(value, name, ndim=(1, 2))
    if points.ndim == 1:
        raise InputError(
            f"{name} must have shape (points, dimensions), got {points.shape}: for points on a line use wasserstein_1d"
        )
    largest = max(abs(float(points.min())), abs(float(points.max())))
    if not math.isfinite(largest):
        check_finite(points, name)
    if len(points) >= _MOST_POINTS:
        raise InputError(f"{name} has {len(points)} points, fewer than 2**32 are needed")
    return np.ascontiguousarray(points), largest


def draw_directions(rng: Seed, count: int, dimension: int) -> F64:
    """Uniform directions on the sphere, shape (count, dimension)."""
    directions = make_generator(rng).standard_normal((count, dimension))
    return unit_rows(directions)


def read_directions(value: ArrayLike, name: str, dimension: int) -> F64:
    """Return directions of length 1, shape (count, dimension)."""
    directions = real_array(value, name, ndim=(2,)).astype(np.float64)
    if directions.shape[1] != dimension:
        raise InputError(f"{name} has shape {directions.shape}, (number of directions, {dimension}) is needed")
    check_finite(directions, name)
    largest = np.abs(directions).max(axis=1)
    if largest.min() == 0.0:
        raise InputError(f"{name}{show_index(first_index(largest == 0.0))} is the zero vector, which is no direction")
    return unit_rows(directions / largest[:, None])


def unit_rows(directions: F64) -> F64:
    """Divide rows by their lengths."""
    return np.ascontiguousarray(directions / np.sqrt((directions**2).sum(axis=1))[:, None])
