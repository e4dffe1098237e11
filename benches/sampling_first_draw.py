"""Time from the end of the import to the first draw, in fresh processes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import Any

import report
import sampling_store as store

PROGRAM = """
import numpy as np, json, time
from wassail import sampling
begun = time.perf_counter()
target = sampling.targets.Gaussian(np.zeros({d}), np.linspace(1.0, 2.0, {d}))
{call}
print(json.dumps(time.perf_counter() - begun))
"""
CALLS = {
    "one draw of a given step, d = 1000": (
        1000,
        "sampling.mala(target, np.zeros((4, 1000)), n_samples=1, step_size=0.01, rng=0)",
    ),
    "one draw after 200 steps of warm-up, d = 1000": (
        1000,
        "sampling.mala(target, np.zeros((4, 1000)), n_samples=1, rng=0)",
    ),
    "one draw through a NumPy callable, d = 1000": (
        1000,
        "sampling.mala(lambda x: (-0.5 * (x * x).sum(1), -x), np.zeros((4, 1000)), n_samples=1, step_size=0.01, rng=0)",
    ),
}


def measure_all(options: Any) -> None:
    """Fill the store."""
    for name, (d, call) in CALLS.items() if options.wassail else ():
        program = PROGRAM.format(d=d, call=call)
        command = [sys.executable, "-W", "ignore", "-c", program]
        found = [
            json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(7)
        ]
        store.keep("first", {"name": name, "seconds": found}, name)


def tables() -> str:
    """Return the table."""
    body = [
        [
            r["name"],
            report.duration(statistics.median(r["seconds"])),
            f"{report.duration(min(r['seconds']))} – {report.duration(max(r['seconds']))}",
        ]
        for r in store.rows("first")
    ]
    return report.table(["what", "median of 7 fresh processes", "range"], body)
