"""What the first second costs: importing wassail after NumPy, and the first 100 × 100 solve."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import launch
from measure import spread

_IMPORT = """
import json, time
import numpy as np
start = time.perf_counter()
import wassail
imported = time.perf_counter() - start
from wassail import ot
cost = np.random.default_rng(0).random((100, 100))
start = time.perf_counter()
ot.sinkhorn(cost, epsilon=0.05)
first = time.perf_counter() - start
start = time.perf_counter()
ot.sinkhorn(cost, epsilon=0.05)
print(json.dumps([imported, first, time.perf_counter() - start]))
"""
TRIES = 15


def measure(options: Any) -> list[dict[str, Any]]:
    """Medians over fresh processes; the first process warms the file cache and is left out."""
    command = [sys.executable, "-c", _IMPORT]
    environment = launch.environment(options.threads)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    launch.wait_until_quiet(options.threads)
    tries = []
    for _ in range(1 + (5 if options.quick else TRIES)):
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        tries.append(json.loads(done.stdout.splitlines()[-1]))
    names = ("import over numpy", "first 100 x 100 solve", "second 100 x 100 solve")
    return [
        {"instance": name, "seconds": spread(list(column))["median"], "spread": spread(list(column))}
        for name, column in zip(names, zip(*tries[1:], strict=True), strict=True)
    ]
