"""Problems whose answers can be written down."""

import math

import numpy as np
import pytest

from wassail import ot


@pytest.mark.parametrize("epsilon", [10.0, 1.0, 0.3, 0.1, 0.03])
def test_two_by_two(epsilon):
    result = ot.sinkhorn(np.array([[0.0, 1.0], [1.0, 0.0]]), epsilon=epsilon, tol=1e-14)
    stay = 0.5 / (1.0 + math.exp(-1.0 / epsilon))
    assert np.allclose(result.plan, [[stay, 0.5 - stay], [0.5 - stay, stay]], rtol=1e-12, atol=1e-15)
    assert result.transport_cost == pytest.approx(1.0 / (1.0 + math.exp(1.0 / epsilon)), rel=1e-11)


@pytest.mark.parametrize("c", [0.0, 3.5, -2.0, 1e9, 1e-9])
@pytest.mark.parametrize("mass", [1.0, 5.0])
def test_one_by_one(c, mass):
    result = ot.sinkhorn([[c]], [mass], [mass], epsilon=0.1)
    # P = a b exp((f + g − c) / ε) = mass
    assert result.f[0] + result.g[0] == pytest.approx(c - 0.1 * math.log(mass), rel=1e-12, abs=1e-12)
    assert result.plan[0, 0] == pytest.approx(mass, rel=1e-6)
    assert result.transport_cost == pytest.approx(c * mass, rel=1e-6)


@pytest.mark.parametrize("n", [2, 5, 64])
@pytest.mark.parametrize("epsilon", [1.0, 0.05])
def test_circulant(n, epsilon):
    k = np.random.default_rng(n).random(n)
    C = k[(np.arange(n)[None, :] - np.arange(n)[:, None]) % n]
    result = ot.sinkhorn(C, epsilon=epsilon, tol=1e-13)
    K = np.exp(-C / epsilon)
    assert np.allclose(result.plan, K / (n * K[0].sum()), rtol=1e-9, atol=0)
    assert np.ptp(result.f) < 1e-10
    assert np.ptp(result.g) < 1e-10


def test_constant_cost_gives_the_product():
    a, b = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.4])
    result = ot.sinkhorn(np.full((3, 2), 7.0), a, b, epsilon=0.1, tol=1e-14)
    assert np.allclose(result.plan, np.outer(a, b), rtol=1e-12)
    assert result.value == pytest.approx(7.0, rel=1e-13)
    assert result.kl == pytest.approx(0.0, abs=1e-12)


def test_one_source():
    b = np.array([0.2, 0.3, 0.5])
    C = np.array([[1.0, 4.0, 2.0]])
    result = ot.sinkhorn(C, [1.0], b, epsilon=0.01)
    assert np.allclose(result.plan, b, rtol=1e-6)
    assert result.transport_cost == pytest.approx(C[0] @ b, rel=1e-6)


def test_forbidden_arcs():
    C = np.array([[0.0, np.inf], [np.inf, 0.0]])
    result = ot.sinkhorn(C, epsilon=0.1)
    assert np.allclose(result.plan, np.eye(2) / 2, rtol=1e-6)
    assert result.plan[0, 1] == 0.0
    assert result.transport_cost == 0.0


def test_unbalanced_one_by_one():
    # min_p c p + ε(p log(p/ab) − p + ab) + 2ρ-terms: p = (a^ρ b^ρ (ab)^ε e^{−c})^{1/(2ρ+ε)}
    a, b, c, epsilon, rho = 2.0, 0.5, 0.3, 0.2, 1.5
    result = ot.sinkhorn([[c]], [a], [b], epsilon=epsilon, rho=rho, tol=1e-13)
    p = math.exp((rho * math.log(a * b) + epsilon * math.log(a * b) - c) / (2 * rho + epsilon))
    assert result.plan[0, 0] == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("d", [1, 3])
def test_small_epsilon_finds_the_matching(d):
    rng = np.random.default_rng(d)
    x = rng.normal(size=(40, d))
    order = rng.permutation(40)
    y = (x + 0.25)[order]  # a translation is optimal
    epsilon = 1e-3 * float(ot.PointCloud(x, y).to_numpy().mean())
    result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=epsilon, tol=1e-6, max_iter=50_000)
    truth = d * 0.25**2
    bounds = result.certificate()
    assert bounds.dual_bound <= truth <= bounds.primal_bound
    assert result.transport_cost == pytest.approx(truth, abs=40 * epsilon)
