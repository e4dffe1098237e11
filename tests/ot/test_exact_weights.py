"""Exact transport from the plan for other weights: its tree is mended by dual pivots."""

import numpy as np
import pytest

from wassail import ot


def weights(rng, n):
    w = rng.random(n) + 0.1
    return w / w.sum()


def instance(kind, n, m, rng):
    if kind == "uniform":
        return rng.random((n, m))
    if kind == "integers":
        return rng.integers(0, 10, (n, m)).astype(float)
    d = {"plane": 2, "10-D": 10}[kind]
    return ot.PointCloud(rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5).to_numpy()


def check(warm, cost, a, b):
    """The certificate of a cold start, and its value."""
    cold = ot.exact(cost, a, b)
    assert warm.converged
    assert warm.gap <= 1e-12 * max(abs(warm.value), np.abs(cost[warm.plan > 0]).max())
    assert warm.marginal_error < 1e-13
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    size = np.abs(warm.f)[:, None] + np.abs(warm.g) + np.abs(cost)
    assert np.all(warm.f[:, None] + warm.g - cost <= 4e-16 * size)
    return cold


@pytest.mark.parametrize("kind", ["uniform", "plane", "10-D", "integers"])
@pytest.mark.parametrize(("n", "m"), [(600, 600), (300, 700)])
def test_few_pivots(kind, n, m):
    """From uniform weights, where the tree may be that of a matching, and from others."""
    rng = np.random.default_rng(1)
    cost = instance(kind, n, m, rng)
    a, b = 0.9 / n + 0.1 * weights(rng, n), 0.9 / m + 0.1 * weights(rng, m)
    warm = ot.exact(cost, a, b, init=ot.exact(cost))
    cold = check(warm, cost, a, b)
    assert warm.n_iter < (0.6 if kind != "integers" else 1.0) * cold.n_iter
    near = a * (1.0 + 1e-2 * rng.random(n))
    near /= near.sum()
    again = ot.exact(cost, near, b, init=warm)
    assert again.n_iter < 0.3 * check(again, cost, near, b).n_iter


@pytest.mark.parametrize(("kind", "share"), [("uniform", 0.58), ("plane", 0.65), ("10-D", 0.77)])
def test_pivots_for_any_change_of_equal_weights(kind, share):
    """The largest gain of all nodes leaves; where no candidate leads across a cut (10-D, seed 3) other arcs do."""
    n = 600
    for seed in (0, 3):
        rng = np.random.default_rng(seed)
        cost = instance(kind, n, n, rng)
        a = 1.0 + 1e-6 * rng.random(n)
        a /= a.sum()
        warm = ot.exact(cost, a, init=ot.exact(cost))
        check(warm, cost, a, np.full(n, 1.0 / n))
        assert warm.n_iter < share * n


@pytest.mark.parametrize("size", [0.0, 1e-6, 0.25])
def test_tied_costs_and_tied_weights(size):
    """Small integers, each point twice, weights of two sizes: dual pivots of no height, and nothing to choose by."""
    rng = np.random.default_rng(9)
    for n in (7, 60, 300):
        cost = np.repeat(np.repeat(rng.integers(0, 3, (n, n)), 2, 0), 2, 1).astype(float)
        first = ot.exact(cost)
        a = 1.0 + size * np.resize([0.0, 1.0, 1.0, 0.0], 2 * n)
        a /= a.sum()
        check(ot.exact(cost, a, init=first), cost, a, np.full(2 * n, 0.5 / n))
        check(ot.exact(cost, a, a[::-1].copy(), init=first), cost, a, a[::-1].copy())


def test_weights_that_have_little_in_common():
    rng = np.random.default_rng(8)
    cost = instance("plane", 400, 500, rng)
    first = ot.exact(cost, weights(rng, 400), weights(rng, 500))
    a, b = weights(rng, 400) ** 4, weights(rng, 500) ** 4
    a, b = a / a.sum(), b / b.sum()
    check(ot.exact(cost, a, b, init=first), cost, a, b)


def test_costs_change_too():
    rng = np.random.default_rng(2)
    cost = instance("plane", 400, 500, rng)
    a, b = weights(rng, 400), weights(rng, 500)
    first = ot.exact(cost)
    for size in (1e-4, 1e-2, 1.0):
        other = cost * (1.0 + size * rng.random(cost.shape))
        check(ot.exact(other, a, b, init=first), other, a, b)


def test_mass_moves_between_clusters():
    """Candidates of no row lead from one cluster to the other."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(300, 2)), rng.normal(size=(300, 2))
    x[150:] += 1e3
    y[150:] += 1e3
    cost = ot.PointCloud(x, y).to_numpy()
    first = ot.exact(cost)
    a, b = weights(rng, 300), np.full(300, 1.0 / 300)
    a[:150] *= 1.5
    a /= a.sum()
    check(ot.exact(cost, a, b, init=first), cost, a, b)
    check(ot.exact(cost, b, a, init=first), cost, b, a)


@pytest.mark.parametrize("kind", ["uniform", "integers"])
def test_supports_change(kind):
    """Points lose all of their weight, and get it back; a column takes nearly all; arcs become forbidden."""
    rng = np.random.default_rng(4)
    cost = instance(kind, 120, 160, rng)
    a, b = weights(rng, 120), weights(rng, 160)
    a_part, b_part = np.where(rng.random(120) < 0.3, 0.0, a), np.where(rng.random(160) < 0.3, 0.0, b)
    a_part, b_part = a_part / a_part.sum(), b_part / b_part.sum()
    whole, part = ot.exact(cost, a, b), ot.exact(cost, a_part, b_part)
    check(ot.exact(cost, a_part, b_part, init=whole), cost, a_part, b_part)
    check(ot.exact(cost, a, b, init=part), cost, a, b)
    heavy = b.copy()
    heavy[7] = 100.0
    heavy /= heavy.sum()
    check(ot.exact(cost, a, heavy, init=whole), cost, a, heavy)
    closed = np.where(whole.plan > 0.002, np.inf, cost)
    warm = ot.exact(closed, a_part, b_part, init=whole)
    assert warm.converged
    assert warm.value == pytest.approx(ot.exact(closed, a_part, b_part).value, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 5), (4, 1), (2, 2), (3, 7)])
def test_small(n, m):
    rng = np.random.default_rng(5)
    for levels in (2, 1000):
        cost = rng.integers(0, levels, (n, m)).astype(float)
        first = ot.exact(cost, weights(rng, n), weights(rng, m))
        a, b = weights(rng, n), weights(rng, m)
        check(ot.exact(cost, a, b, init=first), cost, a, b)


def test_any_number_of_threads():
    rng = np.random.default_rng(6)
    cloud = ot.PointCloud(rng.normal(size=(700, 3)), rng.normal(size=(600, 3)))
    a, b = weights(rng, 700), weights(rng, 600)
    first = ot.exact(cloud)
    results = [ot.exact(cloud, a, b, init=first, n_threads=count) for count in (1, 2, 5)]
    for other in results[1:]:
        assert np.array_equal(other.f, results[0].f)
        assert np.array_equal(other.g, results[0].g)
        assert np.array_equal(other.plan, results[0].plan)
        assert other.n_iter == results[0].n_iter


def test_a_stop_leaves_a_plan():
    rng = np.random.default_rng(7)
    cost = instance("uniform", 600, 600, rng)
    first = ot.exact(cost)
    a, b = weights(rng, 600), weights(rng, 600)
    result = ot.exact(cost, a, b, init=first, callback=lambda *_: True)
    assert result.status == ot.Status.STOPPED or result.converged
    assert result.marginal_error < 1e-13
    assert result.value >= ot.exact(cost, a, b).value * (1.0 - 1e-12)
