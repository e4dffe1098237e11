"""Results of all solvers take the same arguments where these have a meaning, and do not let their plans be changed."""

import dataclasses

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import InputError

RNG = np.random.default_rng(3)
CLOUD = ot.PointCloud(RNG.random((30, 2)), RNG.random((25, 2)))


def results():
    yield ot.exact(CLOUD)
    yield ot.partial(CLOUD, mass=0.7)
    yield ot.assignment(CLOUD)
    yield ot.sparse_transport(CLOUD, gamma=5.0)


@pytest.mark.parametrize("result", list(results()), ids=lambda result: type(result).__name__)
def test_the_plan_of_a_result_cannot_be_changed(result):
    value = result.plan_marginals[0].sum()
    given = result.sparse_plan()
    given.data[:] = 7.0  # a copy
    assert result.plan_marginals[0].sum() == value
    for part in (result.entries.data, result.entries.indices, result.entries.indptr):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1
    assert given.shape == result.shape


@pytest.mark.parametrize("result", list(results()), ids=lambda result: type(result).__name__)
def test_criteria_keep_the_large_entries(result):
    plan, dense = result.plan, ot.solve(CLOUD, epsilon=0.05)
    assert np.array_equal(result.sparse_plan(k=1).toarray().max(1), plan.max(1))
    assert (np.diff(result.sparse_plan(k=1).indptr) <= 1).all()
    assert np.array_equal(result.sparse_plan(threshold=0.02).toarray(), np.where(plan > 0.02, plan, 0.0))
    held = result.sparse_plan(mass=0.6)
    assert (held.toarray().sum(1) >= 0.6 * plan.sum(1) * (1 - 1e-12)).all()
    for row in range(plan.shape[0]):  # the fewest
        kept = held.toarray()[row]
        smallest = kept[kept > 0].min() if kept.any() else 0.0
        assert kept.sum() - smallest <= 0.6 * plan[row].sum()
    assert np.array_equal(result.sparse_plan(mass=1.0).toarray(), plan)
    for call in (result.sparse_plan, dense.sparse_plan):
        with pytest.raises(InputError, match="exactly one of"):
            call(mass=0.5, k=1)
        with pytest.raises(InputError, match=r"\(0, 1\]"):
            call(mass=1.5)
    with pytest.raises(InputError, match="has no zeros"):
        dense.sparse_plan()


@pytest.mark.parametrize("result", list(results()), ids=lambda result: type(result).__name__)
def test_maps_of_new_sources_follow_the_potentials(result):
    new = RNG.random((12, 2))
    cost = ot.PointCloud(new, CLOUD.y).to_numpy()
    expected = CLOUD.y[np.argmin(cost - result.g, axis=1)]
    assert np.allclose(result.barycentric_map(new), expected, rtol=0, atol=1e-12)
    with pytest.raises(InputError, match="x_new"):
        result.barycentric_map(cost_new=cost)


def test_maps_of_exact_plans_are_limits_of_entropic_ones():
    new = RNG.random((12, 2))
    entropic = ot.solve(CLOUD, epsilon=1e-5)
    assert isinstance(entropic, ot.SinkhornResult)
    image = ot.exact(CLOUD).barycentric_map(new)
    assert np.mean(np.abs(image - entropic.barycentric_map(new)).max(1) < 1e-6) > 0.8
    tiny = ot.solve(CLOUD, epsilon=1e-13)
    assert tiny.barycentric_map(new).shape == (12, 2)
    assert tiny.sparse_plan(mass=0.99).nnz > 0


def test_sources_without_mass_have_an_image():
    a = np.full(30, 1 / 29)
    a[4] = 0.0
    result = ot.exact(CLOUD, a)
    image = result.barycentric_map()
    cost = CLOUD.to_numpy()
    assert np.allclose(image[4], CLOUD.y[np.argmin(cost[4] - result.g)])
    kept = np.delete(np.arange(30), 4)
    rows = result.plan[kept]
    assert np.allclose(image[kept], rows @ CLOUD.y / rows.sum(1, keepdims=True))
    assert np.isfinite(ot.partial(CLOUD, mass=0.5).barycentric_map()).all()
    matrix = ot.exact(cost, a).barycentric_map(y=np.arange(25.0))
    assert matrix.shape == (30,)
    flat = ot.exact(np.zeros((2, 3)), [1.0, 0.0], [0.5, 0.5, 0.0]).barycentric_map(y=[0.0, 2.0, 9.0])
    assert flat.tolist() == [1.0, 1.0]  # ties are averaged, over the targets of positive weight


def test_start_without_a_plan_is_refused():
    result = ot.exact(CLOUD)
    with pytest.raises(InputError, match="init has entries"):
        ot.exact(CLOUD, init=dataclasses.replace(result, entries=None))
    assert ot.exact(CLOUD, init=result).converged
