"""Results pickle without their compiled handles, and say what they are in one line."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from wassail import ot


def make(kind="points"):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(9, 2))
    cost = ot.PointCloud(x, y, cost=ot.PNorm(3)) if kind == "points" else rng.random((12, 9))
    return ot.sinkhorn(cost, epsilon=0.3, rho=2.0 if kind == "unbalanced" else None)


@pytest.mark.parametrize("kind", ["points", "array", "unbalanced"])
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_results_pickle(kind, protocol):
    result = make(kind)
    result.certificate()
    size = len(pickle.dumps(make(kind), protocol))
    data = pickle.dumps(result, protocol)
    assert len(data) == size  # nothing derived travels
    back = pickle.loads(data)
    assert np.array_equal(back.f, result.f)
    assert back.status is result.status
    assert back.rho == result.rho
    assert np.array_equal(back.plan, result.plan)
    assert back.certificate() == result.certificate()
    assert repr(back) == repr(result)


def test_plan_does_not_travel():
    result = make()
    before = len(pickle.dumps(result))
    assert result.plan.shape == (12, 9)
    assert len(pickle.dumps(result)) == before


def test_deep_copies():
    result = make()
    twin = copy.deepcopy(result)
    assert np.array_equal(twin.plan, result.plan)
    assert not np.shares_memory(twin.f, result.f)
    assert copy.copy(result).value == result.value


def test_divergence_pickles():
    result = ot.sinkhorn_divergence([[0.0], [1.0]], [[2.0], [3.0]], epsilon=0.5)
    gradient = result.grad_x
    back = pickle.loads(pickle.dumps(result))
    assert back.value == result.value
    assert np.array_equal(back.grad_x, gradient)


@pytest.mark.parametrize(
    "item", [ot.PNorm(3, power=2), ot.Status.STALLED, make().trace, make().certificate(), make().cost]
)
def test_small_things_pickle(item):
    assert repr(pickle.loads(pickle.dumps(item))) == repr(item)


def test_results_are_frozen():
    result = make()
    for item, name in (
        (result, "f"),
        (result.cost, "x"),
        (result.trace, "error"),
        (result.certificate(), "marginal_l1"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(item, name, 0.0)


def test_one_line_reprs():
    result = make()
    divergence = ot.sinkhorn_divergence([[0.0], [1.0]], [[2.0], [3.0]], epsilon=0.5)
    for item in (result, result.cost, result.trace, divergence, ot.as_cost(np.eye(3)), ot.PNorm(2)):
        assert "\n" not in repr(item)
        assert repr(item).startswith(type(item).__name__ + "(")
    assert "n=12, m=9, epsilon=0.3, converged after" in repr(result)
    assert str(ot.Status.MAX_ITER) == "reached max_iter"
    big = ot.PointCloud(np.zeros((100_000, 1)), np.zeros((100_000, 1)))
    assert "n=100000" in repr(big)


def test_what_ran_is_shown():
    C = np.random.default_rng(1).random((20, 20))
    newton = ot.sinkhorn_newton(C, epsilon=1e-2)
    assert f"after {newton.n_iter} sweeps, {newton.trace.newton.sum()} of them Newton steps" in repr(newton)
    assert "Newton" not in repr(make())
    for question in ({}, {"epsilon": 0.5}, {"epsilon": 1e-2}, {"gamma": 1.0}):
        result = ot.solve(C, **question)
        assert f"; {result.choice.algorithm}, because {result.choice.reason})" in repr(result)
    assert "<th>algorithm</th><td>sinkhorn_newton: " in ot.solve(C, epsilon=1e-3)._repr_html_()
    assert "algorithm" not in make()._repr_html_()


def test_html():
    html = make("unbalanced")._repr_html_()
    assert html.startswith("<table>")
    assert html.endswith("</table>")
    for word in ("12 × 9", "0.3", "2, 2", "converged", "marginal error"):
        assert word in html
    assert "balanced" in make()._repr_html_()
