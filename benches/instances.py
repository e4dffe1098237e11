"""Problem instances of the benches: seeded, rebuilt from their names alone in every process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID_SIDE = 28
FRACTIONS = (1e-1, 1e-2, 1e-3)
ACCURACIES = (1e-6, 1e-9)
CLOUD_ACCURACY = 1e-3
CLOUD_FRACTION = 0.05


@dataclass(frozen=True)
class Problem:
    """A built stored-cost problem: cost ``(n, m)``, weights ``(n,)`` and ``(m,)``, epsilon."""

    cost: NDArray[Any]
    a: NDArray[np.float64]
    b: NDArray[np.float64]
    epsilon: float


@dataclass(frozen=True)
class Stored:
    """A stored-cost instance; ``fraction`` is epsilon over the largest cost."""

    family: str
    n: int
    fraction: float

    @property
    def label(self) -> str:
        """Name for tables and cache keys."""
        return f"{self.family} n={self.n} eps={self.fraction:.0e}"

    def build(self) -> Problem:
        """Make the arrays."""
        cost, a, b = _STORED[self.family](self.n)
        return Problem(cost, a, b, self.fraction * float(cost.max()))


@dataclass(frozen=True)
class CloudProblem:
    """A built point-cloud problem with squared Euclidean cost and uniform weights."""

    x: NDArray[Any]
    y: NDArray[Any]
    epsilon: float


@dataclass(frozen=True)
class Cloud:
    """Two Gaussian clouds of ``n`` points in ``R^d``; epsilon is 0.05 of the mean cost."""

    n: int
    d: int
    float32: bool = False

    @property
    def label(self) -> str:
        """Name for tables and cache keys."""
        return f"cloud n={self.n} d={self.d} {'f32' if self.float32 else 'f64'}"

    def build(self) -> CloudProblem:
        """Make the arrays."""
        x, y = clouds(self.n, self.d)
        mean = (x**2).sum(1).mean() + (y**2).sum(1).mean() - 2 * float(x.mean(0) @ y.mean(0))
        dtype = np.float32 if self.float32 else np.float64
        return CloudProblem(x.astype(dtype), y.astype(dtype), CLOUD_FRACTION * float(mean))


def clouds(n: int, d: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two Gaussian clouds."""
    rng = np.random.default_rng([n, d])
    return rng.normal(size=(n, d)), 0.8 * rng.normal(size=(n, d)) + 0.3


def uniform_weights(n: int) -> NDArray[np.float64]:
    """Give 1/n to each point."""
    return np.full(n, 1.0 / n)


def squared_distances(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the matrix."""
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * (x @ y.T)
    return np.ascontiguousarray(np.maximum(squares, 0.0))


def _gaussian(n: int, d: int) -> tuple[NDArray[np.float64], ...]:
    x, y = clouds(n, d)
    return squared_distances(x, y), uniform_weights(n), uniform_weights(n)


def _random_uniform(n: int) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng([n, 1])
    return rng.uniform(size=(n, n)), uniform_weights(n), uniform_weights(n)


def _smooth_density(rng: np.random.Generator, pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three Gaussian bumps over a small constant floor, summing to one."""
    centers = rng.uniform(0.2, 0.8, size=(3, 2))
    widths = rng.uniform(0.08, 0.2, size=3)
    squares = squared_distances(pixels, centers)
    density = np.exp(-squares / (2 * widths**2)) @ rng.uniform(0.5, 1.0, size=3) + 1e-3
    return density / density.sum()


def grid_pixels(side: int = GRID_SIDE) -> NDArray[np.float64]:
    """Centers of the pixels of a square image."""
    ticks = np.linspace(0.0, 1.0, side)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)


def _grid(cost: str, side: int = GRID_SIDE) -> tuple[NDArray[np.float64], ...]:
    pixels = grid_pixels(side)
    differences = np.abs(pixels[:, None, :] - pixels[None, :, :])
    matrix = differences.sum(-1) if cost == "l1" else (differences**2).sum(-1)
    rng = np.random.default_rng(side)
    return np.ascontiguousarray(matrix), _smooth_density(rng, pixels), _smooth_density(rng, pixels)


_STORED = {
    "gauss2": lambda n: _gaussian(n, 2),
    "gauss10": lambda n: _gaussian(n, 10),
    "uniform": _random_uniform,
    "grid_l1": lambda _: _grid("l1"),
    "grid_sql2": lambda _: _grid("sql2"),
    "lattice_sql2": lambda n: _grid("sql2", math.isqrt(n)),  # a grid of any size
}
_SIZED = ("gauss2", "gauss10", "uniform")
_GRIDS = ("grid_l1", "grid_sql2")


def stored_instances(*, quick: bool = False) -> list[Stored]:
    """All stored-cost rows of the bench, small ones first; ``quick`` keeps n ≤ 1000."""
    grids = [Stored(family, GRID_SIDE**2, e) for family in _GRIDS for e in FRACTIONS]
    sizes = (1000,) if quick else (1000, 3000)
    clouds = [Stored(family, n, e) for n in sizes for family in _SIZED for e in FRACTIONS]
    return clouds[: 3 * len(_SIZED)] + grids + clouds[3 * len(_SIZED) :]


def single_thread_instances() -> list[Stored]:
    """Give the smaller set that also runs on one thread."""
    grids = [Stored(family, GRID_SIDE**2, 1e-2) for family in _GRIDS]
    return [Stored(family, 1000, 1e-2) for family in _SIZED] + grids


def cloud_instances(*, quick: bool = False) -> list[Cloud]:
    """All point-cloud rows; ``quick`` keeps n = 10 000."""
    sizes = (10_000,) if quick else (10_000, 50_000, 100_000)
    return [Cloud(n, d, single) for n in sizes for d in (3, 50) for single in (False, True)]
