"""Stored costs too large for cache: the scaling form's sweep against the memory's read bandwidth."""

from __future__ import annotations

from typing import Any

import numpy as np
import ours
from instances import Stored

SIZE = 12_000
FRACTION = 1e-2  # slow enough to converge that every sweep asked for is made


def measure(options: Any, limits: dict[str, float]) -> list[dict[str, Any]]:
    """One read of every stored entry a sweep is what a sweep must pay."""
    n = SIZE // 3 if options.quick else SIZE
    problem = Stored("gauss2", n, FRACTION).build()
    rows = []
    for dtype in (np.float64, np.float32):
        cost = problem.cost.astype(dtype, copy=False)
        seconds = ours.sweep_seconds(cost, problem.epsilon, options.threads)
        rate = cost.nbytes / seconds
        rows.append(
            {
                "instance": f"gauss2 n={n} {np.dtype(dtype).name}",
                "seconds": seconds,
                "bytes_per_second": rate,
                "share": rate / limits["read"],
            }
        )
    return rows
