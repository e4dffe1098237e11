"""Transport with quadratic regularization, and with at most k nonzeros in each column or row."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._frozen import ReadOnly
from wassail._progress import progress_reporter
from wassail._user import user_level
from wassail._validate import Report, check_callable, check_integer, check_positive, check_threads, check_tolerance
from wassail.exceptions import ConvergenceWarning, InputError, NumericalError
from wassail.ot._order import cost_first
from wassail.ot._problem import Potentials, Problem, check_init, kept_back, prepare
from wassail.ot._sparse_certificate import SparseCertificate, certify_sparse
from wassail.ot._sparse_result import SparsePlanResult
from wassail.ot.geometry import Cost, as_cost
from wassail.ot.results import SinkhornResult, Status, shown

if TYPE_CHECKING:
    from scipy.sparse import csr_array

F64 = NDArray[np.float64]
Triple = tuple[NDArray[np.int64], NDArray[np.int64], F64]

_IN_THE_WAY = 2.0  # of the tolerance: then the error that no plan can avoid is the reason
_EXACT = (np.inf, np.inf)
_STATUS = (Status.CONVERGED, Status.MAX_ITER, Status.STOPPED, Status.STALLED, Status.TIED)
_ADVICE = {
    Status.MAX_ITER: "raise max_iter, raise gamma, or loosen tol",
    Status.STALLED: "no step lowers the error, often because of rounding: loosen tol or raise gamma",
}


@dataclass(frozen=True, eq=False, repr=False)
class SparseTransportTrace(ReadOnly):
    """
    History of a run, one entry per Newton step, for plots.

    Attributes
    ----------
    error : ndarray, shape (n_iter,)
        L1 marginal error where the step started.
    gamma : ndarray, shape (n_iter,)
        Regularization of the stage; above the final one at first.
    smoothing : ndarray, shape (n_iter,)
        Strength of the proximal term, by gamma; 0 where there is none.
    edges : ndarray of int, shape (n_iter,)
        Nonzeros of the Hessian.
    products : ndarray of int, shape (n_iter,)
        Products with it that the step took.
    step : ndarray, shape (n_iter,)
        Length of the step; 1 is Newton's.
    """

    error: F64
    gamma: F64
    smoothing: F64
    edges: NDArray[np.int64]
    products: NDArray[np.int64]
    step: F64

    def __repr__(self) -> str:
        return f"SparseTransportTrace(n_iter={self.error.size})"


@dataclass(frozen=True, eq=False, repr=False)
class SparseTransportResult(SparsePlanResult):
    r"""
    Solution of quadratically regularized transport with a limit on the nonzeros; see :func:`sparse_transport`.

    Potentials, plan and maps are those of every result with a sparse plan. `value` is `primal_value`, or `dual_value`
    where no feasible plan was found.

    Attributes
    ----------
    gamma : float
        Regularization strength.
    max_nonzeros : int or None
        Most nonzeros of a column (`axis` 0) or row (`axis` 1).
    axis : int
        The axis along which nonzeros are counted.
    dual_value : float
        Lower bound of the problem, that of the dual at (f, g) in float64.
    primal_value : float
        Value of the plan, which is an upper bound up to the square of its marginal error; inf if that error is above
        the tolerance.
    relaxed : csr_array, shape (n, m)
        Plan of the convex relaxation, of value `dual_value`: it has the marginals asked for, and more than
        `max_nonzeros` entries where columns tie.
    n_ties : int
        Columns (or rows) whose k-th and next largest :math:`f_i + g_j - C_{ij}` are positive and equal to 1e-6, or that
        have more than k entries in `relaxed`. Never 0 where the status is ``TIED``.
    trace : SparseTransportTrace
        History, for plots.
    """

    gamma: float
    max_nonzeros: int | None
    axis: int
    dual_value: float
    primal_value: float
    relaxed: csr_array
    n_ties: int
    trace: SparseTransportTrace

    @property
    def gap(self) -> float:
        """`primal_value` less `dual_value`, not below 0: how far the plan may be from the best; inf without a plan."""
        return max(self.primal_value - self.dual_value, 0.0)

    @property
    def nonzeros(self) -> NDArray[np.intp]:
        """Nonzeros of each column (`axis` 0, shape (m,)) or row (`axis` 1, shape (n,)) of the plan."""
        n, m = self.shape
        _, columns = self.entries.nonzero()
        if self.axis == 0:
            return np.bincount(columns, minlength=m)
        return np.diff(self.entries.indptr).astype(np.intp).reshape(n)

    def certificate(self) -> SparseCertificate:
        """
        Return bounds that enclose the optimum, recomputed from costs, potentials and plan as they are held here.

        One walk over all costs in float64, a block of them at a time. Unlike `dual_value`, the lower bound is that of
        the potentials as rounded to float64, which a tiny `gamma` shows, and allows for the rounding of its sums.
        """
        return certify_sparse(self)

    def __repr__(self) -> str:
        """One line: what was solved, and how it ended."""
        return (
            f"SparseTransportResult(shape={self.shape}, gamma={self.gamma:.3g}, max_nonzeros={self.max_nonzeros}, "
            f"axis={self.axis}, status={str(self.status)!r}, value={self.value:.6g}, gap={self.gap:.1e}, "
            f"n_ties={self.n_ties}, marginal_error={self.marginal_error:.1e}, "
            f"n_iter={self.n_iter}{shown(self.choice)})"
        )


@cost_first
def sparse_transport(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    gamma: float | None = None,
    max_nonzeros: int | None = None,
    axis: Literal[0, 1] = 0,
    tol: float = 1e-9,
    max_iter: int = 2_000,
    init: Potentials | SparsePlanResult | SinkhornResult | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> SparseTransportResult:
    r"""
    Solve quadratically regularized transport with at most k nonzeros in each column.

    .. math::

        \min_{T \ge 0,\; T1 = a,\; T^\top 1 = b} \langle C, T \rangle + \tfrac{\gamma}{2} \|T\|^2
        \quad\text{with at most } k \text{ nonzeros in each column of } T.

    Without a limit this is quadratic transport, :math:`T = [f \oplus g - C]_+ / \gamma`, whose plan is sparse too; with
    k = 1 the regularization no longer acts and the relaxation is unregularized transport.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost, float32 or float64, any strides; ``inf`` forbids an arc. A PointCloud is never stored.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights. A mass that differs from that of `a` by rounding is rescaled.
    gamma : float
        Regularization strength, positive: units of the cost by units of the mass. It must be given. A column of mass
        b_j spreads over entries within about :math:`\gamma b_j / k` of its best.
    max_nonzeros : int, optional
        The limit k, at least 1; None is no limit.
    axis : {0, 1}, default 0
        0 limits the nonzeros of each column, 1 those of each row.
    tol : float, default 1e-9
        Largest L1 marginal error by the mass, and largest gap between relaxation and dual by Σ|C|T + γ/2 ‖T‖².
        From 1e-4 on all are 1e-4: a relaxed plan that is further off has no feasible one nearby.
    max_iter : int, default 2000
        Most Newton steps in all.
    init : pair (f, g) or result, optional
        Starting potentials. A result of this function gives its plans too, from which a problem nearby is solved in a
        fraction of the steps and of the time. Where the potentials turn out to be far for this `gamma`, larger ones
        come first.
    callback : callable, optional
        Called as ``callback(n_iter, gamma, marginal_error)`` after each step; True stops the run.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SparseTransportResult
        Potentials, plan as a `csr_array`, dual and primal values, ties, status.

    Raises
    ------
    InputError
        An argument is unusable, or forbidden arcs or `max_nonzeros` leave no plan; the message names what.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        The candidates for nonzeros, or a copy of the cost without zero weights, would not fit.
    NumericalError
        The potentials overflow.

    Warns
    -----
    ConvergenceWarning
        The tolerance was not met, or columns tie: `status` tells, the message says what the answer is worth then.
        Weights of float32 whose rounding forbidden arcs keep from their targets are named: no plan meets them.

    Notes
    -----
    With a limit the problem is not convex. Its dual, concave, is that of the relaxation in which
    :math:`\tfrac{\gamma}{2}\|t_j\|^2` becomes γ/2 of the squared k-support norm of a column. Where the k-th and the
    next entry of a column do not tie at the optimum, both have the same solution and ``status`` is ``CONVERGED``.
    Where they tie (common for small k; `n_ties` counts) the relaxation may spread the last places over more than k
    entries. Then the dual value is still a lower bound, `relaxed` the plan that attains it, and the plan returned the
    best feasible one that was found: by fixing columns one after the other, or, where that leaves the weights no plan,
    by joining the parts of such a support along arcs of little slack. ``status`` is ``TIED`` and `gap` says how much
    may be lost. With k = 1 and uneven weights there is mostly no feasible plan at all (all mass of a target comes from
    one source), nor with fewer than n + m - 1 places in all; then, and where the search ends without one, the gap is
    inf. A larger `max_nonzeros` gives fewer ties, and mostly a smaller `gamma` too. The plan of a result given as
    `init` has its support kept, or kept in full columns alone, or mended for other weights. It is looked for anew where
    the gap is more than a fifth of the value, or 1.1 times that of the result; 10 times where columns have no more than
    1.1 (n + m) places in all, as k = 2 allows for n = m: there plans are trees for most weights, and the search seldom
    finds a better one.

    The dual is smoothed by the proximal point method, which does not move its solution, and each stage is solved by
    semismooth Newton steps on a graph Laplacian. For γ so small that the regularization hardly acts, for k = 1, and
    where these steps stall, the plan of :func:`exact` is the first center; for k = 1 it is the answer, whatever γ is,
    if it has one entry in each column. The cost is read only where the candidates for nonzeros change; memory is
    O(n + m) and some 30 candidates a column, more where the plan is dense.

    Prefer it to :func:`sinkhorn` when a sparse plan is wanted: for routing with exactly k partners, or for maps
    that do not blur.

    References
    ----------
    Liu, Puigcerver, Blondel, "Sparsity-constrained optimal transport", ICLR 2023, arXiv:2209.15466.
    Blondel, Seguy, Rolet, "Smooth and sparse optimal transport", AISTATS 2018, arXiv:1710.06276.
    Argyriou, Foygel, Srebro, "Sparse prediction with the k-support norm", NeurIPS 2012, arXiv:1204.5043.
    Rockafellar, "Monotone operators and the proximal point algorithm", SIAM J. Control Optim. 14 (1976),
    doi:10.1137/0314056.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> C = np.array([[0.0, 1.0, 3.0], [2.0, 0.0, 1.0]])
    >>> result = ot.sparse_transport(C, [0.6, 0.4], [0.3, 0.3, 0.4], gamma=1.0, max_nonzeros=1)
    >>> result.plan.round(3)
    array([[0.3, 0.3, 0. ],
           [0. , 0. , 0.4]])
    >>> result = ot.sparse_transport(C, [0.5, 0.5], [0.3, 0.4, 0.3], gamma=1.0)
    >>> result.plan.round(3)
    array([[0.3, 0.2, 0. ],
           [0. , 0.2, 0.3]])
    """
    strength = _check_gamma(gamma)
    limit = 0 if max_nonzeros is None else check_integer(max_nonzeros, "max_nonzeros", minimum=1)
    side = check_axis(axis)
    tolerance, steps = check_tolerance(tol), check_integer(max_iter, "max_iter", minimum=0)
    stop = check_callable(callback, "callback")
    threads = check_threads(n_threads)
    problem = prepare(as_cost(cost), a, b, strength, _EXACT, threads)
    _check_limit(problem, limit, side)
    start = check_init(init, problem)
    with progress_reporter(progress, "sparse transport", "Newton steps", "gamma") as report:
        solution = _core.sparse_transport(
            problem.support.handle,
            *problem.weights,
            strength,
            limit,
            side,
            problem.reachable(tolerance),
            steps,
            None if start is None else (start[0][problem.rows], start[1][problem.columns]),
            _known_plans(init, problem, side),
            threads,
            stop,
            report,
        )
    result = _result(problem, solution, max_nonzeros, side, tolerance)
    _warn(result, tolerance, problem.least_error)
    return result


def _check_gamma(value: object) -> float:
    """Return the regularization strength; it has no default on purpose."""
    if value is None:
        raise InputError("gamma is required, it has no default because it sets the answer")
    return check_positive(value, "gamma")


def check_axis(value: object) -> int:
    """Return the axis along which nonzeros are limited."""
    if isinstance(value, bool) or value not in (0, 1):
        raise InputError(f"axis must be 0 (columns) or 1 (rows), got {value!r}")
    return int(value == 1)


def _check_limit(problem: Problem, limit: int, axis: int) -> None:
    """Refuse a limit that leaves points of the other side without an arc."""
    sizes = (problem.columns.size, problem.rows.size)
    limited, others = sizes[axis], sizes[1 - axis]
    if limit and limit * limited < others:
        side, other = (("column", "rows"), ("row", "columns"))[axis]
        raise InputError(
            f"max_nonzeros={limit} leaves no plan: {limited} {side}s with {limit} nonzeros each cannot reach all "
            f"{others} {other} of positive weight; use axis={1 - axis} to limit the {other}, or max_nonzeros of at "
            f"least {-(-others // limited)}"
        )


def _known_plans(init: object, problem: Problem, axis: int) -> tuple[Triple, Triple, float] | None:
    """Return the plans of another run, by the limited side, where weights are positive now, and its gap."""
    if not isinstance(init, SparseTransportResult):
        return None
    relaxed = _triple(init.relaxed, problem, axis)
    plan = relaxed if init.entries is init.relaxed else _triple(init.entries, problem, axis)
    return relaxed, plan, init.gap


def _triple(matrix: csr_array, problem: Problem, axis: int) -> Triple:
    """Take a plan apart, for the core."""
    size = problem.support.shape
    part = matrix if size == matrix.shape else matrix[problem.rows][:, problem.columns]
    held = part.tocsr() if axis == 1 else part.tocsc()
    return held.indptr.astype(np.int64), held.indices.astype(np.int64), held.data.astype(np.float64)


def _result(
    problem: Problem, solution: _core._SparseSolution, max_nonzeros: int | None, axis: int, tol: float
) -> SparseTransportResult:
    """Put what belongs to the points of positive weight back in place."""
    f, g, plan, relaxed, (status, dual, primal, linear, error, ties), trace = solution
    if not (np.isfinite(f).all() and np.isfinite(g).all() and np.isfinite(dual)):
        raise NumericalError(f"the potentials left the range of float64: gamma {problem.epsilon:.3g} is out of scale")
    if _STATUS[status] is Status.CONVERGED and not np.isfinite(primal):
        raise NumericalError(f"the value left the range of float64: gamma {problem.epsilon:.3g} is out of scale")
    if problem.reachable(tol) > tol and error > tol * float(problem.a.sum()):
        primal = np.inf
    f, g = _filled(problem, f, g)
    entries = _matrix(problem, plan, axis)
    same = all(map(np.array_equal, plan, relaxed))
    return SparseTransportResult(
        f=f,
        g=g,
        status=problem.status(_STATUS[status], error, tol),
        n_iter=trace[0].size,
        marginal_error=error,
        transport_cost=linear,
        value=primal if np.isfinite(primal) else dual,
        cost=problem.cost,
        a=problem.a,
        b=problem.b,
        mass_rescale=problem.mass_rescale,
        entries=entries,
        gamma=problem.epsilon,
        max_nonzeros=max_nonzeros,
        axis=axis,
        dual_value=dual,
        primal_value=primal,
        relaxed=entries if same else _matrix(problem, relaxed, axis),
        n_ties=ties,
        trace=SparseTransportTrace(*trace),
    )


def _matrix(problem: Problem, triple: Triple, axis: int) -> csr_array:
    """Make the (n, m) matrix from the rows or columns of the support."""
    from scipy.sparse import coo_array, csc_array, csr_array

    indptr, indices, data = triple
    shape = problem.cost.shape
    if shape == problem.support.shape:
        held = csr_array if axis == 1 else csc_array
        return held((data, indices, indptr), shape=shape).tocsr()
    owners = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    rows, columns = (owners, indices) if axis == 1 else (indices, owners)
    return coo_array((data, (problem.rows[rows], problem.columns[columns])), shape=shape).tocsr()


def _filled(problem: Problem, f: F64, g: F64) -> tuple[F64, F64]:
    """Extend potentials to the points of weight zero, so that no entry there is positive."""
    n, m = problem.cost.shape
    if problem.rows.size == n and problem.columns.size == m:
        return f, g
    full_f, full_g = np.full(n, -np.inf), np.full(m, -np.inf)
    full_f[problem.rows], full_g[problem.columns] = f, g
    handle, threads = problem.cost.handle, problem.n_threads
    empty = problem.a == 0.0
    full_f[empty] = _core.c_transform(handle, full_g, 1, threads)[empty]
    known = np.where(np.isfinite(full_f), full_f, -np.inf)
    empty = problem.b == 0.0
    full_g[empty] = _core.c_transform(handle, known, 0, threads)[empty]
    return full_f, full_g


def _warn(result: SparseTransportResult, tol: float, least: float) -> None:
    """Warn unless the answer is certified to the tolerance; a stop was asked for."""
    if result.status is Status.TIED:
        message = _tied(result)
    elif result.status in _ADVICE:
        goal = tol * float(result.a.sum())
        message = (
            f"{result.status} after {result.n_iter} steps with a marginal error of {result.marginal_error:.2e}, "
            f"the tolerance is {goal:.2e}: {_ADVICE[result.status]}"
            f"{kept_back(least) if _IN_THE_WAY * least > goal else ''}"
        )
    else:
        return
    warnings.warn(f"sparse_transport: {message}", ConvergenceWarning, stacklevel=user_level())


def _tied(result: SparseTransportResult) -> str:
    """Say what ties leave open, and what to change."""
    k, side = result.max_nonzeros, ("column", "row")[result.axis]
    start = f"the relaxation is solved, but shares the last of {k} places of a {side} in {result.n_ties} of them: "
    cure = f"`relaxed` attains the lower bound; for fewer ties raise max_nonzeros (now {k})"
    cure += " or lower gamma" if k != 1 else "; gamma does not matter where it is 1"
    if np.isfinite(result.primal_value):
        by = f"{result.gap:.2e} ({result.gap / abs(result.value):.1e} of it)" if result.value else f"{result.gap:.2e}"
        return f"{start}the plan is feasible, its value above the optimum by at most {by}. {cure}"
    return (
        f"{start}no plan with the marginals and at most {k} nonzeros a {side} was found, and there may be none; the "
        f"plan returned misses the marginals by {result.marginal_error:.2e}. {cure}"
    )
