"""POT as a second oracle; its conventions are translated here."""

import numpy as np
import pytest

from wassail import ot

pot = pytest.importorskip("ot", reason="POT is not installed")
pytestmark = pytest.mark.peers


def make(seed=0, n=40, m=30):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), a / a.sum(), b / b.sum()


@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.03])
def test_balanced(epsilon):
    C, a, b = make()
    theirs = pot.sinkhorn(a, b, C, epsilon, method="sinkhorn_log", numItermax=100_000, stopThr=1e-13)
    ours = ot.sinkhorn(C, a, b, epsilon=epsilon, tol=1e-12)
    assert np.abs(ours.plan - theirs).sum() < 1e-9
    assert ours.transport_cost == pytest.approx((C * theirs).sum(), rel=1e-9)


@pytest.mark.parametrize("rho", [(1.0, 1.0), (0.2, 3.0)])
def test_unbalanced(rho):
    C, a, b = make(1)
    b = 1.5 * b
    theirs = pot.unbalanced.sinkhorn_unbalanced(
        a, b, C, 0.1, rho, method="sinkhorn", reg_type="kl", numItermax=100_000, stopThr=1e-14
    )
    ours = ot.sinkhorn(C, a, b, epsilon=0.1, rho=rho, tol=1e-12)
    assert np.abs(ours.plan - theirs).sum() < 1e-8


def test_solve_has_the_same_value():
    C, a, b = make(2)
    theirs = pot.solve(C, a, b, reg=0.1, reg_type="KL", max_iter=100_000, tol=1e-12)
    ours = ot.sinkhorn(C, a, b, epsilon=0.1, tol=1e-12)
    assert ours.value == pytest.approx(float(theirs.value), rel=1e-8)
    assert ours.transport_cost == pytest.approx(float(theirs.value_linear), rel=1e-8)


def test_exact_cost_is_between_the_bounds():
    C, a, b = make(3)
    exact = pot.emd2(a, b, C)
    for epsilon in (0.5, 0.05, 0.005):
        bounds = ot.sinkhorn(C, a, b, epsilon=epsilon, tol=1e-8, max_iter=100_000).certificate()
        assert bounds.dual_bound <= exact + 1e-12
        assert exact <= bounds.primal_bound + 1e-12
