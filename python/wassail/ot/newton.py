"""Entropic transport at low regularization: Sinkhorn's iteration, then Newton's method on a sparse Hessian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._progress import progress_reporter
from wassail._validate import Report, check_callable, check_epsilon, check_threads
from wassail.ot._order import cost_first
from wassail.ot._problem import (
    F64,
    Options,
    Potentials,
    Problem,
    check_init,
    check_options,
    prepare,
    warn_unless_converged,
)
from wassail.ot.geometry import Cost, as_cost
from wassail.ot.results import SinkhornResult, SinkhornTrace

BALANCED = (np.inf, np.inf)


@dataclass(frozen=True, eq=False, repr=False)
class NewtonTrace(SinkhornTrace):
    """
    History of a run of :func:`sinkhorn_newton`, one entry per sweep.

    The fields of :class:`SinkhornTrace`, and:

    Attributes
    ----------
    newton : ndarray of bool, shape (n_iter,)
        Whether the sweep tried a Newton step; otherwise it is one of Sinkhorn's.
    density : ndarray, shape (n_iter,)
        Entries of the plan in the Hessian, as a share of all; 1 where the step was matrix-free, and for plain sweeps.
    cg_iterations : ndarray of int, shape (n_iter,)
        Products with the Hessian in the conjugate gradients of the step.
    step : ndarray, shape (n_iter,)
        Share of the direction that was gone, 1 for plain sweeps; 0 marks a trial that was taken back.
    """

    newton: NDArray[np.bool_]
    density: NDArray[np.float64]
    cg_iterations: NDArray[np.int64]
    step: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"NewtonTrace(n_iter={self.error.size}, newton={int(self.newton.sum())})"


@cost_first
def sinkhorn_newton(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    epsilon: float | None = None,
    tol: float = 1e-9,
    max_iter: int = 2000,
    anneal: float | Literal["auto"] | None = "auto",
    init: Potentials | SinkhornResult | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> SinkhornResult:
    r"""
    Solve entropic optimal transport to high accuracy, also at low regularization.

    .. math::

        \min_{P \ge 0,\; P1 = a,\; P^\top 1 = b} \langle C, P \rangle + \varepsilon\, \mathrm{KL}(P \,|\, a \otimes b)

    by Newton's method on the dual. Its Hessian holds the plan, which at low :math:`\varepsilon` is nearly sparse: the
    large entries are kept, and a sample of the others carries their mass.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost. Arrays of float32 or float64 are used in place, whatever their strides; ``inf`` forbids an arc.
        A PointCloud computes its entries from points.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0 (zeros are taken out exactly); uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights, of the mass of `a` up to rounding.
    epsilon : float
        Regularization strength in units of the cost, positive; :func:`suggest_epsilon` says how to choose.
    tol : float, default 1e-9
        The run converges when ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁ ≤ tol · Σa, both sums of one pair of potentials, in float64 on the
        costs as given.
    max_iter : int, default 2000
        Sweeps over the cost, of both stages and of annealing; 0 evaluates the starting potentials.
    anneal : "auto", float in (0, 1) or None, default "auto"
        Ratio of successive epsilons on the way down to `epsilon`; None starts at `epsilon`.
    init : pair (f, g) or SinkhornResult, optional
        Starting potentials, for instance of a problem nearby; annealing is skipped.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, marginal_error)`` after each sweep; True stops the run.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SinkhornResult
        As from :func:`sinkhorn`. `n_iter` counts the sweeps of both stages, and `trace` is a :class:`NewtonTrace`.

    Raises
    ------
    InputError
        An argument is unusable, or forbidden arcs leave no plan; the message names what.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        A copy of the cost without zero weights would not fit.
    NumericalError
        The potentials overflow.

    Warns
    -----
    ConvergenceWarning
        The tolerance was not met; `status` tells why. Errors below about 1e-16 · max(|f|, |g|) / epsilon are beyond
        float64: near there `marginal_error` is that of the plan's own sums.

    Notes
    -----
    Use it for errors below 1e-6 and epsilon below about 1e-2 of the largest cost. For rough answers, unbalanced
    problems and large epsilon, :func:`sinkhorn` does less. At each epsilon of the annealed path a few sweeps come
    first, then Newton steps, shifted in proportion to the error, shortened until the dual grows, with a plain sweep to
    fall back on. Linear systems are solved by conjugate gradients, as far as the error deserves, with an approximate
    Cholesky factor of the sparse Hessian where its diagonal is not enough. Where the plan is not sparse, products use
    all of it. A warm start at low epsilon whose first step helps little, as where weights change and the plan is nearly
    a matching, goes on from the potentials of unregularized transport, on one core. Where forbidden arcs leave others
    that no plan can use, convergence is slow: forbid these too.

    A sweep takes O(nm) operations (times d for points), a step one more pass over the plan and products of O(kept
    entries). Memory is O(n + m + kept entries) beside the cost, and half a copy of a stored float64 cost where its
    kernel is kept.

    References
    ----------
    Tang, Shavlovsky, Rahmanian, Tardini, Thekumparampil, Xiao, Ying, "Accelerating Sinkhorn algorithms with sparse
    Newton iterations", ICLR 2024, arXiv:2401.12253.
    Tang, Qiu, "Safe and sparse Newton method for entropic-regularized optimal transport", NeurIPS 2024.
    Brauer, Clason, Lorenz, Wirth, "A Sinkhorn–Newton method for entropic optimal transport" (2017), arXiv:1710.06635.
    Gao, Kyng, Spielman, "Robust and practical solution of Laplacian equations by approximate elimination" (2023),
    arXiv:2303.00709.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> cost = np.random.default_rng(0).random((50, 40))
    >>> result = ot.sinkhorn_newton(cost, epsilon=1e-3, tol=1e-12)
    >>> result.converged, bool(result.trace.newton.any())
    (True, True)
    """
    options = check_options(tol, max_iter, anneal, "auto")
    stop = check_callable(callback, "callback")
    problem = prepare(as_cost(cost), a, b, check_epsilon(epsilon), BALANCED, check_threads(n_threads))
    start = check_init(init, problem)
    with progress_reporter(progress, "sinkhorn_newton") as report:
        result, _ = run(problem, options, start, stop, report)
    warn_unless_converged({"sinkhorn_newton": result}, options)
    return result


def run(
    problem: Problem,
    options: Options,
    init: tuple[F64, F64] | None,
    callback: Report | None,
    progress: Report | None,
    trial: int = 0,
) -> tuple[SinkhornResult, tuple[float, int] | None]:
    """Run the core, after a trial of so many sweeps; their error and number come back if they were not enough."""
    f0, g0 = (None, None) if init is None else (init[0][problem.rows], init[1][problem.columns])
    solution, steps, tried = _core.sinkhorn_newton(
        problem.support.handle,
        *problem.weights,
        problem.epsilon,
        problem.reachable(options.tol),
        options.max_iter,
        options.anneal,
        trial,
        f0,
        g0,
        problem.n_threads,
        callback,
        progress,
    )
    plain = trial > 0 and tried is None
    trace = None if plain else NewtonTrace(*solution[5:], steps[0], steps[1], steps[2], steps[3])
    return problem.result(solution, trace, tol=options.tol), tried
