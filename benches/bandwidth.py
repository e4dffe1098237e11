"""Stored costs too large for cache: the scaling form's sweep against the memory's read bandwidth."""

from __future__ import annotations

from typing import Any

import numpy as np
import ours

SIZE = 12_000
FRACTION = 0.1


def measure(options: Any, limits: dict[str, float]) -> list[dict[str, Any]]:
    """One read of every stored entry a sweep is what a sweep must pay."""
    n = SIZE // 3 if options.quick else SIZE
    rows = []
    for dtype in (np.float64, np.float32):
        cost = np.random.default_rng(n).random((n, n), dtype=dtype)
        seconds = ours.sweep_seconds(cost, FRACTION * float(cost.max()), options.threads)
        rate = cost.nbytes / seconds
        rows.append(
            {
                "instance": f"uniform n={n} {np.dtype(dtype).name}",
                "seconds": seconds,
                "bytes_per_second": rate,
                "share": rate / limits["read"],
            }
        )
    return rows
