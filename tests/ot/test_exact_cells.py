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


def stored(x, y, order=2):
    C = np.linalg.norm(x[:, None] - y, ord=order, axis=2)
    return C**2 if order == 2 else C


def test_the_start_is_near():
    """The first sweep of all pairs finds far fewer arcs that improve than after a short entropic run on all of them."""
    x, y = clouds(np.random.default_rng(3), 5000, 5000, 2)
    C = stored(x, y)
    points, costs = ot.exact(ot.PointCloud(x, y)), ot.exact(C)
    C[0, 0] = np.inf  # one arc less, and nothing tells where the first point lies
    short = ot.exact(C)
    for result in (points, costs):
        assert result.value == pytest.approx(short.value, rel=1e-12)
        assert result.trace.violations[0] < 0.5 * short.trace.violations[0]
        assert result.n_iter < 0.8 * short.n_iter


@pytest.mark.parametrize("kind", ["cityblock", "float32", "columns", "strided", "uneven", "forbidden", "scaled"])
def test_stored_costs_that_look_like_those_of_points(kind):
    rng = np.random.default_rng(7)
    n, m = 4100, 4300
    x, y = clouds(rng, n, m, 2)
    a, b = (weights(rng, n), weights(rng, m)) if kind == "uneven" else (None, None)
    C = stored(x, y, 1 if kind == "cityblock" else 2)
    if kind == "float32":
        C = C.astype(np.float32)
    elif kind == "columns":
        C = np.asfortranarray(C)
    elif kind == "strided":
        C = np.repeat(C, 2, axis=1)[:, ::2]
    elif kind == "forbidden":  # far from the landmarks, which still tell
        C[np.ix_(np.arange(5, n, 97), np.arange(1, m, 89))] = np.inf
    elif kind == "scaled":
        C *= 1e-200
    result = ot.exact(C, a, b)
    assert result.converged
    assert result.gap <= 1e-12 * result.value
    assert result.marginal_error < 1e-14
    finite = np.where(np.isfinite(C), C, 0.0).max()
    assert (C.astype(float) - result.f[:, None] - result.g).min() >= -1e-13 * finite
    P = result.sparse_plan()
    assert (C[P.nonzero()].astype(float) * P.data).sum() == pytest.approx(result.value, rel=1e-12)


@pytest.mark.parametrize("cost", [ot.PointCloud, stored], ids=["points", "stored"])
def test_any_number_of_threads(cost):
    n = N if cost is ot.PointCloud else 4000
    x, y = clouds(np.random.default_rng(4), n, n, 2)
    results = [ot.exact(cost(x, y), n_threads=count) for count in (1, 2, 5)]
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
