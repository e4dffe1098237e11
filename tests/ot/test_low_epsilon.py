"""From ε = 10 down to 1e-6 of the largest cost: never NaN, and `converged` only when it is true."""

import warnings

import numpy as np
import pytest

from tests.reference import sinkhorn_numpy as ref
from wassail import ot

FRACTIONS = [10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]


def gaussian(d):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(70, d)), rng.normal(size=(60, d)) + 1.0
    return ot.PointCloud(x, y)


def grid():
    side = np.arange(8.0)
    points = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)
    return ot.PointCloud(points, points, cost="cityblock")


INSTANCES = {
    "points 2-D": gaussian(2),
    "points 20-D": gaussian(20),
    "grid": grid(),
    "array": np.random.default_rng(1).random((70, 60)),
    "array float32": np.random.default_rng(2).random((70, 60)).astype(np.float32),
    "points float32": ot.PointCloud(gaussian(3).x.astype(np.float32), gaussian(3).y.astype(np.float32)),
}


def dense(cost):
    return cost.to_numpy() if isinstance(cost, ot.PointCloud) else cost.astype(np.float64)


def weights(n, seed):
    w = np.random.default_rng((n, seed)).random(n) + 0.1
    return w / w.sum()


@pytest.mark.parametrize("rho", [None, 1.0], ids=["balanced", "unbalanced"])
@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("name", INSTANCES)
@pytest.mark.parametrize("anneal", ["auto", None])
def test_honest_and_finite(name, fraction, rho, anneal):
    cost = INSTANCES[name]
    C = dense(cost)
    a, b = weights(C.shape[0], 0), weights(C.shape[1], 1)
    top = float(C.max())
    epsilon, pair = fraction * top, (np.inf if rho is None else rho * top,) * 2
    tol = 1e-5 if "float32" in name else 1e-8
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = ot.sinkhorn(cost, a, b, epsilon=epsilon, rho=pair, tol=tol, max_iter=1500, anneal=anneal)
    for part in (result.f, result.g, result.trace.error, result.plan, result.value, result.transport_cost):
        assert not np.isnan(part).any()
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()
    assert bool(caught) != result.converged
    error = ref.marginal_error(C, result.f, result.g, a, b, epsilon, pair)
    assert np.isfinite(error)
    if result.converged:
        rounding = 64 * np.finfo(np.float64).eps / fraction  # of f + g − C, divided by ε
        assert error <= tol * (1 + 1e-3) + rounding
    bounds = result.certificate()
    assert bounds.marginal_l1 == pytest.approx(error, rel=1e-4, abs=64 * np.finfo(np.float64).eps / fraction)
    assert bounds.entropic_lower <= bounds.entropic_upper
    assert bounds.dual_bound <= bounds.primal_bound


@pytest.mark.parametrize("fraction", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("name", ["array float32", "points float32"])
def test_float32_reaches_1e5(name, fraction):
    """With weights that make a known pair optimal, so that convergence is not the question, precision is."""
    cost = INSTANCES[name]
    C = dense(cost)
    epsilon = fraction * float(C.max())
    rng = np.random.default_rng(3)
    f, g = rng.normal(size=70) * epsilon, rng.normal(size=60) * epsilon
    g += (C - f[:, None]).min(0)
    f = f + (C - f[:, None] - g).min(1)
    T = np.exp((f[:, None] + g - C) / epsilon)
    T /= T.sum()
    result = ot.sinkhorn(cost, T.sum(1), T.sum(0), epsilon=epsilon, tol=1e-5, max_iter=100_000)
    assert result.converged
    error = ref.marginal_error(C, result.f, result.g, result.a, result.b, epsilon)
    assert error <= 1.01e-5


@pytest.mark.parametrize("fraction", [1e-2, 1e-3, 1e-4])
def test_float64_reaches_1e9(fraction):
    C = INSTANCES["array"]
    result = ot.sinkhorn(C, epsilon=fraction * C.max(), tol=1e-9, max_iter=200_000)
    assert result.converged
    assert ref.marginal_error(C, result.f, result.g, result.a, result.b, result.epsilon) <= 1.01e-9


def test_impossible_tolerances_are_reported():
    """A tolerance below rounding ends as stalled or at max_iter, never as converged."""
    for C in (INSTANCES["array"], INSTANCES["array float32"]):
        with pytest.warns(UserWarning, match="raise epsilon"):
            result = ot.sinkhorn(C, epsilon=1e-3, tol=1e-18, max_iter=20_000)
        assert result.status in (ot.Status.STALLED, ot.Status.MAX_ITER)
        assert result.n_iter <= 20_000


def test_bounds_close_in_on_the_exact_cost():
    from scipy.optimize import linear_sum_assignment

    C = np.random.default_rng(4).random((50, 50))
    rows, columns = linear_sum_assignment(C)
    exact = C[rows, columns].mean()
    gaps = []
    for epsilon in (1e-1, 1e-2, 1e-3):
        bounds = ot.sinkhorn(C, epsilon=epsilon, tol=1e-6, max_iter=50_000).certificate()
        assert bounds.dual_bound <= exact <= bounds.primal_bound
        gaps.append(bounds.gap)
    assert gaps[0] > 4 * gaps[1] > 16 * gaps[2]
