"""How good a solution is, computed again in float64 by NumPy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from families import PlanProblem, SlicedProblem
    from instances import CloudProblem, Problem
    from measure import Solution

SAMPLE = 1000  # rows and columns checked when a cloud is too large for a full check


def stored_error(problem: Problem, solution: Solution) -> float:
    """Compute ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁ in float64, by NumPy alone."""
    a, b = problem.a, problem.b
    if solution.plan is not None:
        plan = np.asarray(solution.plan, dtype=np.float64)
        return float(np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum())
    f, g = (np.asarray(v, dtype=np.float64) for v in (solution.f, solution.g))
    rows, columns = np.empty(len(a)), np.zeros(len(b))
    for start in range(0, len(a), 500):
        part = slice(start, start + 500)
        block = np.exp((f[part, None] + g[None, :] - problem.cost[part]) / problem.epsilon)
        block *= a[part, None] * b[None, :]
        rows[part] = block.sum(1)
        columns += block.sum(0)
    return float(np.abs(rows - a).sum() + np.abs(columns - b).sum())


def cloud_error(problem: CloudProblem, solution: Solution) -> float:
    """Compute the marginal error of a cloud; above 10 000 points from a random sample of rows and columns."""
    f, g = (np.asarray(v, dtype=np.float64) for v in (solution.f, solution.g))
    x, y = problem.x.astype(np.float64), problem.y.astype(np.float64)
    return _one_side(x, y, f, g, problem.epsilon) + _one_side(y, x, g, f, problem.epsilon)


def _one_side(x: Any, y: Any, f: Any, g: Any, epsilon: float) -> float:
    """‖P1 − a‖₁ with uniform weights, over all rows or a sample of them."""
    n, m = len(x), len(y)
    rows = np.arange(n) if n <= 10_000 else np.random.default_rng(0).choice(n, SAMPLE, replace=False)
    squares = (y**2).sum(1)
    deviation = 0.0
    for start in range(0, len(rows), 200):
        part = rows[start : start + 200]
        cost = (x[part] ** 2).sum(1)[:, None] + squares[None, :] - 2 * (x[part] @ y.T)
        mass = np.exp((f[part, None] + g[None, :] - cost) / epsilon).sum(1) / m
        deviation += float(np.abs(mass - 1.0).sum())
    return deviation / len(rows)


def plan_error(problem: PlanProblem, solution: Solution) -> float:
    """Compute ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁ of a sparse or dense plan, and its cost."""
    rows, columns, mass = _entries(solution.plan)
    if problem.cost is None:
        x, y = problem.points
        costs = ((x[rows] - y[columns]) ** 2).sum(1)
    else:
        costs = problem.cost[rows, columns]
    solution.value = float(mass @ costs)
    return _marginal_error(problem, rows, columns, mass)


def dual_error(problem: PlanProblem, solution: Solution) -> float:
    """Compute the marginal error of a plan, and the dual value of its potentials (k entries a column at most)."""
    f, g = (np.asarray(v, dtype=np.float64) for v in (solution.f, solution.g))
    total = 0.0
    for start in range(0, len(g), 500):
        part = slice(start, start + 500)
        slack = np.maximum(f[:, None] + g[None, part] - problem.cost[:, part], 0.0)
        if problem.max_nonzeros is not None:
            slack = -np.partition(-slack, problem.max_nonzeros - 1, axis=0)[: problem.max_nonzeros]
        total += float((slack**2).sum())
    solution.value = float(f @ problem.a + g @ problem.b) - total / (2.0 * problem.gamma)
    return _marginal_error(problem, *_entries(solution.plan))


def _entries(plan: Any) -> tuple[Any, Any, Any]:
    """Rows, columns and masses of a plan."""
    if hasattr(plan, "tocoo"):
        plan = plan.tocoo()
        return plan.row, plan.col, np.asarray(plan.data, dtype=np.float64)
    plan = np.asarray(plan, dtype=np.float64)
    rows, columns = np.nonzero(plan)
    return rows, columns, plan[rows, columns]


def _marginal_error(problem: PlanProblem, rows: Any, columns: Any, mass: Any) -> float:
    sent = np.bincount(rows, weights=mass, minlength=len(problem.a))
    received = np.bincount(columns, weights=mass, minlength=len(problem.b))
    return float(np.abs(sent - problem.a).sum() + np.abs(received - problem.b).sum())


def sliced_error(problem: SlicedProblem, solution: Solution) -> float:
    """Relative error of the distance of order 2 on the directions given."""
    squares = 0.0
    for direction in problem.directions:
        x, y = np.sort(problem.x @ direction), np.sort(problem.y @ direction)
        squares += float(((x - y) ** 2).mean())
    exact = (squares / len(problem.directions)) ** 0.5
    return abs(solution.value - exact) / exact
