"""Halvings by features: against the algorithm written down with the matrix of the features, quality, limits."""

import numpy as np
import pytest

from wassail import _core, kernels, thinning
from wassail.exceptions import InputError, MemoryLimitError
from wassail.thinning._plan import split_multipliers, split_uniforms


def halve(K, points, multiplier, uniforms):
    """Split points into two halves: KT-SPLIT, one round."""
    left, right, variance = [], [], 0.0
    for i in range(len(points) // 2):
        p, q = points[2 * i], points[2 * i + 1]
        b2 = K[p, p] - 2.0 * K[p, q] + K[q, q]
        a = max(np.sqrt(variance * b2 * multiplier), b2)
        variance = b2 if variance == 0.0 else variance + b2 * max(0.0, 1.0 + (b2 / a - 2.0) * variance / a)
        alpha = K[p, right].sum() - K[p, left].sum() - K[q, right].sum() + K[q, left].sum()
        swap = uniforms[i] <= 0.5 * (1.0 - alpha / a)
        left.append(q if swap else p)
        right.append(p if swap else q)
    return left, right


@pytest.mark.parametrize(("n", "width", "halvings"), [(64, 16, 1), (100, 32, 2), (333, 48, 3), (7, 16, 0)])
def test_leaves_are_those_of_the_linear_kernel(n, width, halvings):
    rng = np.random.default_rng(n)
    Z = rng.normal(size=(n, width)) / np.arange(1, width + 1)
    multipliers, uniforms = split_multipliers(n, halvings, 0.5), split_uniforms(n, halvings, rng)
    points, distances = _core.low_rank_split(Z, multipliers, uniforms, 0)
    used = n >> halvings << halvings
    leaves = [list(range(used))]
    for level in range(halvings):
        each = used >> level + 1
        some = [uniforms[level, c * each :] for c in range(len(leaves))]
        leaves = [
            half for leaf, u in zip(leaves, some, strict=True) for half in halve(Z @ Z.T, leaf, multipliers[level], u)
        ]
    assert points.reshape(len(leaves), -1).tolist() == leaves
    expected = [np.sum((Z[leaf].mean(axis=0) - Z.mean(axis=0)) ** 2) for leaf in leaves]
    assert distances == pytest.approx(expected, rel=1e-10)


def test_quality():
    """Better than standard thinning, and near KT-SPLIT with the kernel itself, by the exact MMD."""
    kernel = kernels.Gaussian(2.0)
    ours, full = [], []
    for seed in range(5):
        x = np.random.default_rng(seed).normal(size=(2048, 2))
        result = thinning.low_rank_thin(x, kernel=kernel, rank=128, rng=seed)
        assert result.gain < 0.0
        ours.append(result.mmd() ** 2)
        full.append(thinning.kernel_thin(x, halvings=5, kernel=kernel, swap_passes=0, rng=seed).mmd() ** 2)
    assert np.mean(ours) < 1.5**2 * np.mean(full)


def test_every_size_and_thread():
    kernel = kernels.Gaussian(1.0)
    for n in (1, 2, 3, 5, 17, 100, 1000):
        x = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
        one, two = (thinning.low_rank_thin(x, kernel=kernel, rng=0, n_threads=t) for t in (1, 2))
        assert np.array_equal(one.indices, two.indices)
        assert np.unique(one.indices).size == one.size == n >> (n.bit_length() - 1) // 2
    constant = thinning.low_rank_thin(np.zeros((100, 2)), kernel=kernel, rng=0)
    assert constant.mmd() == pytest.approx(0.0, abs=1e-7)


def test_refusals():
    x, kernel = np.zeros((100, 1)), kernels.Gaussian(1.0)
    for options, message in [({"rank": 0}, "rank"), ({"delta": 2.0}, "delta"), ({"halvings": 9}, "9 halvings")]:
        with pytest.raises(InputError, match=message):
            thinning.low_rank_thin(x, kernel=kernel, **options)
    with pytest.raises(MemoryLimitError, match="features of"):
        thinning.low_rank_thin(np.zeros((10_000_000, 1)), kernel=kernel, rank=9_000_000)
