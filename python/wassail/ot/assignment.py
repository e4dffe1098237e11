"""Linear assignment: each row its own column, at the least total cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._progress import progress_reporter
from wassail._validate import Report, blocked_rounding, check_callable, check_threads
from wassail.exceptions import InputError
from wassail.ot._basis import Basis, Start, check_start, solve, warn_unless_proved
from wassail.ot._problem import Problem
from wassail.ot.exact import ExactResult
from wassail.ot.geometry import Cost, Forbidden, as_cost

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class AssignmentResult(ExactResult):
    r"""
    Optimal assignment with the potentials that prove it: an exact plan between points of weight 1.

    The attributes of :class:`ExactResult`, and:

    Attributes
    ----------
    columns : ndarray, shape (n,)
        Column of each row, int64; −1 where a row has none, which happens for n > m only.
    f : ndarray, shape (n,)
        Row potential; at most 0 if n > m.
    g : ndarray, shape (m,)
        Column potential; at most 0 if n < m. :math:`f_i + g_j \le C_{ij}` for all arcs up to one rounding of the
        difference, equal on the assignment up to some roundings of the largest potential.
    value : float
        Total cost.
    gap : float
        `value` less the lower bound :math:`\sum_i f_i + \sum_j g_j`, computed from the slacks, where nothing cancels.
    marginal_error : float
        Points that should be assigned and are not; above 0 only where the run was stopped.
    a, b : ndarray, shape (n,) and (m,)
        Ones.
    entries : csr_array, shape (n, m)
        The permutation matrix: ones at the pairs.
    """

    columns: NDArray[np.int64]

    def _deviations(self) -> tuple[F64, ...]:
        n, m = self.shape
        rows, columns = self.plan_marginals
        missing = [rows - 1.0] if n < m else [columns - 1.0] if n > m else [rows - 1.0, columns - 1.0]
        return tuple(np.abs(part) for part in missing)


def assignment(
    cost: ArrayLike | Cost,
    *,
    init: Start | None = None,
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
        Called as ``callback(n_iter, epsilon, error)``, see :func:`exact`; True stops the run with the best
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
    ones = np.ones(n), np.ones(m)
    blockable = blocked_rounding(*ones, n + m)
    problem = Problem(geometry, *ones, 0.0, (0.0, 0.0), 1.0, threads, geometry, rows, columns, blockable)
    start = check_start(init, problem)
    with progress_reporter(progress, "assignment", "pivots") as report:
        basis = solve(problem, None if n == m else float(min(n, m)), start, stop, report)
    warn_unless_proved("assignment", basis.status, basis.gap)
    f, g = _feasible(problem, basis)
    entries = basis.entries
    assigned = np.diff(entries.indptr) > 0
    matched = np.full(n, -1, dtype=np.int64)
    matched[assigned] = entries.indices
    return AssignmentResult(
        f=f,
        g=g,
        status=basis.status,
        n_iter=int(basis.trace.pivots.sum()),
        marginal_error=float((2 if n == m else 1) * (min(n, m) - entries.nnz)),
        transport_cost=basis.value,
        value=basis.value,
        cost=geometry,
        a=problem.a,
        b=problem.b,
        mass_rescale=1.0,
        entries=entries,
        gap=basis.gap,
        trace=basis.trace,
        columns=matched,
    )


def _feasible(problem: Problem, basis: Basis) -> tuple[F64, F64]:
    """
    Count potentials from that of the dummy point, and undo what rounding in that shift violates.

    The side that has points left over keeps its potential, at most 0; the other is made as large as the costs allow.
    """
    n, m = problem.cost.shape
    if n == m:
        return basis.f, basis.g
    source, sink = (0.0 if dummy is None else dummy for dummy in basis.dummies)
    shift = sink - source
    f, g = basis.f + shift, basis.g - shift
    handle, threads = problem.cost.handle, problem.n_threads
    if n < m:
        g = np.minimum(g, 0.0)
        return _core.c_transform(handle, g, 1, threads), g
    f = np.minimum(f, 0.0)
    return f, _core.c_transform(handle, f, 0, threads)


def _check_pairs(empty: Forbidden, n: int, m: int) -> None:
    """Refuse a row or column that must be assigned and has forbidden pairs only."""
    for name, found, needed in (("row", empty.row, n <= m), ("column", empty.column, m <= n)):
        if needed and found >= 0:
            raise InputError(f"cost has only forbidden pairs (inf) in {name} {found}, which must be assigned")
