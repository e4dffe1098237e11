"""How much faster two threads are than one, with many chains."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import measure
import numpy as np
import report
import sampling_ours as ours
import sampling_problems as problems
import sampling_store as store

from wassail import _core, sampling

SECONDS = 0.4  # of a run with one thread
PAIRS = 15  # of runs with one thread and two
CASES = {
    "MALA, Gaussian d=1000, 64 chains": ("mala", "gauss1000", 64, True),
    "ULA, Gaussian d=1000, 64 chains": ("ula", "gauss1000", 64, True),
    "MALA, Gaussian d=100, 16 chains": ("mala", "diagonal100", 16, True),
    "BAOAB, Gaussian d=1000, 64 chains": ("underdamped", "gauss1000", 64, True),
    "MALA, logistic 1000 × 50, C pointer, 64 chains": ("mala", "logistic", 64, False),
}


def case(name: str, key: str, chains: int, *, native: bool) -> dict[str, Any]:
    """Time both numbers of threads in turns, so that a busy moment meets both."""
    problem = problems.RATES[key]()
    density, _ = ours.target(problem, native=native)
    x0 = problems.start(problem, chains) * 0.1

    def run(threads: int, steps: int) -> np.ndarray:
        return getattr(sampling, name)(
            density, x0, n_samples=1, thin=steps, n_warmup=0, step_size=1e-3, rng=0, n_threads=threads
        ).draws

    steps = lasting(SECONDS, lambda n: run(1, n))
    if not np.array_equal(run(1, steps), run(2, steps)):
        raise RuntimeError("bits depend on threads")
    pairs = [[measure.clock(lambda t=t: run(t, steps))[1] for t in (1, 2)] + [normals()] for _ in range(PAIRS)]
    efficiencies = [one / (2 * two) for one, two, _ in pairs]
    return {
        "efficiency": statistics.median(efficiencies),
        "machine": statistics.median(p[2] for p in pairs),
        "ratios": [own / machine for own, (_, _, machine) in zip(efficiencies, pairs, strict=True)],
        "all": efficiencies,
        "one": statistics.median(p[0] for p in pairs),
    }


def lasting(seconds: float, run: Callable[[int], Any]) -> int:
    """Return the steps that take so long, from a run in which what is not steps hardly counts."""
    steps = 20
    while (spent := measure.clock(partial(run, steps))[1]) < seconds / 4:
        steps *= 3
    return int(seconds / spent * steps)


def normals() -> float:
    """Return the efficiency of two threads that make normals and share nothing: what the machine gives just then."""
    one, two = (measure.clock(lambda t=t: _core.bench_normals(4096, 20_000, t))[1] for t in (1, 2))
    return one / two


def measure_all(options: Any) -> None:
    """Fill the store."""
    for title, (name, key, chains, native) in CASES.items() if options.wassail else ():
        store.measured("cores", lambda: case(name, key, chains, native=native), title, again=True)  # noqa: B023


def tables() -> str:
    """Return the table."""
    body = []
    for key, row in store.load().items():
        if key.startswith("cores|") and "efficiency" in row:
            low, high = min(row["all"]), max(row["all"])
            body.append(
                [
                    key.split("|")[1],
                    report.duration(row["one"]),
                    f"{100 * row['efficiency']:.0f} %{store.mark(row)}",
                    f"{100 * low:.0f} – {100 * high:.0f} %",
                    f"{100 * row['machine']:.0f} %",
                    f"{100 * statistics.median(row['ratios']):.0f} %",
                ]
            )
    return report.table(
        ["what", "one thread", "efficiency of two", "range", "of the machine's own normals", "ratio"], body
    )
