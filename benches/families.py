"""Instances of the newer parts: low epsilon, exact plans, sparse plans, slices."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from instances import GRID_SIDE, Problem, Stored, clouds, grid_pixels, squared_distances, uniform_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEWTON_ACCURACY = 1e-9
EXACT_ACCURACY = 1e-9
QUADRATIC_ACCURACY = 1e-10
SLICED_ACCURACY = 1e-9
ANY_ACCURACY = 10.0  # of methods that are compared by the value they reach
LOW = 1e-3


@dataclass(frozen=True)
class Newton(Stored):
    """A stored cost at low epsilon, with weights that may be those of images."""

    def build(self) -> Problem:
        """Make the arrays; epsilon is the fraction of the largest cost, which is 1 for assignments."""
        if self.family == "lap":
            cost = np.random.default_rng([self.n, 2]).uniform(size=(self.n, self.n))
            weights = uniform_weights(self.n)
            return Problem(cost / cost.max(), weights, weights, self.fraction)
        if self.family.startswith("digits"):
            cost, a, b = _digits(self.family.removeprefix("digits_"))
            return Problem(cost, a, b, self.fraction)
        return super().build()


@dataclass(frozen=True)
class PlanProblem:
    """A transport problem whose plan is wanted: points where the cost is theirs, regularization where there is one."""

    cost: NDArray[Any] | None
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    points: tuple[NDArray[Any], NDArray[Any]] | None = None
    max_nonzeros: int | None = None
    gamma: float | None = None


@dataclass(frozen=True)
class Exact:
    """Unregularized transport between uniform weights; ``stored`` is whether the cost is a matrix."""

    family: str
    n: int
    stored: bool = True

    @property
    def label(self) -> str:
        """Name for tables and cache keys."""
        return f"exact {self.family} n={self.n}{'' if self.stored else ' streamed'}"

    def build(self) -> PlanProblem:
        """Make the arrays."""
        weights = uniform_weights(self.n)
        if self.family == "uniform":
            return PlanProblem(np.random.default_rng([self.n, 3]).uniform(size=(self.n, self.n)), weights, weights)
        points = clouds(self.n, int(self.family.removeprefix("cloud")))
        return PlanProblem(squared_distances(*points) if self.stored else None, weights, weights, points)


@dataclass(frozen=True)
class Sparse:
    """Quadratic regularization between Gaussian clouds, with at most ``max_nonzeros`` a column."""

    n: int
    max_nonzeros: int | None

    @property
    def label(self) -> str:
        """Name for tables and cache keys."""
        kind = "quadratic" if self.max_nonzeros is None else f"k={self.max_nonzeros}"
        return f"sparse {kind} n={self.n}"

    def build(self) -> PlanProblem:
        """Make the arrays: costs up to 1, and gamma such that columns of quadratic transport hold a few entries."""
        points = clouds(self.n, 2)
        cost = squared_distances(*points)
        weights = uniform_weights(self.n)
        gamma = 0.01 * self.n if self.max_nonzeros is None else 0.1 * self.n
        return PlanProblem(cost / cost.max(), weights, weights, points, self.max_nonzeros, gamma)


@dataclass(frozen=True)
class SlicedProblem:
    """Two clouds and the directions that all methods share."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    directions: NDArray[np.float64]


@dataclass(frozen=True)
class Sliced:
    """Sliced distance of order 2 between Gaussian clouds."""

    n: int
    d: int
    count: int

    @property
    def label(self) -> str:
        """Name for tables and cache keys."""
        return f"sliced n={self.n} d={self.d} L={self.count}"

    def build(self) -> SlicedProblem:
        """Make the arrays."""
        directions = np.random.default_rng([self.n, self.d, 4]).normal(size=(self.count, self.d))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return SlicedProblem(*clouds(self.n, self.d), directions)


def _digits(cost: str) -> tuple[NDArray[np.float64], ...]:
    """Two digit-like images, strokes on a dark ground with a floor of 1e-3, and normalized pixel distances."""
    pixels = grid_pixels()
    differences = np.abs(pixels[:, None, :] - pixels[None, :, :])
    matrix = differences.sum(-1) if cost == "l1" else (differences**2).sum(-1)
    seven = _stroke(pixels, [(0.2, 0.25), (0.2, 0.75), (0.85, 0.4)])
    four = _stroke(pixels, [(0.15, 0.55), (0.6, 0.2), (0.6, 0.8), (0.3, 0.65), (0.9, 0.6)])
    return matrix / matrix.max(), seven, four


def _stroke(pixels: NDArray[np.float64], corners: list[tuple[float, float]]) -> NDArray[np.float64]:
    """Gray values of a broken line one and a half pixels wide."""
    reach = np.full(len(pixels), np.inf)
    for start, end in pairwise(corners):
        step = np.subtract(end, start)
        along = np.clip((pixels - start) @ step / (step @ step), 0.0, 1.0)
        reach = np.minimum(reach, ((pixels - start - along[:, None] * step) ** 2).sum(1))
    gray = np.exp(-0.5 * reach * (GRID_SIDE / 1.5) ** 2) + 1e-3
    return gray / gray.sum()


def newton_instances(*, quick: bool = False) -> list[Newton]:
    """Give the paper's instances, the families of the bench at low epsilon, and large ones."""
    grids = [Newton(family, GRID_SIDE**2, LOW) for family in ("grid_l1", "grid_sql2")]
    images = [Newton(f"digits_{cost}", GRID_SIDE**2, 1 / 1200) for cost in ("sql2", "l1")]
    small = [Newton(family, 1000, LOW) for family in ("gauss2", "gauss10", "uniform")]
    large = [] if quick else [Newton("gauss2", 3000, LOW), Newton("lattice_sql2", 3025, LOW)]
    return [paper_instance(), *images, *small, *grids, *large]


def paper_instance() -> Newton:
    """Give the random assignment of the paper: n = 500, eta = 1200."""
    return Newton("lap", 500, 1 / 1200)


def own_newton_instances(*, quick: bool = False) -> list[Newton]:
    """Give what only wassail is run on."""
    return [] if quick else [Newton("gauss2", 10_000, LOW)]


def exact_instances(*, quick: bool = False) -> list[Exact]:
    """Clouds and uniform costs."""
    sizes = (1000,) if quick else (1000, 3000, 5000)
    return [Exact(family, n) for n in sizes for family in ("cloud2", "cloud10", "uniform")]


def large_exact_instances(*, quick: bool = False) -> list[Exact]:
    """Give what takes POT's solver more than 4 GiB."""
    return [] if quick else [Exact("uniform", 10_000)]


def own_exact_instances(*, quick: bool = False) -> list[Exact]:
    """Give what only wassail is run on: clouds of 50 000 points have no matrix."""
    return [] if quick else [Exact("cloud2", 10_000), Exact("cloud10", 10_000), Exact("cloud2", 50_000, stored=False)]


def sparse_instances(*, quick: bool = False) -> list[Sparse]:
    """At most k nonzeros a column, and quadratic."""
    sizes = (500,) if quick else (500, 2000)
    return [Sparse(n, k) for n in sizes for k in (2, 5, None)]


def sliced_instances(*, quick: bool = False) -> list[Sliced]:
    """Few and many points."""
    return (
        [Sliced(1000, 3, 100)] if quick else [Sliced(1000, 3, 100), Sliced(100_000, 3, 100), Sliced(100_000, 50, 100)]
    )
