"""Time and peak memory of chains of a million coordinates, in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import report
import sampling_store as store

DIMENSION, CHAINS = 1_000_000, 4
PROGRAM = """
import json, resource, sys, tempfile, time
from pathlib import Path
import numpy as np
from wassail import sampling


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


d, chains, steps, thin, what = map(json.loads, sys.argv[1:6])
target = sampling.targets.Gaussian(np.zeros(d), np.linspace(1.0, 2.0, d))
x0 = np.random.default_rng(0).normal(size=(chains, d)) / np.sqrt(np.linspace(1.0, 2.0, d))
before = peak()
with tempfile.TemporaryDirectory(dir=".") as folder:
    keep = {
        "moments": lambda: sampling.Moments(),
        "quantiles": lambda: sampling.Moments(quantiles=(0.05, 0.5, 0.95)),
        "coordinates": lambda: sampling.Keep(coordinates=[0, d // 2, d - 1]),
        "file": lambda: sampling.Keep(file=Path(folder) / "draws.npy"),
    }[what]()
    begun = time.perf_counter()
    result = sampling.mala(
        target, x0, n_samples=steps // thin, thin=thin, n_warmup=0, step_size=0.3 * d ** (-1 / 3), rng=0, keep=keep
    )
    seconds = time.perf_counter() - begun
print(json.dumps({"seconds": seconds, "before": before, "peak": peak(), "acceptance": result.mean_acceptance}))
"""
CASES = {  # steps, steps per draw
    "means and deviations": ("moments", 300, 1),
    "three quantiles besides": ("quantiles", 100, 1),
    "three coordinates": ("coordinates", 300, 1),
    "every tenth draw, in a file": ("file", 300, 10),
}


def measure_all(options: Any) -> None:
    """Fill the store."""
    for name, (what, steps, thin) in CASES.items() if options.wassail else ():
        numbers = [DIMENSION, CHAINS, steps // (10 if options.quick else 1), thin, what]
        command = [sys.executable, "-W", "ignore", "-c", PROGRAM, *map(json.dumps, numbers)]

        def run() -> dict[str, Any]:
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: B023
            return json.loads(out) | {"steps": numbers[2]}  # noqa: B023

        store.measured("memory", run, name, again=True)


def tables() -> str:
    """Return the table."""
    body = [
        [
            key.split("|")[1],
            str(row["steps"]),
            report.duration(row["seconds"]) + store.mark(row),
            f"{1e9 * row['seconds'] / (row['steps'] * CHAINS * DIMENSION):.2f} ns",
            f"{row['before']:.0f} MB",
            f"{row['peak']:.0f} MB",
        ]
        for key, row in store.load().items()
        if key.startswith("memory|") and "seconds" in row
    ]
    head = ["what is kept", "steps of each chain", "time", "a coordinate and step", "memory before", "peak"]
    return report.table(head, body)
