"""The peers of the newer parts: RegOT, exact and smooth solvers, slices. Adapters as in :mod:`peers`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import Solution
from peers import MANY, STORED, Method, jax_module, pot_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from families import PlanProblem, SlicedProblem
    from instances import Problem


def _regot(problem: Problem, _limit: float, *, solver: str) -> Callable[[float], Solution]:
    import regot

    cost = np.asfortranarray(problem.cost)
    run = getattr(regot, solver)

    def solve(threshold: float) -> Solution:
        found = run(cost, problem.a, problem.b, problem.epsilon, tol=threshold, max_iter=100_000)
        return Solution(int(found.niter), converged=True, plan=found.plan)

    return solve


def _regot_quadratic(problem: PlanProblem, _limit: float) -> Callable[[float], Solution]:
    import regot

    if problem.max_nonzeros is not None:
        raise ImportError(name="a solver for at most k nonzeros")
    cost, n = np.asfortranarray(problem.cost), len(problem.a)

    def solve(threshold: float) -> Solution:
        found = regot.qrot_grssn(cost, problem.a, problem.b, problem.gamma, tol=threshold, max_iter=10_000)
        dual = np.append(found.dual, np.zeros(2 * n - len(found.dual)))  # it fixes the last potential at 0
        return Solution(int(found.niter), converged=True, plan=found.plan, f=dual[:n], g=dual[n:])

    return solve


def _pot_smooth(problem: PlanProblem, _limit: float) -> Callable[[float], Solution]:
    ot = pot_module()
    k = problem.max_nonzeros
    options: dict[str, Any] = {"reg_type": "l2"} if k is None else {"reg_type": "sparsity_constrained", "max_nz": k}

    def solve(threshold: float) -> Solution:
        plan, log = ot.smooth.smooth_ot_dual(
            problem.a,
            problem.b,
            problem.cost,
            problem.gamma,
            stopThr=min(threshold, 1e-9),
            numItermax=100_000,
            log=True,
            **options,
        )
        return Solution(int(log["res"].nit), bool(log["res"].success), plan=plan, f=log["alpha"], g=log["beta"])

    return solve


def _pot_emd(problem: PlanProblem, _limit: float) -> Callable[[float], Solution]:
    ot = pot_module()

    def solve(_: float) -> Solution:
        plan, log = ot.emd(problem.a, problem.b, problem.cost, numItermax=MANY, log=True)
        return Solution(0, log["warning"] is None, plan=plan)

    return solve


def _scipy_assignment(problem: PlanProblem, _limit: float) -> Callable[[float], Solution]:
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array

    n = len(problem.a)

    def solve(_: float) -> Solution:
        rows, columns = linear_sum_assignment(problem.cost)
        return Solution(0, converged=True, plan=coo_array((np.full(n, 1.0 / n), (rows, columns)), shape=(n, n)))

    return solve


def _pot_sliced(problem: SlicedProblem, _limit: float) -> Callable[[float], Solution]:
    ot = pot_module()
    directions = np.ascontiguousarray(problem.directions.T)

    def solve(_: float) -> Solution:
        value = ot.sliced_wasserstein_distance(problem.x, problem.y, projections=directions, p=2)
        return Solution(0, converged=True, value=float(value))

    return solve


def _ott_sliced(problem: SlicedProblem, _limit: float) -> Callable[[float], Solution]:
    jax = jax_module()
    import jax.numpy as jnp
    from ott.tools import sliced

    x, y, directions = (jnp.asarray(v) for v in (problem.x, problem.y, problem.directions))

    def project(points: Any) -> Any:
        return points @ directions.T

    compiled = jax.jit(lambda x, y: sliced.sliced_wasserstein(x, y, proj_fn=project)[0]).lower(x, y).compile()
    return lambda _: Solution(0, converged=True, value=float(jax.block_until_ready(compiled(x, y))) ** 0.5)


_KEPT = ("POT sinkhorn", "POT log", "POT stabilized", "OTT", "OTT momentum")
NEWTON: dict[str, Method] = {name: STORED[name] for name in _KEPT} | {
    f"RegOT {name}": Method("regot", "threshold", partial(_regot, solver=f"sinkhorn_{name}"))
    for name in ("ssns", "splr", "newton", "sparse_newton")
}
EXACT: dict[str, Method] = {
    "POT emd": Method("pot", "once", _pot_emd),
    "SciPy assignment": Method("scipy", "once", _scipy_assignment),
}
SPARSE: dict[str, Method] = {
    "POT smooth": Method("pot", "once", _pot_smooth),
    "RegOT grssn": Method("regot", "threshold", _regot_quadratic),
}
SLICED: dict[str, Method] = {
    "POT sliced": Method("pot", "once", _pot_sliced),
    "OTT sliced": Method("ott-jax", "once", _ott_sliced),
}
