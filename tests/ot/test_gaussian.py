"""Gaussian closed forms against quadrature, published formulas and optimality conditions."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from tests.reference import gaussian_grid as gg
from tests.reference.gaussian_grid import pair
from wassail.exceptions import InputError
from wassail.ot import gaussian_map, gaussian_sinkhorn, gaussian_wasserstein

INF = math.inf
LINE = [  # mean_a, var_a, mass_a, mean_b, var_b, mass_b, epsilon, rho
    (0.0, 1.0, 1.0, 0.7, 0.5, 1.0, 0.4, (INF, INF)),
    (0.0, 1.0, 2.0, 0.7, 0.5, 2.0, 0.4, (INF, INF)),
    (-1.0, 0.3, 1.0, 0.7, 2.5, 1.0, 1.5, (INF, INF)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (1.0, 1.0)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (2.0, 0.5)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (0.5, 2.0)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (INF, 0.5)),
    (0.0, 1.0, 1.3, 0.7, 0.5, 0.8, 0.4, (0.7, INF)),
]


@pytest.mark.parametrize(("mean_a", "var_a", "mass_a", "mean_b", "var_b", "mass_b", "epsilon", "rho"), LINE)
def test_everything_on_the_line(mean_a, var_a, mass_a, mean_b, var_b, mass_b, epsilon, rho):
    x, y = gg.grid(mean_a, var_a), gg.grid(mean_b, var_b)
    a, b = gg.weights(x, mean_a, var_a, mass_a), gg.weights(y, mean_b, var_b, mass_b)
    cost = (x[:, None] - y) ** 2
    f, g = gg.log_sinkhorn(cost, a, b, epsilon, *rho)
    plan = np.exp((f[:, None] + g - cost) / epsilon) * a[:, None] * b
    truth = gg.measure(x, y, a, b, plan, epsilon, *rho)
    form = gaussian_sinkhorn(mean_a, var_a, mean_b, var_b, epsilon=epsilon, rho=rho, mass_a=mass_a, mass_b=mass_b)
    for name in ("value", "mass", "transport_cost", "kl", "mean", "covariance"):
        np.testing.assert_allclose(getattr(form, name), getattr(truth, name), rtol=1e-11, atol=1e-11, err_msg=name)
    assert form.cross_covariance[0, 0] == form.covariance[0, 1]

    middle_x, middle_y = a > 1e-6 * a.max(), b > 1e-6 * b.max()  # the tails of the grid feel its end
    gauge = (f - form.f(x)) @ a / a.sum() if rho == (INF, INF) else 0.0
    np.testing.assert_allclose(form.f(x)[middle_x] + gauge, f[middle_x], atol=1e-8)
    np.testing.assert_allclose(form.g(y)[middle_y] - gauge, g[middle_y], atol=1e-8)
    means = plan @ y / plan.sum(1)
    np.testing.assert_allclose(form.barycentric_map(x)[middle_x], means[middle_x], atol=1e-7)


@pytest.mark.parametrize("rho", [(INF, INF), (1.5, 4.0)])
def test_plane_quadrature(rho):
    mean_a, cov_a, mean_b, cov_b = [0.0, 0.3], [[0.6, 0.25], [0.25, 0.5]], [0.5, -0.2], [[0.5, -0.2], [-0.2, 0.9]]
    epsilon, mass_a, mass_b = 1.2, 1.0, 1.0 if rho[0] == INF else 1.4
    axis = np.linspace(-7.0, 7.0, 43)
    x = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)

    def density(mean, cov, mass):
        values = np.exp(-0.5 * np.einsum("ni,ij,nj->n", x - mean, np.linalg.inv(cov), x - mean))
        return mass * values / values.sum()

    a, b = density(mean_a, cov_a, mass_a), density(mean_b, cov_b, mass_b)
    kernel = np.exp(-((x[:, None] - x) ** 2).sum(-1) / epsilon)
    u, v = np.ones(len(x)), np.ones(len(x))
    for _ in range(120):
        u = (kernel @ (b * v)) ** -gg.shrink(rho[0], epsilon)
        v = (kernel.T @ (a * u)) ** -gg.shrink(rho[1], epsilon)
    plan = (a * u)[:, None] * kernel * (b * v)
    rows, columns, mass = plan.sum(1), plan.sum(0), plan.sum()
    mean = np.concatenate([rows @ x, columns @ x]) / mass
    left, right = x - mean[:2], x - mean[2:]
    xx, xy, yy = (left.T * rows) @ left, left.T @ plan @ right, (right.T * columns) @ right
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon, rho=rho, mass_a=mass_a, mass_b=mass_b)
    np.testing.assert_allclose(form.mass, mass, rtol=1e-9)
    np.testing.assert_allclose(form.mean, mean, atol=1e-9)
    np.testing.assert_allclose(form.covariance, np.block([[xx, xy], [xy.T, yy]]) / mass, atol=1e-9)
    np.testing.assert_allclose(form.cross_covariance, xy / mass, atol=1e-9)
    near = a > 1e-3 * a.max()
    potential = epsilon * np.log(u)
    gauge = (potential - form.f(x)) @ a if rho[0] == INF else 0.0
    np.testing.assert_allclose(form.f(x)[near] + gauge, potential[near], atol=1e-7)
    np.testing.assert_allclose(form.barycentric_map(x)[near], (plan @ x / rows[:, None])[near], atol=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("epsilon", [0.05, 1.0, 20.0])
def test_published_balanced_formula(dim, epsilon):
    mean_a, cov_a, mean_b, cov_b = pair(dim)
    half, eye = epsilon / 2.0, np.eye(dim)
    root = sqrtm(cov_a).real
    d_matrix = sqrtm(4.0 * root @ cov_b @ root + half**2 * eye).real
    value = (
        np.sum((mean_a - mean_b) ** 2)
        + np.trace(cov_a + cov_b - d_matrix)
        + dim * half * (1.0 - math.log(2.0 * half))
        + half * np.linalg.slogdet(d_matrix + half * eye)[1]
    )
    cross = 0.5 * root @ d_matrix @ np.linalg.inv(root) - 0.5 * half * eye
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon)
    assert form.value == pytest.approx(value, rel=1e-11)
    np.testing.assert_allclose(form.cross_covariance, cross, atol=1e-11)
    np.testing.assert_allclose(form.covariance, np.block([[cov_a, cross], [cross.T, cov_b]]), atol=1e-11)
    assert form.mass == 1.0
    joined = cross @ np.linalg.solve(cov_b, cross.T)
    kl = -0.5 * np.linalg.slogdet(eye - np.linalg.solve(cov_a, joined))[1]
    assert form.kl == pytest.approx(kl, rel=1e-7)
    np.testing.assert_allclose(form.f.matrix, eye - cov_b @ np.linalg.inv(cross + half * eye), atol=1e-9)
    np.testing.assert_allclose(form.g.matrix, eye - np.linalg.inv(cross + half * eye) @ cov_a, atol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize(("epsilon", "gamma"), [(0.1, 1.0), (1.0, 0.3), (2.0, 50.0)])
def test_published_unbalanced_formula(dim, epsilon, gamma):
    mean_a, cov_a, mean_b, cov_b = pair(dim)
    mass_a, mass_b, half, eye = 1.3, 0.7, epsilon / 2.0, np.eye(dim)
    tau, lam = gamma / (2.0 * half + gamma), half + gamma / 2.0
    spread = cov_a + cov_b + lam * eye
    soft_a = gamma / 2.0 * (eye - lam * np.linalg.inv(cov_a + lam * eye))
    soft_b = gamma / 2.0 * (eye - lam * np.linalg.inv(cov_b + lam * eye))
    c_matrix = sqrtm(soft_a @ soft_b / tau + half**2 / 4.0 * eye).real - half / 2.0 * eye
    delta = mean_b - mean_a

    def log_det(matrix):
        return np.linalg.slogdet(matrix)[1]

    log_mass = (
        dim * half / (gamma + half) * 0.5 * math.log(half)
        + (
            math.log(mass_a * mass_b)
            + log_det(c_matrix)
            + 0.5 * (tau * log_det(soft_a @ soft_b) - log_det(cov_a @ cov_b))
        )
        / (tau + 1.0)
        - 0.5 * log_det(c_matrix - 2.0 / gamma * soft_a @ soft_b)
        - delta @ np.linalg.solve(spread, delta) / (2.0 * (tau + 1.0))
    )
    mass = math.exp(log_mass)
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon, rho=gamma, mass_a=mass_a, mass_b=mass_b)
    assert form.mass == pytest.approx(mass, rel=1e-10)
    value = gamma * (mass_a + mass_b) + 2.0 * half * mass_a * mass_b - 2.0 * (half + gamma) * mass
    assert form.value == pytest.approx(value, rel=1e-9)
    solved = np.linalg.inv(spread)
    mean = np.concatenate([mean_a + cov_a @ solved @ delta, mean_b - cov_b @ solved @ delta])
    np.testing.assert_allclose(form.mean, mean, atol=1e-10)
    first = (eye + c_matrix / lam) @ (cov_a - cov_a @ solved @ cov_a)
    cross = c_matrix + (eye + c_matrix / lam) @ cov_a @ solved @ cov_b
    np.testing.assert_allclose(form.covariance[:dim, :dim], first, atol=1e-10)
    np.testing.assert_allclose(form.cross_covariance, cross, atol=1e-10)


@pytest.mark.parametrize("rho", [(0.4, 3.0), (3.0, 0.4), (INF, 0.5), (0.5, INF), (2.0, 2.0)])
def test_soft_marginals_and_no_duality_gap(rho):
    """P1 = a exp(−f/ρ), and the dual value at (f, g) is the primal value: in 4-D, for different penalties."""
    mean_a, cov_a, mean_b, cov_b = pair(4)
    mass_a, mass_b, epsilon = 1.2, 0.9, 0.3
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon, rho=rho, mass_a=mass_a, mass_b=mass_b)
    sides = [
        (form.f, rho[0], mass_a, mean_a, cov_a, form.mean[:4], form.covariance[:4, :4]),
        (form.g, rho[1], mass_b, mean_b, cov_b, form.mean[4:], form.covariance[4:, 4:]),
    ]
    dual = -epsilon * (form.mass - mass_a * mass_b)
    for potential, penalty, mass, mean, cov, plan_mean, plan_cov in sides:
        if penalty == INF:
            np.testing.assert_allclose(plan_mean, mean, atol=1e-12)
            np.testing.assert_allclose(plan_cov, cov, atol=1e-12)
            assert form.mass == pytest.approx(mass, rel=1e-12)
            center = mean - potential.center
            dual += mass * (np.trace(potential.matrix @ cov) + potential.linear @ center + potential(mean))
            continue
        precision = np.linalg.inv(cov) + 2.0 * potential.matrix / penalty
        np.testing.assert_allclose(np.linalg.inv(plan_cov), precision, rtol=1e-9, atol=1e-9)
        score = (
            np.linalg.solve(cov, plan_mean - mean)
            + (2.0 * potential.matrix @ (plan_mean - mean) + potential.linear) / penalty
        )
        np.testing.assert_allclose(score, 0.0, atol=1e-9)  # the mean is the mode of a exp(−f/ρ)
        dual += penalty * (mass - form.mass)
    assert form.value == pytest.approx(dual, rel=1e-11)
    gap = form.mean[:4] - form.mean[4:]
    blocks = form.covariance[:4, :4] + form.covariance[4:, 4:] - 2.0 * form.cross_covariance
    assert form.transport_cost == pytest.approx(form.mass * (gap @ gap + np.trace(blocks)), rel=1e-11)


def test_bures_against_matrix_root():
    mean_a, cov_a, mean_b, cov_b = pair(6)
    root = sqrtm(cov_a).real
    squared = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b - 2.0 * sqrtm(root @ cov_b @ root).real)
    assert gaussian_wasserstein(mean_a, cov_a, mean_b, cov_b) == pytest.approx(math.sqrt(squared), rel=1e-12)
    assert gaussian_wasserstein(mean_b, cov_b, mean_a, cov_a) == pytest.approx(math.sqrt(squared), rel=1e-12)


def test_bures_of_commuting_covariances():
    basis, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))
    std_a, std_b = np.array([1.0, 2.0, 0.0, 5.0]), np.array([3.0, 0.5, 1.0, 5.0])
    cov_a, cov_b = (basis * std_a**2) @ basis.T, (basis * std_b**2) @ basis.T
    distance = gaussian_wasserstein(np.zeros(4), cov_a, np.ones(4), cov_b)
    assert distance == pytest.approx(math.sqrt(4.0 + np.sum((std_a - std_b) ** 2)), rel=1e-7)


def test_near_equal_gaussians_lose_no_digits():
    wide = (1.0 + 1e-9) ** 2
    assert gaussian_wasserstein(0.0, 1.0, 0.0, wide) == pytest.approx(1e-9, rel=1e-6)
    mean, cov, _, _ = pair(5)
    assert gaussian_wasserstein(mean, cov, mean, cov) < 1e-13
    assert gaussian_wasserstein(mean, cov, mean + 1e-10, cov) == pytest.approx(1e-10 * math.sqrt(5.0), rel=1e-4)


def test_map_is_the_monotone_transport():
    mean_a, cov_a, mean_b, cov_b = pair(5)
    transport = gaussian_map(mean_a, cov_a, mean_b, cov_b)
    np.testing.assert_array_equal(transport.matrix, transport.matrix.T)
    assert np.linalg.eigvalsh(transport.matrix).min() > 0.0
    np.testing.assert_allclose(transport.matrix @ cov_a @ transport.matrix, cov_b, atol=1e-12)
    np.testing.assert_allclose(transport(mean_a), mean_b, atol=1e-13)
    points = np.random.default_rng(0).normal(size=(3, 7, 5))
    expected = mean_b + (points - mean_a) @ transport.matrix
    np.testing.assert_allclose(transport(points), expected, atol=1e-13)
    moved = np.eye(5) - transport.matrix
    squared = np.trace(moved @ cov_a @ moved) + np.sum((mean_a - mean_b) ** 2)
    assert gaussian_wasserstein(mean_a, cov_a, mean_b, cov_b) ** 2 == pytest.approx(squared, rel=1e-12)


def test_map_between_singular_gaussians():
    line, other = np.array([3.0, 4.0]) / 5.0, np.array([0.0, 1.0])
    cov_a, cov_b = 4.0 * np.outer(line, line), 9.0 * np.outer(other, other)
    transport = gaussian_map(np.zeros(2), cov_a, np.zeros(2), cov_b)
    np.testing.assert_allclose(transport.matrix @ cov_a @ transport.matrix.T, cov_b, atol=1e-12)
    squared = np.trace((np.eye(2) - transport.matrix) @ cov_a @ (np.eye(2) - transport.matrix).T)
    assert squared == pytest.approx(gaussian_wasserstein(np.zeros(2), cov_a, np.zeros(2), cov_b) ** 2)
    full = gaussian_map(np.zeros(2), np.eye(2), np.ones(2), cov_b)
    np.testing.assert_allclose(full.matrix, 3.0 * np.outer(other, other), atol=1e-12)
    np.testing.assert_allclose(gaussian_map([0.0], [[1.0]], [2.0], [[0.0]])([5.0, 6.0]), 2.0)
    with pytest.raises(InputError, match="cov_b has rank 2, cov_a only 1"):
        gaussian_map(np.zeros(2), cov_a, np.zeros(2), np.eye(2))
