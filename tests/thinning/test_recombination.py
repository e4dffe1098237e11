"""Recombination and debiased compression."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wassail import kernels, thinning
from wassail.exceptions import InputError, NumericalError


def check(features, weights, found, tol=1e-12):
    """Weights at least 0, sum kept, features matched, few points."""
    features = features.reshape(len(features), -1)
    w = np.full(len(features), 1.0 / len(features)) if weights is None else weights
    assert found.indices.size <= features.shape[1] + 1
    assert (np.diff(found.indices) > 0).all()
    assert (found.weights > 0.0).all()
    assert found.weights.sum() == pytest.approx(w.sum(), rel=1e-14)
    mean = w @ features / w.sum()
    deviation = np.abs(features - mean)[w > 0.0].max(axis=0)
    assert (w[found.indices] > 0.0).all()
    matched = found.weights @ (features[found.indices] - mean) / w.sum()
    assert (np.abs(matched) <= tol * deviation + 1e-15 * np.abs(mean)).all()
    assert found.error <= tol


@pytest.mark.parametrize(("n", "r"), [(1, 1), (2, 5), (50, 1), (500, 3), (2000, 40), (700, 90)])
def test_exact(n, r):
    rng = np.random.default_rng(n + r)
    features, w = rng.normal(size=(n, r)), rng.random(n)
    w[rng.random(n) < 0.3] = 0.0
    w[0] = 1.0
    check(features, w, thinning.recombine(features, w))
    check(features, None, thinning.recombine(features))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 120), st.integers(1, 8), st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_any_table(n, r, seed, levels):
    """Small integers make ties, dependent features and repeated points."""
    features = np.random.default_rng(seed).integers(0, levels, size=(n, r)).astype(float)
    check(features, None, thinning.recombine(features))


def test_scales():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 4)) * [1e150, 1e-150, 1.0, 1e-3] + [0.0, 0.0, 1e3, 1.0]
    check(features, None, thinning.recombine(features), tol=1e-11)
    assert thinning.recombine(np.ones((50, 3))).indices.size == 1
    assert thinning.recombine(np.ones((50, 3)) * 0.1).indices.size == 1


def test_gauss_quadrature():
    """With as many moments as nodes can hold the rule is exact for polynomials, as its name promises."""
    x = np.linspace(-1.0, 1.0, 2001)
    found = thinning.recombine(np.column_stack([x**k for k in range(1, 6)]))
    for k in range(6):
        assert found.weights @ x[found.indices] ** k == pytest.approx(np.mean(x**k), abs=1e-13)


@pytest.mark.parametrize(
    ("features", "weights", "message"),
    [
        ([[np.nan]], None, r"features\[0, 0\] is nan"),
        ([], None, "features is empty"),
        ([[1.0], [2.0]], [1.0], "weights has 1 entries"),
        ([[1.0], [2.0]], [0.0, 0.0], "weights sums to 0"),
    ],
)
def test_bad_features(features, weights, message):
    with pytest.raises(InputError, match=message):
        thinning.recombine(features, weights)


def biased(n=600, d=2, seed=0):
    """A sample of a wide normal with a burn-in, for the standard normal."""
    rng = np.random.default_rng(seed)
    return 1.5 * rng.normal(size=(n, d)) + np.where(np.arange(n) < n // 4, 4.0, 0.0)[:, None]


def ksd(kernel, x, w=None):
    """Discrepancy to the standard normal."""
    w = np.full(len(x), 1.0 / len(x)) if w is None else w
    return float(np.sqrt(w @ kernel(x) @ w))


NORMAL = kernels.Stein(kernels.InverseMultiquadric(), lambda x: -x)


@pytest.mark.parametrize("rank", [None, 50])
def test_debias(rank):
    x = biased()
    w = thinning.debias(x, -x, kernel=NORMAL, rank=rank, rng=0)
    assert w.shape == (600,)
    assert w.min() >= 0.0
    assert w.sum() == pytest.approx(1.0, rel=1e-12)
    independent = ksd(NORMAL, np.random.default_rng(1).normal(size=(600, 2)))
    assert ksd(NORMAL, x, w) < 0.5 * independent < 0.1 * ksd(NORMAL, x)


def test_best_simplex_weights():
    """All subsets of few points: no weights on the simplex are better."""
    x = biased(7)
    found = thinning.stein_recombine(x, -x, size=7, kernel=NORMAL, rng=0)
    best = np.inf
    K = NORMAL(x)
    for r in range(1, 8):
        for some in itertools.combinations(range(7), r):
            v = np.linalg.solve(K[np.ix_(some, some)], np.ones(r))
            if v.min() > 0.0:
                best = min(best, 1.0 / v.sum())
    assert found.mmd() ** 2 == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("rank", [None, 40])
def test_recombined_sample(rank):
    x = biased()
    found = thinning.stein_recombine(x, -x, size=25, kernel=NORMAL, rank=rank, rng=0)
    assert found.size <= 25
    assert (np.diff(found.indices) > 0).all()
    assert found.weights.min() > 0.0
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-12)
    assert np.array_equal(found.points, x[found.indices])
    assert found.mmd() == pytest.approx(ksd(NORMAL, found.points, found.weights), rel=1e-9)
    assert found.mmd() < thinning.stein_thin(x, -x, size=25, kernel=NORMAL).mmd()
    again = thinning.stein_recombine(x, size=25, kernel=NORMAL, rank=rank, rng=0, n_threads=1)
    assert np.array_equal(again.indices, found.indices)


def test_edges():
    same = np.ones((20, 2))
    w = thinning.debias(same, -same, kernel=NORMAL, rank=5, rng=0)
    assert w.sum() == pytest.approx(1.0)
    assert thinning.stein_recombine(same, -same, size=3, kernel=NORMAL, rng=0).weights.sum() == pytest.approx(1.0)
    one = thinning.stein_recombine([[0.5]], [[-0.5]], size=1, kernel=NORMAL)
    assert one.indices.tolist() == [0]
    assert one.mmd() == pytest.approx(ksd(NORMAL, np.array([[0.5]])))
    with pytest.raises(NumericalError, match="leave the range"):
        thinning.debias([[1e200], [1.0]], [[1e200], [1.0]], kernel=NORMAL)
    for change, message in [
        ({"rank": 0}, "rank must be at least 1"),
        ({"kernel": kernels.Gaussian(1.0)}, "kernel must be a kernels.Stein"),
        ({"rng": -1}, "rng must not be negative"),
    ]:
        with pytest.raises(InputError, match=message):
            thinning.debias(biased(9), -biased(9), **change)
    with pytest.raises(InputError, match="scores are required"):
        thinning.debias(biased(9))
    with pytest.raises(InputError, match="size is 10 and 9 points"):
        thinning.stein_recombine(biased(9), -biased(9), size=10)
