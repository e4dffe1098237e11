"""The core against the plain NumPy transcription."""

import numpy as np
import pytest

from tests.reference import sinkhorn_numpy as ref
from wassail import ot

RHOS = [None, 2.0, (2.0, 0.7), (np.inf, 1.5), (1.5, np.inf)]


def problem(seed, n, m, *, mass=1.0):
    rng = np.random.default_rng((seed, n, m))
    C = rng.random((n, m))
    a, b = rng.random(n) + 0.05, rng.random(m) + 0.05
    return C, a / a.sum(), mass * b / b.sum()


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (7, 1), (2, 3), (13, 13), (33, 20), (65, 130)])
@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.03])
def test_potentials(n, m, epsilon, rho):
    C, a, b = problem(0, n, m, mass=1.0 if rho is None else 1.3)
    f, g = ref.sinkhorn(C, a, b, epsilon, ref.BALANCED if rho is None else np.broadcast_to(rho, 2))
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, rho=rho, tol=1e-12)
    assert result.converged
    P = ref.plan(C, f, g, a, b, epsilon)
    assert np.abs(result.plan - P).sum() < 1e-10 * P.sum()
    # The gauge is free in balanced problems: compare f ⊕ g.
    sums = f[:, None] + g, result.f[:, None] + result.g
    assert np.abs(sums[0] - sums[1]).max() < 1e-9


@pytest.mark.parametrize("anneal", ["auto", None, 0.5])
@pytest.mark.parametrize("relaxation", ["auto", None, 1.3])
@pytest.mark.parametrize("rho", RHOS)
def test_options_lead_to_the_same_answer(anneal, relaxation, rho):
    C, a, b = problem(1, 40, 30)
    f, g = ref.sinkhorn(C, a, b, 0.05, ref.BALANCED if rho is None else np.broadcast_to(rho, 2))
    result = ot.sinkhorn(C, a, b, epsilon=0.05, rho=rho, tol=1e-11, anneal=anneal, relaxation=relaxation)
    assert result.converged
    assert np.abs(result.plan - ref.plan(C, f, g, a, b, 0.05)).sum() < 1e-9


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-9])
def test_reported_error_is_the_error(tol, rho):
    C, a, b = problem(2, 50, 40, mass=1.0 if rho is None else 0.8)
    pair = ref.BALANCED if rho is None else np.broadcast_to(rho, 2)
    result = ot.sinkhorn(C, a, b, epsilon=0.02, rho=rho, tol=tol)
    error = ref.marginal_error(C, result.f, result.g, a, b, 0.02, pair)
    assert result.converged
    assert result.marginal_error <= tol * max(a.sum(), b.sum())
    assert error == pytest.approx(result.marginal_error, rel=1e-4, abs=1e-13)


@pytest.mark.parametrize(
    "cost", ["sqeuclidean", "euclidean", "cityblock", "cosine", ot.PNorm(3, power=2), ot.PNorm(np.inf)]
)
@pytest.mark.parametrize("d", [1, 3, 17, 200])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_point_clouds(cost, d, dtype):
    rng = np.random.default_rng((3, d))
    x, y = rng.normal(size=(57, d)).astype(dtype), (rng.normal(size=(43, d)) + 0.5).astype(dtype)
    cloud = ot.PointCloud(x, y, cost=cost)
    C = cloud.to_numpy()
    epsilon = 0.1 * C.mean()
    f, g = ref.sinkhorn(C, np.full(57, 1 / 57), np.full(43, 1 / 43), epsilon)
    tol = 1e-11 if dtype == np.float64 else 1e-5
    result = ot.sinkhorn(cloud, epsilon=epsilon, tol=tol)
    assert result.converged
    P = ref.plan(C, f, g, result.a, result.b, epsilon)
    assert np.abs(result.plan - P).sum() < (1e-9 if dtype == np.float64 else 1e-4)


def test_zero_weights_are_as_absent_points():
    C, a, b = problem(4, 20, 15)
    a[[0, 5]], b[[3, 14]] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    f, g = ref.sinkhorn(C, a, b, 0.05)
    result = ot.sinkhorn(C, a, b, epsilon=0.05, tol=1e-12)
    shift = result.f[1] - f[1]
    # The reference updates every point, so its potentials continue to the points of weight zero.
    assert np.allclose(result.f - shift, f, atol=1e-9, rtol=0)
    assert np.allclose(result.g + shift, g, atol=1e-9, rtol=0)
    assert (result.plan[[0, 5]] == 0).all()
    assert (result.plan[:, [3, 14]] == 0).all()


def test_zero_weights_with_rho():
    C, a, b = problem(5, 12, 9)
    a[2], b[0] = 0.0, 0.0
    f, g = ref.sinkhorn(C, a, b, 0.05, (1.0, 2.0))
    result = ot.sinkhorn(C, a, b, epsilon=0.05, rho=(1.0, 2.0), tol=1e-12)
    assert np.allclose(result.f, f, atol=1e-9, rtol=0)
    assert np.allclose(result.g, g, atol=1e-9, rtol=0)


def test_max_iter_zero_evaluates_the_start():
    C, a, b = problem(6, 8, 8)
    f, g = ref.sinkhorn(C, a, b, 0.1)
    result = ot.sinkhorn(C, a, b, epsilon=0.1, init=(f, g), max_iter=0, tol=1e-9)
    assert result.n_iter == 0
    assert np.array_equal(result.f, f)
    assert np.array_equal(result.g, g)
    assert result.converged


def test_warm_start_saves_sweeps():
    C, a, b = problem(7, 60, 60)
    cold = ot.sinkhorn(C, a, b, epsilon=0.01, tol=1e-9)
    warm = ot.sinkhorn(C, a, b, epsilon=0.01, tol=1e-9, init=cold)
    assert warm.n_iter <= 2
    assert warm.converged


def test_max_iter_counts_all_sweeps():
    C, a, b = problem(8, 60, 60)
    with pytest.warns(UserWarning, match="max_iter"):
        result = ot.sinkhorn(C, a, b, epsilon=1e-4, tol=1e-12, max_iter=17)
    assert result.status is ot.Status.MAX_ITER
    assert result.n_iter == 17
    assert [part.size for part in (result.trace.error, result.trace.epsilon, result.trace.relaxation)] == [17] * 3


def test_trace():
    C, a, b = problem(9, 60, 60)
    result = ot.sinkhorn(C, a, b, epsilon=0.01, tol=1e-9)
    assert result.trace.error.size == result.n_iter
    assert result.trace.epsilon[-1] == 0.01
    assert (np.diff(result.trace.epsilon) <= 0).all()
    assert ((result.trace.relaxation >= 0) & (result.trace.relaxation < 2)).all()
    assert np.isfinite(result.trace.error).all()
    fixed = ot.sinkhorn(C, a, b, epsilon=0.05, relaxation=1.25, anneal=None)
    assert (fixed.trace.epsilon == 0.05).all()
    assert fixed.trace.relaxation[-1] == 1.25


def test_callback_stops():
    C, a, b = problem(10, 60, 60)
    calls = []

    def stop(n_iter, epsilon, error):
        calls.append((n_iter, epsilon, error))
        return n_iter >= 5

    result = ot.sinkhorn(C, a, b, epsilon=1e-3, tol=1e-12, callback=stop)
    assert result.status is ot.Status.STOPPED
    assert not result.converged
    assert [call[0] for call in calls] == [1, 2, 3, 4, 5]
    assert result.n_iter == 5


def test_an_error_in_the_callback_comes_through():
    C, a, b = problem(11, 30, 30)

    def fail(*_):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        ot.sinkhorn(C, a, b, epsilon=1e-2, callback=fail)


def test_drawing_does_not_change_the_result(capfd):
    C, a, b = problem(12, 60, 60)
    quiet = ot.sinkhorn(C, a, b, epsilon=1e-3, tol=1e-8)
    seen = []
    for progress in (True, lambda *state: seen.append(state)):
        loud = ot.sinkhorn(C, a, b, epsilon=1e-3, tol=1e-8, progress=progress)
        assert np.array_equal(loud.f, quiet.f)
        assert loud.n_iter == quiet.n_iter
    assert "sinkhorn" in capfd.readouterr().err
    assert all(len(state) == 3 for state in seen)
