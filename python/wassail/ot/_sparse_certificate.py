"""Bounds for quadratic and sparse transport, from the potentials, the plan and the costs as they were given."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wassail._validate import check_threads
from wassail.ot._dual import weighted_sum
from wassail.ot.certificate import MISSING, ROUNDING, Certificate, conjugate_pair, enclosure
from wassail.ot.geometry import Cost, PointCloud

if TYPE_CHECKING:
    from wassail.ot.sparse import SparseTransportResult

F64 = NDArray[np.float64]

_BLOCK = 1 << 20  # entries looked at together
_TIE = 1e-6
_UNIT = 2.0**-52


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SparseCertificate(Certificate):
    r"""
    What is known for sure about a sparse plan: the bounds that all results have, and what the limit makes of it.

    `entropic_lower` and `entropic_upper` enclose the problem with the quadratic regularization and the limit on the
    nonzeros, in the names that results of all solvers share. The lower bound is the dual value at (f, g), and the upper
    one inf where the plan misses the marginals by more than rounding. `dual_bound` and `primal_bound` are without
    both.

    Attributes
    ----------
    nonzeros : ndarray of int
        Nonzeros of each column (or row) of the plan.
    n_ties : int
        Columns (or rows) whose k-th and next slack tie, or whose relaxed plan has more than k entries.
    """

    nonzeros: NDArray[np.intp]
    n_ties: int

    def __repr__(self) -> str:
        most = int(self.nonzeros.max(initial=0))
        return (
            f"SparseCertificate(marginal_l1={self.marginal_l1:.2e}, marginal_max={self.marginal_max:.2e}, "
            f"{self.entropic_lower:.9g} <= optimum <= {self.entropic_upper:.9g}, most nonzeros={most}, "
            f"n_ties={self.n_ties})"
        )


def certify_sparse(result: SparseTransportResult) -> SparseCertificate:
    """Certify from the arrays alone; O(n m) time, memory of a block of costs."""
    a, b, f, g = result.a, result.b, result.f, result.g
    mass = float(a.sum())
    swept = _sweep(result)
    conjugate, linear = swept.conjugate, swept.linear
    weighted = weighted_sum(a, f) + weighted_sum(b, g)
    penalty = 0.5 * _scaled_squares(result.entries.data, result.gamma)
    rounding = ROUNDING * (weighted_sum(a, np.abs(f)) + weighted_sum(b, np.abs(g)) + conjugate + swept.size + penalty)
    dual = weighted - conjugate - swept.slack - rounding
    rows, columns = result.plan_marginals
    deviations = (np.abs(rows - a), np.abs(columns - b))
    missing = float(sum(d.sum() for d in deviations))
    slope = _largest(a, f) + _largest(b, g) + result.gamma * float(result.entries.data.max(initial=0.0))
    above = rounding + 2.0 * missing * slope if missing <= MISSING * mass else math.inf
    plain = (_unregularized(result) - rounding, linear + above)
    found = enclosure(deviations, entropic=(dual, linear + penalty + above), plain=plain)
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(Certificate)}
    return SparseCertificate(**values, nonzeros=result.nonzeros, n_ties=swept.ties)


def _scaled_squares(values: F64, factor: float) -> float:
    """Return factor · Σ v² of non-negative values, whose squares alone may leave the range of float64."""
    top = float(values.max(initial=0.0))
    if top == 0.0:
        return 0.0
    with np.errstate(invalid="ignore"):  # infinities: judged by `enclosure`
        relative = values / top
    return (factor * top) * top * float((relative * relative).sum())


def _largest(weights: F64, potential: F64) -> float:
    return float(np.abs(potential[weights > 0.0]).max())


class _Swept(NamedTuple):
    """What a walk over all costs gives."""

    conjugate: float
    """Half the squares of the k largest slacks of the limited side by γ."""
    slack: float
    """What rounding may have left out of it."""
    linear: float
    size: float
    """⟨C, P⟩ and Σ |C| P."""
    ties: int


def _sweep(result: SparseTransportResult) -> _Swept:
    along = result.axis
    limited, others = (result.b, result.a) if along == 0 else (result.a, result.b)
    mine, theirs = (result.g, result.f) if along == 0 else (result.f, result.g)
    kept, used = np.flatnonzero(limited), np.flatnonzero(others)
    k = used.size if result.max_nonzeros is None else min(result.max_nonzeros, used.size)
    count = np.diff(result.relaxed.indptr if along == 1 else result.relaxed.tocsc().indptr)[kept]
    plan = result.entries.tocsr() if along == 1 else result.entries.T.tocsr()
    total, slack, linear, size, ties = 0.0, 0.0, 0.0, 0.0, 0
    unit = (4.0 + _dimension(result.cost)) * _UNIT * (_largest(others, theirs) + _largest(limited, mine))
    for block, cost in _blocks(result.cost, kept, used, along):
        part = plan[block][:, used].tocoo()
        terms = part.data * np.where(part.data > 0.0, cost[part.row, part.col], 0.0)
        linear += float(terms.sum())
        size += float(np.abs(terms).sum())
        sums = mine[block][:, None] + theirs[used]
        slacks = np.maximum(sums - cost, 0.0)
        tied = np.zeros(len(slacks), dtype=bool)
        if k < used.size:
            slacks = np.partition(slacks, (used.size - k - 1, used.size - k), axis=1)[:, used.size - k - 1 :]
            tied = (slacks[:, 0] > 0.0) & (slacks[:, 0] >= (1.0 - _TIE) * slacks[:, 1])
            slacks = slacks[:, 1:]
        positions = np.searchsorted(kept, block)
        ties += int((tied | (count[positions] > k)).sum())
        with np.errstate(over="ignore"):
            masses = slacks / result.gamma
        total += 0.5 * _scaled_squares(masses, result.gamma)
        # Slacks that rounding hides count for their square only.
        slack += unit * float(masses.sum()) + 0.5 * unit * (unit / result.gamma) * float(np.count_nonzero(slacks))
    return _Swept(total, slack, linear, size, ties)


def _dimension(cost: Cost) -> int:
    """Return the number of terms of a cost that is computed."""
    return cost.x.shape[1] if isinstance(cost, PointCloud) else 0


def _blocks(
    cost: Cost, kept: NDArray[np.intp], used: NDArray[np.intp], along: int
) -> Iterator[tuple[NDArray[np.intp], F64]]:
    """Walk the costs in float64, some points of the limited side at a time, as rows."""
    turned = cost.exact() if along == 1 else cost.exact().transposed()
    height = max(1, _BLOCK // used.size)
    for start in range(0, kept.size, height):
        block = kept[start : start + height]
        if isinstance(turned, PointCloud):
            yield block, turned.select(block, used).to_numpy()
        else:
            yield block, turned.values[np.ix_(block, used)].astype(np.float64)


def _unregularized(result: SparseTransportResult) -> float:
    """Return the dual value at a c-conjugate pair made from f, which bounds unregularized transport."""
    f, g = conjugate_pair(result.cost.exact(), result.f, (result.a, result.b), check_threads(None))
    return weighted_sum(result.a, f) + weighted_sum(result.b, g)
