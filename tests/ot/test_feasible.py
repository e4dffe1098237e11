"""Forbidden arcs that leave no plan are found before any solver runs."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from wassail import _core, ot
from wassail.exceptions import ConvergenceWarning, InputError

SOLVERS = {
    "exact": ot.exact,
    "sinkhorn": lambda *given: ot.sinkhorn(*given, epsilon=0.1),
    "sinkhorn_newton": lambda *given: ot.sinkhorn_newton(*given, epsilon=0.1),
    "sparse_transport": lambda *given: ot.sparse_transport(*given, gamma=0.1),
    "sinkhorn_batch": lambda cost, *weights: ot.sinkhorn_batch([cost], *([w] for w in weights), epsilon=0.1)[0],
}


def blocked_by_scipy(C, a, b):
    """Mass that no flow along the finite arcs moves, for integer weights."""
    n, m = C.shape
    capacity = np.zeros((n + m + 2, n + m + 2), dtype=np.int32)
    capacity[n + m, :n], capacity[n : n + m, n + m + 1] = a, b
    capacity[:n, n : n + m] = np.where(np.isfinite(C), a.sum(), 0)
    return a.sum() - maximum_flow(csr_array(capacity), n + m, n + m + 1).flow_value


def blocked(C, a, b, threads=1):
    return _core.blocked_mass(ot.as_cost(C).handle, a.astype(float), b.astype(float), threads)


def test_blocked_mass_is_that_of_a_maximum_flow():
    rng = np.random.default_rng(0)
    for _ in range(400):
        n, m = rng.integers(1, 14, 2)
        C = np.where(rng.random((n, m)) < rng.uniform(0.1, 0.9), np.inf, rng.random((n, m)))
        a, b = rng.integers(1, 9, n), rng.integers(1, 9, m)
        a, b = a * b.sum(), b * a.sum()
        expected = blocked_by_scipy(C, a, b)
        for same in (C, np.asfortranarray(C), C.astype(np.float32)):
            assert blocked(same, a, b) == expected
        assert blocked(np.zeros((n, m)), a, b) == 0.0


@pytest.mark.parametrize("uneven", [False, True])
def test_large_sparse_and_banded_graphs(uneven):
    rng = np.random.default_rng(1)
    n, m = 300, 260
    distance = np.abs(np.subtract.outer(np.arange(n) / n, np.arange(m) / m))
    for open_arcs in (rng.random((n, m)) < 0.01, distance < 0.01, distance < 0.05, np.tri(n, m, dtype=bool)):
        a, b = (rng.integers(1, 50, k) if uneven else np.full(k, 1) for k in (n, m))
        a, b = a * b.sum(), b * a.sum()
        C = np.where(open_arcs, 1.0, np.inf)
        found = blocked(C, a, b)
        assert found == blocked_by_scipy(C, a, b)
        assert blocked(C, a, b, 3) == found


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_says_so(name):
    # All mass of row 0 must reach column 0, which takes half of it only.
    C, a, b = np.array([[0.0, np.inf], [0.0, 0.0]]), [0.8, 0.2], [0.5, 0.5]
    expected = r"leaves no plan: forbidden arcs \(inf\) keep at least 0.3 of the mass 1 from its targets"
    with pytest.raises(InputError, match=expected):
        SOLVERS[name](C, a, b)
    assert SOLVERS[name](C, [0.5, 0.5], b).marginal_error < 1e-2  # on the edge: C[1, 0] cannot be used


def test_points_without_weight_take_no_part():
    C = np.array([[0.0, np.inf, np.inf], [0.0, np.inf, 1.0], [np.inf, 0.0, 0.0]])
    for solve in SOLVERS.values():
        assert solve(C, [0.5, 0.0, 0.5], [0.5, 0.25, 0.25]).marginal_error < 1e-5
        with pytest.raises(InputError, match="leaves no plan"):
            solve(C, [0.5, 0.25, 0.25], [0.25, 0.5, 0.25])


def test_the_problem_of_a_batch_is_named():
    C = np.array([[0.0, np.inf], [0.0, 0.0]])
    with pytest.raises(InputError, match=r"costs\[1\] leaves no plan"):
        ot.sinkhorn_batch([np.eye(2), C], [0.8, 0.2], [0.5, 0.5], epsilon=0.1)


def test_unbalanced_problems_need_no_plan():
    C = np.array([[0.0, np.inf], [0.0, 0.0]])
    for rho in (1.0, (1.0, None), (None, 1.0)):
        assert ot.sinkhorn(C, [0.8, 0.2], [0.5, 0.5], epsilon=0.1, rho=rho).converged


def test_masses_that_differ_by_rounding_are_accepted():
    rng = np.random.default_rng(2)
    C = np.full((8, 8), np.inf)
    C[:4, :4], C[4:, 4:] = rng.random((4, 4)), rng.random((4, 4))
    a, b = np.full(8, 0.125), np.full(8, 0.125)
    a[0] += 1e-8
    result = ot.sinkhorn(C, a, b, epsilon=0.1)
    assert result.converged


def test_arcs_that_no_plan_uses_are_slow_and_the_warning_says_so():
    n = 40
    C = np.where(np.tri(n) > 0, 0.0, np.inf)  # one plan only, the diagonal
    with pytest.warns(ConvergenceWarning, match="those that no plan can use"):
        result = ot.sinkhorn(C, epsilon=0.1, tol=1e-12, max_iter=100, relaxation=None)
    assert result.marginal_error < 0.2
