"""What users get wrong, and what they are told."""

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import ConvergenceWarning, InputError

COST = np.random.default_rng(3).random((4, 5))


@pytest.mark.parametrize("solver", [ot.solve, ot.sinkhorn, ot.sinkhorn_newton])
def test_tolerances_that_any_plan_meets_are_refused(solver):
    with pytest.raises(InputError, match="tol must be at most 1"):
        solver(COST, epsilon=0.1, tol=2.0)
    assert solver(COST, epsilon=0.1, tol=1.0).converged


def test_stack_of_costs_is_sent_to_batch():
    with pytest.raises(InputError, match=r"cost must be a matrix.*sinkhorn_batch"):
        ot.sinkhorn(np.ones((2, 3, 4)), epsilon=0.1)
    with pytest.raises(InputError, match="cost must be 2-D"):
        ot.sinkhorn(np.ones((2, 3, 4, 1)), epsilon=0.1)


def test_integers_that_would_be_rounded_are_refused():
    large = np.array([[2**60], [2**60 + 1]])
    with pytest.raises(InputError, match=r"x has integers beyond 2\*\*53"):
        ot.PointCloud(large, large)
    assert ot.exact(ot.PointCloud(large - 2**60, large - 2**60)).value == 0.0
    assert ot.exact(ot.PointCloud(large.astype(float), large.astype(float))).value == 0.0
    assert ot.PointCloud(np.array([[2**53]]), np.array([[-(2**53)]])).shape == (1, 1)


def test_masses_that_float64_cannot_multiply_are_refused():
    cost = [[0.0, 1.0], [1.0, 0.0]]
    for solver in (ot.sinkhorn, ot.solve):
        with pytest.raises(InputError, match="a sums to 2e-308, too little"):
            solver(cost, [1e-308] * 2, [1e-308] * 2, epsilon=0.5)
    light = ot.sinkhorn(cost, [1e-280] * 2, [1e-280] * 2, epsilon=0.5)
    assert np.allclose(light.plan / 1e-280, 2.0 * ot.sinkhorn(cost, epsilon=0.5).plan)


@pytest.mark.parametrize(
    ("cost", "epsilon"),
    [(np.full((3, 4), 7.0), 1e-15), (COST + 1e14, 0.01), (COST + 1e9, 0.01)],
)
def test_costs_with_a_large_offset_are_told_to_lose_it(cost, epsilon):
    with pytest.warns(ConvergenceWarning, match="subtract the smallest cost"):
        result = ot.solve(cost, epsilon=epsilon)
    assert not result.converged
    assert "inf of" not in result.choice.reason
    assert "were enough" not in result.choice.reason
    assert ot.solve(cost - cost.min(), epsilon=epsilon).converged
