"""The adapters of wassail for the newer parts. What a build lacks is a word in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measure import Solution
from ours import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Callable

    from families import PlanProblem, SlicedProblem
    from instances import Problem


def _function(name: str) -> Callable[..., Any]:
    """Give a public function of wassail, or say that it is absent."""
    from wassail import ot  # type: ignore[import-not-found]

    if not hasattr(ot, name):
        raise ImportError(name=f"ot.{name}")
    return getattr(ot, name)


def _entropic(problem: Problem, threads: int, *, name: str) -> Callable[[float], Solution]:
    solver = _function(name)

    def solve(tol: float) -> Solution:
        result = solver(
            problem.cost,
            problem.a,
            problem.b,
            epsilon=problem.epsilon,
            tol=tol,
            max_iter=ENOUGH,
            n_threads=threads,
        )
        return Solution(int(result.n_iter), bool(result.converged), f=result.f, g=result.g)

    return solve


def _newton(problem: Problem, threads: int) -> Callable[[float], Solution]:
    return _entropic(problem, threads, name="sinkhorn_newton")


def _sinkhorn(problem: Problem, threads: int) -> Callable[[float], Solution]:
    return _entropic(problem, threads, name="sinkhorn")


def _cost(problem: PlanProblem) -> Any:
    from wassail import ot

    return ot.PointCloud(*problem.points) if problem.cost is None else problem.cost


def _exact(problem: PlanProblem, threads: int) -> Callable[[float], Solution]:
    solver, cost = _function("exact"), _cost(problem)

    def solve(_: float) -> Solution:
        result = solver(cost, problem.a, problem.b, n_threads=threads)
        return Solution(int(result.n_iter), bool(result.converged), plan=result.sparse_plan(), gap=result.gap)

    return solve


def _assignment(problem: PlanProblem, threads: int) -> Callable[[float], Solution]:
    solver, cost, n = _function("assignment"), _cost(problem), len(problem.a)

    def solve(_: float) -> Solution:
        result = solver(cost, n_threads=threads)
        plan = result.sparse_plan() / n
        return Solution(int(result.n_iter), bool(result.converged), plan=plan, gap=result.gap / n)

    return solve


def _sparse(problem: PlanProblem, threads: int, *, tol: float = 1e-9) -> Callable[[float], Solution]:
    solver = _function("sparse_transport")

    def solve(accuracy: float) -> Solution:
        result = solver(
            problem.cost,
            problem.a,
            problem.b,
            max_nonzeros=problem.max_nonzeros,
            gamma=problem.gamma,
            tol=min(accuracy, tol),
            n_threads=threads,
        )
        # Where columns tie no method converges; the value is what is compared.
        done = bool(result.converged) or problem.max_nonzeros is not None
        plan = result.sparse_plan()
        return Solution(int(result.n_iter), done, plan=plan, f=result.f, g=result.g, gap=result.gap)

    return solve


def _loose_sparse(problem: PlanProblem, threads: int) -> Callable[[float], Solution]:
    """Stop at 1e-4, where the dual value is above those at which peers stall."""
    return _sparse(problem, threads, tol=1e-4)


def _sliced(problem: SlicedProblem, threads: int) -> Callable[[float], Solution]:
    solver = _function("sliced_wasserstein")

    def solve(_: float) -> Solution:
        result = solver(problem.x, problem.y, projections=problem.directions, n_threads=threads)
        return Solution(0, converged=True, value=result.value)

    return solve


NEWTON = {"wassail newton": _newton, "wassail sinkhorn": _sinkhorn}
EXACT = {"wassail exact": _exact, "wassail assignment": _assignment}
SPARSE = {"wassail sparse": _sparse, "wassail sparse to 1e-4": _loose_sparse}
SLICED = {"wassail sliced": _sliced}
