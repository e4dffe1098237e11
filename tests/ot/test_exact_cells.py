"""Exact transport between many points of few dimensions, which starts from cells of them."""

import numpy as np
import pytest

from wassail import ot

N, M = 2100, 2300


def clouds(rng, n, m, d):
    return rng.normal(size=(n, d)), 0.7 * rng.normal(size=(m, d)) + 0.4


def weights(rng, n):
    w = rng.random(n) ** 4 + 1e-6
    return w / w.sum()


@pytest.mark.parametrize(
    ("cost", "order"), [("sqeuclidean", 2), ("euclidean", 2), ("cityblock", 1)], ids=["squared", "euclidean", "L1"]
)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_points_and_stored_costs_agree(d, cost, order):
    rng = np.random.default_rng([d, order, len(cost)])
    x, y = clouds(rng, N, M, d)
    a, b = weights(rng, N), weights(rng, M)
    C = np.linalg.norm(x[:, None] - y, ord=order, axis=2)
    C = C**2 if cost == "sqeuclidean" else C
    points, stored = ot.exact(ot.PointCloud(x, y, cost=cost), a, b), ot.exact(C, a, b)
    assert points.converged
    assert points.value == pytest.approx(stored.value, rel=1e-13)
    assert points.marginal_error < 1e-15
    assert (C - points.f[:, None] - points.g).min() > -1e-13 * C.max()


def test_float32_points():
    x, y = (p.astype(np.float32) for p in clouds(np.random.default_rng(1), N, M, 2))
    single, double = (ot.exact(ot.PointCloud(x.astype(t), y.astype(t))) for t in (np.float32, np.float64))
    assert single.converged
    assert single.value == pytest.approx(double.value, rel=1e-12)


@pytest.mark.parametrize("kind", ["copies", "apart", "line"])
def test_cells_without_extent(kind):
    rng = np.random.default_rng(2)
    x, y = clouds(rng, N, N, 2)
    if kind == "copies":  # cells of one point, many times
        x[:], y[: N // 2] = x[0], y[0]
    elif kind == "apart":
        x[: N // 3] += 30.0
        y[: N // 3] += 30.0
    else:
        x[:, 1] = y[:, 1] = 3.0
    result = ot.exact(ot.PointCloud(x, y))
    assert result.converged
    assert result.gap <= 1e-12 * result.value
    if kind == "copies":
        assert result.value == pytest.approx(((x - y) ** 2).sum(1).mean(), rel=1e-12)
    if kind == "line":
        expected = np.mean((np.sort(x[:, 0]) - np.sort(y[:, 0])) ** 2)
        assert result.value == pytest.approx(expected, rel=1e-12)


def test_the_start_is_near():
    """The first sweep of all pairs finds far fewer arcs that improve than after a short entropic run on all of them."""
    x, y = clouds(np.random.default_rng(3), 5000, 5000, 2)
    points = ot.exact(ot.PointCloud(x, y))
    stored = ot.exact(((x[:, None] - y) ** 2).sum(2))
    assert points.trace.violations[0] < 0.5 * stored.trace.violations[0]
    assert points.n_iter < 0.8 * stored.n_iter


def test_any_number_of_threads():
    x, y = clouds(np.random.default_rng(4), N, M, 2)
    results = [ot.exact(ot.PointCloud(x, y), n_threads=count) for count in (1, 2, 5)]
    for other in results[1:]:
        assert other.n_iter == results[0].n_iter
        np.testing.assert_array_equal(other.f, results[0].f)
        np.testing.assert_array_equal(other.entries.data, results[0].entries.data)


def test_a_callback_stops_before_the_first_pivot():
    x, y = clouds(np.random.default_rng(5), N, M, 2)
    result = ot.exact(ot.PointCloud(x, y), callback=lambda *_: True)
    assert result.status is ot.Status.STOPPED
    assert result.marginal_error < 1e-13
    assert result.dual_value <= result.value


def test_clusters_far_apart_start_from_exact_cells():
    def pivots(distance):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(2, 2100, 2))
        for points in (x, y):
            points[1050:, 0] += distance
        a, b = rng.random((2, 2100))
        a[:1050] *= 1.3  # mass has to cross
        result = ot.exact(ot.PointCloud(x, y), a / a.sum(), b / b.sum())
        assert result.converged
        return result.n_iter

    assert pivots(1e3) < 3 * pivots(0.0)
