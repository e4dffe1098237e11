"""The solver on grids of Gaussian weights reaches the closed forms."""

import math

import numpy as np
import pytest

from tests.reference.gaussian_grid import grid, weights
from wassail.ot import PointCloud, gaussian_sinkhorn, gaussian_sinkhorn_divergence, sinkhorn, sinkhorn_divergence

INF = math.inf
CASES = [  # mean_a, var_a, mass_a, mean_b, var_b, mass_b, epsilon, rho
    (0.0, 1.0, 1.0, 0.7, 0.5, 1.0, 0.4, (INF, INF)),
    (0.0, 1.0, 2.0, 0.7, 0.5, 2.0, 0.1, (INF, INF)),
    (-3.0, 0.3, 1.0, 2.0, 2.5, 1.0, 3.0, (INF, INF)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (1.0, 1.0)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.2, (5.0, 0.5)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (INF, 0.5)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (0.7, INF)),
]


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(("mean_a", "var_a", "mass_a", "mean_b", "var_b", "mass_b", "epsilon", "rho"), CASES)
def test_everything_on_the_line(mean_a, var_a, mass_a, mean_b, var_b, mass_b, epsilon, rho, stored):
    x, y = grid(mean_a, var_a, 260, 8.0), grid(mean_b, var_b, 240, 8.0)
    a, b = weights(x, mean_a, var_a, mass_a), weights(y, mean_b, var_b, mass_b)
    cost = (x[:, None] - y) ** 2 if stored else PointCloud(x[:, None], y[:, None])
    found = sinkhorn(cost, a, b, epsilon=epsilon, rho=rho, tol=1e-11)
    assert found.converged
    form = gaussian_sinkhorn(mean_a, var_a, mean_b, var_b, epsilon=epsilon, rho=rho, mass_a=mass_a, mass_b=mass_b)
    near = pytest.approx
    assert found.value == near(form.value, rel=1e-9)
    assert found.transport_cost == near(form.transport_cost, rel=1e-8)
    assert found.kl == near(form.kl, rel=1e-8)
    plan = found.plan
    assert plan.sum() == near(form.mass, rel=1e-9)
    rows, columns = plan.sum(1) / form.mass, plan.sum(0) / form.mass
    np.testing.assert_allclose([rows @ x, columns @ y], form.mean, atol=1e-8)
    u, v = x - form.mean[0], y - form.mean[1]
    moments = [[rows @ u**2, u @ plan @ v / form.mass], [u @ plan @ v / form.mass, columns @ v**2]]
    np.testing.assert_allclose(moments, form.covariance, atol=1e-8)

    middle_x, middle_y = a > 1e-4 * a.max(), b > 1e-4 * b.max()
    gauge = (found.f - form.f(x)) @ a / a.sum() if rho == (INF, INF) else 0.0
    np.testing.assert_allclose(form.f(x)[middle_x] + gauge, found.f[middle_x], atol=1e-6)
    np.testing.assert_allclose(form.g(y)[middle_y] - gauge, found.g[middle_y], atol=1e-6)

    bounds = found.certificate()
    slack = 1e-9 * (1.0 + abs(form.value))  # quadrature
    assert bounds.entropic_lower - slack <= form.value <= bounds.entropic_upper + slack
    assert bounds.entropic_gap < 1e-7


def test_out_of_sample():
    x, y = grid(0.0, 1.0, 260, 8.0), grid(0.7, 0.5, 240, 8.0)
    found = sinkhorn(
        PointCloud(x[:, None], y[:, None]), weights(x, 0.0, 1.0), weights(y, 0.7, 0.5), epsilon=0.4, tol=1e-11
    )
    form = gaussian_sinkhorn(0.0, 1.0, 0.7, 0.5, epsilon=0.4)
    new = np.linspace(-2.0, 2.0, 17)[:, None]
    np.testing.assert_allclose(found.barycentric_map(new), form.barycentric_map(new), atol=1e-7)
    shift = found.potential(np.zeros((1, 1))) - form.f([0.0])
    np.testing.assert_allclose(found.potential(new) - shift, form.f(new), atol=1e-7)


@pytest.mark.parametrize("rho", [None, 1.5])
def test_plane(rho):
    axis = np.linspace(-6.0, 6.0, 35)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    mean_a, cov_a, mean_b, cov_b = [0.0, 0.3], [[0.6, 0.25], [0.25, 0.5]], [0.5, -0.2], [[0.5, -0.2], [-0.2, 0.9]]

    def density(mean, cov):
        values = np.exp(-0.5 * np.einsum("ni,ij,nj->n", x - mean, np.linalg.inv(cov), x - mean))
        return values / values.sum()

    a, b = density(mean_a, cov_a), density(mean_b, cov_b)
    found = sinkhorn(PointCloud(x, x), a, b, epsilon=1.2, rho=rho, tol=1e-10)
    assert found.converged
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=1.2, rho=rho)
    assert found.value == pytest.approx(form.value, rel=1e-8)
    assert found.transport_cost == pytest.approx(form.transport_cost, rel=1e-7)
    left = (x - form.mean[:2]).T @ found.apply(x - form.mean[2:])
    np.testing.assert_allclose(left / form.mass, form.cross_covariance, atol=1e-7)


@pytest.mark.parametrize("rho", [None, 2.0])
def test_divergence(rho):
    x, y = grid(0.0, 1.0, 260, 8.0), grid(0.7, 0.5, 240, 8.0)
    a, b = weights(x, 0.0, 1.0), weights(y, 0.7, 0.5)
    found = sinkhorn_divergence(x[:, None], y[:, None], a, b, epsilon=0.4, rho=rho, tol=1e-11)
    form = gaussian_sinkhorn_divergence(0.0, 1.0, 0.7, 0.5, epsilon=0.4, rho=rho)
    assert found.converged
    assert found.value == pytest.approx(form, rel=1e-8)
    if rho is None:  # the gradient moves the mean: ∂S/∂m = 2 (m_a − m_b)
        assert found.grad_x.sum() == pytest.approx(-1.4, rel=1e-7)


def test_divergence_of_different_masses():
    x, y = grid(0.0, 1.0, 260, 8.0), grid(0.7, 0.5, 240, 8.0)
    a, b = weights(x, 0.0, 1.0, 1.3), weights(y, 0.7, 0.5, 0.6)
    found = sinkhorn_divergence(x[:, None], y[:, None], a, b, epsilon=0.4, rho=2.0, tol=1e-11)
    form = gaussian_sinkhorn_divergence(0.0, 1.0, 0.7, 0.5, epsilon=0.4, rho=2.0, mass_a=1.3, mass_b=0.6)
    assert found.value == pytest.approx(form, rel=1e-8)


@pytest.mark.parametrize("rho", [(841.0, 0.39), (0.39, 841.0), (19.0, INF), (1.2, 38.0), (INF, INF)])
@pytest.mark.parametrize("n", [100, 300])
def test_relaxation_is_safe(n, rho):
    """Far tails, a small epsilon and unequal penalties: a factor too large must be taken back, not followed."""
    x, y = grid(1.2, 0.5, n, 8.0), grid(2.6, 5.4, n, 8.0)
    a, b = weights(x, 1.2, 0.5), weights(y, 2.6, 5.4, 1.0 if rho == (INF, INF) else 0.6)
    cost = (x[:, None] - y) ** 2
    plain = sinkhorn(cost, a, b, epsilon=0.02, rho=rho, tol=1e-7, relaxation=None)
    found = sinkhorn(cost, a, b, epsilon=0.02, rho=rho, tol=1e-7)
    assert plain.converged
    assert found.converged
    assert found.value == pytest.approx(plain.value, rel=1e-6)
