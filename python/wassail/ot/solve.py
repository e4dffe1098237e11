"""One front door to the solvers: the question decides the algorithm, and the result says which and why."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, TypeAlias

from numpy.typing import ArrayLike

from wassail._progress import progress_reporter
from wassail._validate import (
    Report,
    check_callable,
    check_epsilon,
    check_real,
    check_rho,
    check_threads,
    check_tolerance,
)
from wassail.exceptions import InputError
from wassail.ot._basis import check_start
from wassail.ot._order import cost_first
from wassail.ot._penalties import penalty_advice
from wassail.ot._problem import (
    F64,
    Options,
    Potentials,
    Problem,
    check_init,
    check_options,
    offset_advice,
    prepare,
    warn_unless_converged,
)
from wassail.ot._vanishing import is_entropic, is_unresolved, is_vanishing, with_reason
from wassail.ot.epsilon import range_of
from wassail.ot.exact import ExactResult, exact, solved
from wassail.ot.geometry import Cost, as_cost
from wassail.ot.newton import run
from wassail.ot.results import Choice, SinkhornResult, Status
from wassail.ot.sinkhorn import Rho
from wassail.ot.sparse import SparseTransportResult, check_axis, sparse_transport

Solution: TypeAlias = SinkhornResult | ExactResult | SparseTransportResult

# Epsilon by the mean cost. Above the first, sweeps are few; below the second, Newton is at most 1.2 times slower than
# sweeps, and up to hundreds of times faster. In between either may be, and a trial tells.
_LARGE = 0.05
_LOW = 0.004
# Sweeps that a trial may promise to end within: they take less time than most runs of Newton there.
_TRIAL = 150
_MAX_ITER = 2000
_MAX_SWEEPS = 10_000
_PATIENCE = 200  # sweeps of Newton's method where the exact plan is known to be the answer too
_EITHER = "sinkhorn or sinkhorn_newton"


@cost_first
def solve(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    epsilon: float | None = None,
    rho: Rho = None,
    tol: float = 1e-9,
    max_nonzeros: int | None = None,
    gamma: float | None = None,
    axis: Literal[0, 1] = 0,
    init: Potentials | Solution | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> Solution:
    r"""
    Solve a transport problem with the algorithm that suits it.

    .. math::

        \min_{P \ge 0,\; P1 = a,\; P^\top 1 = b} \langle C, P \rangle + \Omega(P)

    where :math:`\Omega` is 0 by default, :math:`\varepsilon\,\mathrm{KL}(P\,|\,a\otimes b)` with `epsilon`, and
    :math:`\tfrac{\gamma}{2}\|P\|^2` with `gamma`, then with at most `max_nonzeros` entries in each column, or
    row, if given.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost; ``inf`` forbids an arc.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights.
    epsilon : float, optional
        Entropic regularization strength in units of the cost. None or 0 asks for the exact optimum.
    rho : float or pair of float, optional
        Penalty of each marginal, for masses that differ; needs `epsilon`.
    tol : float, default 1e-9
        Marginal error to reach, relative to the mass, with `rho` to what is left of it. Exact plans meet any: their
        error is that of rounding.
    max_nonzeros : int, optional
        Most partners of each target, or of each source with `axis` 1; needs `gamma`.
    gamma : float, optional
        Quadratic regularization strength, in units of the cost by mass.
    axis : {0, 1}, default 0
        Whether `max_nonzeros` limits the columns (0), that is targets, or the rows (1), such as tokens that are routed.
    init : pair (f, g) or result, optional
        Starting potentials, for instance of a problem nearby. :func:`exact` and :func:`sparse_transport` also take the
        plan of an earlier result, which saves most of the work.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, error)`` after each iteration; True stops the run.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    ExactResult, SinkhornResult or SparseTransportResult
        All have ``f, g, value, transport_cost, status, converged, apply, sparse_plan, plan``. ``choice`` names the
        algorithm that ran and why. Where epsilon is so small that the exact plan is the entropic one to `tol`, it is an
        :class:`ExactResult`, whose ``value`` is :math:`\langle C, P \rangle` alone; the term of epsilon, which a
        :class:`SinkhornResult` includes, is ``choice.entropic_term``.

    Raises
    ------
    InputError
        An argument is unusable, two of them contradict each other, or forbidden arcs leave no plan.
    NumericalError
        The potentials overflow: `epsilon` is out of scale beside the cost, and no exact plan is the answer.

    Warns
    -----
    ConvergenceWarning
        The tolerance was not met.

    Notes
    -----
    Without regularization :func:`exact` runs, with `gamma` :func:`sparse_transport`. With `epsilon` it is
    :func:`sinkhorn` with `rho` or above 0.05 of the mean cost (over the smallest), where sweeps are few, and
    :func:`sinkhorn_newton` below 0.004, where they would be many. In between, :func:`sinkhorn_newton` runs from an
    `init` that leaves a marginal error of at most 1 % of the mass, and sweeps are tried otherwise: once their rate no
    longer promises the tolerance within 150, :func:`sinkhorn_newton` takes over, from their potentials if these are
    near, and `n_iter` and `trace` are of both. A rate may fall later, so that up to 180 are made. What decides are
    errors and counts, never times. Below 1e-5 of the mean cost :func:`sinkhorn_newton` starts from the potentials of
    :func:`exact`; where rounded potentials cannot hold the plan, or it does not get there, the exact plan is the answer
    if the slacks of all other arcs prove that both are the same to `tol`. Complexity and memory are those of the
    algorithm.

    References
    ----------
    Peyré and Cuturi, "Computational Optimal Transport", 2019, arXiv:1803.00567.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> cost = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> ot.solve(cost).value
    0.0
    >>> result = ot.solve(cost, epsilon=1.0)
    >>> round(result.transport_cost, 6), result.choice.algorithm
    (0.268941, 'sinkhorn')
    """
    geometry = as_cost(cost)
    choice = _choose(geometry, epsilon, rho, max_nonzeros, gamma)
    side: Literal[0, 1] = 1 if check_axis(axis) else 0
    if side == 1 and max_nonzeros is None:
        raise InputError("axis needs max_nonzeros: it says which side of the plan that limits")
    accuracy = check_tolerance(tol)
    if choice.algorithm == "exact":
        result: Solution = exact(geometry, a, b, init=init, callback=callback, progress=progress, n_threads=n_threads)
    elif choice.algorithm == "sparse_transport":
        result = sparse_transport(
            geometry, a, b, gamma=gamma, max_nonzeros=max_nonzeros, axis=side, tol=accuracy,
            init=init, callback=callback, progress=progress, n_threads=n_threads,
        )  # fmt: skip
    else:
        threads, stop = check_threads(n_threads), check_callable(callback, "callback")
        problem = prepare(geometry, a, b, check_epsilon(epsilon), check_rho(rho), threads)
        return _entropic(problem, choice, accuracy, init, stop, progress)
    return dataclasses.replace(result, choice=choice)


def _choose(geometry: Cost, epsilon: object, rho: Rho, max_nonzeros: object, gamma: object) -> Choice:
    """Name the algorithm for a question, or say what is contradictory in it."""
    unbalanced = any(math.isfinite(penalty) for penalty in check_rho(rho))
    entropic = epsilon is not None and check_real(epsilon, "epsilon") != 0.0
    if gamma is not None or max_nonzeros is not None:
        for name, given in (("epsilon", entropic), ("rho", unbalanced)):
            if given:
                mine = "gamma" if gamma is not None else "max_nonzeros"
                raise InputError(
                    f"{mine} cannot be combined with {name}: sparse plans are balanced and have a quadratic "
                    f"regularization. Leave out {name}, or gamma and max_nonzeros"
                )
        if gamma is None:
            raise InputError("max_nonzeros needs gamma, the strength of the quadratic regularization that goes with it")
        return Choice("sparse_transport", "gamma asks for a quadratic regularization")
    if not entropic:
        if unbalanced:
            raise InputError("rho needs epsilon: unbalanced transport is solved with entropic regularization")
        return Choice("exact", "without epsilon and gamma the optimum itself is asked for")
    if unbalanced:
        return Choice("sinkhorn", "rho makes the problem unbalanced, where Sinkhorn's iteration converges fast")
    return _by_epsilon(geometry, epsilon)


def _by_epsilon(geometry: Cost, epsilon: object) -> Choice:
    """Name the algorithm for a balanced entropic plan."""
    low, _, mean = range_of(geometry)
    strength = check_epsilon(epsilon)
    if not mean > low:
        return Choice("sinkhorn", "all costs are equal: any potentials that add up to them will do")
    share = strength / (mean - low)
    over = " less the smallest" if abs(low) > mean - low else ""
    size = f"epsilon is {share:.2g} of the mean cost{over}"
    if share >= _LARGE:
        return Choice("sinkhorn", f"{size}: few sweeps are enough")
    if share >= _LOW:
        return Choice(_EITHER, size)
    return Choice("sinkhorn_newton", f"{size}: sweeps alone would be many")


def _entropic(
    problem: Problem,
    choice: Choice,
    tol: float,
    init: Potentials | Solution | None,
    callback: Report | None,
    progress: bool | Report,
) -> SinkhornResult | ExactResult:
    """
    Solve with regularization.

    At tiny epsilon the exact potentials are the start, and the exact plan is the answer if no better one is found.
    """
    start = check_init(init, problem)
    vanishing = choice.algorithm == "sinkhorn_newton" and is_vanishing(problem)
    answer = None
    if vanishing:
        with progress_reporter(progress, "exact", "pivots") as report:
            found = solved(problem, check_start(init, problem), callback, report)
        if found.status is Status.STOPPED:
            return with_reason(found, problem, tol, "and the exact plan, from which the way is short, was stopped")
        answer = found if found.converged and is_entropic(found, problem, tol) else None
        if answer is not None and is_unresolved(problem, tol):
            return with_reason(answer, problem, tol, "below what potentials of float64 resolve")
        if start is None:
            start = found.f, found.g
            choice = Choice(choice.algorithm, f"{choice.reason}, and few from the potentials of exact")
    limit = _MAX_SWEEPS if choice.algorithm == "sinkhorn" else _MAX_ITER if answer is None else _PATIENCE
    options = check_options(tol, limit, "auto", "auto")
    with progress_reporter(progress, "solve") as report:
        result, choice = _run(problem, options, choice, start, callback, report)
    if answer is not None and result.status in (Status.MAX_ITER, Status.STALLED):
        left = f"where {choice.algorithm} left a marginal error of {result.marginal_error:.1e}"
        return with_reason(answer, problem, tol, left)
    advice = None if result.converged else _advice(problem, result, vanishing)  # it reads the costs
    warn_unless_converged({choice.algorithm: result}, options, advice=advice)
    return dataclasses.replace(result, choice=choice)


def _run(
    problem: Problem,
    options: Options,
    choice: Choice,
    start: tuple[F64, F64] | None,
    callback: Report | None,
    report: Report | None,
) -> tuple[SinkhornResult, Choice]:
    """Run the algorithm that was chosen; where either may be best, try sweeps and complete the choice."""
    if choice.algorithm == "sinkhorn":
        return problem.solve(options, start, callback, report), choice
    trial = _TRIAL if choice.algorithm == _EITHER else 0
    result, left = run(problem, options, start, callback, report, trial)
    if trial == 0:
        return result, choice
    if left is None:
        came = f"and {result.n_iter} were enough" if result.converged else f"{result.status} after {result.n_iter}"
        reason = f"{choice.reason}: sweeps were tried, {came}"
        return result, Choice("sinkhorn", reason)
    error, count = left
    if count == 0:
        few = "from where Newton's method has few steps left"
        return result, Choice("sinkhorn_newton", f"{choice.reason}: init leaves a marginal error of {error:.1e}, {few}")
    reason = f"{choice.reason}: {count} sweeps were tried and left a marginal error of {error:.1e}"
    return result, Choice("sinkhorn_newton", reason)


def _advice(problem: Problem, result: SinkhornResult, vanishing: bool) -> str:
    """Say what to change in a call of `solve`."""
    if not all(map(math.isinf, problem.rho)):
        too_large = penalty_advice(result) if result.status is Status.STALLED else ""
        return too_large or "loosen tol, raise epsilon, or raise rho where it destroys nearly all of the mass"
    offset = offset_advice(problem.cost)
    if offset:
        return offset
    if vanishing:
        return (
            "raise epsilon, loosen tol, or leave epsilon out for an exact plan, which could not be shown to be the "
            "answer here (there may be many)"
        )
    return "loosen tol, raise epsilon, or leave epsilon out for the exact plan"
