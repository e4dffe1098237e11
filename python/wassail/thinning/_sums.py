"""Sums over pairs of points."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.kernels import Kernel, core_kernel

F64 = NDArray[np.float64]


def pair_sum(kernel: Kernel, x: NDArray[Any], y: NDArray[Any], v: F64 | None, w: F64 | None, n_threads: int) -> float:
    """
    Return the sum of v_i w_j k(x_i, y_j) of points as the core reads them; None means equal weights with sum 1.

    In float64 whatever the points: differences of such sums cancel.
    """
    weights = np.full(len(y), 1.0 / len(y)) if w is None else w
    rows = _core.kernel_row_sums(core_kernel(kernel), x.astype(np.float64), y.astype(np.float64), weights, n_threads)
    return float(rows.mean() if v is None else v @ rows)
