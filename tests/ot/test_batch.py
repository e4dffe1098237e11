"""Batches: each problem is solved as if it were alone."""

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import InputError


def same(result, alone):
    assert np.array_equal(result.f, alone.f)
    assert np.array_equal(result.g, alone.g)
    assert (result.status, result.n_iter) == (alone.status, alone.n_iter)
    assert result.marginal_error == alone.marginal_error
    assert np.array_equal(result.trace.error, alone.trace.error)


@pytest.mark.parametrize("rho", [None, (1.0, 0.5)])
@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_equal_sizes(rho, n_threads):
    rng = np.random.default_rng(0)
    costs, a, b = rng.random((7, 20, 15)), rng.random((7, 20)), rng.random((7, 15))
    a, b = a / a.sum(1, keepdims=True), b / b.sum(1, keepdims=True)
    results = ot.sinkhorn_batch(costs, a, b, epsilon=0.05, tol=1e-8, rho=rho, n_threads=n_threads)
    assert len(results) == 7
    for i, result in enumerate(results):
        same(result, ot.sinkhorn(costs[i], a[i], b[i], epsilon=0.05, tol=1e-8, rho=rho))


def test_ragged_sizes_kinds_and_epsilons():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(400, 3)), rng.normal(size=(500, 3))
    costs = [
        rng.random((3, 9)),
        rng.random((30, 2)).astype(np.float32),
        ot.PointCloud(x, y),
        np.asfortranarray(rng.random((50, 40))),
        [[0.0, 1.0], [1.0, 0.0]],
        ot.PointCloud(x[:5], y[:6], cost="euclidean"),
    ]
    weights = [None, rng.random(30), None, None, [0.25, 0.75], None]
    weights[1] /= weights[1].sum()
    epsilons = [0.1, 0.2, 0.5, 0.05, 1.0, 0.3]
    results = ot.sinkhorn_batch(costs, weights, epsilon=epsilons, tol=1e-5)
    for cost, a, epsilon, result in zip(costs, weights, epsilons, results, strict=True):
        assert result.converged
        same(result, ot.sinkhorn(cost, a, epsilon=epsilon, tol=1e-5))


def test_zero_weights():
    rng = np.random.default_rng(2)
    costs, a = rng.random((4, 8, 8)), rng.random((4, 8))
    a[:, 3] = 0.0
    a /= a.sum(1, keepdims=True)
    for i, result in enumerate(ot.sinkhorn_batch(costs, a, epsilon=0.1)):
        same(result, ot.sinkhorn(costs[i], a[i], epsilon=0.1))


def test_strided_stacks():
    costs = np.random.default_rng(3).random((6, 5, 4))
    views = (costs[::2], costs[::-1], np.asfortranarray(costs), costs.transpose(0, 2, 1))
    for view in views:
        for i, result in enumerate(ot.sinkhorn_batch(view, epsilon=0.1)):
            same(result, ot.sinkhorn(view[i], epsilon=0.1))


def test_one_warning_for_all():
    costs = np.random.default_rng(4).random((5, 30, 30))
    with pytest.warns(UserWarning, match=r"5 of 5 problems did not converge; costs\[0\] reached") as record:
        ot.sinkhorn_batch(costs, epsilon=1e-4, max_iter=2)
    assert len(record) == 1
    assert record[0].filename == __file__


@pytest.mark.parametrize(
    ("costs", "a", "b", "epsilon", "match"),
    [
        ([], None, None, 0.1, "costs is empty"),
        (np.ones((2, 2)), None, None, 0.1, "costs must be 3-D"),
        (ot.PointCloud([[0.0]], [[1.0]]), None, None, 0.1, "sequence of costs"),
        ([np.ones((2, 2)), np.full((2, 2), np.nan)], None, None, 0.1, r"costs\[1\]\[0, 0\]"),
        (np.ones((2, 2, 2)), np.full((3, 2), 0.5), None, 0.1, "a has 3 entries, there are 2"),
        (np.ones((2, 2, 2)), None, [None, [0.5, -0.5]], 0.1, r"b\[1\]\[1\] is -0.5"),
        (np.ones((2, 2, 2)), None, None, [0.1], "epsilon has 1"),
        (np.ones((2, 2, 2)), None, None, [0.1, 0.0], r"epsilon\[1\]"),
        (np.ones((2, 2, 2)), None, None, None, "suggest_epsilon"),
    ],
)
def test_refusals(costs, a, b, epsilon, match):
    with pytest.raises(InputError, match=match):
        ot.sinkhorn_batch(costs, a, b, epsilon=epsilon)


def test_weights_may_be_common():
    rng = np.random.default_rng(5)
    costs, a, b = rng.random((3, 6, 5)), rng.random(6), rng.random(5)
    a, b = a / a.sum(), b / b.sum()
    common = ot.sinkhorn_batch(costs, a, b, epsilon=0.1)
    each = ot.sinkhorn_batch(costs, [a] * 3, np.tile(b, (3, 1)), epsilon=0.1)
    for one, other in zip(common, each, strict=True):
        np.testing.assert_array_equal(one.f, other.f)
    np.testing.assert_array_equal(ot.sinkhorn_batch(costs, list(a), b, epsilon=0.1)[0].f, common[0].f)


def test_weights_first_are_told_the_order():
    with pytest.raises(InputError, match=r"costs is 1-D: the order here is sinkhorn_batch\(costs, a, b"):
        ot.sinkhorn_batch(np.full(5, 0.2), np.full(4, 0.25), np.zeros((3, 5, 4)), epsilon=0.1)
