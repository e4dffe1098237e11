"""Problems whose exact solution is known in any dimension: the certificate must enclose it."""

import math

import numpy as np
import pytest

from wassail.exceptions import ConvergenceWarning
from wassail.ot import PointCloud, gaussian_wasserstein, sinkhorn, suggest_epsilon, wasserstein_1d


def convex_gradient(x, rng):
    """Map points by ∇φ, φ(x) = ½‖x‖² + Σ v_j ‖x − z_j‖ (Brenier: optimal for its image)."""
    centers, pulls = rng.normal(size=(5, x.shape[1])), rng.uniform(0.1, 0.5, 5)
    moved = x.copy()
    for center, pull in zip(centers, pulls, strict=True):
        away = x - center
        moved += pull * away / np.linalg.norm(away, axis=1, keepdims=True)
    return moved


def definite_map(x, rng):
    root = rng.normal(size=(x.shape[1], x.shape[1]))
    return x @ (0.3 * np.eye(x.shape[1]) + root @ root.T / x.shape[1]) + 1.0


def translation(x, rng):
    return x + rng.normal(size=x.shape[1])


MAPS = [convex_gradient, definite_map, translation]


def problem(transport, n, dim, seed=0):
    """Points, their shuffled images, weights that travel along, and the exact squared distance."""
    rng = np.random.default_rng((seed, n, dim))
    x, weights = rng.normal(size=(n, dim)), rng.uniform(0.5, 1.5, n)
    weights /= weights.sum()
    y, order = transport(x, rng), rng.permutation(n)
    return x, y[order], weights, weights[order], float(weights @ ((x - y) ** 2).sum(1)), order


@pytest.mark.parametrize("transport", MAPS)
@pytest.mark.parametrize(("n", "dim"), [(300, 1), (300, 2), (400, 10), (120, 300)])
def test_certificate_encloses_the_squared_distance(transport, n, dim):
    x, y, a, b, exact, _ = problem(transport, n, dim)
    cost = PointCloud(x, y)
    epsilon = suggest_epsilon(cost, fraction=3e-3)
    bounds = sinkhorn(cost, a, b, epsilon=epsilon, tol=1e-4).certificate()
    assert bounds.dual_bound <= exact <= bounds.primal_bound
    # the entropic plan costs at most ε·entropy more; tol adds its share of the largest cost
    assert bounds.gap <= 2.0 * epsilon * math.log(n) + 1e-2 * exact


@pytest.mark.parametrize("max_iter", [1, 3, 30])
def test_certificate_holds_for_unfinished_runs(max_iter):
    x, y, a, b, exact, _ = problem(convex_gradient, 200, 3)
    with pytest.warns(ConvergenceWarning):
        result = sinkhorn(PointCloud(x, y), a, b, epsilon=1e-2, max_iter=max_iter, tol=1e-12)
    assert not result.converged
    bounds = result.certificate()
    assert bounds.dual_bound <= exact <= bounds.primal_bound


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plan_finds_the_map(dtype):
    x, y, a, b, exact, order = problem(convex_gradient, 200, 5)
    result = sinkhorn(PointCloud(x.astype(dtype), y.astype(dtype)), a, b, epsilon=5e-3, tol=1e-5)
    assert result.converged
    partner = np.empty(200, dtype=int)
    partner[order] = np.arange(200)
    np.testing.assert_array_equal(result.plan.argmax(1), partner)
    assert result.transport_cost == pytest.approx(exact, rel=1e-3)
    np.testing.assert_allclose(result.barycentric_map(x.astype(dtype)), y[partner], atol=0.05)


@pytest.mark.parametrize(("cost", "norm"), [("euclidean", 2), ("cityblock", 1)])
def test_translation_costs_its_norm(cost, norm):
    x, _, a, _, _, order = problem(translation, 250, 3)
    shift = np.array([0.5, -1.5, 2.0])
    result = sinkhorn(PointCloud(x, (x + shift)[order], cost=cost), a, a[order], epsilon=0.01, tol=1e-4)
    bounds, exact = result.certificate(), np.linalg.norm(shift, norm)
    assert bounds.dual_bound <= exact * (1.0 + 1e-12)
    assert exact * (1.0 - 1e-12) <= bounds.primal_bound
    assert bounds.gap < 0.05 * exact


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_far_from_the_origin(dtype):
    """A common shift of both clouds changes nothing; float32 points at 1000 keep three digits of the map."""
    x, y, a, b, exact, _ = problem(convex_gradient, 200, 3)
    cost = PointCloud((x + 1000.0).astype(dtype), (y + 1000.0).astype(dtype))
    bounds = sinkhorn(cost, a, b, epsilon=0.02, tol=1e-5).certificate()
    slack = 1e-9 if dtype is np.float64 else 2e-3
    assert bounds.dual_bound - slack <= exact <= bounds.primal_bound + slack
    assert bounds.gap < 0.2 * exact


@pytest.mark.parametrize(("cost", "p"), [("sqeuclidean", 2.0), ("euclidean", 1.0)])
def test_line_against_sorting(cost, p):
    rng = np.random.default_rng(8)
    x, y, a, b = rng.normal(size=150), rng.exponential(size=220), rng.random(150), rng.random(220)
    a, b = a / a.sum(), b / b.sum()
    exact = wasserstein_1d(x, y, a, b, p=p) ** p
    bounds = sinkhorn(PointCloud(x[:, None], y[:, None], cost=cost), a, b, epsilon=5e-3, tol=1e-5).certificate()
    assert bounds.dual_bound <= exact <= bounds.primal_bound
    assert bounds.gap < 0.05 * exact + 0.02


def test_samples_mapped_by_the_gaussian_map_have_its_distance():
    """An affine map between whitened samples realizes the Bures distance of their own moments exactly."""
    x, y, a, b, exact, _ = problem(definite_map, 400, 4)

    def moments(points, weights):
        mean = weights @ points
        return mean, (points - mean).T @ ((points - mean) * weights[:, None])

    assert gaussian_wasserstein(*moments(x, a), *moments(y, b)) ** 2 == pytest.approx(exact, rel=1e-10)


@pytest.mark.slow
def test_many_points():
    x, y, a, b, exact, _ = problem(convex_gradient, 20_000, 3)
    cost = PointCloud(x, y)
    bounds = sinkhorn(cost, a, b, epsilon=suggest_epsilon(cost, fraction=0.02), tol=1e-2, max_iter=300).certificate()
    assert bounds.dual_bound <= exact <= bounds.primal_bound
