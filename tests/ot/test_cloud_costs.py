"""Costs of points against long doubles: clusters far apart, outliers, and orders and powers of norms of any size."""

import numpy as np
import pytest

from wassail import ot

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")  # no sweeps are made


def pair_cost(x, y, cost):
    """One cost by its definition."""
    x, y = x.astype(np.longdouble), y.astype(np.longdouble)
    if cost == "cosine":
        x, y = x / np.sqrt((x * x).sum()), y / np.sqrt((y * y).sum())
        return ((x - y) ** 2).sum() / 2
    t = np.abs(x - y)
    if cost == "sqeuclidean":
        return (t**2).sum()
    largest = t.max()
    if largest == 0.0 or np.isinf(cost.p):
        return largest ** np.longdouble(cost.power)
    norm = largest * ((t / largest) ** np.longdouble(cost.p)).sum() ** (1 / np.longdouble(cost.p))
    return norm ** np.longdouble(cost.power)


def table(x, y, cost):
    return np.array([[pair_cost(p, q, cost) for q in y] for p in x])


def computed(x, y, cost):
    """Every cost as the solver sees it: between one point each there is one plan."""
    return np.array([[solved(x[i : i + 1], y[j : j + 1], cost) for j in range(len(y))] for i in range(len(x))])


def solved(x, y, cost):
    return ot.sinkhorn(ot.PointCloud(x, y, cost=cost), epsilon=1.0, tol=1.0).transport_cost


def at_nearest(x, y, cost, C, epsilon):
    """The plan of the potentials that are the least cost of each row, and 0."""
    start = (C.min(1), np.zeros(C.shape[1]))
    return ot.sinkhorn(ot.PointCloud(x, y, cost=cost), epsilon=epsilon, max_iter=0, init=start).plan


def wanted(C, epsilon):
    return np.exp((C.min(1)[:, None] - C) / epsilon) / C.size


def clusters(kind, d, dtype):
    """Sources and targets in two tight clusters far apart, around one far point each, or far from most."""
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(13, d)), rng.normal(size=(11, d))
    if kind == "two clusters":
        x[:6] += 1e4
        y[:6] += 1e4
    elif kind == "outlier":
        x[0] += 1e8
        y[0] += 1e8
    else:
        x = y + np.linspace(-1e6, 1e6, 11)[:, None]
        y = x + rng.normal(size=(11, d))
    return x.astype(dtype), y.astype(dtype)


@pytest.mark.parametrize("d", [16, 17, 24, 67, 300])
@pytest.mark.parametrize("kind", ["two clusters", "outlier", "chain"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_close_pairs_far_from_the_center(kind, d, dtype):
    """Exponentials at small epsilon show the costs of the closest pairs."""
    x, y = clusters(kind, d, dtype)
    C = table(x, y, "sqeuclidean").astype(np.float64)
    epsilon = 0.2 * d
    np.testing.assert_allclose(at_nearest(x, y, "sqeuclidean", C, epsilon), wanted(C, epsilon), rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("d", [20, 64])
@pytest.mark.parametrize("big", [1e5, 1e7, 1e9])
def test_certificate_with_an_outlier(d, big):
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(25, d)), rng.normal(size=(25, d))
    x[0] += big
    y[0] += big
    C = table(x, y, "sqeuclidean").astype(np.float64)
    cloud, stored = ot.sinkhorn(ot.PointCloud(x, y), epsilon=1.0), ot.sinkhorn(C, epsilon=1.0)
    assert cloud.transport_cost == pytest.approx(float((cloud.plan * C).sum()), rel=1e-9)
    assert cloud.certificate().dual_bound <= stored.certificate().primal_bound * (1.0 + 1e-9)
    assert stored.certificate().dual_bound <= cloud.certificate().primal_bound * (1.0 + 1e-9)


def test_directions_that_nearly_agree():
    rng = np.random.default_rng(9)
    base = rng.normal(size=(2, 40))
    x = np.repeat(base, 5, axis=0) + 1e-5 * rng.normal(size=(10, 40))
    y = 3.0 * np.repeat(base, 5, axis=0) + 1e-5 * rng.normal(size=(10, 40))
    C = table(x, y, "cosine").astype(np.float64)
    np.testing.assert_allclose(at_nearest(x, y, "cosine", C, 1e-10), wanted(C, 1e-10), rtol=1e-7, atol=1e-12)


def test_equal_points_cost_nothing():
    x = np.random.default_rng(1).normal(size=(40, 33)) * 10.0 ** np.arange(-3, 37)[:, None]
    plan = at_nearest(x, x, "sqeuclidean", np.zeros((40, 40)), 1e-12)
    np.testing.assert_allclose(plan, np.eye(40) / 1600, rtol=1e-12)


POWERS = [(2.0, 1e-3), (2.0, 0.5), (2.0, 3.0), (1.5, 1.0), (3.0, 2.0), (30.0, 1.0), (100.0, 1.0), (500.0, 0.5)]
POWERS += [(1e4, 1.0), (1e9, 1.0), (1e17, 2.0), (1e300, 1.0), (np.inf, 1.0)]


@pytest.mark.parametrize(("p", "power"), POWERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_norms_of_any_order(p, power, dtype):
    x = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, -3.0]], dtype)
    y = np.array([[1.0, 0.9, 1.0], [1e-4, 1e-4, 1e-5], [0.5, -0.5, 0.3], [0.0, 0.0, 0.0], [1e3, 1.0, 999.0]], dtype)
    cost = ot.PNorm(p, power)
    np.testing.assert_allclose(computed(x, y, cost), table(x, y, cost).astype(np.float64), rtol=1e-12)
    np.testing.assert_allclose(ot.PointCloud(x, y, cost=cost).to_numpy(), table(x, y, cost).astype(float), rtol=1e-12)


SCALES = [(np.float64, e) for e in (-150, -30, -15, 15, 30, 150)] + [(np.float32, e) for e in (-30, -15, 15, 30)]


@pytest.mark.parametrize(("dtype", "exponent"), SCALES)
@pytest.mark.parametrize(("p", "power"), [(2.0, 1.0), (2.0, 0.1), (3.0, 1.0), (40.0, 1.0)])
def test_norms_of_any_scale(exponent, p, power, dtype):
    scale = dtype(10.0**exponent)
    x = np.array([[0.0, 0.0], [1.0, -2.0]], dtype) * scale
    y = np.array([[1.0, 0.9], [0.5, -0.5], [0.0, 0.0]], dtype) * scale
    cost = ot.PNorm(p, power)
    np.testing.assert_allclose(computed(x, y, cost), table(x, y, cost).astype(np.float64), rtol=1e-12)


@pytest.mark.parametrize("p", [3.0, 100.0, 1e6, 1e17])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient_of_large_orders(p, dtype):
    x = np.array([[1.0, 0.5, -0.25]], dtype)
    y = np.array([[0.0, -0.5, 0.0]], dtype)  # a tie: both coordinates pull
    gradient = ot.sinkhorn_divergence(x, y, cost=ot.PNorm(p), epsilon=1.0).grad_x  # of one point to itself it is 0
    t = np.array([1.0, 1.0, -0.25])
    wanted = np.sign(t) * np.abs(t) ** (p - 1.0) * (np.abs(t) ** p).sum() ** ((1.0 - p) / p)
    np.testing.assert_allclose(gradient, wanted[None], rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_streamed_clouds_beyond_the_range_of_float32(scale):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2**14, 1)), rng.normal(size=(1100, 1))  # too many pairs for a kernel that is kept
    expected = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, tol=1e-3)
    result = ot.sinkhorn(ot.PointCloud(x * scale, y * scale), epsilon=0.5 * scale**2, tol=1e-3)
    assert result.converged
    np.testing.assert_allclose(result.f / scale**2, expected.f, atol=1e-2)
