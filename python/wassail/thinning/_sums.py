"""Sums over pairs of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wassail.kernels import Kernel

F64 = NDArray[np.float64]
Points = NDArray[np.float32] | NDArray[np.float64]
_VALUES = 2**20


def pair_sum(kernel: Kernel, x: Points, y: Points, v: F64 | None, w: F64 | None, n_threads: int) -> float:
    """Return the sum of v_i w_j k(x_i, y_j); None means equal weights with sum 1."""
    rows = max(1, _VALUES // len(y))
    right = np.full(len(y), 1.0 / len(y)) if w is None else w
    left = np.full(len(x), 1.0 / len(x)) if v is None else v
    total = 0.0
    for start in range(0, len(x), rows):
        some = slice(start, start + rows)
        total += float(left[some] @ (kernel(x[some], y, n_threads=n_threads or None) @ right))
    return total
