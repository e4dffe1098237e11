"""Simulated statistics: many sign vectors at once, packed into bits, the first one that of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._memory import require_memory
from wassail.discrepancy._samples import F64

_CHUNK = 1 << 22


def _room(count: int, n: int) -> None:
    require_memory((count + 1) * n // 4, f"{count} sign vectors of {n}", "use fewer points, or compress_then_test")


def rademacher(rng: np.random.Generator, count: int, n: int, flip: float = 0.5) -> NDArray[np.uint8]:
    """
    Return the bits of a vector of ones and of `count` random vectors, (count + 1, ceil(n / 8)).

    Each sign differs from the one before with probability `flip`. The first sign is +1 always: a vector and its negative
    give the same quadratic form.
    """
    _room(count, n)
    width = -(-n // 8)
    if flip == 0.5:
        bits = rng.integers(0, 256, size=(count + 1, width), dtype=np.uint8)
        bits[:, 0] |= 1
    else:
        bits = np.zeros((count + 1, width), dtype=np.uint8)
        for row in bits:
            flips = rng.random(n) < flip
            flips[0] = False
            row[:] = np.packbits(np.cumsum(flips) % 2 == 0, bitorder="little")
    bits[0] = 255
    return bits


def permutations(rng: np.random.Generator, count: int, n: int, m: int) -> NDArray[np.uint8]:
    """Return the bits of n ones and m zeros in order and of `count` permutations of them, (count + 1, ceil((n + m) / 8))."""
    _room(count, n + m)
    labels = np.arange(n + m) < n
    bits = np.zeros((count + 1, -(-(n + m) // 8)), dtype=np.uint8)
    bits[0] = np.packbits(labels, bitorder="little")
    for row in bits[1:]:
        shuffled = rng.permutation(labels)
        # Samples of one size may change names: the same split then has the same bits.
        row[:] = np.packbits(~shuffled if n == m and not shuffled[0] else shuffled, bitorder="little")
    return bits


def paired_statistics(
    core: _core.Kernel, x: NDArray[Any], y: NDArray[Any], bits: NDArray[np.uint8], n_threads: int
) -> F64:
    """Return the U-statistics of samples whose i-th points change places where sign i is −1."""
    n = x.shape[0]
    return _core.kernel_sign_forms([core], x, y, None, bits, n_threads)[0] / (n * (n - 1.0))


def stein_statistics(
    core: _core.Kernel, points: NDArray[Any], factors: F64 | None, bits: NDArray[np.uint8], n_threads: int
) -> F64:
    """Return the U-statistics of KSD² and their wild bootstrap."""
    n = points.shape[0]
    return _core.kernel_sign_forms([core], points, None, factors, bits, n_threads)[0] / (n * (n - 1.0))


def split_statistics(
    core: _core.Kernel, z: NDArray[Any], n: int, bits: NDArray[np.uint8], n_threads: int
) -> tuple[F64, float]:
    """
    Return the U-statistics of the pooled sample for each way to split it into n and the rest, and their rounding.

    With signs s and the kernel matrix K without diagonal, the sums over the pairs within and between the parts follow
    from 1'K1 = S_xx + S_yy + 2 S_xy, s'Ks = S_xx + S_yy − 2 S_xy and s'K1 = S_xx − S_yy.
    """
    m = z.shape[0] - n
    forms = _core.kernel_sign_forms([core], z, None, None, bits, n_threads)[0]
    rows = _core.kernel_symmetric_sums(core, z, np.ones((1, n + m)), n_threads)[0]
    total = float(rows.sum())
    difference = np.zeros(forms.size) if n == m else _signed_sums(bits, rows)
    within, between = (total + forms) / 2.0, (total - forms) / 4.0
    statistics = (
        (within + difference) / (2.0 * n * (n - 1.0))
        + (within - difference) / (2.0 * m * (m - 1.0))
        - 2.0 * between / (float(n) * m)
    )
    return statistics, rounding(z, (abs(total) + float(np.abs(forms).max())) / (min(n, m) * (min(n, m) - 1.0)))


def _signed_sums(bits: NDArray[np.uint8], values: F64) -> F64:
    """Return Σ_i s_i v_i for each vector; not a matrix product, whose bits would depend on threads."""
    step = max(1, _CHUNK // values.size)
    sums = []
    for start in range(0, bits.shape[0], step):
        positive = np.unpackbits(bits[start : start + step], axis=1, count=values.size, bitorder="little")
        sums.append(np.where(positive.view(bool), values, -values).sum(axis=1))
    return np.concatenate(sums)


def rounding(points: NDArray[Any], scale: float) -> float:
    """Return by how much two equal statistics made of terms of this scale may differ."""
    return 2.0 * float(np.finfo(points.dtype).eps) * scale
