"""The Sinkhorn divergence: known values, properties, and gradients against finite differences."""

import numpy as np
import pytest

from tests.reference import sinkhorn_numpy as ref
from wassail import ot
from wassail.exceptions import InputError

COSTS = ["sqeuclidean", "euclidean", "cosine", ot.PNorm(3, power=3), ot.PNorm(1.5)]


def clouds(seed=0, n=9, m=7, d=2):
    rng = np.random.default_rng((seed, n, m, d))
    a, b = rng.random(n) + 0.2, rng.random(m) + 0.2
    return rng.normal(size=(n, d)) + 1.0, rng.normal(size=(m, d)) + 2.0, a / a.sum(), b / b.sum()


def tight(x, y, a=None, b=None, *, rho=None, cost="sqeuclidean", epsilon=0.5):
    return ot.sinkhorn_divergence(x, y, a, b, cost=cost, epsilon=epsilon, rho=rho, tol=1e-12, max_iter=100_000)


def dense(x, y, a, b, epsilon, rho):
    """The definition, by the transcription."""
    pair = (rho, rho)

    def transport(x, y, a, b):
        C = ot.PointCloud(x, y).to_numpy()
        f, g = ref.sinkhorn(C, a, b, epsilon, pair)
        return ref.dual(C, f, g, a, b, epsilon, pair)

    bias = 0.5 * (transport(x, x, a, a) + transport(y, y, b, b))
    return transport(x, y, a, b) - bias + 0.5 * epsilon * (a.sum() - b.sum()) ** 2


@pytest.mark.parametrize("rho", [np.inf, 1.0])
@pytest.mark.parametrize("epsilon", [2.0, 0.7])
def test_definition(rho, epsilon):
    x, y, a, b = clouds()
    if rho == 1.0:
        b = 1.8 * b
    result = tight(x, y, a, b, rho=rho, epsilon=epsilon)
    assert result.converged
    assert result.value == pytest.approx(dense(x, y, a, b, epsilon, rho), rel=1e-10)


@pytest.mark.parametrize("epsilon", [5.0, 0.5])
def test_translation(epsilon):
    x = clouds()[0]
    shift = np.array([3.0, -4.0])
    result = tight(x, x + shift, epsilon=epsilon)
    assert result.value == pytest.approx(25.0, rel=1e-9)
    assert np.allclose(result.grad_x, -2 * shift / 9, rtol=1e-7)
    assert np.allclose(result.grad_y, 2 * shift / 9, rtol=1e-7)


@pytest.mark.parametrize("rho", [None, 0.7])
def test_zero_at_equality(rho):
    x, _, a, _ = clouds()
    order = np.random.default_rng(1).permutation(9)
    result = tight(x, x[order], a, a[order], rho=rho)
    assert abs(result.value) < 1e-11
    for gradient in (result.grad_x, result.grad_y, result.grad_a, result.grad_b):
        assert np.abs(gradient).max() < 1e-9


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rho", [None, 1.0])
def test_positive_and_symmetric(seed, rho):
    x, y, a, b = clouds(seed)
    result, mirrored = tight(x, y, a, b, rho=rho), tight(y, x, b, a, rho=rho)
    assert result.value > 0
    assert result.value == pytest.approx(mirrored.value, rel=1e-10)
    assert np.allclose(result.grad_x, mirrored.grad_y, rtol=0, atol=1e-9)
    assert np.allclose(result.grad_a, mirrored.grad_b, rtol=0, atol=1e-9)


def central(function, point, step):
    """Return central differences, one per entry."""
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        values = []
        for sign in (1, -1):
            moved = point.copy()
            moved[index] += sign * step
            values.append(function(moved))
        gradient[index] = (values[0] - values[1]) / (2 * step)
    return gradient


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("rho", [None, 0.8])
def test_point_gradients(cost, rho):
    x, y, a, b = clouds(2)
    scale = 1.0 if cost != "cosine" else 0.2
    options = {"rho": rho, "cost": cost, "epsilon": 0.5 * scale}
    result = tight(x, y, a, b, **options)
    numeric = central(lambda p: tight(p, y, a, b, **options).value, x, 1e-4)
    assert np.allclose(result.grad_x, numeric, rtol=1e-5, atol=1e-7)
    numeric = central(lambda p: tight(x, p, a, b, **options).value, y, 1e-4)
    assert np.allclose(result.grad_y, numeric, rtol=1e-5, atol=1e-7)


def test_weight_gradients_balanced():
    x, y, a, b = clouds(3)
    result = tight(x, y, a, b)
    assert a @ result.grad_a == pytest.approx(0.0, abs=1e-14)
    assert b @ result.grad_b == pytest.approx(0.0, abs=1e-14)
    rng = np.random.default_rng(4)
    for _ in range(5):
        da, db = rng.normal(size=9), rng.normal(size=7)
        da, db = 1e-4 * (da - da.mean()), 1e-4 * (db - db.mean())  # the mass stays
        numeric = (tight(x, y, a + da, b + db).value - tight(x, y, a - da, b - db).value) / 2
        assert result.grad_a @ da + result.grad_b @ db == pytest.approx(numeric, rel=1e-5, abs=1e-11)


def test_weight_gradients_unbalanced():
    x, y, a, b = clouds(5)
    b = 1.4 * b
    result = tight(x, y, a, b, rho=0.8)
    numeric = central(lambda w: tight(x, y, w, b, rho=0.8).value, a, 1e-5)
    assert np.allclose(result.grad_a, numeric, rtol=1e-5, atol=1e-7)
    numeric = central(lambda w: tight(x, y, a, w, rho=0.8).value, b, 1e-5)
    assert np.allclose(result.grad_b, numeric, rtol=1e-5, atol=1e-7)


def test_weight_gradient_at_zero_weight():
    x, y, a, b = clouds(6)
    a = 2.0 * a
    a[3] = 0.0
    result = tight(x, y, a, b, rho=0.8)
    more = a.copy()
    more[3] = 1e-6
    slope = (tight(x, y, more, b, rho=0.8).value - result.value) / 1e-6
    assert result.grad_a[3] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    assert np.isfinite(result.grad_x).all()


def test_descent_reaches_the_target():
    x, y, _, _ = clouds(7, 8, 8)

    def divergence(x):
        return ot.sinkhorn_divergence(x, y, epsilon=0.1, tol=1e-4)

    for _ in range(60):
        x = x - 8 * 0.25 * divergence(x).grad_x  # grad · n is twice the displacement to the target
    assert divergence(x).value < 1e-4


def test_self_transport_is_fast_where_points_are_isolated():
    """The alternating iteration needs 10⁵ sweeps here; the averaged one halves the error with each."""
    x = np.random.default_rng(9).normal(size=(50, 2))
    with pytest.warns(UserWarning, match="1 of 3 problems did not converge; xy"):
        result = ot.sinkhorn_divergence(x, x + 100.0, epsilon=0.01, tol=1e-10, max_iter=60, anneal=None)
    assert result.xx.converged
    assert result.yy.converged
    assert np.array_equal(result.xx.f, result.xx.g)
    C = ot.PointCloud(x, x).to_numpy()
    error = ref.marginal_error(C, result.xx.f, result.xx.g, result.xx.a, result.xx.b, 0.01)
    assert error == pytest.approx(result.xx.marginal_error, rel=1e-3, abs=1e-13)
    assert result.xx.trace.error.size == result.xx.n_iter <= 60


def test_float32():
    x, y, a, b = clouds(8, 40, 30, 3)
    single = ot.sinkhorn_divergence(x.astype(np.float32), y.astype(np.float32), a, b, epsilon=0.5, tol=1e-5)
    double = tight(x, y, a, b)
    assert single.value == pytest.approx(double.value, rel=1e-4)
    assert np.allclose(single.grad_x, double.grad_x, rtol=0, atol=1e-4)


def test_refusals():
    x, y, _, _ = clouds()
    with pytest.raises(InputError, match="suggest_epsilon"):
        ot.sinkhorn_divergence(x, y)
    with pytest.raises(InputError, match="one number"):
        ot.sinkhorn_divergence(x, y, epsilon=1.0, rho=(1.0, 2.0))
    with pytest.raises(InputError, match="dimension"):
        ot.sinkhorn_divergence(x, y[:, :1], epsilon=1.0)
    with pytest.warns(UserWarning, match="x[xy] reached max_iter"):
        result = ot.sinkhorn_divergence(x, y, epsilon=0.01, max_iter=1)
    assert not result.converged
