"""Timing with spread, independent accuracy checks, and the tuning of a solver's own stopping rule."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from instances import CloudProblem, Problem

LONG_RUN = 10.0  # seconds: above this one run is enough
SAMPLE = 1000  # rows and columns checked when a cloud is too large for a full check


class OverLimitError(Exception):
    """A run used up its time."""


@dataclass
class Solution:
    """What a solver returned: a plan, or potentials with P = a b exp((f + g - C) / epsilon)."""

    iterations: int
    converged: bool
    plan: Any = None
    f: Any = None
    g: Any = None


@dataclass
class Attempt:
    """One run of a solver at one setting of its stopping rule."""

    setting: float
    seconds: float
    error: float
    iterations: int
    converged: bool


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`OverLimitError` in pure Python loops that run too long."""

    def stop(_signal: int, _frame: object) -> None:
        raise OverLimitError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)


def clock(function: Callable[[], Any]) -> tuple[Any, float]:
    """Return the result of a call and its wall time."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def repeat(function: Callable[[], Any], first: float, budget: float = 1.0, most: int = 15) -> list[float]:
    """Time more calls: three at least unless one is long, then until the budget is spent."""
    if first > LONG_RUN:
        return [first]
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < budget and len(seconds) < most):
        seconds.append(clock(function)[1])
    return seconds


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, extremes and count of repeated timings."""
    return {
        "median": float(np.median(seconds)),
        "low": min(seconds),
        "high": max(seconds),
        "repeats": len(seconds),
    }


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


def tune_threshold(
    solve: Callable[[float], Solution], error: Callable[[Solution], float], accuracy: float
) -> tuple[Attempt | None, Attempt]:
    """Find the loosest stopping threshold that reaches the accuracy: (best or None, last attempt)."""
    best: Attempt | None = None
    setting = accuracy / 10
    for _ in range(4):
        try:
            last = attempt(solve, error, setting)
        except OverLimitError:
            if best is None:
                raise
            break
        if not last.converged and last.error > accuracy:
            break
        if not last.error <= accuracy:
            setting *= 0.8 * accuracy / last.error
            continue
        unchanged = best is not None and last.iterations >= best.iterations
        if not unchanged:
            best = last
        if unchanged or last.error > accuracy / 2 or last.seconds > LONG_RUN:
            break
        setting *= min(0.9 * accuracy / max(last.error, 1e-300), 1e3)
    return best, last


def tune_count(
    solve: Callable[[float], Solution], error: Callable[[Solution], float], accuracy: float
) -> tuple[Attempt | None, Attempt]:
    """Find the smallest number of iterations that reaches the accuracy, for solvers without a tolerance."""
    low, count = 1, 8
    last = attempt(solve, error, count)
    while not last.error <= accuracy and count < 100_000:
        low, count, before = count, 2 * count, last.error
        try:
            last = attempt(solve, error, count)
        except OverLimitError:
            return None, last
        if count >= 64 and last.error > max(before / 4, 100 * accuracy):
            break  # the error falls like 1 / count or slower: out of reach
    if not last.error <= accuracy:
        return None, last
    best = last
    for _ in range(2):
        middle = round((low * best.setting) ** 0.5)
        try:
            last = attempt(solve, error, middle)
        except OverLimitError:
            break
        if last.error <= accuracy:
            best = last
        else:
            low = middle
    return best, last


def attempt(solve: Callable[[float], Solution], error: Callable[[Solution], float], setting: float) -> Attempt:
    """Run a solver once at one setting."""
    solution, seconds = clock(lambda: solve(setting))
    reached = error(solution)
    return Attempt(setting, seconds, reached, solution.iterations, solution.converged)
