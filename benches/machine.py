"""What this machine can do at best: read bandwidth, exponentials, multiply-adds, squared distances."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

READ_BYTES = 2 * 1024**3  # far more than any cache
VECTOR = 4096  # numbers that stay in the first cache
REPEATS = 20_000
MISSING = "the compiled core has no such probe"


def _core() -> Any:
    try:
        from wassail import _core  # type: ignore[import-not-found]
    except ImportError:
        return None
    return _core


def _best_rate(work: float, run: Callable[[], float], times: int = 5) -> float:
    """Work per second of the fastest run; limits are about what is possible."""
    return work / max(min(run() for _ in range(times)), 1e-12)


def numpy_read_rate() -> float:
    """Bytes per second of a NumPy sum on one thread, when the core offers nothing better."""
    data = np.ones(READ_BYTES // 8)

    def run() -> float:
        start = time.perf_counter()
        data.sum()
        return time.perf_counter() - start

    return _best_rate(data.nbytes, run, times=3)


def measure(threads: int) -> dict[str, float]:
    """All limits on ``threads`` threads: bytes, exponentials, FMAs or pairs per second."""
    core = _core()
    limits: dict[str, float] = {}
    if core is None or not hasattr(core, "bench_read"):
        print(f"machine limits: {MISSING}; bandwidth by a NumPy sum on one thread", flush=True)
        return {"read": numpy_read_rate()}
    limits["read"] = _best_rate(READ_BYTES * 2, lambda: core.bench_read(READ_BYTES, 2, threads))
    for name, single in (("f64", False), ("f32", True)):
        exponentials = VECTOR * REPEATS * threads
        limits[f"exp {name}"] = _best_rate(
            exponentials, lambda single=single: core.bench_exp(VECTOR, REPEATS, single, threads)
        )
        limits[f"fma {name}"] = _best_rate(
            exponentials, lambda single=single: core.bench_fma(VECTOR, REPEATS, single, threads)
        )
        for d in (3, 50):
            n = 2000
            limits[f"distance {name} d={d}"] = _best_rate(
                n * n * 5, lambda d=d, n=n, single=single: core.bench_distance(n, d, 5, single, threads)
            )
    return limits


def pair_bound(limits: dict[str, float], d: int, *, float32: bool) -> float | None:
    """Seconds of one pair of a sweep: a distance, an exponential and two accumulations."""
    name = "f32" if float32 else "f64"
    distance = limits.get(f"distance {name} d={d}")
    if distance is None:
        return None
    return 1 / distance + 1 / limits[f"exp {name}"] + 2 / limits[f"fma {name}"]


def lines(limits: dict[str, float]) -> list[list[str]]:
    """Rows of the table of limits."""
    units = {"read": "GB/s", "exp": "G/s", "fma": "G/s", "distance": "G pairs/s"}
    return [[name, f"{rate / 1e9:.2f}", units[name.split()[0]]] for name, rate in limits.items()]
