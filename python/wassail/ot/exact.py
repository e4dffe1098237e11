"""Exact (unregularized) optimal transport with a proof of optimality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._progress import progress_reporter
from wassail._validate import Report, check_callable, check_threads
from wassail.ot._basis import (
    CoreStart,
    ExactTrace,
    Start,
    check_start,
    extended,
    marginal_error,
    solve,
    warn_unless_proved,
)
from wassail.ot._dual import unless_nan, weighted_sum
from wassail.ot._order import cost_first
from wassail.ot._problem import Problem, prepare
from wassail.ot._sparse_result import SparsePlanResult
from wassail.ot.certificate import Certificate, certify_basis
from wassail.ot.geometry import Cost, as_cost
from wassail.ot.results import shown

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class ExactResult(SparsePlanResult):
    r"""
    Optimal basis of a transport problem: a plan of at most n + m − 1 entries, and potentials that prove it.

    The potentials satisfy :math:`f_i + g_j \le C_{ij}` for every arc up to one rounding of the difference, so that
    :math:`\langle a, f\rangle + \langle b, g\rangle` bounds the cost of every plan from below.

    Attributes
    ----------
    f, g : ndarray, shape (n,) and (m,)
        Source and target potential, also of points without weight. (f + t, g − t) proves the same for every number t.
    status : Status
        How the run ended: converged, stopped by the callback, or stalled if rounding leaves a larger gap.
    n_iter : int
        Pivots of the simplex.
    marginal_error : float
        :math:`\|P1 - a\|_1 + \|P^\top 1 - b\|_1`, zero but for rounding unless the run was stopped. (Where
        forbidden arcs keep back what weights of float32 are rounded by, that is missing too.)
    value, transport_cost : float
        :math:`\langle C, P\rangle`, both.
    cost : ArrayCost or PointCloud
        The ground cost.
    a, b : ndarray, shape (n,) and (m,)
        Weights as solved for: `b` after it was rescaled to the mass of `a`.
    mass_rescale : float
        The factor by which `b` was multiplied.
    entries : csr_array, shape (n, m)
        The plan.
    choice : Choice or None
        The algorithm and why, if :func:`wassail.ot.solve` chose it.
    gap : float
        :math:`\langle C, P\rangle` less the lower bound, computed from the slacks on the plan, where nothing cancels.
        At most 1e-12 · max(|value|, mass · largest :math:`|C_{ij}|` of the plan) when `converged`.
    trace : ExactTrace
        History, for plots.
    """

    gap: float
    trace: ExactTrace

    @property
    def dual_value(self) -> float:
        """Lower bound of the cost of every plan."""
        return self.value - self.gap

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval that holds the optimal cost: (dual_value, value)."""
        return self.dual_value, self.value

    def certificate(self) -> Certificate:
        """
        Return bounds that enclose the optimal cost, in the form that entropic results have.

        O(n + m); those of the regularized problem are the same, for there is no regularization. Besides the gap they
        allow for the rounding of `value` and for what the marginals of the plan miss.
        """
        f, g = np.abs(self.f), np.abs(self.g)
        price = abs(self._price)
        slope = float(f.max() + g.max()) + price
        mass = float(self.entries.data.sum())
        terms = weighted_sum(self.a, f) + weighted_sum(self.b, g) + price * mass + unless_nan(self.gap, math.inf)
        return certify_basis(self.value, self.gap, self._deviations(), mass=mass, terms=terms, slope=slope)

    @property
    def _price(self) -> float:
        """What is added to f + g before it is compared with the cost."""
        return 0.0

    def _deviations(self) -> tuple[F64, ...]:
        rows, columns = self.plan_marginals
        return np.abs(rows - self.a), np.abs(columns - self.b)

    def __repr__(self) -> str:
        n, m = self.shape
        return (
            f"{type(self).__name__}({n}x{m}, value={self.value:.6g}, gap={self.gap:.1e}, nonzeros={self.entries.nnz}, "
            f"{self.status}, n_iter={self.n_iter}{shown(self.choice)})"
        )


@cost_first
def exact(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    init: Start | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ExactResult:
    r"""
    Solve optimal transport exactly.

    .. math::

        \min_{P \ge 0,\; P1 = a,\; P^\top 1 = b} \langle C, P \rangle
        = \max_{f_i + g_j \le C_{ij}} \langle a, f \rangle + \langle b, g \rangle.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost, of any sign. Arrays of float32 or float64 are used in place, whatever their strides; ``inf``
        forbids an arc. A PointCloud computes its entries from points and takes O((n + m) d) memory.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights. A mass that differs from that of `a` by rounding is rescaled, see `mass_rescale` of the result.
    init : pair (f, g), or a result that has them, optional
        Potentials of a problem nearby; they replace the entropic start. A result of an exact solver also gives its
        plan, which saves a sweep and most of the pivots: where weights change, its basis is mended by dual pivots.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, error)``: during the entropic start n_iter is 0 and the error that of its
        marginals, later n_iter counts pivots, epsilon is 0 and the error the duality gap. True stops the run
        with the best plan so far.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    ExactResult
        Plan, potentials, value and certified gap.

    Raises
    ------
    InputError
        An argument is unusable, or forbidden arcs leave no plan; the message names what.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        A copy of the cost without zero weights would not fit.

    Warns
    -----
    ConvergenceWarning
        Costs span so many orders of magnitude that rounding leaves a gap above what is promised.

    Notes
    -----
    Entropic transport on all cores gives potentials near the optimum and with them a few candidate arcs per point. A
    primal simplex with strongly feasible trees solves the problem on these; then a sweep over all arcs adds those
    with a negative reduced cost, until there is none. Flows are integers of 100 bits, so that sums are exact:
    degenerate problems terminate and no problem is infeasible by rounding. Reduced costs count as negative when they
    are below zero by more than rounding. Memory is O(n + m) beside the cost (about 300 bytes a point). A sweep takes
    O(nm) operations; their number and that of the pivots per point grow slowly.

    Where plans are unique this is the plan; otherwise it is one of the vertices. For one-to-one matchings use
    :func:`assignment`, for a part of the mass :func:`partial`, on the line :func:`wasserstein_1d`, and
    :func:`sinkhorn` where a smooth or approximate plan is enough.

    References
    ----------
    Cunningham, "A network simplex method", Math. Program. 11 (1976), doi:10.1007/BF01580379.
    Schmitzer, "A sparse multiscale algorithm for dense optimal transport", J. Math. Imaging Vis. 56 (2016),
    doi:10.1007/s10851-016-0653-9.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> result = ot.exact([[0.0, 4.0, 3.0], [2.0, 0.0, 1.0]], [0.5, 0.5], [0.25, 0.25, 0.5])
    >>> result.value, result.converged
    (1.0, True)
    >>> result.plan
    array([[0.25, 0.  , 0.25],
           [0.  , 0.25, 0.25]])
    """
    stop, threads = check_callable(callback, "callback"), check_threads(n_threads)
    problem = prepare(as_cost(cost), a, b, 0.0, (math.inf, math.inf), threads)
    start = check_start(init, problem)
    with progress_reporter(progress, "exact", "pivots") as report:
        result = solved(problem, start, stop, report)
    warn_unless_proved("exact", result.status, result.gap)
    return result


def solved(
    problem: Problem, start: CoreStart | None = None, callback: Report | None = None, progress: Report | None = None
) -> ExactResult:
    """Solve a checked problem, without a word on what was not proved."""
    basis = solve(problem, None, start, callback, progress)
    f, g = extended(problem, basis.f, basis.g)
    return ExactResult(
        f=f,
        g=g,
        status=basis.status,
        n_iter=int(basis.trace.pivots.sum()),
        marginal_error=marginal_error(problem, basis.entries),
        transport_cost=basis.value,
        value=basis.value,
        cost=problem.cost,
        a=problem.a,
        b=problem.b,
        mass_rescale=problem.mass_rescale,
        entries=basis.entries,
        gap=basis.gap,
        trace=basis.trace,
    )
