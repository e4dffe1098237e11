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


def test_quadratic_plan():
    C, a, b = make(4)
    theirs = pot.smooth.smooth_ot_dual(a, b, C, 0.5, reg_type="l2", numItermax=100_000, stopThr=1e-13)
    ours = ot.sparse_transport(C, a, b, gamma=0.5)
    assert np.abs(ours.plan - theirs).sum() < 1e-4  # theirs stops early


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("k", [2, 3, 10])
def test_at_most_k_nonzeros(k):
    """Our dual value, by their formula, is at least theirs."""
    C, a, b = make(5)
    _, log = pot.smooth.smooth_ot_dual(
        a, b, C, 1.0, reg_type="sparsity_constrained", max_nz=k, numItermax=10_000, stopThr=1e-12, log=True
    )
    ours = ot.sparse_transport(C, a, b, gamma=1.0, max_nonzeros=k)
    theirs = pot.smooth.SparsityConstrained(max_nz=k, gamma=1.0)
    value, _, _ = pot.smooth.dual_obj_grad(ours.f, ours.g, a, b, C, theirs)
    best, _, _ = pot.smooth.dual_obj_grad(log["alpha"], log["beta"], a, b, C, theirs)
    assert value == pytest.approx(ours.dual_value, rel=1e-10)
    assert value >= best - 1e-9 * abs(best)
    assert value <= best + 0.05 * abs(best)
