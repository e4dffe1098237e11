"""The adapters of wassail: its tolerance is the accuracy asked for, nothing is tuned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from measure import Solution, clock, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from instances import CloudProblem, Problem

NAME = "wassail"
ENOUGH = 1_000_000


def stored(problem: Problem, threads: int) -> Callable[[float], Solution]:
    """Solve a stored-cost problem to ``tol``; the plan stays lazy."""
    from wassail import ot  # type: ignore[import-not-found]

    def solve(tol: float) -> Solution:
        result = ot.sinkhorn(
            problem.cost,
            problem.a,
            problem.b,
            epsilon=problem.epsilon,
            tol=tol,
            max_iter=ENOUGH,
            n_threads=threads,
        )
        return _solution(result)

    return solve


def cloud(problem: CloudProblem, threads: int) -> Callable[[float], Solution]:
    """Solve a point-cloud problem to ``tol`` without its matrix."""
    from wassail import ot

    points = ot.PointCloud(problem.x, problem.y)
    return lambda tol: _solution(
        ot.sinkhorn(points, epsilon=problem.epsilon, tol=tol, max_iter=ENOUGH, n_threads=threads)
    )


def plan_seconds(problem: Problem, tol: float, threads: int) -> float:
    """Time of a solve together with the dense plan, which is what POT always returns."""
    from wassail import ot

    def solve() -> Any:
        options = {"epsilon": problem.epsilon, "tol": tol, "max_iter": ENOUGH, "n_threads": threads}
        return ot.sinkhorn(problem.cost, problem.a, problem.b, **options).plan

    return spread([clock(solve)[1] for _ in range(3)])["median"]


def sweep_seconds(cost: Any, epsilon: float, threads: int, sweeps: int = 10) -> float:
    """Seconds of one sweep: the difference of two fixed numbers of them, set-up and annealing left out."""
    import warnings

    from wassail import ot

    def solve(count: int) -> tuple[Any, float]:
        options = {"tol": 1e-300, "max_iter": count, "anneal": None, "relaxation": None, "n_threads": threads}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clock(lambda: ot.sinkhorn(cost, epsilon=epsilon, **options).n_iter)

    solve(2)
    few = [solve(2) for _ in range(3)]
    many = [solve(2 + sweeps) for _ in range(3)]
    done = many[0][0] - few[0][0]  # fewer than asked for where the solver has nothing left to do
    return max(min(t for _, t in many) - min(t for _, t in few), 1e-9) / max(done, 1)


def _solution(result: Any) -> Solution:
    return Solution(int(result.n_iter), bool(result.converged), f=result.f, g=result.g)
