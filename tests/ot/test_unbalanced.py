"""Unbalanced transport: limits, optimality, and what the mass does."""

import numpy as np
import pytest

from tests.reference import sinkhorn_numpy as ref
from wassail import ot
from wassail.exceptions import ConvergenceWarning, NumericalError

RHOS = [(1.0, 1.0), (0.1, 4.0), (np.inf, 0.5), (0.5, np.inf)]


def make(seed=0, n=25, m=20, mass=1.6):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), a / a.sum(), mass * b / b.sum()


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.02])
def test_no_perturbation_does_better(rho, epsilon):
    C, a, b = make()
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, rho=rho, tol=1e-12)
    assert result.converged
    P = result.plan
    best = ref.objective(C, P, a, b, epsilon, rho)
    assert result.value == pytest.approx(best, rel=1e-10)
    if np.inf in rho:
        axis = 1 if rho[0] == np.inf else 0
        assert np.abs(P.sum(axis) - (a if axis else b)).sum() < 1e-10
        return
    rng = np.random.default_rng(1)
    for size in (1e-1, 1e-3):
        for _ in range(10):
            moved = P * np.exp(size * rng.normal(size=P.shape))
            assert ref.objective(C, moved, a, b, epsilon, rho) > best


def test_scalar_rho_is_both_sides():
    C, a, b = make(2)
    one, two = (ot.sinkhorn(C, a, b, epsilon=0.1, rho=rho) for rho in (0.7, (0.7, 0.7)))
    assert np.array_equal(one.f, two.f)
    assert one.rho == two.rho == (0.7, 0.7)


def test_infinite_rho_is_balanced():
    C, a, b = make(3, mass=1.0)
    balanced = ot.sinkhorn(C, a, b, epsilon=0.1)
    for rho in (np.inf, (np.inf, np.inf), (None, np.inf)):
        assert np.array_equal(ot.sinkhorn(C, a, b, epsilon=0.1, rho=rho).f, balanced.f)


def test_large_rho_tends_to_balanced():
    C, a, b = make(4, mass=1.0)
    balanced = ot.sinkhorn(C, a, b, epsilon=0.1, tol=1e-12).plan
    distance = [
        np.abs(ot.sinkhorn(C, a, b, epsilon=0.1, rho=rho, tol=1e-11, max_iter=100_000).plan - balanced).sum()
        for rho in (1e1, 1e3, 1e5)
    ]
    assert distance[1] < 0.02 * distance[0]
    assert distance[2] < 0.02 * distance[1]


def test_small_rho_destroys_mass():
    C, a, b = make(5)
    masses = [ot.sinkhorn(C + 1.0, a, b, epsilon=0.05, rho=rho).plan.sum() for rho in (0.05, 0.5, 5.0)]
    assert masses[0] < 0.1 < masses[1] < masses[2]


@pytest.mark.parametrize("rho", [1.0, 1e2, 1e4])
def test_large_rho_is_fast(rho):
    """The plain update contracts by ρ/(ρ+ε) only; the translation-invariant one does not care."""
    C, a, b = make(6, 60, 60)
    result = ot.sinkhorn(C, a, b, epsilon=0.05, rho=rho, tol=1e-9, max_iter=1000)
    assert result.converged


def test_transposition_swaps_rho():
    C, a, b = make(7)
    result = ot.sinkhorn(C, a, b, epsilon=0.05, rho=(0.3, 2.0), tol=1e-12)
    mirrored = ot.sinkhorn(C.T, b, a, epsilon=0.05, rho=(2.0, 0.3), tol=1e-12)
    assert np.allclose(result.f, mirrored.g, rtol=0, atol=1e-9)
    assert np.allclose(result.plan, mirrored.plan.T, rtol=1e-8, atol=1e-13)


def stationary(result):
    """How far the potentials are from the conditions of the optimum, in units of epsilon: sees no mass."""
    C, eps = ref_cost(result), result.epsilon
    z = (result.g + eps * np.log(result.b) - C) / eps
    top = z.max(1, keepdims=True)
    tau = result.rho[0] / (result.rho[0] + eps)
    f = -tau * eps * (top[:, 0] + np.log(np.exp(z - top).sum(1)))
    return np.abs(f - result.f).max() / eps


def ref_cost(result):
    return result.cost.to_numpy() if isinstance(result.cost, ot.PointCloud) else result.cost.values


def test_error_is_relative_to_the_mass_that_is_left():
    """Where rho destroys nearly all of the mass, any plan is near in absolute terms."""
    near = np.array([[0, 1, 0.5], [0.7, 0.1, 0.4]])
    a, b, y = [0.5, 0.5], [0.3, 0.3, 0.4], [0.0, 1.0, 2.0]
    result = ot.sinkhorn(near + 20.0, a, b, epsilon=0.1, rho=0.3)
    # A constant in the cost scales the plan and leaves the map as it is.
    expected = ot.sinkhorn(near, a, b, epsilon=0.1, rho=0.3, tol=1e-12)
    assert result.converged
    assert np.allclose(result.barycentric_map(y=y), expected.barycentric_map(y=y), atol=1e-4)
    assert result.marginal_error <= 1e-6 * result.plan.sum() * 1.001


@pytest.mark.parametrize("rho", [1.0, 3.0, (0.5, 2.0)])
def test_far_clouds_converge_to_the_optimum(rho):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)), rng.normal((12.0, 0.0), size=(200, 2))
    for result in (
        ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, rho=rho),
        ot.solve(ot.PointCloud(x, y), epsilon=0.5, rho=rho),
        ot.sinkhorn_batch([ot.PointCloud(x, y)], epsilon=0.5, rho=rho)[0],
    ):
        assert result.converged
        assert stationary(result) < 1e-4


def test_no_mass_at_all_is_not_converged():
    with pytest.warns(ConvergenceWarning, match="raise rho"):
        result = ot.sinkhorn(np.full((2, 2), 1e4) + np.eye(2), epsilon=0.1, rho=0.3)
    assert not result.converged


@pytest.mark.parametrize("rho", [1e50, 1e300, (1e300, np.inf), (1e40, 1e300)])
def test_a_penalty_beyond_rounding_is_balanced(rho):
    rng = np.random.default_rng(4)
    C, a, b = rng.random((12, 9)), rng.dirichlet(np.ones(12)), rng.dirichlet(np.ones(9))
    free, exact = ot.sinkhorn(C, a, b, epsilon=0.1, rho=rho, tol=1e-9), ot.sinkhorn(C, a, b, epsilon=0.1, tol=1e-9)
    assert free.converged
    assert free.rho == (np.inf, np.inf)
    np.testing.assert_array_equal(free.plan, exact.plan)
    assert free.value == exact.value


def test_masses_that_differ_stay_unbalanced():
    rng = np.random.default_rng(4)
    C, a, b = rng.random((12, 9)), rng.dirichlet(np.ones(12)), 1.1 * rng.dirichlet(np.ones(9))
    with pytest.warns(ConvergenceWarning):
        assert ot.sinkhorn(C, a, b, epsilon=0.1, rho=1e17, max_iter=0).rho == (1e17, 1e17)


@pytest.mark.parametrize("rho", [1e10, 1e13, 1e15, (1e15, np.inf)])
@pytest.mark.parametrize("solver", [ot.sinkhorn, ot.solve])
def test_a_penalty_out_of_scale_is_named(solver, rho):
    C = np.random.default_rng(0).random((50, 40))
    a, b = np.full(50, 1.0 / 50), np.full(40, 1.2 / 40)
    with pytest.warns(ConvergenceWarning, match=r"rho is 1e\+1[035], and masses that differ .* lower rho"):
        solver(C, a, b, epsilon=0.05, rho=rho)


def test_a_penalty_beyond_float64_is_named():
    C = np.random.default_rng(0).random((50, 40))
    with pytest.raises(NumericalError, match=r"rho 1e\+17 is out of scale beside epsilon 0.01.* lower rho"):
        ot.sinkhorn(C, np.full(50, 1.0 / 50), np.full(40, 1.2 / 40), epsilon=0.01, rho=1e17)
