"""Timing with spread, and the tuning of a solver's own stopping rule."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG_RUN = 10.0  # seconds: above this one run is enough


class OverLimitError(Exception):
    """A run used up its time."""


@dataclass
class Solution:
    """What a solver returned: a plan, or potentials, with P = a b exp((f + g - C) / epsilon) where it is entropic."""

    iterations: int  # 0 where there are none, or they are not told
    converged: bool
    plan: Any = None
    f: Any = None
    g: Any = None
    value: float | None = None  # checked, or filled in, by the check of the kind
    gap: float | None = None  # certified by the solver itself


@dataclass
class Attempt:
    """One run of a solver at one setting of its stopping rule."""

    setting: float
    seconds: float
    error: float
    iterations: int
    converged: bool
    value: float | None = None


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


def run_once(
    solve: Callable[[float], Solution], error: Callable[[Solution], float], accuracy: float
) -> tuple[Attempt | None, Attempt]:
    """Run a solver that has no stopping rule to tune."""
    last = attempt(solve, error, accuracy)
    return (last if last.error <= accuracy else None), last


TUNE = {"threshold": tune_threshold, "count": tune_count, "once": run_once}


def attempt(solve: Callable[[float], Solution], error: Callable[[Solution], float], setting: float) -> Attempt:
    """Run a solver once at one setting."""
    solution, seconds = clock(lambda: solve(setting))
    reached = error(solution)
    return Attempt(setting, seconds, reached, solution.iterations, solution.converged, solution.value)
