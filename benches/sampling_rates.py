"""Steps of the built-in Gaussian against the machine: random numbers, multiply-adds, memory, whichever binds."""

from __future__ import annotations

import statistics
from typing import Any

import machine
import measure
import numpy as np
import report
import sampling_store as store

from wassail import _core, sampling

DIMENSIONS = (100, 1000, 100_000)
OPERATIONS = {"ula": 6, "mala": 10}  # vector operations a coordinate beside the normal
NORMALS = 4096  # in the first-level cache
RUNS = 7


def limits(threads: int) -> dict[str, float]:
    """Rates of all threads together, the best of some runs."""
    best = machine._best_rate  # noqa: SLF001
    near = 8 * 1024**2 * threads
    return {
        "normals": best(NORMALS * 3000 * threads, lambda: _core.bench_normals(NORMALS, 3000, threads)),
        "FMA": best(4096 * 20_000 * threads, lambda: _core.bench_fma(4096, 20_000, False, threads)),
        "shared cache": best(near * 200, lambda: _core.bench_read(near, 200, threads)),
        "memory": best(2 * machine.READ_BYTES, lambda: _core.bench_read(machine.READ_BYTES, 2, threads), times=3),
    }


def bound(rates: dict[str, float], name: str, d: int) -> tuple[float, str]:
    """Return the steps per second of all threads that the machine allows, and what allows no more."""
    times = {
        "normals": d / rates["normals"],
        "FMA": d * OPERATIONS[name] / rates["FMA"],
        "traffic": d / rates["traffic"],
    }
    binding = max(times, key=lambda limit: times[limit])
    return 1.0 / times[binding], binding


def steps_per_second(name: str, d: int, threads: int, seconds: float) -> dict[str, list[float]]:
    """One chain a thread, started in equilibrium; nothing but the last of many steps is kept.

    The normals are timed before and after each run, and the traffic of its arrays after it: a virtual machine's
    neighbors slow all of them down.
    """
    precision = np.linspace(1.0, 2.0, d)
    target = sampling.targets.Gaussian(np.zeros(d), precision)
    x0 = np.random.default_rng(0).normal(size=(threads, d)) / np.sqrt(precision)
    step_size = 0.1 if name == "ula" else 0.3 * d ** (-1 / 3)
    thin = max(1, int(seconds * 2e8 / d / 8))

    def run() -> Any:
        return getattr(sampling, name)(
            target, x0, n_samples=8, n_warmup=0, step_size=step_size, thin=thin, rng=0, n_threads=threads
        )

    def normals() -> float:
        count = NORMALS * 1000 * threads
        return count / measure.clock(lambda: _core.bench_normals(NORMALS, 1000, threads))[1]

    repeats = max(1, int(2e7 / d))

    def traffic() -> float:
        return d * repeats * threads / _core.bench_streams(d, repeats, threads)

    run()
    found: dict[str, list[float]] = {"rates": [], "normals": [], "traffic": []}
    for _ in range(RUNS):
        before = normals()
        found["rates"].append(8 * thin * threads / measure.clock(run)[1])
        found["normals"].append(0.5 * (before + normals()))
        found["traffic"].append(traffic())
    return found


def measure_all(options: Any) -> None:
    """Fill the store."""
    for threads in (1, 2):
        rates = store.watched(lambda: limits(threads))  # noqa: B023
        store.keep("limits", {"threads": threads, **rates}, threads)
        for name in OPERATIONS:
            for d in DIMENSIONS:
                seconds = 0.1 if options.quick else 0.25
                row = store.watched(lambda: steps_per_second(name, d, threads, seconds))  # noqa: B023
                pairs = zip(row["normals"], row["traffic"], strict=True)
                bounds = [bound(rates | {"normals": n, "traffic": t}, name, d) for n, t in pairs]
                allowed, binding = sorted(bounds)[RUNS // 2]
                shares = [rate / most for rate, (most, _) in zip(row["rates"], bounds, strict=True)]
                row |= {"name": name, "d": d, "threads": threads}
                row |= {"bound": allowed, "binding": binding, "shares": shares}
                store.keep("shares", row, name, d, threads)


def tables() -> str:
    """Return both tables."""
    head = ["threads", "normals, M/s", "FMA, G/s", "shared cache, GB/s", "memory, GB/s"]
    body = [
        [
            str(r["threads"]) + store.mark(r),
            f"{r['normals'] / 1e6:.0f}",
            *(f"{r[k] / 1e9:.1f}" for k in ("FMA", "shared cache", "memory")),
        ]
        for r in store.rows("limits")
    ]
    text = "### What the machine can do\n\n" + report.table(head, body)
    head = ["sampler", "d", "threads", "steps/s (spread)", "limit", "allows", "share (range)", "traffic alone allows"]
    body = []
    for r in store.rows("shares"):
        middle = statistics.median(r["rates"])
        spread = max(r["rates"]) / min(r["rates"]) - 1
        allowed = f"{r['bound'] / 1e3:.3g} k"
        figures = [f"{middle / 1e3:.3g} k (+{100 * spread:.0f} %){store.mark(r)}", r["binding"], allowed]
        shares = sorted(r["shares"])
        share = f"{100 * statistics.median(shares):.0f} % ({100 * shares[0]:.0f} – {100 * shares[-1]:.0f} %)"
        traffic = f"{statistics.median(r['traffic']) / r['d'] / 1e3:.3g} k"
        body.append([r["name"].upper(), str(r["d"]), str(r["threads"]), *figures, share, traffic])
    return text + "\n\n### Steps of a diagonal Gaussian\n\n" + report.table(head, body)
