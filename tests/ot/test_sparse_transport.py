"""Quadratic and sparsity-constrained transport: manufactured solutions, oracles, ties, certificates, bad input."""

import contextlib
import dataclasses
import itertools
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial.distance import cdist

from tests.reference import sparse_numpy as reference
from wassail import ot
from wassail.exceptions import ConvergenceWarning, InputError, NumericalError


def manufactured(seed, n, m, k, gamma=0.5, axis=0):
    """Choose C and potentials; the weights are the marginals of the plan that these give."""
    rng = np.random.default_rng((seed, n, m, k))
    C = rng.random((n, m))
    f, g = 0.2 * rng.normal(size=n) + 0.5, 0.2 * rng.normal(size=m) + 0.5
    s = f[:, None] + g - C
    T = reference.plan(s, gamma, k) if axis == 0 else reference.plan(s.T, gamma, k).T
    return C, f, g, T


def check_certificate(result, C, k, tol=1e-9):
    """What any result must satisfy, computed from scratch."""
    T, a, b = result.plan, result.a, result.b
    along = result.axis
    s = result.f[:, None] + result.g - C
    if along == 1:
        s = s.T
    delta = reference.delta(s, result.gamma, min(k, s.shape[0])).sum()
    scale = (np.abs(C) * T).sum() + 1.0
    assert result.f @ a + result.g @ b - delta == pytest.approx(result.dual_value, abs=1e-11 * scale)
    assert (T >= 0.0).all()
    assert (np.count_nonzero(T, axis=along) <= k).all()
    assert np.array_equal(result.nonzeros, np.count_nonzero(T, axis=along))
    error = np.abs(T.sum(1) - a).sum() + np.abs(T.sum(0) - b).sum()
    # Sums of masses round in units of the mass, in an order that depends on the CPU level.
    assert result.marginal_error == pytest.approx(error, abs=1e-14 * max(1.0, a.sum()))
    if np.isfinite(result.primal_value):
        assert error <= tol * a.sum()
        value = (C * T).sum() + 0.5 * result.gamma * (T**2).sum()
        size = np.abs(result.f).max() + np.abs(result.g).max()
        assert result.primal_value == pytest.approx(value, abs=2.0 * size * error + 1e-12 * scale)
        assert result.gap >= -1e-11 * scale
    if result.converged:
        assert result.gap <= tol * scale
    R = result.relaxed.toarray()
    envelope = sum(reference.envelope(t, result.gamma, k) for t in (R.T if along == 0 else R))
    if result.status in (ot.Status.CONVERGED, ot.Status.TIED):
        assert np.abs(R.sum(1) - a).sum() + np.abs(R.sum(0) - b).sum() <= 2.0 * tol * a.sum()
        assert (C * R).sum() + envelope == pytest.approx(result.dual_value, abs=10.0 * tol * scale)


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 29])
@pytest.mark.parametrize(("n", "m"), [(30, 40), (60, 31)])
def test_manufactured(n, m, k, axis):
    C, f, g, T = manufactured(0, n, m, k, axis=axis)
    a, b = T.sum(1), T.sum(0)
    result = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k, axis=axis, tol=1e-12)
    value = (C * T).sum() + 0.25 * (T**2).sum()
    if k > 1:
        assert result.converged
        assert np.abs(result.plan - T).sum() < 1e-9 * T.sum()
    else:
        assert result.status in (ot.Status.CONVERGED, ot.Status.TIED)
    assert result.dual_value == pytest.approx(value, rel=1e-11)
    positive_a, positive_b = a > 0.0, b > 0.0
    s = (result.f[:, None] + result.g)[positive_a][:, positive_b]
    if k == 29:  # dense enough to determine the potentials
        assert np.allclose(s, (f[:, None] + g)[positive_a][:, positive_b], rtol=0, atol=1e-9)


@pytest.mark.parametrize("k", [2, 4, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cityblock"])
def test_manufactured_on_points(k, dtype, metric):
    rng = np.random.default_rng(3)
    x, y = rng.random((40, 3)).astype(dtype), rng.random((50, 3)).astype(dtype)
    C = cdist(x.astype(float), y.astype(float), metric)
    f, g = C.min(1) + 0.2 * rng.random(40), 0.2 * rng.random(50)
    T = reference.plan(f[:, None] + g - C, 0.1, k or 40)
    result = ot.sparse_transport(ot.PointCloud(x, y, cost=metric), T.sum(1), T.sum(0), gamma=0.1, max_nonzeros=k)
    assert result.converged
    assert np.abs(result.plan - T).sum() < 1e-7 * T.sum()
    assert result.transport_cost == pytest.approx((C * T).sum(), rel=1e-8)


def test_float32_cost_is_solved_as_given():
    C, _, _, T = manufactured(1, 30, 30, 3)
    single = C.astype(np.float32)
    a, b = T.sum(1), T.sum(0)
    ours = ot.sparse_transport(single, a, b, gamma=0.5, max_nonzeros=3)
    double = ot.sparse_transport(single.astype(float), a, b, gamma=0.5, max_nonzeros=3)
    assert ours.value == pytest.approx(double.value, rel=1e-12)


@pytest.mark.parametrize("gamma", [0.03, 1.0, 300.0])
def test_quadratic_against_lbfgs(gamma):
    rng = np.random.default_rng(0)
    C, a, b = rng.random((20, 25)), rng.random(20) + 0.1, rng.random(25) + 0.1
    a, b = a / a.sum(), b / b.sum()
    T, value = reference.quadratic(C, a, b, gamma)
    result = ot.sparse_transport(C, a, b, gamma=gamma, tol=1e-12)
    assert result.converged
    assert result.dual_value >= value - 1e-12
    assert np.abs(result.plan - T).sum() < 1e-4
    check_certificate(result, C, 20, 1e-12)
    limited = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=20, tol=1e-12)
    assert np.array_equal(limited.plan, result.plan)


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("gamma", [0.1, 10.0])
def test_random_costs_tie(k, axis, gamma):
    """Where an L-BFGS method stalls: uniform weights, random costs."""
    rng = np.random.default_rng(5)
    C = rng.random((60, 60))
    result = ot.sparse_transport(C, gamma=gamma, max_nonzeros=k, axis=axis)
    assert result.status in (ot.Status.CONVERGED, ot.Status.TIED)
    check_certificate(result, C, k)
    semidual = reference.semidual(result.f, C, result.a, result.b, gamma, k) if axis == 0 else result.dual_value
    assert semidual == pytest.approx(result.dual_value, abs=1e-10)


@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_the_dual_is_the_optimum_of_the_relaxation():
    """No potentials nearby, and none of a subgradient method, do better."""
    rng = np.random.default_rng(6)
    C = rng.random((25, 25))
    result = ot.sparse_transport(C, gamma=5.0, max_nonzeros=2)
    w = np.full(25, 1 / 25)
    for scale in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5):
        for _ in range(50):
            f = result.f + scale * rng.normal(size=25)
            assert reference.semidual(f, C, w, w, 5.0, 2) <= result.dual_value + 1e-12


def brute_force(C, a, b, gamma, k):
    """Return the optimum over all supports with at most k entries a column."""
    n, m = C.shape
    best = np.inf
    for choice in itertools.product(itertools.combinations(range(n), k), repeat=m):
        mask = np.zeros((n, m), dtype=bool)
        for j, rows in enumerate(choice):
            mask[list(rows), j] = True
        A = np.zeros((n + m, mask.sum()))
        i, j = np.nonzero(mask)
        A[i, range(i.size)] = 1.0
        A[n + j, range(i.size)] = 1.0
        found = linprog(np.zeros(i.size), A_eq=A, b_eq=np.concatenate([a, b]))
        if found.status == 0:
            T = ot.sparse_transport(np.where(mask, C, np.inf), a, b, gamma=gamma)
            best = min(best, T.value)
    return best


@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_bounds_enclose_the_optimum():
    rng = np.random.default_rng(7)
    C, a, b = rng.random((3, 4)), np.array([0.3, 0.3, 0.4]), np.array([0.2, 0.25, 0.25, 0.3])
    result = ot.sparse_transport(C, a, b, gamma=2.0, max_nonzeros=2)
    exact = brute_force(C, a, b, 2.0, 2)
    assert result.dual_value <= exact + 1e-9
    assert result.primal_value >= exact - 1e-9


def test_one_nonzero_is_unregularized():
    rng = np.random.default_rng(8)
    C = rng.random((40, 40))
    result = ot.sparse_transport(C, gamma=1e-3, max_nonzeros=1)
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(C)
    assert result.converged  # the optimal vertex is a permutation
    assert result.transport_cost == pytest.approx(C[rows, columns].mean(), rel=1e-9)
    assert np.array_equal(result.nonzeros, np.ones(40))


def test_small_gamma_approaches_unregularized():
    rng = np.random.default_rng(9)
    x, y = rng.random((50, 2)), rng.random((50, 2))
    C = cdist(x, y, "sqeuclidean")
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(C)
    result = ot.sparse_transport(C, gamma=1e-6)
    assert result.transport_cost == pytest.approx(C[rows, columns].mean(), rel=1e-6)


@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_routing_finds_feasible_plans():
    """Few rows, many columns: at most n − 1 columns tie, and a plan is found."""
    rng = np.random.default_rng(10)
    C = rng.random((8, 300))
    result = ot.sparse_transport(C, gamma=20.0, max_nonzeros=2)
    check_certificate(result, C, 2)
    assert result.marginal_error < 1e-8
    assert np.isfinite(result.gap)
    assert result.gap < 1e-2 * result.value


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    k=st.integers(1, 10),
    axis=st.integers(0, 1),
    gamma=st.sampled_from([1e-3, 0.1, 1.0, 30.0]),
    kind=st.sampled_from(["random", "integer", "equal"]),
)
@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_any_small_problem(seed, n, m, k, axis, gamma, kind):
    assume(k * (m, n)[axis] >= (n, m)[axis])
    rng = np.random.default_rng(seed)
    C = {"random": rng.random((n, m)), "integer": rng.integers(0, 3, (n, m)) * 1.0, "equal": np.ones((n, m))}[kind]
    a, b = rng.integers(1, 5, n) / 1.0, rng.integers(1, 5, m) / 1.0
    a, b = a / a.sum(), b / b.sum()
    result = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=k, axis=axis)
    assert result.status in (ot.Status.CONVERGED, ot.Status.TIED)
    check_certificate(result, C, k)


def test_zero_weights_and_their_potentials():
    C, _, _, T = manufactured(2, 20, 25, 3)
    a, b = T.sum(1), T.sum(0)
    a2, b2 = np.insert(a, [0, 7], 0.0), np.append(b, 0.0)
    padded = np.full((22, 26), 0.01)
    rows, columns = np.flatnonzero(a2 > 0), np.flatnonzero(b2 > 0)
    kept = C[a > 0][:, b > 0]
    padded[np.ix_(rows, columns)] = kept
    result = ot.sparse_transport(padded, a2, b2, gamma=0.5, max_nonzeros=3)
    alone = ot.sparse_transport(kept, a[a > 0], b[b > 0], gamma=0.5, max_nonzeros=3)
    assert result.value == pytest.approx(alone.value, rel=1e-12)
    check_certificate(result, padded, 3)


@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_forbidden_arcs():
    rng = np.random.default_rng(11)
    C = rng.random((30, 30))
    C[rng.random((30, 30)) < 0.5] = np.inf
    for k in (3, None):
        result = ot.sparse_transport(C, gamma=3.0, max_nonzeros=k)
        assert (result.plan[np.isinf(C)] == 0.0).all()
        assert result.status in (ot.Status.CONVERGED, ot.Status.TIED)


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e150])
@pytest.mark.parametrize("k", [3, None])
def test_scales(scale, k):
    C, _, _, T = manufactured(4, 30, 30, 3)
    a, b = T.sum(1), T.sum(0)
    plain = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k)
    scaled = ot.sparse_transport(scale * C, a, b, gamma=0.5 * scale, max_nonzeros=k)
    assert scaled.converged
    assert scaled.value == pytest.approx(scale * plain.value, rel=1e-9)
    heavy = ot.sparse_transport(C, 1e6 * a, 1e6 * b, gamma=0.5e-6, max_nonzeros=k)
    assert heavy.value == pytest.approx(1e6 * plain.value, rel=1e-9)


@pytest.mark.parametrize("k", [4, None])
def test_memory_layout_and_transposition(k):
    C, _, _, T = manufactured(5, 40, 50, 4)
    a, b = T.sum(1), T.sum(0)
    wide = np.zeros((80, 100))
    wide[::2, ::2] = C
    read_only = np.asfortranarray(C)
    read_only.flags.writeable = False
    plain = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k)
    for other in (wide[::2, ::2], read_only, C[::-1, ::-1][::-1, ::-1]):
        assert np.array_equal(ot.sparse_transport(other, a, b, gamma=0.5, max_nonzeros=k).plan, plain.plan)
    turned = ot.sparse_transport(C.T, b, a, gamma=0.5, max_nonzeros=k, axis=1)
    assert np.allclose(turned.plan.T, plain.plan, rtol=0, atol=1e-8)
    assert turned.dual_value == pytest.approx(plain.dual_value, rel=1e-12)


@pytest.mark.parametrize("k", [3, None])
def test_same_bits_for_any_number_of_threads(k):
    rng = np.random.default_rng(12)
    x, y = rng.random((700, 3)), rng.random((600, 3))
    results = [
        ot.sparse_transport(ot.PointCloud(x, y), gamma=5.0, max_nonzeros=k, n_threads=t, tol=1e-6) for t in (1, 2, 3)
    ]
    for other in results[1:]:
        assert np.array_equal(results[0].f, other.f)
        assert np.array_equal(results[0].entries.data, other.entries.data)
        assert results[0].n_iter == other.n_iter


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("kind", ["random", "integer", "equal", "points", "sum"])
@pytest.mark.parametrize("k", [None, 2, 5])
@pytest.mark.parametrize("gamma", [1e-6, 1e-4, 1e-2, 1.0, 1e3])
def test_no_gamma_stalls(kind, k, gamma):
    """Costs that tie and uneven weights; tiny γ, where the last bits of the potentials are masses."""
    for seed in range(3):
        rng = np.random.default_rng((seed, 14))
        n, m = rng.integers(20, 40, 2)
        C = {
            "random": rng.random((n, m)),
            "integer": rng.integers(0, 5, (n, m)) * 1.0,
            "equal": np.full((n, m), rng.normal()),
            "points": cdist(rng.random((n, 2)), rng.random((m, 2)), "sqeuclidean"),
            "sum": np.add.outer(rng.normal(size=n), rng.normal(size=m)),
        }[kind]
        a, b = np.exp(2.0 * rng.normal(size=n)), rng.integers(1, 4, m) * 1.0
        a, b = a / a.sum(), b / b.sum()
        result = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=k)
        if k is None:
            assert result.converged
            # The plan is optimal: it has the marginals, and its value is the dual's, computed from scratch.
            value = (C * result.plan).sum() + 0.5 * gamma * (result.plan**2).sum()
            s = np.maximum(result.f[:, None] + result.g - C, 0.0)
            dual = result.f @ a + result.g @ b - (s**2).sum() / (2.0 * gamma)
            assert result.marginal_error <= 1e-9
            assert value == pytest.approx(dual, abs=3e-9 * (np.abs(C).max() + gamma * (result.plan**2).sum()))
        else:
            assert result.status in (ot.Status.CONVERGED, ot.Status.TIED)
            assert result.converged or result.n_ties > 0
            check_certificate(result, C, k)


def test_forbidden_arcs_and_tiny_gamma():
    rng = np.random.default_rng(15)
    C = rng.integers(0, 3, (18, 51)) * 1.0
    C[rng.random(C.shape) < 0.3] = np.inf
    result = ot.sparse_transport(C, gamma=1e-5)
    assert result.converged
    exact = ot.exact(C)
    assert result.transport_cost == pytest.approx(exact.value, abs=1e-5)


def test_one_nonzero_is_the_plan_of_exact_transport():
    rng = np.random.default_rng(16)
    C, b = rng.random((6, 60)), rng.random(60)
    a = np.bincount(rng.integers(0, 6, 60), weights=b, minlength=6)  # some plan exists
    with pytest.warns(ConvergenceWarning, match=r"\(now 1\); gamma does not matter where it is 1"):
        result = ot.sparse_transport(C, a, b, gamma=1.0, max_nonzeros=1)
    exact = ot.exact(C, a, b)
    assert result.status is ot.Status.TIED
    assert result.dual_value == pytest.approx(exact.value + 0.5 * (b**2).sum(), rel=1e-12)
    assert abs(result.relaxed - exact.entries).sum() < 1e-9 * a.sum()
    assert result.n_ties >= np.count_nonzero(np.count_nonzero(exact.plan, axis=0) > 1) > 0


@pytest.mark.parametrize("gamma", [1e-12, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 1])
def test_one_nonzero_whatever_gamma_is(gamma, order, axis):
    """No plan avoids what γ adds: it is part of both bounds, and of the slack of each entry."""
    C = np.asarray(np.random.default_rng(16).random((70, 70)), order=order)
    exact = ot.exact(C)
    for init in (None, ot.sparse_transport(C, gamma=2.0 * gamma, max_nonzeros=1, axis=axis)):
        result = ot.sparse_transport(C, gamma=gamma, max_nonzeros=1, axis=axis, init=init)
        assert (result.status, result.n_iter) == (ot.Status.CONVERGED, 0)
        assert np.array_equal(result.plan, exact.plan)
        assert result.value == pytest.approx(exact.value + 0.5 * gamma / 70, rel=1e-14)
        assert 0.0 <= result.gap <= 1e-12 * result.value
        known = result.certificate()
        assert known.entropic_lower <= result.value <= known.entropic_upper
        assert known.entropic_upper - known.entropic_lower <= 1e-11 * result.value
        assert gamma < 1e-6 or known.n_ties == result.n_ties  # below, rounding decides what ties


def test_ties_warn_and_say_what_the_plan_is_worth():
    C = np.random.default_rng(17).random((40, 40))
    with pytest.warns(ConvergenceWarning, match=r"above the optimum by at most .* raise max_nonzeros \(now 2\)"):
        result = ot.sparse_transport(C, gamma=10.0, max_nonzeros=2)
    assert result.status is ot.Status.TIED
    assert result.n_ties > 0


@pytest.mark.parametrize("k", [2, 5, None])
@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_loose_tolerances_end_with_a_feasible_plan(k):
    """From the plan of a relaxation solved to 1e-2 no feasible one was found, and one solved to 3e-2 was a defect."""
    x, y = np.random.default_rng(25).normal(size=(2, 150, 2))
    tight = ot.sparse_transport(ot.PointCloud(x, y), gamma=100.0, max_nonzeros=k)
    for tol in (1e-3, 3e-2, 1.0):
        loose = ot.sparse_transport(ot.PointCloud(x, y), gamma=100.0, max_nonzeros=k, tol=tol)
        assert np.isfinite(loose.gap)
        assert loose.n_iter <= tight.n_iter
        assert loose.dual_value <= tight.dual_value + 1e-12
        assert loose.dual_value == pytest.approx(tight.dual_value, rel=1e-3)


@pytest.mark.parametrize("k", [2, 3, None])
@pytest.mark.parametrize("gamma", [1e-300, 1e-20, 1e-10])
def test_where_gamma_hardly_counts_the_plan_of_exact_transport_is_certified(k, gamma):
    x, y = np.random.default_rng(26).normal(size=(2, 300, 2))
    result = ot.sparse_transport(ot.PointCloud(x[:200], y), gamma=gamma, max_nonzeros=k)
    exact = ot.exact(ot.PointCloud(x[:200], y))
    assert result.converged
    assert result.nonzeros.max() <= (k or 300)
    assert result.value == pytest.approx(exact.value + 0.5 * gamma * (exact.entries.data**2).sum(), rel=1e-12)
    assert 0 <= result.gap <= 1e-9 * result.value
    assert (result.f[:, None] + result.g[None] - cdist(x[:200], y, "sqeuclidean")).max() <= 0.0
    assert result.f @ result.a + result.g @ result.b == pytest.approx(result.dual_value, rel=1e-12)


@pytest.mark.parametrize("solver", [ot.exact, ot.sinkhorn, ot.sinkhorn_newton, ot.sparse_transport])
@pytest.mark.parametrize("shift", [1e6, 1e16, -1e200])
@pytest.mark.filterwarnings("ignore:sparse_transport")
def test_a_constant_moved_between_the_starting_potentials_changes_nothing(solver, shift):
    C = np.random.default_rng(27).random((4, 5))
    options = {ot.exact: {}, ot.sparse_transport: {"gamma": 0.1, "max_nonzeros": 2}}.get(solver, {"epsilon": 0.01})
    plain = solver(C, init=(np.zeros(4), np.zeros(5)), **options)
    moved = solver(C, init=(np.full(4, shift), np.full(5, -shift)), **options)
    assert moved.status is plain.status
    assert moved.value == pytest.approx(plain.value, rel=1e-9)


def test_a_limit_on_the_wrong_side():
    """Tokens as rows, few experts as columns: each token has at most k experts, along axis 1."""
    C = np.random.default_rng(18).random((100, 4))
    with pytest.raises(InputError, match="use axis=1 to limit the rows, or max_nonzeros of at least 25"):
        ot.sparse_transport(C, gamma=1.0, max_nonzeros=2)
    with pytest.raises(InputError, match="use axis=0"):
        ot.sparse_transport(C.T, gamma=1.0, max_nonzeros=24, axis=1)
    assert ot.sparse_transport(C, gamma=100.0, max_nonzeros=2, axis=1, tol=1e-3).shape == (100, 4)


@pytest.mark.parametrize("k", [3, None])
def test_warm_start(k):
    C, _, _, T = manufactured(6, 80, 90, 3)
    a, b = T.sum(1), T.sum(0)
    first = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k)
    again = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k, init=first)
    assert again.converged
    assert again.n_iter <= max(1, first.n_iter // 3)
    assert again.value == pytest.approx(first.value, rel=1e-9)
    # Potentials without the plan take another path to the same answer.
    bare = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=k, init=(first.f, first.g))
    assert bare.value == pytest.approx(again.value, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1])
def test_warm_start_with_one_nonzero(axis):
    """As without one: no step is needed, and the plan is that of unregularized transport."""
    rng = np.random.default_rng(23)
    x, y = rng.random((150, 2)), rng.random((150, 2))
    first = ot.sparse_transport(ot.PointCloud(x, y), gamma=1.0, max_nonzeros=1, axis=axis)
    moved = ot.PointCloud(x + 1e-3 * rng.normal(size=x.shape), y)
    fresh = ot.sparse_transport(moved, gamma=1.0, max_nonzeros=1, axis=axis)
    for init in (first, (first.f, first.g)):
        warm = ot.sparse_transport(moved, gamma=1.0, max_nonzeros=1, axis=axis, init=init)
        assert warm.converged
        assert warm.n_iter == 0
        assert abs(warm.entries - fresh.entries).max() < 1e-14


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("gamma", [1e-10, 1e-6, 1e-3])
@pytest.mark.parametrize("changed", ["costs", "weights"])
@pytest.mark.parametrize("k", [5, None])
def test_a_start_takes_no_longer_where_gamma_is_small(gamma, changed, k):
    """Potentials a step away are many widths of a row away then: they took ten times the steps of a run without."""
    rng = np.random.default_rng(31)
    n = 80
    C, change = rng.random((n, n)), 1.0 + 1e-3 * rng.random((n, n))
    a = 0.5 + rng.random(n)
    b, a = np.full(n, 1 / n), a / a.sum()
    gamma *= n / 100
    first = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=k)
    if changed == "costs":
        C = C * change
    else:
        a = a * change[0] / (a * change[0]).sum()
    fresh = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=k)
    for init in (first, (first.f, first.g)):
        warm = ot.sparse_transport(C, a, b, gamma=gamma, max_nonzeros=k, init=init)
        assert warm.status is fresh.status
        assert warm.n_iter <= fresh.n_iter + 6
        assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-8)
        check_certificate(warm, C, k or n)


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("change", [1e-1, 1e-4])
@pytest.mark.parametrize("k", [2, 4, None])
def test_starts_of_any_quality_lead_to_the_same_answer(k, change, axis):
    """Entries that the old potentials do not name are found as well."""
    rng = np.random.default_rng(32)
    C, a = rng.random((60, 70)), 0.5 + rng.random(60)
    a[:3] = 0.0
    options = {"gamma": 2.0, "max_nonzeros": k, "axis": axis}
    first = ot.sparse_transport(C, a / a.sum(), **options)
    C = C * (1.0 + change * rng.random(C.shape))
    a = a * (1.0 + change * rng.random(60))
    a[3], a[0] = 0.0, change
    fresh = ot.sparse_transport(C, a / a.sum(), **options)
    warm = ot.sparse_transport(C, a / a.sum(), **options, init=first)
    assert warm.status in (fresh.status, ot.Status.CONVERGED)
    assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-8)
    check_certificate(warm, C, k or 70)


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize(("k", "less"), [(2, 3), (5, 2)])
def test_warm_start_with_ties(k, less):
    """A problem nearby, where columns tie: a part of the steps and of the products of a fresh run."""
    rng = np.random.default_rng(19)
    x, y = rng.random((300, 2)), rng.random((300, 2))
    first = ot.sparse_transport(ot.PointCloud(x, y), gamma=10.0, max_nonzeros=k)
    moved = ot.PointCloud(x + 1e-4 * rng.normal(size=x.shape), y)
    fresh = ot.sparse_transport(moved, gamma=10.0, max_nonzeros=k)
    warm = ot.sparse_transport(moved, gamma=10.0, max_nonzeros=k, init=first)
    assert first.status is ot.Status.TIED
    assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-8)
    assert np.isfinite(warm.primal_value)
    assert less * warm.n_iter <= fresh.n_iter
    assert (less - 0.5) * warm.trace.products.sum() <= fresh.trace.products.sum()


@pytest.mark.filterwarnings("ignore:sparse_transport")
def uneven(n, rng):
    a = 0.5 + rng.random(n)
    return a / a.sum()


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("kind", ["uniform", "plane"])
def test_uneven_weights_have_a_plan_of_two_nonzeros_that_a_start_mends(kind, axis):
    # All but one of the columns need both of their places: the support is a tree.
    rng = np.random.default_rng(4)
    n = 80
    C = rng.random((n, n)) if kind == "uniform" else cdist(rng.random((n, 2)), rng.random((n, 2)), "sqeuclidean")
    a, b = uneven(n, rng), uneven(n, rng)
    options = {"gamma": n * C.mean() / 50, "max_nonzeros": 2, "axis": axis}
    first = ot.sparse_transport(C, a, b, **options)
    assert first.status is ot.Status.TIED
    check_certificate(first, C, 2)
    changed = a * (1 + 1e-4 * rng.random(n))
    fresh = ot.sparse_transport(C, changed / changed.sum(), b, **options)
    warm = ot.sparse_transport(C, changed / changed.sum(), b, init=first, **options)
    for result in (first, fresh, warm):
        assert np.isfinite(result.gap)
        assert result.nonzeros.max() == 2
    assert 3 * warm.n_iter <= fresh.n_iter
    assert warm.gap <= 1.1 * first.gap
    assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-8)
    check_certificate(warm, C, 2)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("k", [1, 2, 3, None])
def test_starts_find_plans_where_runs_without_do(k):
    rng = np.random.default_rng(0 if k is None else k)
    for _ in range(25):
        n, m = rng.integers(2, 30, 2)
        C = rng.integers(0, 4, (n, m)).astype(float) if rng.random() < 0.5 else rng.random((n, m))
        a, b = (np.maximum(rng.integers(0, 3, size) * rng.random(size), 0) for size in (n, m))
        a[0], b[0] = 1, 1
        a, b = a / a.sum(), b / b.sum()
        rows, columns = np.count_nonzero(a), np.count_nonzero(b)
        options = {"gamma": float(n), "max_nonzeros": k, "axis": 0 if k and k * columns >= rows else 1}
        first = ot.sparse_transport(C, a, b, **options)
        changed = a * (1 + 1e-3 * rng.random(n))
        fresh = ot.sparse_transport(C, changed / changed.sum(), b, **options)
        warm = ot.sparse_transport(C, changed / changed.sum(), b, init=first, **options)
        assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-7, abs=1e-12)
        assert np.isfinite(warm.gap) >= np.isfinite(fresh.gap)
        assert np.isfinite(warm.gap) <= (warm.marginal_error <= 1e-9)
        assert k is None or warm.nonzeros.max() <= k


def test_callback_progress_and_limits():
    rng = np.random.default_rng(13)
    C = rng.random((50, 50))
    seen = []
    result = ot.sparse_transport(C, gamma=1.0, max_nonzeros=3, callback=lambda *state: seen.append(state))
    assert [s[0] for s in seen[: result.n_iter]] == list(range(1, len(seen[: result.n_iter]) + 1))
    stopped = ot.sparse_transport(C, gamma=1.0, max_nonzeros=3, callback=lambda i, *_: i >= 3)
    assert stopped.status is ot.Status.STOPPED
    assert stopped.n_iter == 3
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        short = ot.sparse_transport(C, gamma=1.0, max_nonzeros=3, max_iter=2)
    assert short.status is ot.Status.MAX_ITER
    assert short.dual_value <= result.dual_value + 1e-12
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        assert ot.sparse_transport(C, gamma=1.0, max_iter=0).n_iter == 0


def test_result_maps_and_pickles():
    C, _, _, T = manufactured(7, 20, 20, 3)
    a, b = T.sum(1), T.sum(0)
    result = ot.sparse_transport(C, a, b, gamma=0.5, max_nonzeros=3)
    v = np.arange(20.0)
    assert np.allclose(result.apply(v), result.plan @ v)
    assert np.allclose(result.linear_operator @ v, result.plan @ v)
    copy = pickle.loads(pickle.dumps(result))
    assert np.array_equal(copy.plan, result.plan)
    assert copy.status is ot.Status.CONVERGED
    assert "gap" in repr(result)
    assert "n_iter" in repr(result.trace)
    assert result.trace.error.size == result.n_iter


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"gamma": None}, "gamma"),
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": np.nan}, "gamma"),
        ({"gamma": "1"}, "gamma"),
        ({"max_nonzeros": 0}, "max_nonzeros"),
        ({"max_nonzeros": 1.5}, "max_nonzeros"),
        ({"axis": 2}, "axis"),
        ({"axis": "0"}, "axis"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": -1}, "max_iter"),
        ({"init": (np.zeros(2), np.zeros(3))}, "init"),
        ({"init": (np.zeros(4), np.full(3, np.nan))}, "init"),
        ({"init": 3}, "init"),
        ({"a": [1.0, 2.0]}, "a"),
        ({"a": [1.0, -1.0, 0.5, 0.5]}, "a"),
        ({"b": [1.0, 2.0, 3.0], "a": [1.0, 1.0, 1.0, 1.0]}, "mass"),
        ({"callback": 3}, "callback"),
        ({"progress": 3}, "progress"),
        ({"n_threads": 0}, "n_threads"),
        ({"cost": np.zeros((0, 3))}, "cost"),
        ({"cost": np.full((4, 3), np.nan)}, "cost"),
        ({"cost": np.full((4, 3), np.inf)}, "cost"),
    ],
)
def test_bad_input(change, word):
    options = {"cost": np.ones((4, 3)), "gamma": 1.0, **change}
    with pytest.raises(InputError, match=word):
        ot.sparse_transport(options.pop("cost"), **options)


def test_tolerances_that_any_plan_meets_are_refused():
    with pytest.raises(InputError, match="tol must be at most 1"):
        ot.sparse_transport(np.eye(3), gamma=1.0, tol=2.0)
    assert ot.sparse_transport(np.eye(3), gamma=1.0, tol=1.0).converged


def test_single_points():
    result = ot.sparse_transport([[2.0]], gamma=3.0, max_nonzeros=1)
    assert result.converged
    assert result.value == pytest.approx(3.5)
    row = ot.sparse_transport([[1.0, 2.0, 3.0]], gamma=3.0, max_nonzeros=1)
    assert row.converged
    assert np.allclose(row.plan, 1 / 3)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_values_without_meaning_prove_nothing():
    """Weights over fifteen decades, on which the sums of the primal value left the finite numbers."""
    C = np.array(
        [
            [-122264197.65882637, -219513575.24624223, 3959357.487456461],
            [-20316202.46411392, -117565580.05152977, 105907352.68216892],
            [-23385329.437127523, -120634707.02454337, 102838225.7091553],
            [-126897712.89582463, -224147090.48324046, -674157.7495417872],
            [-121832827.47833422, -219082205.06575006, 4390727.6679486185],
        ]
    )
    a = [1.7120965792531865e-15, 8.915136976195646e-09, 0.0012367200418080641, 0.10587449576565537, 0.8928887752773977]
    b = [0.3807927163713356, 0.6191564458750002, 5.0837753664002525e-05]
    result = ot.sparse_transport(C, a, b, gamma=13598407.570134979, max_nonzeros=2, axis=1)
    assert result.primal_value >= result.dual_value - 1e-9 * abs(result.dual_value)
    assert not result.converged or np.isfinite(result.primal_value)


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("k", [2, 6, None])
def test_certificates_enclose_the_optimum(k, axis, points):
    rng = np.random.default_rng(33)
    a, b = rng.random(30) * (rng.random(30) < 0.8), rng.random(40)
    a, b = a / a.sum(), b / b.sum()
    cost = ot.PointCloud(rng.random((30, 3)), rng.random((40, 3))) if points else rng.random((30, 40))
    result = ot.sparse_transport(cost, a, b, gamma=1.0, max_nonzeros=k, axis=axis)
    found = result.certificate()
    best = ot.exact(cost, a, b).value
    assert 0.0 <= result.dual_value - found.entropic_lower < 1e-12
    assert found.marginal_l1 == pytest.approx(result.marginal_error, abs=1e-15)
    if np.isfinite(result.primal_value):
        assert abs(found.entropic_upper - result.primal_value) < 1e-7
        assert found.entropic_lower <= found.entropic_upper
        assert found.dual_bound <= best <= found.primal_bound
    else:
        assert found.entropic_upper == np.inf
    assert found.dual_bound <= best < found.dual_bound + 0.1
    assert np.array_equal(found.nonzeros, result.nonzeros)
    assert found.n_ties == result.n_ties
    assert "nonzeros" in repr(found)


def test_certificates_see_a_plan_and_potentials_that_are_wrong():
    result = ot.sparse_transport(np.random.default_rng(34).random((20, 20)), gamma=1.0)
    good = result.certificate()
    assert good.entropic_gap < 1e-7
    moved = dataclasses.replace(result, g=result.g + 1e-3 * np.arange(20))
    assert moved.certificate().entropic_lower < good.entropic_lower - 1e-6
    short = dataclasses.replace(result, entries=0.999 * result.entries)
    assert short.certificate().entropic_upper == np.inf
    assert short.certificate().marginal_l1 == pytest.approx(2e-3, rel=1e-6)


@pytest.mark.parametrize("solver", [ot.sparse_transport, ot.solve])
def test_warnings_point_to_the_call(solver):
    rng = np.random.default_rng(35)
    C, a = rng.random((40, 40)), rng.dirichlet(np.ones(40))
    with pytest.warns(ConvergenceWarning, match="sparse_transport") as record:
        solver(C, a, gamma=1e-2, max_nonzeros=2)
    assert record[0].filename == __file__


@pytest.mark.parametrize("k", [5, None])
def test_weights_of_float32_that_no_plan_can_carry(k):
    """Blocks whose masses differ by the rounding of their weights: said at once, and not after hundreds of steps."""
    C, a, b = rounded_blocks()
    with pytest.warns(ConvergenceWarning, match="Forbidden arcs .* keep .* rounded by"):
        result = ot.sparse_transport(C, a, b, gamma=1.0, max_nonzeros=k)
    assert result.status is ot.Status.STALLED
    assert result.n_iter < 40
    assert result.primal_value == np.inf
    least = 2.0 * abs(result.a[:15].sum() - result.b[:15].sum())
    assert least > 1e-9
    assert result.marginal_error == pytest.approx(least, rel=0.3)
    loose = ot.sparse_transport(C, a, b, gamma=1.0, max_nonzeros=k, tol=1e-7)
    assert loose.status in (ot.Status.CONVERGED, ot.Status.TIED)


@pytest.mark.parametrize("solver", [ot.sinkhorn_newton, ot.sinkhorn, ot.solve])
def test_entropic_solvers_say_so_too(solver):
    C, a, b = rounded_blocks()
    with pytest.warns(ConvergenceWarning, match="Forbidden arcs .* keep .* rounded by"):
        result = solver(C, a, b, epsilon=0.01, tol=1e-9)
    assert result.status is ot.Status.STALLED
    assert result.n_iter < 1000
    assert result.marginal_error > 1e-9


def rounded_blocks():
    """Two blocks of equal mass before the weights are rounded, without arcs between."""
    rng = np.random.default_rng(1)
    n, half = 30, 15
    C = rng.random((n, n))
    C[:half, half:] = C[half:, :half] = np.inf
    a, b = np.ones(n) / n, rng.random(n)
    for part in (slice(half), slice(half, n)):
        b[part] *= 0.5 / b[part].sum()
    return C, a.astype(np.float32), b.astype(np.float32)


@pytest.mark.parametrize(
    ("scale", "mass", "gamma"),
    [(1.0, 1.0, 1e308), (1.0, 1.0, 1e-320), (1e155, 1.0, 1.0), (1.0, 1e-280, 1e-300), (1.0, 1e20, 1e290)],
)
@pytest.mark.parametrize("k", [2, None])
def test_numbers_at_the_end_of_the_range_end_the_run(scale, mass, gamma, k):
    """Not a search without end, and no value that is called converged though it overflows."""
    cost, a, b = scale * np.random.default_rng(3).random((4, 5)), np.full(4, mass / 4), np.full(5, mass / 5)
    with warnings.catch_warnings(), contextlib.suppress(NumericalError):
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = ot.sparse_transport(cost, a, b, gamma=gamma, max_nonzeros=k)
        assert not (result.converged and np.isinf(result.gap))
        assert result.gap >= 0.0


@pytest.mark.parametrize(
    ("scale", "mass"),
    [(1e-200, 1.0), (1e-160, 1.0), (1e160, 1.0), (1e300, 1.0), (1.0, 1e-200), (1e100, 1e-180), (1e-100, 1e160)],
)
@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_certificates_at_any_scale(scale, mass):
    """Where squares of slacks or of masses leave float64 the bounds hold, and are as tight as at scale 1."""
    rng = np.random.default_rng(36)
    C, a, b = rng.random((6, 5)), rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(5))
    expected = ot.sparse_transport(C, a, b, gamma=0.1, max_nonzeros=4)
    assert expected.converged
    result = ot.sparse_transport(scale * C, mass * a, mass * b, gamma=0.1 * scale / mass, max_nonzeros=4)
    found = result.certificate()
    lower, upper = found.entropic_lower / mass, found.entropic_upper / mass
    assert lower <= upper
    assert lower <= expected.value * scale * (1.0 + 1e-9)
    assert upper >= expected.value * scale * (1.0 - 1e-9)
    if result.converged:
        assert upper - lower <= 1e-6 * scale


def test_certificate_of_a_tiny_problem():
    C = [[-7.489e-201], [1.5946e-201], [-0.844e-201]]
    found = ot.sparse_transport(C, [0.0, 1.0, 0.0], [1.0], gamma=3.87e-199, max_nonzeros=2).certificate()
    assert found.entropic_lower <= 1.5946e-201 + 0.5 * 3.87e-199 <= found.entropic_upper
    assert found.entropic_gap < 1e-12 * found.entropic_upper


@pytest.mark.filterwarnings("ignore:sparse_transport")
@pytest.mark.parametrize("k", [None, 5])
def test_new_weights_from_equal_ones(k):
    """Balanced parts of the first plan are not of the second: they are shifted at once, not step by step."""
    rng = np.random.default_rng(33)
    C = cdist(rng.normal(size=(150, 10)), rng.normal(size=(150, 10)) + 0.5, "sqeuclidean")
    options = {"gamma": 3.0 * C.mean(), "max_nonzeros": k}
    first = ot.sparse_transport(C, **options)
    changed = 1 + 1e-4 * rng.random(150)
    again = partial(ot.sparse_transport, C, changed / changed.sum(), init=first, **options)
    results = [again(n_threads=count) for count in (1, 2, 5)]
    fresh = ot.sparse_transport(C, changed / changed.sum(), **options)
    warm = results[0]
    assert 3 * warm.n_iter <= fresh.n_iter
    assert warm.n_iter <= (4 if k is None else 12)
    assert fresh.n_iter <= (30 if k is None else 60)
    assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-9)
    check_certificate(warm, C, k or 150)
    for other in results[1:]:
        assert np.array_equal(other.g, warm.g)
        assert np.array_equal(other.entries.data, warm.entries.data)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [None, 5, 2, 1])
def test_starts_from_equal_weights_lead_to_the_same_answer(k, dtype):
    rng = np.random.default_rng(0 if k is None else k)
    for trial in range(12):
        n, m = (int(size) for size in rng.integers(2, 40, 2))
        cost = ot.PointCloud(rng.normal(size=(n, 3)).astype(dtype), rng.normal(size=(m, 3)).astype(dtype))
        if trial % 2:
            cost = rng.random((n, m)).astype(dtype)
        scale = 10.0 ** rng.integers(-3, 4)
        a, b = np.full(n, scale / n), np.full(m, scale / m)
        axis = 0 if k and k * m >= n else 1
        options = {"gamma": float(n) / scale, "max_nonzeros": k, "axis": axis}
        first = ot.sparse_transport(cost, a, b, **options)
        # With one nonzero a row none may be missing: the others could not reach all columns.
        kept = rng.random(n) < (0.95 if k != 1 else 1.0)
        a = a * (1 + 10.0 ** rng.integers(-8, 0) * rng.random(n)) * kept
        a[0] = scale / n
        a *= scale / a.sum()
        fresh = ot.sparse_transport(cost, a, b, **options)
        warm = ot.sparse_transport(cost, a, b, init=first, **options)
        bare = ot.sparse_transport(cost, a, b, init=(first.f, first.g), **options)
        for result in (warm, bare):
            assert result.dual_value == pytest.approx(fresh.dual_value, rel=1e-7, abs=1e-9 * scale)
            assert k is None or result.nonzeros.max() <= k
            assert k is not None or result.converged


def test_one_nonzero_is_found_from_a_start_where_it_is_found_without():
    """Small integers tie: plans of unregularized transport may share a column that another one need not."""
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        n, m = int(rng.integers(2, 6)), int(rng.integers(2, 4))
        C, to, a = rng.integers(0, 4, (n, m)).astype(float), rng.integers(0, m, n), rng.integers(1, 4, n).astype(float)
        b = np.bincount(to, a, m)
        if (b == 0).any():
            continue
        solve = partial(ot.sparse_transport, C, a, b, max_nonzeros=1, gamma=1.0, axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            cold = solve()
            starts = (cold, ot.exact(C, a, b), (cold.f, cold.g)) if cold.converged else ()
            assert all(solve(init=start).converged for start in starts)
        found += cold.converged
    assert found > 30


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("k", [2, 3, 5])
def test_the_same_problem_again_gives_the_same_plan(k):
    """Entries that the old plan has and the old potentials do not name are not lost."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        C = rng.random((60, 60))
        options = {"gamma": 60 * C.mean() / 50, "max_nonzeros": k}
        first = ot.sparse_transport(C, **options)
        again = ot.sparse_transport(C, init=first, **options)
        assert 10 * again.n_iter <= max(10, first.n_iter)
        assert again.gap <= first.gap + 1e-8 * first.value


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", ["uniform", "plane", "space"])
@pytest.mark.parametrize("k", [2, 5])
def test_plans_from_a_start_are_as_good_for_a_third_of_the_steps(k, kind):
    """New weights from equal ones, which take the balance of the parts of a plan away."""
    worse, fresh_steps, warm_steps = [], 0, 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n, d = 100, 2 if kind == "plane" else 10
        C = rng.random((n, n)) if kind == "uniform" else cdist(rng.random((n, d)), rng.random((n, d)), "sqeuclidean")
        options = {"gamma": n * C.mean() / 50, "max_nonzeros": k}
        first = ot.sparse_transport(C, **options)
        a = 1 + 1e-6 * rng.random(n)
        fresh = ot.sparse_transport(C, a / a.sum(), **options)
        warm = ot.sparse_transport(C, a / a.sum(), init=first, **options)
        assert warm.dual_value == pytest.approx(fresh.dual_value, rel=1e-8)
        check_certificate(warm, C, k)
        least = 1e-8 * fresh.value
        worse.append(np.log((warm.gap + least) / (fresh.gap + least)))
        fresh_steps, warm_steps = fresh_steps + fresh.n_iter, warm_steps + warm.n_iter
    assert np.mean(worse) < 0.05
    assert np.max(worse) < 0.5
    assert 3 * warm_steps <= fresh_steps


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_a_bad_plan_is_not_handed_on():
    """From a plan a third above its bound the search runs anew, which finds another for costs that hardly differ."""
    C, options = np.random.default_rng(1).random((300, 300)), {"gamma": 10.0, "max_nonzeros": 2}
    first = ot.sparse_transport(C, **options)
    near = C * (1 + 1e-4 * np.random.default_rng(99).random(C.shape))
    fresh, warm = ot.sparse_transport(near, **options), ot.sparse_transport(near, init=first, **options)
    assert first.gap > 0.2 * first.value > 2 * fresh.gap  # else it shows nothing
    assert warm.gap <= 1.1 * fresh.gap


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_weights_over_many_orders_keep_their_plan():
    """A row too light for any entry has no price, and the plan without it meets the tolerance."""
    contradictions = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, k = int(rng.integers(5, 13)), int(rng.integers(2, 6))
        C, gamma = rng.integers(0, 3, (n, n)).astype(float), 10.0 ** rng.uniform(-2, 2)
        a, b = (10.0 ** rng.uniform(-12, 12, n) for _ in range(2))
        result = ot.sparse_transport(C, a / a.sum(), b / b.sum(), gamma=gamma, max_nonzeros=k)
        meets = result.marginal_error <= 1e-9 and result.nonzeros.max() <= k
        contradictions += meets and not np.isfinite(result.gap)
    assert contradictions == 0
