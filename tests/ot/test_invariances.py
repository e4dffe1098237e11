"""What must not change the plan, for shapes, weights, types and layouts that Hypothesis picks."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import sinkhorn_numpy as ref
from wassail import ot

TOL = 1e-11


@st.composite
def problems(draw, max_size=40):
    """Cost with entries in [0, 1], weights that may hold zeros, epsilon, rho."""
    n, m = draw(st.integers(1, max_size)), draw(st.integers(1, max_size))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    if draw(st.booleans()) and n > 2:
        a[draw(st.integers(0, n - 1))] = 0.0
    if draw(st.booleans()) and m > 2:
        b[draw(st.integers(0, m - 1))] = 0.0
    a, b = a / a.sum(), b / b.sum()
    epsilon = draw(st.sampled_from([0.05, 0.3, 2.0]))
    rho = draw(st.sampled_from([None, 1.0, (0.3, 2.0), (np.inf, 1.0)]))
    return rng.random((n, m)), a, b, epsilon, rho


def solve(C, a, b, epsilon, rho, **options):
    return ot.sinkhorn(C, a, b, epsilon=epsilon, rho=rho, tol=TOL, **options)


def close(P, Q):
    return np.abs(P - Q).sum() <= 1e-8 * max(P.sum(), Q.sum())


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_permutation(problem, seed):
    C, a, b, epsilon, rho = problem
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(a.size), rng.permutation(b.size)
    permuted = solve(C[np.ix_(rows, columns)], a[rows], b[columns], epsilon, rho).plan
    assert close(permuted, solve(*problem).plan[np.ix_(rows, columns)])


@settings(max_examples=60, deadline=None)
@given(problems())
def test_transposition(problem):
    C, a, b, epsilon, rho = problem
    swapped = rho[::-1] if isinstance(rho, tuple) else rho
    assert close(solve(C.T.copy(), b, a, epsilon, swapped).plan.T, solve(*problem).plan)


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(0, 2**32))
def test_shift_of_the_cost(problem, seed):
    C, a, b, epsilon, _ = problem
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=a.size) * 3, rng.normal(size=b.size) * 3
    shifted, base = solve(C + u[:, None] + v, a, b, epsilon, None), solve(C, a, b, epsilon, None)
    assert close(shifted.plan, base.plan)
    assert shifted.value == pytest.approx(base.value + a @ u + b @ v, rel=1e-8, abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(problems(), st.integers(-60, 60))
def test_scale_of_the_cost(problem, exponent):
    C, a, b, epsilon, rho = problem
    s = 2.0**exponent
    scaled_rho = None if rho is None else tuple(s * side for side in np.broadcast_to(rho, 2))
    assert close(solve(C * s, a, b, epsilon * s, scaled_rho).plan, solve(*problem).plan)


@settings(max_examples=40, deadline=None)
@given(problems(), st.floats(1e-3, 1e3))
def test_scale_of_the_mass(problem, s):
    C, a, b, epsilon, _ = problem
    assert close(solve(C, s * a, s * b, epsilon, None).plan / s, solve(C, a, b, epsilon, None).plan)


@settings(max_examples=60, deadline=None)
@given(problems(), st.sampled_from(["F", "strided", "reversed", "transposed view", "broadcast"]))
def test_layout(problem, layout):
    C, a, b, epsilon, rho = problem
    if layout == "F":
        other = np.asfortranarray(C)
    elif layout == "strided":
        other = np.zeros((2 * a.size, 3 * b.size))[::2, ::3]
        other[...] = C
    elif layout == "reversed":
        other = C[::-1, ::-1].copy()[::-1, ::-1]
    elif layout == "transposed view":
        other = C.T.copy().T
    else:
        other = np.broadcast_to(C[:1], C.shape)
        C = other.copy()
    assert np.array_equal(other, C)
    assert close(solve(other, a, b, epsilon, rho).plan, solve(C, a, b, epsilon, rho).plan)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_float32(problem):
    C, a, b, epsilon, rho = problem
    single = ot.sinkhorn(C.astype(np.float32), a.astype(np.float32), b, epsilon=epsilon, rho=rho, tol=1e-5)
    assert single.converged
    double = solve(C.astype(np.float32).astype(float), single.a, single.b, epsilon, rho)
    assert np.abs(single.plan - double.plan).sum() < 1e-3


@settings(max_examples=60, deadline=None)
@given(problems())
def test_marginals_and_duality(problem):
    C, a, b, epsilon, _rho = problem
    result = solve(*problem)
    assert result.converged
    pair = result.rho
    assert ref.marginal_error(C, result.f, result.g, a, b, epsilon, pair) <= 1.01 * TOL + 1e-13
    certificate = result.certificate()
    assert certificate.entropic_lower <= result.value <= certificate.entropic_upper
    assert certificate.dual_bound <= certificate.primal_bound


@settings(max_examples=40, deadline=None)
@given(problems(20), st.integers(0, 19))
def test_a_split_atom_keeps_the_plan(problem, index):
    C, a, b, epsilon, _ = problem
    i = index % a.size
    halves = np.append(a, a[i] / 2)
    halves[i] /= 2
    split = solve(np.vstack([C, C[i]]), halves, b, epsilon, None).plan
    merged = split[:-1].copy()
    merged[i] += split[-1]
    assert close(merged, solve(C, a, b, epsilon, None).plan)


@settings(max_examples=30, deadline=None)
@given(problems(20))
def test_value_grows_with_epsilon(problem):
    C, a, b, _, _ = problem
    values = [solve(C, a, b, epsilon, None).value for epsilon in (0.05, 0.1, 0.5, 2.0, 20.0)]
    assert all(later >= earlier - 1e-9 for earlier, later in itertools.pairwise(values))
    assert values[-1] <= a @ C @ b + 1e-9


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from([1, 2, 5, 40]), st.sampled_from(["sqeuclidean", "euclidean", "cityblock"])
)
def test_points_move_together(seed, d, cost):
    rng = np.random.default_rng(seed)
    x, y, shift = rng.normal(size=(15, d)), rng.normal(size=(12, d)), 100 * rng.normal(size=d)
    base = ot.sinkhorn(ot.PointCloud(x, y, cost=cost), epsilon=1.0, tol=TOL)
    moved = ot.sinkhorn(ot.PointCloud(x + shift, y + shift, cost=cost), epsilon=1.0, tol=TOL)
    stored = ot.sinkhorn(base.cost.to_numpy(), epsilon=1.0, tol=TOL)
    assert close(moved.plan, base.plan)
    assert close(stored.plan, base.plan)


def test_symmetric_problems_have_equal_potentials():
    x = np.random.default_rng(0).normal(size=(40, 2))
    result = ot.sinkhorn(ot.PointCloud(x, x), epsilon=0.5, tol=1e-12)
    gap = result.f - result.g
    assert np.ptp(gap) < 1e-6
    assert np.allclose(result.plan, result.plan.T, rtol=0, atol=1e-11)
