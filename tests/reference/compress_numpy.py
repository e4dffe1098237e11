"""
Compress with symmetrized kernel halvings in NumPy, from stored kernel matrices: what goodpoints' `compress_kt` does.

Algorithm 1 of Shetty, Dwivedi and Mackey, arXiv:2111.07941. A halving is KT-SPLIT with one round, the better of its
half and of every second point, one pass of KT-SWAP and a coin. Where the half is every *first* point both are equally
good, exactly: P − Q and Q − P for the same Q. Then `tie(K)` says whether the half wins.
"""

import math

import numpy as np

from tests.reference import kernel_thinning_numpy as thinning


def four(K, uniform):
    """Halve four points optimally."""
    near, cross, outer = K[0, 1] + K[2, 3], K[0, 2] + K[1, 3], K[1, 2] + K[0, 3]
    if outer < near and outer < cross:
        halves = [0, 3], [1, 2]
    elif near < cross and near <= outer:
        halves = [0, 1], [2, 3]
    else:
        halves = [0, 2], [1, 3]
    return np.array(halves[uniform >= 0.5])


def swap(K, chosen, rest):
    """Exchange each chosen point for the one of least MMD outside; the order of both halves is kept."""
    chosen, rest, m, mean = chosen.copy(), rest.copy(), len(chosen), K.mean(axis=1)
    for slot in range(m):
        others = np.delete(chosen, slot)
        score = np.diag(K) / m + 2.0 * (K[:, others].sum(axis=1) / m - mean)
        best = np.argmin(score[rest])
        if score[rest[best]] < score[chosen[slot]]:
            chosen[slot], rest[best] = rest[best], chosen[slot]
    return chosen, rest


def halve(K, delta, rng, tie):
    """Return half of the points."""
    s = len(K)
    if s == 4:
        return four(K, rng.random())
    uniforms = rng.random(s // 2)
    (chosen, rest), _ = thinning.split(K, 1, [2.0 * math.log(2.0 * s / delta)], lambda *at: uniforms[at[2]])
    mean, first, second = K.mean(axis=1), np.arange(0, s, 2), np.arange(1, s, 2)
    if np.array_equal(chosen, first):
        better = tie(K)
    else:
        better = thinning.relative(K, chosen, mean) < thinning.relative(K, second, mean)
    chosen, rest = swap(K, *((chosen, rest) if better else (second, first)))
    return rest if rng.random() > 0.5 else chosen


def compress(x, kernel, *, g, bins, delta, seed, tie):
    """Return indices of 2^g √(n · bins) of n = bins · 4^k points."""
    rng, n = np.random.default_rng(seed), len(x)
    base, rounds = 4 ** (g + 1), math.log2(n // bins) / 2 - g

    def run(order):
        if len(order) > base:
            order = np.concatenate([run(quarter) for quarter in np.split(order, 4)])
        return order[halve(kernel(x[order]), delta / base / rounds / n * len(order) ** 2, rng, tie)]

    return np.concatenate([run(part) for part in np.split(np.arange(n), bins)])


def by_rounding(K):
    """
    Return whether every first point wins in goodpoints, which compares two numbers that are equal but for rounding.

    Its sums run from left to right, and its kernel values are those of the C library: another rounding of a single
    exponential is enough to turn the answer.
    """
    m, mean = len(K) // 2, K.cumsum(axis=1)[:, -1] / len(K)

    def relative(chosen):
        inner = K[np.ix_(chosen, chosen)].cumsum(axis=1)[:, -1]
        return (inner / (m * m) - 2.0 * mean[chosen] / m).cumsum()[-1]

    return relative(np.arange(0, 2 * m, 2)) < relative(np.arange(1, 2 * m, 2))


def gaussian(bandwidth):
    """Return exp(−r² / bandwidth) rounded as in goodpoints."""

    def kernel(x):
        r2 = np.zeros((len(x), len(x)))
        for column in x.T:
            r2 += (column[:, None] - column) ** 2
        return np.vectorize(math.exp)(-r2 / bandwidth)

    return kernel
