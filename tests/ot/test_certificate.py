"""Certificates: against the same bounds computed densely, and against exact optima."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog

from tests.reference import sinkhorn_numpy as ref
from wassail import ot


def make(seed, n=30, m=24, *, rho=None, mass=1.0):
    rng = np.random.default_rng((seed, n, m))
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    return rng.random((n, m)), a / a.sum(), mass * b / b.sum()


def solve(C, a, b, tol, epsilon=0.05, rho=None):
    return ot.sinkhorn(C, a, b, epsilon=epsilon, tol=tol, rho=rho)


def exact_cost(C, a, b):
    """Solve the transport linear program."""
    n, m = C.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    return linprog(C.ravel(), A_eq=np.vstack([rows, columns[:-1]]), b_eq=np.r_[a, b[:-1]], method="highs").fun


@pytest.mark.parametrize("tol", [0.5, 1e-2, 1e-5, 1e-12])
def test_balanced_bounds_against_dense(tol):
    C, a, b = make(0)
    result = solve(C, a, b, tol)
    found = result.certificate()
    P = ref.plan(C, result.f, result.g, a, b, 0.05)
    rounded = ref.round_plan(P, a, b)
    error = ref.marginal_error(C, result.f, result.g, a, b, 0.05)
    assert found.marginal_l1 == pytest.approx(error, rel=1e-9, abs=1e-14)
    deviation = max(np.abs(P.sum(1) - a).max(), np.abs(P.sum(0) - b).max())
    assert found.marginal_max == pytest.approx(deviation, rel=1e-9, abs=1e-15)
    assert found.entropic_lower == pytest.approx(ref.dual(C, result.f, result.g, a, b, 0.05), rel=1e-12)
    assert found.primal_bound == pytest.approx(ref.linear_cost(C, rounded), rel=1e-11)
    g = (C - result.f[:, None]).min(0)
    f = (C - g).min(1)
    assert found.dual_bound == pytest.approx(a @ f + b @ g, rel=1e-12)
    # The convexity bound exceeds the objective of the rounded plan, and by no more than the rounded mass explains.
    objective = ref.objective(C, rounded, a, b, 0.05)
    assert found.entropic_upper >= objective - 1e-14
    assert found.entropic_upper - objective <= 0.05 * 2.0 * np.sqrt(found.marginal_l1) + 1e-14
    assert found.entropic_gap == found.entropic_upper - found.entropic_lower
    assert found.gap == found.primal_bound - found.dual_bound


@pytest.mark.parametrize("tol", [0.5, 1e-2, 1e-5, 1e-12])
@pytest.mark.parametrize("epsilon", [1.0, 0.05, 0.01])
@pytest.mark.parametrize("seed", range(3))
def test_balanced_bounds_enclose(tol, epsilon, seed):
    C, a, b = make(seed)
    found = solve(C, a, b, tol, epsilon).certificate()
    f, g = ref.sinkhorn(C, a, b, epsilon, tol=1e-14, n_iter=3000)
    optimum = ref.dual(C, f, g, a, b, epsilon)
    assert found.entropic_lower <= optimum + 1e-14
    assert optimum <= found.entropic_upper + 1e-14
    exact = exact_cost(C, a, b)
    assert found.dual_bound <= exact + 1e-12
    assert exact <= found.primal_bound + 1e-12


def test_the_gap_closes():
    C, a, b = make(1)
    gaps = [solve(C, a, b, tol).certificate().entropic_gap for tol in (1e-2, 1e-5, 1e-9, 1e-12)]
    assert gaps[1] < 1e-3 * gaps[0] ** 0.5
    assert 0 <= gaps[3] < 1e-10
    assert all(later < earlier for earlier, later in itertools.pairwise(gaps))


def test_exact_problems_are_enclosed_in_spite_of_rounding():
    for c in (0.0, 1 / 3, -7.1, 1e8):
        found = ot.sinkhorn([[c]], epsilon=0.1).certificate()
        assert found.entropic_lower <= c <= found.entropic_upper
        assert found.dual_bound <= c <= found.primal_bound
        assert found.entropic_gap <= 1e-12 * max(1.0, abs(c))


def test_small_epsilon_certifies_the_assignment():
    C = np.random.default_rng(5).random((40, 40))
    rows, columns = linear_sum_assignment(C)
    exact = C[rows, columns].mean()
    found = ot.sinkhorn(C, epsilon=1e-3, tol=1e-6, max_iter=20_000).certificate()
    assert found.dual_bound <= exact <= found.primal_bound
    assert found.gap < 4e-3


def test_forbidden_arcs():
    C = np.random.default_rng(6).random((12, 12))
    C[np.random.default_rng(7).random((12, 12)) < 0.3] = np.inf
    np.fill_diagonal(C, 0.5)
    found = ot.sinkhorn(C, epsilon=0.1, tol=1e-3).certificate()
    optimum = ot.sinkhorn(C, epsilon=0.1, tol=1e-13).value
    assert found.entropic_lower <= optimum <= found.entropic_upper
    rows, columns = linear_sum_assignment(np.where(np.isinf(C), 1e3, C))
    assert found.dual_bound <= C[rows, columns].mean() <= found.primal_bound


def test_zero_weights():
    C, a, b = make(8)
    a[[0, 4]], b[2] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    C[0] = 1e6  # must not matter
    found = solve(C, a, b, 1e-4).certificate()
    kept = np.ix_(a > 0, b > 0)
    again = solve(C[kept], a[a > 0], b[b > 0], 1e-4).certificate()
    for name in ("marginal_l1", "entropic_lower", "entropic_upper", "dual_bound", "primal_bound"):
        assert getattr(found, name) == pytest.approx(getattr(again, name), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("rho", [(1.0, 1.0), (0.2, 3.0), (np.inf, 0.5), (0.5, np.inf)])
@pytest.mark.parametrize("tol", [0.3, 1e-3, 1e-12])
@pytest.mark.parametrize("mass", [1.0, 2.5])
def test_unbalanced_bounds_enclose(rho, tol, mass):
    C, a, b = make(9, mass=mass)
    found = solve(C, a, b, tol, 0.1, rho).certificate()
    f, g = ref.sinkhorn(C, a, b, 0.1, rho, tol=1e-14, n_iter=5000)
    optimum = ref.dual(C, f, g, a, b, 0.1, rho)
    assert found.entropic_lower <= optimum + 1e-13
    assert optimum <= found.entropic_upper + 1e-13
    # As ε → 0 the entropic optimum, less its entropy, comes down to the unregularized one.
    f, g = ref.sinkhorn(C, a, b, 2e-3, rho, tol=1e-10, n_iter=5000)
    P = ref.plan(C, f, g, a, b, 2e-3)
    near = ref.objective(C, P, a, b, 0.0, rho)
    assert found.dual_bound <= near + 1e-10
    assert found.dual_bound <= found.primal_bound


@pytest.mark.parametrize("rho", [(1.0, 1.0), (0.2, 3.0)])
def test_unbalanced_bounds_against_dense(rho):
    C, a, b = make(10, mass=1.7)
    result = solve(C, a, b, 1e-2, 0.1, rho)
    found = result.certificate()
    P = ref.plan(C, result.f, result.g, a, b, 0.1)
    assert found.entropic_upper == pytest.approx(ref.objective(C, P, a, b, 0.1, rho), rel=1e-11)
    assert found.primal_bound == pytest.approx(ref.objective(C, P, a, b, 0.0, rho), rel=1e-11)
    shifts = np.linspace(-1, 1, 20001)
    best = max(ref.dual(C, result.f + t, result.g - t, a, b, 0.1, rho) for t in shifts[::200])
    assert found.entropic_lower >= best - 1e-12
    assert found.marginal_l1 == pytest.approx(
        ref.marginal_error(C, result.f, result.g, a, b, 0.1, rho), rel=1e-9, abs=1e-14
    )


@pytest.mark.parametrize("rho", [None, 1.0, (np.inf, 1.0)])
def test_bounds_hold_for_any_potentials(rho):
    """The certificate does not trust the solver."""
    C, a, b = make(11)
    good = solve(C, a, b, 1e-13, 0.1, rho)
    rng = np.random.default_rng(12)
    for scale in (1e-3, 0.1, 3.0):
        bad = dataclasses.replace(
            good, f=good.f + scale * rng.normal(size=30), g=good.g + scale * rng.normal(size=24)
        ).certificate()
        assert bad.entropic_lower <= good.value <= bad.entropic_upper
        assert bad.dual_bound <= good.certificate().primal_bound
        assert good.certificate().dual_bound <= bad.primal_bound


def test_float32_points_are_certified_in_float64():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(50, 3)).astype(np.float32)
    result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, tol=1e-5)
    found = result.certificate()
    exact = ot.sinkhorn(ot.PointCloud(x.astype(float), y.astype(float)), epsilon=0.5, tol=1e-13)
    assert found.entropic_lower <= exact.value <= found.entropic_upper
    C = ot.PointCloud(x, y).to_numpy()
    error = ref.marginal_error(C, result.f, result.g, result.a, result.b, 0.5)
    assert found.marginal_l1 == pytest.approx(error, rel=1e-6)


def test_float32_arrays_are_certified_in_float64():
    C, a, b = make(14)
    C = C.astype(np.float32)
    result = solve(C, a, b, 1e-4)
    found = result.certificate()
    optimum = solve(C.astype(float), a, b, 1e-13).value
    assert found.entropic_lower <= optimum <= found.entropic_upper
    error = ref.marginal_error(C, result.f, result.g, a, b, 0.05)
    assert found.marginal_l1 == pytest.approx(error, rel=1e-6)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("cost", "options"),
    [
        ([[1e58, 0.4]], {"epsilon": 3.5e58, "rho": (1e200, np.inf), "max_iter": 1}),
        ([[10.0, 23.8], [18.4, 43.2]], {"epsilon": 333.0, "rho": (np.inf, 1e200), "max_iter": 1}),
        ([[5e-310, 3.4e-310, 4.1e-310]], {"epsilon": 3e-308, "max_iter": 2}),
        ([[-1e10, -1e10], [-1e10, -2e10]], {"epsilon": 1e3, "max_iter": 0}),
    ],
)
def test_bounds_never_cross(cost, options):
    bounds = ot.sinkhorn(cost, **options).certificate()
    assert bounds.entropic_lower <= bounds.entropic_upper
    assert bounds.dual_bound <= bounds.primal_bound
    assert not np.isnan(bounds.marginal_l1)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_masses_whose_squares_leave_float64():
    bounds = ot.sinkhorn([[1.0, 2.0]], [1e-190], [2.7e-191, 7.3e-191], epsilon=3.5e-4).certificate()
    assert bounds.dual_bound <= 1.73e-190 * (1 + 1e-12)
    assert bounds.primal_bound == bounds.entropic_upper == np.inf
