"""Results are equal to the last bit for every number of threads."""

import hashlib

import numpy as np
import pytest

import wassail
from wassail import ot

COUNTS = (1, 2, 3, 5, 8)


def digest(*parts):
    """Hash arrays and numbers to the last bit."""
    found = hashlib.sha256()
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def digest_result(result):
    trace = result.trace
    return digest(
        result.f,
        result.g,
        np.array([result.n_iter, result.marginal_error]),
        trace.error,
        trace.epsilon,
        trace.relaxation,
    )


def lazy_parts(result, values):
    """Every lazy part of a result."""
    certificate = result.certificate()
    sparse = [result.sparse_plan(**c) for c in ({"k": 5}, {"mass": 0.7}, {"threshold": 1e-7})]
    return digest(
        *result.plan_marginals,
        result.plan,
        [result.transport_cost, result.value, result.kl, result.entropy],
        [certificate.marginal_l1, certificate.marginal_max, certificate.entropic_lower, certificate.entropic_upper],
        [certificate.dual_bound, certificate.primal_bound],
        result.apply(values),
        result.apply(result.f, axis=0),
        result.barycentric_map(y=values),
        result.potential(),
        *(part for matrix in sparse for part in (matrix.indptr, matrix.indices, matrix.data)),
    )


def cost(kind, dtype, n, m, d=3):
    rng = np.random.default_rng((n, m, d))
    if kind == "array":
        return rng.random((n, m)).astype(dtype)
    if kind == "fortran":
        return np.asfortranarray(rng.random((n, m)).astype(dtype))
    x, y = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=(m, d)).astype(dtype)
    return ot.PointCloud(x, y, cost=kind)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", ["array", "fortran", "sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize(("n", "m"), [(60, 50), (1100, 900), (3000, 70)])
def test_sinkhorn(kind, dtype, n, m):
    geometry = cost(kind, dtype, n, m)
    epsilon = ot.suggest_epsilon(geometry)
    results = [ot.sinkhorn(geometry, epsilon=epsilon, tol=1e-4, n_threads=count) for count in COUNTS]
    assert results[0].converged
    assert len({digest_result(result) for result in results}) == 1
    values = np.random.default_rng(0).normal(size=(m, 2))
    assert len({lazy_parts(result, values) for result in results}) == 1


@pytest.mark.parametrize("d", [2, 50])
def test_point_clouds_by_dimension(d):
    geometry = cost("sqeuclidean", np.float64, 1500, 1200, d)
    epsilon = ot.suggest_epsilon(geometry)
    results = [ot.sinkhorn(geometry, epsilon=epsilon, tol=1e-4, n_threads=count) for count in COUNTS]
    assert len({digest_result(result) for result in results}) == 1


@pytest.mark.parametrize("rho", [1.0, (0.3, np.inf)])
def test_unbalanced(rho):
    geometry = cost("array", np.float64, 900, 1000)
    weights = np.random.default_rng(1).random(900)
    results = [ot.sinkhorn(geometry, weights, epsilon=0.02, rho=rho, n_threads=count) for count in COUNTS]
    assert len({digest_result(result) for result in results}) == 1
    values = np.random.default_rng(0).normal(size=(1000, 2))
    assert len({lazy_parts(result, values) for result in results}) == 1


def test_zero_weights():
    geometry = cost("array", np.float64, 800, 900)
    weights = np.random.default_rng(2).random(800)
    weights[::7] = 0.0
    weights /= weights.sum()
    results = [ot.sinkhorn(geometry, weights, epsilon=0.05, n_threads=count) for count in COUNTS]
    assert len({digest_result(result) for result in results}) == 1


def test_divergence_and_gradients():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(700, 3)), rng.normal(size=(600, 3)) + 1.0
    digests = set()
    for count in COUNTS:
        result = ot.sinkhorn_divergence(x, y, epsilon=0.5, tol=1e-4, n_threads=count)
        digests.add(digest(result.value, result.grad_x, result.grad_y, result.grad_a, result.grad_b))
    assert len(digests) == 1


def test_batch():
    rng = np.random.default_rng(4)
    costs = [rng.random((n, n + 3)) for n in (5, 700, 40, 900, 2, 64)]
    digests = {tuple(map(digest_result, ot.sinkhorn_batch(costs, epsilon=0.05, n_threads=count))) for count in COUNTS}
    assert len(digests) == 1


def test_the_global_setting_is_the_default():
    geometry = cost("array", np.float64, 500, 500)
    before = wassail.get_num_threads()
    try:
        wassail.set_num_threads(3)
        assert wassail.get_num_threads() == 3
        three = ot.sinkhorn(geometry, epsilon=0.05)
    finally:
        wassail.set_num_threads(None)
    assert wassail.get_num_threads() == before
    assert digest_result(three) == digest_result(ot.sinkhorn(geometry, epsilon=0.05, n_threads=1))


def test_repeated_calls_agree():
    geometry = cost("sqeuclidean", np.float32, 1500, 1500)
    digests = {digest_result(ot.sinkhorn(geometry, epsilon=1.0, tol=1e-4)) for _ in range(5)}
    assert len(digests) == 1


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "2"])
def test_bad_thread_counts(n):
    with pytest.raises(ValueError, match="n must"):
        wassail.set_num_threads(n)


def test_threads_beyond_use_are_not_started():
    """A million threads would take minutes to start, and every answer is the same."""
    C = np.random.default_rng(0).random((800, 800))
    expected = ot.sinkhorn(C, epsilon=0.05)
    np.testing.assert_array_equal(ot.sinkhorn(C, epsilon=0.05, n_threads=10**6).f, expected.f)
