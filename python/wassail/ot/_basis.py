"""Calls of the exact core, and what its answer means for all points, those of weight zero included."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._user import user_level
from wassail._validate import Report
from wassail.exceptions import ConvergenceWarning, InputError, NumericalError
from wassail.ot._problem import Potentials, Problem, check_blocked, check_init
from wassail.ot._sparse_result import SparsePlanResult
from wassail.ot.geometry import ArrayCost, Cost
from wassail.ot.results import SinkhornResult, Status

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F64 = NDArray[np.float64]
Start = Potentials | SinkhornResult | SparsePlanResult

CoreStart: TypeAlias = tuple[F64, F64, tuple[NDArray[np.int64], NDArray[np.int64]] | None]
_Raw: TypeAlias = tuple[
    F64,
    F64,
    tuple[NDArray[np.int64], NDArray[np.int64], F64],
    tuple[float, float, float, float],
    bool,
    tuple[float | None, float | None],
    tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], F64],
]

_HIGH = 2.0**1020  # sums of costs and potentials above may overflow
_SHIFT = 16  # powers of two by which such costs are made smaller, which loses nothing beside them
_PROMISE = 1e-12  # of the largest term of the value


@dataclass(frozen=True, eq=False, repr=False)
class ExactTrace:
    """
    History of a run, one entry per sweep over all arcs.

    Attributes
    ----------
    arcs : ndarray, shape (sweeps,)
        Arcs that the simplex could choose from.
    pivots : ndarray, shape (sweeps,)
        Pivots made before the sweep.
    violations : ndarray, shape (sweeps,)
        Arcs that the sweep found to improve, at most four of a row; 0 at the optimum.
    gap : ndarray, shape (sweeps,)
        Duality gap at the sweep; inf while the plan uses forbidden arcs.
    """

    arcs: NDArray[np.int64]
    pivots: NDArray[np.int64]
    violations: NDArray[np.int64]
    gap: F64

    def __repr__(self) -> str:
        return f"ExactTrace(sweeps={self.arcs.size})"


@dataclass(frozen=True, eq=False)
class Basis:
    """What the core found, in terms of all points."""

    f: F64
    g: F64
    entries: csr_array
    value: float
    gap: float
    status: Status
    dummies: tuple[float | None, float | None]
    trace: ExactTrace


@runtime_checkable
class HasEntries(Protocol):
    """Results that hold a sparse plan."""

    @property
    def entries(self) -> csr_array: ...


def check_start(init: object, problem: Problem) -> CoreStart | None:
    """Return the potentials to start from, and the pattern of the plan if it has as few entries as a basis."""
    checked = check_init(init, problem)
    if checked is None:
        return None
    f, g = checked
    return f[problem.rows], g[problem.columns], _pattern(init, problem)


def _pattern(init: object, problem: Problem) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    if not isinstance(init, HasEntries):
        return None
    entries = init.entries
    if getattr(entries, "shape", None) != problem.cost.shape or not hasattr(entries, "indptr"):
        raise InputError(
            f"init has entries that are no csr_array of shape {problem.cost.shape}: give the pair (init.f, init.g) to "
            "start from the potentials alone"
        )
    if entries.nnz > sum(entries.shape):
        return None
    if entries.nnz and (problem.a.size, problem.b.size) != (problem.rows.size, problem.columns.size):
        entries = entries[problem.rows][:, problem.columns]
    return entries.indptr.astype(np.int64), entries.indices.astype(np.int64)


def solve(
    problem: Problem,
    mass: float | None,
    start: CoreStart | None = None,
    callback: Report | None = None,
    progress: Report | None = None,
) -> Basis:
    """Solve on the support; potentials of points without weight are left at 0."""
    raw = _called(problem, mass, start, callback, progress)
    f, g, plan, (value, gap, blocked, largest), optimal, dummies, trace = raw
    total = float(problem.weights[0].sum()) if mass is None else mass
    if optimal:  # a run that was stopped may not have moved all mass yet
        check_blocked(blocked, total, problem.blockable)
    if not (np.isfinite(f).all() and np.isfinite(g).all() and math.isfinite(value)):
        raise NumericalError(
            f"mass times cost leaves the range of float64 (the mass is {total:.3g}): rescale the weights or the cost"
        )
    entries = _inflated(problem, plan)
    n, m = problem.cost.shape
    full_f, full_g = np.zeros(n), np.zeros(m)
    full_f[problem.rows], full_g[problem.columns] = f, g
    status = Status.CONVERGED
    if not optimal:
        status = Status.STOPPED
    elif not gap <= _PROMISE * max(abs(value), total * largest):
        status = Status.STALLED
    return Basis(full_f, full_g, entries, value, gap, status, dummies, ExactTrace(*trace))


def _called(
    problem: Problem, mass: float | None, start: CoreStart | None, callback: Report | None, progress: Report | None
) -> _Raw:
    """Call the core; anew with smaller costs where sums of the costs as given may have overflowed."""

    def call(cost: Cost, start: CoreStart | None) -> _Raw:
        return _core.exact(cost.handle, *problem.weights, mass, start, problem.n_threads, callback, progress)

    cost = problem.support
    raw = call(cost, start)
    f, g, _, (_, _, _, largest), optimal, _, _ = raw
    in_range = all(size < _HIGH for size in (largest, np.abs(f).max(), np.abs(g).max()))  # false for NaN
    if in_range or not optimal or not isinstance(cost, ArrayCost):
        return raw
    if start is not None:
        start = np.ldexp(start[0], -_SHIFT), np.ldexp(start[1], -_SHIFT), start[2]
    return _enlarged(call(ArrayCost(np.ldexp(cost.values.astype(np.float64), -_SHIFT)), start))


def _enlarged(raw: _Raw) -> _Raw:
    """Undo that costs were made smaller."""
    f, g, plan, (value, gap, blocked, largest), optimal, dummies, (*counts, gaps) = raw
    scale = 2.0**_SHIFT
    with np.errstate(over="ignore"):  # refused by `solve`
        f, g, gaps = scale * f, scale * g, scale * gaps
    sizes = (scale * value, scale * gap, blocked, scale * largest)
    row, column = (None if price is None else scale * price for price in dummies)
    return f, g, plan, sizes, optimal, (row, column), (counts[0], counts[1], counts[2], gaps)


def warn_unless_proved(name: str, status: Status, gap: float) -> None:
    """Warn where rounding leaves more of a gap than is promised; a stop was asked for."""
    if status is Status.STALLED:
        warnings.warn(
            f"{name}: the plan may cost up to {gap:.1e} more than the best one: the costs span so many orders of "
            "magnitude that their sums lose the small ones",
            ConvergenceWarning,
            stacklevel=user_level(),
        )


def extended(problem: Problem, f: F64, g: F64, price: float = 0.0, ceiling: float = math.inf) -> tuple[F64, F64]:
    """
    Continue potentials to the points of weight zero, such that f_i + g_j + price ≤ C_ij holds for all arcs.

    They are as large as possible in turn, at most `ceiling`; 0 where only forbidden arcs are left.
    """
    idle_rows, idle_columns = problem.a == 0.0, problem.b == 0.0
    if not (idle_rows.any() or idle_columns.any()):
        return f, g

    def bound(potential: F64, axis: int) -> F64:
        least = _core.c_transform(problem.cost.handle, potential, axis, problem.n_threads) - price
        return np.minimum(least, ceiling)

    known_f, known_g = np.where(idle_rows, -np.inf, f), np.where(idle_columns, -np.inf, g)
    if idle_rows.any():
        least = bound(known_g, 1)
        known_f = np.where(idle_rows & np.isfinite(least), least, known_f)
    if idle_columns.any():
        least = bound(known_f, 0)
        known_g = np.where(idle_columns, np.where(np.isfinite(least), least, 0.0), known_g)
    lost = np.isneginf(known_f)
    if lost.any():
        least = bound(known_g, 1)
        known_f = np.where(lost, np.where(np.isfinite(least), least, 0.0), known_f)
    return known_f, known_g


def marginal_error(problem: Problem, entries: csr_array) -> float:
    """Return ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁."""
    rows, columns = np.asarray(entries.sum(axis=1)).ravel(), np.asarray(entries.sum(axis=0)).ravel()
    return float(np.abs(rows - problem.a).sum() + np.abs(columns - problem.b).sum())


def _inflated(problem: Problem, plan: tuple[NDArray[np.int64], NDArray[np.int64], F64]) -> csr_array:
    """Put rows and columns of the support back in place."""
    from scipy.sparse import csr_array

    indptr, indices, data = plan
    n, m = problem.cost.shape
    counts = np.zeros(n + 1, dtype=np.int64)
    counts[problem.rows + 1] = np.diff(indptr)
    return csr_array((data, problem.columns[indices], np.cumsum(counts)), shape=(n, m))
