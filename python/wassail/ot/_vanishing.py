"""
The limit of small epsilon: when the exact plan is the entropic one, which float64 potentials can no longer express.

Let P be a basis of the unregularized problem whose support is a forest. Potentials with f_i + g_j = C_ij + ε log(P_ij /
(a_i b_j)) on the support exist, and the entropic plan that they define is P there. Elsewhere it is a_i b_j exp(−s_ij /
ε), with s = C − f − g. If all these s are at least ε L, the rest is at most e^(−L) Σa Σb: P then differs from a plan of
the entropic form, whose marginal error is within the tolerance, by no more than that.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.ot._problem import Problem, check_options
from wassail.ot.epsilon import range_of
from wassail.ot.exact import ExactResult
from wassail.ot.newton import run
from wassail.ot.results import Choice, Status

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F64: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

_SHARE = 1e-5  # of the mean cost: below, Newton's method takes longer from nothing than from the exact potentials
_FLOOR = 2.0**-60  # of the largest cost: what rounded potentials leave in the marginals is at least this by epsilon
_RESOLVED = 2.0**-36  # of the largest potential: the least epsilon whose exponents are right to well below 1
_INTERIOR = 2.0**-30  # of the same: the least epsilon where Newton's method finds potentials inside the optimal face
_DEEPER = 64.0  # by epsilon: slacks of a few of this are many of epsilon


def is_vanishing(problem: Problem) -> bool:
    """Say whether epsilon is so small that the exact plan is near, and may be the answer."""
    low, _, mean = range_of(problem.cost)
    return problem.epsilon <= _SHARE * (mean - low)


def is_unresolved(problem: Problem, tol: float) -> bool:
    """Say whether rounding of potentials alone would miss the tolerance."""
    low, high, _ = range_of(problem.cost)
    return problem.epsilon * tol <= _FLOOR * max(abs(low), abs(high))


def with_reason(result: ExactResult, problem: Problem, tol: float, why: str) -> ExactResult:
    """Return the exact plan as the answer; `why` says what led to it."""
    reason, added = f"epsilon is {problem.epsilon:.2g}, {why}", None
    if result.status is not Status.STOPPED:
        added = problem.epsilon * _divergence(result)
        reason = (
            f"{reason}, and the entropic plan differs by less than {tol:.0e} of the mass; the regularization adds "
            f"{added:.1e} to the value"
        )
    return dataclasses.replace(result, choice=Choice("exact", reason, added))


def _support(result: ExactResult) -> tuple[Index, Index, F64]:
    """Return rows, columns and values of the positive entries."""
    entries: csr_array = result.entries
    rows = np.repeat(np.arange(entries.shape[0], dtype=np.int64), np.diff(entries.indptr))
    kept = entries.data > 0.0
    return rows[kept], entries.indices[kept].astype(np.int64), entries.data[kept]


def _divergence(result: ExactResult) -> float:
    """Return KL(P | a⊗b)."""
    rows, columns, flow = _support(result)
    logs = np.log(flow) - np.log(result.a[rows]) - np.log(result.b[columns])
    return float(flow @ logs) - float(flow.sum()) + float(result.a.sum()) * float(result.b.sum())


def is_entropic(result: ExactResult, problem: Problem, tol: float) -> bool:
    """Check that all arcs outside the support have slacks that leave at most tol / 2 of the mass to them."""
    if problem.cost.exact() is not problem.cost:  # costs in single precision have no slacks of that size
        return False
    rows, columns, flow = _support(result)
    forest = _forest(rows, columns, result.shape)
    if forest is None:
        return False
    order, parents = forest
    f, g = result.f, result.g
    costs = f[rows] + g[columns]  # slacks are zero on the support
    idle = int((result.a == 0.0).sum() + (result.b == 0.0).sum())  # trees of one point
    if int((parents == order[0]).sum()) > idle + 1:
        f, g = _inside(result, problem)
    logs = np.log(flow) - np.log(result.a[rows]) - np.log(result.b[columns])
    f, g = _fitted(rows, columns, costs + problem.epsilon * logs, (f, g), forest)
    used = (result.a > 0.0, result.b > 0.0)
    f, g = np.where(used[0], f, 0.0), np.where(used[1], g, 0.0)
    strength = max(problem.epsilon, _RESOLVED * max(float(np.abs(part).max()) for part in (f, g)))
    level = tol / (2.0 * max(float(result.a.sum()), 1.0))
    one, other = (mask.astype(np.float64) for mask in used)
    least = level / math.e  # a factor for rounding
    handle, threads = result.cost.handle, problem.n_threads
    try:
        indptr, indices, _ = _core.plan_sparse(handle, f, g, one, other, strength, least, 0, 1.0, threads)
    except MemoryError:  # so many slacks are small
        return False
    m = result.shape[1]
    near = np.repeat(np.arange(indptr.size - 1, dtype=np.int64), np.diff(indptr)) * m + indices
    return bool(np.isin(near, rows * m + columns).all())


def _inside(result: ExactResult, problem: Problem) -> tuple[F64, F64]:
    """Return potentials from the inside of the optimal face, where the support does not tie the points together."""
    scale = max(float(np.abs(result.f).max()), float(np.abs(result.g).max()))
    milder = dataclasses.replace(problem, epsilon=max(_DEEPER * problem.epsilon, _INTERIOR * scale))
    nearby, _ = run(milder, check_options(1e-6, 200, "auto", "auto"), (result.f, result.g), None, None)
    return nearby.f, nearby.g


def _forest(rows: Index, columns: Index, shape: tuple[int, int]) -> tuple[Index, Index] | None:
    """
    Walk the support from tree to tree: an order of the points, and whence each is reached; None if it has cycles.

    Rows come before columns; one more point, the first of the order, reaches the first of each tree.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    n, m = shape
    size = n + m
    graph = coo_array((np.ones(rows.size), (rows, n + columns)), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    if rows.size != size - count:
        return None
    _, first = np.unique(labels, return_index=True)
    ends = (np.concatenate([rows, np.full(count, size)]), np.concatenate([n + columns, first]))
    rooted = coo_array((np.ones(ends[0].size), ends), shape=(size + 1, size + 1)).tocsr()
    order, parents = breadth_first_order(rooted, size, directed=False)
    return order.astype(np.int64), parents.astype(np.int64)


def _fitted(
    rows: Index, columns: Index, sums: F64, start: tuple[F64, F64], forest: tuple[Index, Index]
) -> tuple[F64, F64]:
    """Return the potentials with f_i + g_j = sums on the support that keep the first of each tree."""
    n, size = start[0].size, start[0].size + start[1].size
    wanted = dict(zip((rows * size + columns + n).tolist(), sums.tolist(), strict=True))
    potential = np.concatenate(start).tolist()
    order, parents = forest
    for point, parent in zip(order[1:].tolist(), parents[order[1:]].tolist(), strict=True):
        if parent < size:
            row, column = min(point, parent), max(point, parent)
            potential[point] = wanted[row * size + column] - potential[parent]
    return np.array(potential[:n]), np.array(potential[n:])
