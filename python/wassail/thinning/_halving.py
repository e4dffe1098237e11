"""Trees of halvings: which points are halved together, with which uniforms, and how likely each may fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core

if TYPE_CHECKING:
    from collections.abc import Callable

Points: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
F64: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]

_FOUR = 4  # halved optimally, by a coin alone


def draws(sizes: Indices) -> Indices:
    """Return the number of uniforms that halvings of these sizes take: one a pair and a coin."""
    return np.where(sizes == _FOUR, 1, sizes // 2 + 1)


@dataclass(frozen=True, slots=True)
class Halver:
    """Halves blocks of points with one kernel."""

    kernel: _core.Kernel
    center: F64
    swap_passes: int
    n_threads: int

    def halve(self, x: Points, order: Indices, sizes: Indices, uniforms: F64, deltas: F64) -> tuple[Indices, int]:
        """
        Halve consecutive blocks of `order`, of even sizes.

        Returns
        -------
        chosen : ndarray of shape (n/2,)
            What is left of each block, in turn.
        n_evaluations : int
            Kernel values formed.
        """
        tasks = (
            np.ascontiguousarray(order, dtype=np.uintp),
            np.ascontiguousarray(sizes, dtype=np.uintp),
            np.ascontiguousarray(uniforms, dtype=np.float64),
            np.ascontiguousarray(deltas, dtype=np.float64),
        )
        chosen, count = _core.halve(self.kernel, x, self.center, tasks, self.swap_passes, self.n_threads)
        return chosen.astype(np.intp), count


def middle(x: Points) -> F64:
    """Return what stationary kernels see the points relative to: their mean, or one of them if that overflows."""
    with np.errstate(over="ignore"):
        mean: F64 = x.mean(axis=0, dtype=np.float64)
    return mean if np.isfinite(mean).all() else x[0].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Level:
    """Halvings of one height of a tree."""

    sizes: Indices
    """Points of each halving."""
    at: Indices
    """Where its uniforms start."""
    shares: F64
    """Its share of the failure probability."""


@dataclass(frozen=True, slots=True)
class Tree:
    r"""
    Compress on each of some bins of consecutive points: a halving joins the results of four quarters.

    The uniforms of a halving follow those of all halvings below it and of everything to its left (depth first,
    parents after children), as they would be drawn one after the other; they are known in advance.
    """

    levels: list[Level]
    n: int
    n_draws: int

    @classmethod
    def grow(cls, n: int, halvings: int, bins: int) -> Tree:
        """Cover the largest multiple of 2**halvings of n points; quarters differ by 2**height points at most."""
        total = n >> halvings
        if not halvings:
            return cls([], n, 0)
        units = [_cut(np.array([total]), bins)]
        for _ in range(halvings - 1):
            units.append(_cut(2 * units[-1], 4))
        own = [draws(2 * u) for u in units]
        below = [own[-1]]
        for count in own[-2::-1]:
            below.append(count + below[-1].reshape(-1, 4).sum(axis=1))
        below.reverse()
        start = np.cumsum(below[0]) - below[0]
        levels = []
        for depth, (u, count, whole) in enumerate(zip(units, own, below, strict=True)):
            share = u / (total * halvings * 2**depth)
            levels.append(Level(2 * u, start + whole - count, share))
            if depth + 1 < halvings:
                four = below[depth + 1].reshape(-1, 4)
                start = (start[:, None] + np.cumsum(four, axis=1) - four).ravel()
        return cls(levels[::-1], total << halvings, int(below[0].sum()))

    def run(
        self,
        halver: Halver,
        x: Points,
        order: Indices,
        uniforms: F64,
        delta: float,
        report: Callable[[int, float, float], object] | None = None,
    ) -> tuple[Indices, int]:
        """Return what is left of `order` and the number of kernel values formed; levels take about the same time."""
        spent = 0
        for done, level in enumerate(self.levels, 1):
            count = draws(level.sizes)
            ends = np.cumsum(count)
            at = np.arange(ends[-1]) + np.repeat(level.at - (ends - count), count)
            order, formed = halver.halve(x, order, level.sizes, uniforms[at], delta * level.shares)
            spent += formed
            if report is not None:
                report(self.n * done // len(self.levels), 0.0, 0.0)
        return order, spent


def _cut(totals: Indices, parts: int) -> Indices:
    """Cut each total into nearly equal whole parts."""
    ends: Indices = np.arange(parts + 1) * totals[:, None] // parts
    return np.diff(ends, axis=1).ravel()
