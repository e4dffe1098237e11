"""Manufactured solutions: choose f, g, C and ε, derive the weights that make them optimal, and find them again."""

import numpy as np
import pytest

from wassail import ot


def kernel(seed, n, m, epsilon):
    rng = np.random.default_rng((seed, n, m))
    C = rng.random((n, m)) * 3.0
    f, g = rng.normal(size=n) * 0.3, rng.normal(size=m) * 0.3
    return C, f, g, np.exp((f[:, None] + g - C) / epsilon)


@pytest.mark.parametrize(("n", "m"), [(3, 4), (50, 30), (128, 257)])
@pytest.mark.parametrize("epsilon", [1.0, 0.2, 0.05])
def test_balanced(n, m, epsilon):
    C, _, _, T = kernel(0, n, m, epsilon)
    T /= T.sum()
    a, b = T.sum(1), T.sum(0)
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, tol=1e-12, max_iter=100_000)
    assert result.converged
    assert np.abs(result.plan - T).sum() < 1e-9
    value = (C * T).sum() + epsilon * (T * np.log(T / np.outer(a, b))).sum()
    assert result.value == pytest.approx(value, rel=1e-11, abs=1e-12)
    assert result.transport_cost == pytest.approx((C * T).sum(), rel=1e-8)


def manufactured_weights(marginal, potential, epsilon, rho):
    """Solve marginal = a e^(−f/ρ) with f = potential − ε log a for the weights a and f."""
    tau = rho / (rho + epsilon)
    weights = (marginal * np.exp(potential / rho)) ** tau
    return weights, potential - epsilon * np.log(weights)


@pytest.mark.parametrize("rho", [(1.0, 1.0), (0.3, 2.0), (10.0, 10.0)])
@pytest.mark.parametrize("epsilon", [1.0, 0.2, 0.05])
def test_unbalanced(rho, epsilon):
    C, alpha, beta, T = kernel(1, 40, 30, epsilon)  # T = exp((α ⊕ β − C) / ε)
    a, f = manufactured_weights(T.sum(1), alpha, epsilon, rho[0])
    b, g = manufactured_weights(T.sum(0), beta, epsilon, rho[1])
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, rho=rho, tol=1e-13, max_iter=100_000)
    assert result.status in (ot.Status.CONVERGED, ot.Status.STALLED)
    assert np.allclose(result.f, f, rtol=0, atol=1e-9)
    assert np.allclose(result.g, g, rtol=0, atol=1e-9)
    assert np.abs(result.plan - T).sum() < 1e-9 * T.sum()


@pytest.mark.parametrize("epsilon", [1.0, 0.1])
def test_one_exact_side(epsilon):
    C, alpha, beta, T = kernel(2, 25, 35, epsilon)
    T /= T.sum()
    alpha -= epsilon * np.log(np.exp((alpha[:, None] + beta - C) / epsilon).sum())
    b, g = manufactured_weights(T.sum(0), beta, epsilon, 1.5)
    a = T.sum(1)
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, rho=(np.inf, 1.5), tol=1e-13, max_iter=100_000)
    assert np.abs(result.plan - T).sum() < 1e-9
    assert np.allclose(result.f, alpha - epsilon * np.log(a), rtol=0, atol=1e-9)
    assert np.allclose(result.g, g, rtol=0, atol=1e-9)
