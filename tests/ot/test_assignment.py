"""Assignment: SciPy as the oracle, the random assignment problem's expectation, degenerate and rectangular problems."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from wassail import ot
from wassail.exceptions import InputError


def check(result, C):
    """A valid assignment whose potentials prove it."""
    n, m = C.shape
    rows = np.flatnonzero(result.columns >= 0)
    columns = result.columns[rows]
    assert result.converged
    assert rows.size == min(n, m)
    assert np.unique(columns).size == columns.size
    assert result.value == pytest.approx(C[rows, columns].sum(), rel=1e-13, abs=1e-300)
    scale = np.abs(result.f)[:, None] + np.abs(result.g) + 1e-300
    assert (C - result.f[:, None] - result.g >= -1e-15 * scale).all()
    if n < m:
        assert (result.g <= 1e-14 * scale.max()).all()
    if n > m:
        assert (result.f <= 1e-14 * scale.max()).all()
    assert result.f.sum() + result.g.sum() == pytest.approx(result.value, rel=1e-10, abs=1e-12 * n * scale.max())
    best = linear_sum_assignment(C)
    assert result.value == pytest.approx(C[best].sum(), rel=1e-12, abs=1e-300)


SHAPES = [(1, 1), (1, 5), (5, 1), (30, 30), (20, 50), (50, 20), (400, 400), (300, 500), (500, 300)]


@pytest.mark.parametrize(("n", "m"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_uniform_costs(n, m, dtype):
    C = np.random.default_rng((n, m)).random((n, m)).astype(dtype)
    check(ot.assignment(C), C.astype(np.float64))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10), st.integers(1, 10), st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_small_integer_costs(n, m, seed, levels):
    C = np.random.default_rng(seed).integers(-levels, levels + 1, (n, m)).astype(float)
    check(ot.assignment(C), C)


@pytest.mark.parametrize("d", [1, 2, 10])
def test_clouds(d):
    rng = np.random.default_rng(d)
    cloud = ot.PointCloud(rng.normal(size=(500, d)), rng.normal(size=(500, d)))
    result = ot.assignment(cloud)
    check(result, cloud.to_numpy())
    value = ot.exact(cloud).value
    assert result.value == pytest.approx(500 * value, rel=1e-12)


def test_identity_of_a_cloud():
    x = np.random.default_rng(0).normal(size=(300, 2))
    result = ot.assignment(ot.PointCloud(x, x[::-1]))
    assert np.array_equal(result.columns, np.arange(300)[::-1])
    assert result.value == 0.0
    check(result, result.cost.to_numpy())


@pytest.mark.parametrize("C", [[[1.0, 1.0, 1.0, 0.0]], [[0.0, 3.0], [-2.0, 0.0]], [[0.0, -1.0], [2.0, 0.0]]])
def test_proof_that_nothing_is_best(C):
    """A value of 0 leaves no room for rounding in the gap."""
    for cost in (np.array(C), np.kron(C, np.ones((9, 9)))):
        result = ot.assignment(cost)
        check(result, cost)
        assert result.value == result.gap == 0.0


@pytest.mark.parametrize("costs", ["zero", "machol-wien", "products"])
def test_known_hard(costs):
    n = 200
    i = np.arange(1.0, n + 1)
    C = {"zero": np.zeros((n, n)), "machol-wien": np.outer(i - 1, i - 1), "products": -np.outer(i, i)}[costs]
    check(ot.assignment(C), C)


def test_forbidden_pairs():
    rng = np.random.default_rng(1)
    C = rng.random((60, 60))
    C[(rng.random(C.shape) < 0.85) & ~np.eye(60, dtype=bool)] = np.inf
    check(ot.assignment(C), C)
    wide = np.hstack([np.full((60, 5), np.inf), C])
    check(ot.assignment(wide), wide)


def test_no_assignment():
    C = np.full((3, 3), np.inf)
    C[:, 0], C[0] = 1.0, 1.0
    with pytest.raises(InputError, match="no plan"):
        ot.assignment(C)
    with pytest.raises(InputError, match="row 1"):
        ot.assignment(np.array([[1.0, 2.0], [np.inf, np.inf]]))
    with pytest.raises(InputError, match="column 1"):
        ot.assignment(np.array([[1.0, np.inf], [2.0, np.inf]]))
    tall = np.array([[1.0], [np.inf]])
    assert ot.assignment(tall).columns.tolist() == [0, -1]


def test_expectation_of_the_random_problem():
    """The mean of n × n problems with Exp(1) costs is Σ 1/i² (Aldous 2001; Linusson and Wästlund 2004)."""
    n, count = 12, 400
    rng = np.random.default_rng(2)
    values = np.array([ot.assignment(rng.exponential(size=(n, n)), n_threads=1).value for _ in range(count)])
    expected = (1.0 / np.arange(1, n + 1) ** 2).sum()
    assert abs(values.mean() - expected) < 4.0 * values.std(ddof=1) / np.sqrt(count)


def test_warm_start_and_threads():
    rng = np.random.default_rng(3)
    C = rng.random((500, 500))
    cold = ot.assignment(C)
    near = C + 1e-5 * rng.random(C.shape)
    warm = [ot.assignment(near, init=cold, n_threads=count) for count in (1, 2, 5)]
    check(warm[0], near)
    assert warm[0].n_iter < cold.n_iter
    for other in warm[1:]:
        assert np.array_equal(other.columns, warm[0].columns)
        assert np.array_equal(other.f, warm[0].f)


@pytest.mark.parametrize(("n", "m"), [(100, 30), (30, 100)])
def test_potentials_are_feasible_after_the_shift(n, m):
    """Costs of all sizes: what the shift by the dummy's potential rounds must not violate an arc."""
    for seed in range(100):
        C = np.random.default_rng(seed).standard_cauchy((n, m))
        result = ot.assignment(C)
        difference = C - (result.g if n < m else result.f[:, None])
        potential = result.f[:, None] if n < m else result.g
        assert (potential <= difference).all()
        assert ((result.g if n < m else result.f) <= 0.0).all()
        rows = np.flatnonzero(result.columns >= 0)
        pairs = rows, result.columns[rows]
        largest = max(np.abs(result.f).max(), np.abs(result.g).max())
        assert (np.abs(C[pairs] - result.f[pairs[0]] - result.g[pairs[1]]) <= 2e-15 * largest).all()


@pytest.mark.parametrize(("n", "m"), [(4, 4), (4, 6), (6, 4)])
def test_of_the_family_of_exact_results(n, m):
    C = np.random.default_rng(4).random((n, m))
    result = ot.assignment(C)
    assert isinstance(result, ot.ExactResult)
    assert result.marginal_error == 0.0
    assert result.choice is None
    certificate = result.certificate()
    assert certificate.marginal_l1 == 0.0
    assert certificate.dual_bound <= result.value <= certificate.primal_bound
    assert certificate.gap < 1e-12
    v = np.arange(float(m))
    np.testing.assert_array_equal(result.apply(v), result.plan @ v)
    stopped = ot.assignment(np.random.default_rng(5).random((50, 50)), callback=lambda *_: True)
    assert stopped.marginal_error == np.abs(stopped.plan.sum(1) - 1).sum() + np.abs(stopped.plan.sum(0) - 1).sum()


def test_result():
    result = ot.assignment(np.random.default_rng(4).random((4, 6)))
    plan = result.sparse_plan()
    assert plan.shape == (4, 6)
    assert np.array_equal(plan.indices, result.columns)
    assert np.array_equal(result.plan, plan.toarray())
    assert result.transport_cost == result.value
    assert result.bounds == (result.value - result.gap, result.value)
    assert repr(result).startswith("AssignmentResult(4x6, value=")
    assert pickle.loads(pickle.dumps(result)).value == result.value
    assert ot.assignment(np.random.default_rng(4).random((6, 4))).sparse_plan().sum() == 4
