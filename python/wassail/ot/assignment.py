"""Linear assignment: each row its own column, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._frozen import FieldsOnly
from wassail._progress import progress_reporter
from wassail._validate import Report, blocked_rounding, check_callable, check_threads
from wassail.exceptions import InputError
from wassail.ot._basis import ExactTrace, Start, check_start, solve, warn_unless_proved
from wassail.ot._problem import Problem
from wassail.ot._sparse_result import dense_plan
from wassail.ot.geometry import ArrayCost, Cost, Forbidden, PointCloud, as_cost
from wassail.ot.results import Status

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class AssignmentResult(FieldsOnly):
    r"""
    Optimal assignment with the potentials that prove it.

    Attributes
    ----------
    columns : ndarray, shape (n,)
        Column of each row, int64; −1 where a row has none, which happens for n > m only.
    f : ndarray, shape (n,)
        Row potential; at most 0 if n > m.
    g : ndarray, shape (m,)
        Column potential; at most 0 if n < m. :math:`f_i + g_j \le C_{ij}` for all arcs, equal on the assignment.
    value : float
        Total cost.
    gap : float
        `value` less the lower bound :math:`\sum_i f_i + \sum_j g_j`, computed from the slacks, where nothing cancels.
    status : Status
        How the run ended.
    n_iter : int
        Pivots of the simplex.
    cost : ArrayCost or PointCloud
        The cost.
    trace : ExactTrace
        History, for plots.
    """

    columns: NDArray[np.int64]
    f: F64
    g: F64
    value: float
    gap: float
    status: Status
    n_iter: int
    cost: ArrayCost | PointCloud
    trace: ExactTrace

    @property
    def converged(self) -> bool:
        """Whether the assignment is proved to be optimal."""
        return self.status is Status.CONVERGED

    @property
    def dual_value(self) -> float:
        """Lower bound of the cost of every assignment."""
        return self.value - self.gap

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval that holds the optimal cost: (dual_value, value)."""
        return self.dual_value, self.value

    @property
    def transport_cost(self) -> float:
        """Total cost, as of other results: `value`."""
        return self.value

    @cached_property
    def entries(self) -> csr_array:
        """The permutation matrix, of shape (n, m): ones at the pairs."""
        from scipy.sparse import csr_array

        assigned = self.columns >= 0
        indptr = np.concatenate([[0], np.cumsum(assigned)])
        kept = self.columns[assigned]
        return csr_array((np.ones(kept.size), kept, indptr), shape=self.cost.shape)

    def sparse_plan(self) -> csr_array:
        """Return the permutation matrix as a :class:`scipy.sparse.csr_array` of shape (n, m)."""
        return self.entries

    @property
    def plan(self) -> F64:
        """
        Dense permutation matrix, shape (n, m), float64; made anew at each access.

        Raises
        ------
        MemoryLimitError
            It would not fit into memory: use `sparse_plan`.
        """
        return dense_plan(self.entries)

    def __repr__(self) -> str:
        n, m = self.cost.shape
        state = f"value={self.value:.6g}, gap={self.gap:.1e}, {self.status}, n_iter={self.n_iter}"
        return f"AssignmentResult({n}x{m}, {state})"


def assignment(
    cost: ArrayLike | Cost,
    *,
    init: Start | AssignmentResult | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> AssignmentResult:
    r"""
    Assign rows to columns at the least total cost.

    .. math::

        \min_\sigma \sum_i C_{i \sigma(i)}, \qquad \sigma \text{ injective}.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Cost of each pair, of any sign; ``inf`` forbids it. All rows are assigned if n ≤ m, else all columns.
    init : pair (f, g), or a result that has them, optional
        Potentials of a problem nearby; they replace the entropic start.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, error)``, see :func:`exact`; a true value stops the run with the best
        assignment so far.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    AssignmentResult
        Columns, potentials, value and certified gap.

    Raises
    ------
    InputError
        An argument is unusable, or forbidden pairs leave no assignment.
    DeviceError
        An array lives on an accelerator.

    Warns
    -----
    ConvergenceWarning
        Costs span so many orders of magnitude that rounding leaves a gap above what is promised.

    Notes
    -----
    The same simplex as in :func:`exact`, on unit weights: vertices of that problem are assignments (Birkhoff). If
    n ≠ m, a dummy point takes what is not assigned, at no cost. Memory is O(n + m) beside the cost.
    ``scipy.optimize.linear_sum_assignment`` is as good for a few hundred rows.

    References
    ----------
    Cunningham, "A network simplex method", Math. Program. 11 (1976), doi:10.1007/BF01580379.

    Examples
    --------
    >>> from wassail import ot
    >>> result = ot.assignment([[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]])
    >>> result.columns
    array([1, 0, 2])
    >>> result.value
    5.0
    """
    stop, threads = check_callable(callback, "callback"), check_threads(n_threads)
    geometry = as_cost(cost)
    n, m = geometry.shape
    _check_pairs(geometry.scan("cost", threads), n, m)
    rows, columns = np.arange(n), np.arange(m)
    blockable = blocked_rounding(None, None, n + m)
    problem = Problem(
        geometry, np.ones(n), np.ones(m), 0.0, (0.0, 0.0), 1.0, threads, geometry, rows, columns, blockable
    )
    start = check_start(init, problem)
    with progress_reporter(progress, "assignment") as report:
        basis = solve(problem, None if n == m else float(min(n, m)), start, stop, report)
    warn_unless_proved("assignment", basis.status, basis.gap)
    source, sink = (0.0 if dummy is None else dummy for dummy in basis.dummies)
    assigned = np.diff(basis.entries.indptr) > 0
    matched = np.full(n, -1, dtype=np.int64)
    matched[assigned] = basis.entries.indices
    return AssignmentResult(
        columns=matched,
        f=basis.f - source + sink,
        g=basis.g + source - sink,
        value=basis.value,
        gap=basis.gap,
        status=basis.status,
        n_iter=int(basis.trace.pivots.sum()),
        cost=geometry,
        trace=basis.trace,
    )


def _check_pairs(empty: Forbidden, n: int, m: int) -> None:
    """Refuse a row or column that must be assigned and has forbidden pairs only."""
    for name, found, needed in (("row", empty.row, n <= m), ("column", empty.column, m <= n)):
        if needed and found >= 0:
            raise InputError(f"cost has only forbidden pairs (inf) in {name} {found}, which must be assigned")
