"""Every route to a density gives the same draws, and what fails says where."""

import ctypes
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError

PRECISION = np.array([1.0, 4.0, 0.25])
# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

TARGET = sampling.targets.Gaussian(np.zeros(3), PRECISION)
X0 = np.random.default_rng(0).normal(size=(5, 3))
OPTIONS = {"n_samples": 60, "step_size": 0.2, "rng": 11}


def batched(points):
    grad = -PRECISION * points
    return 0.5 * (grad * points).sum(axis=1), grad


@ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_double),
    ctypes.c_void_p,
)
def pointer(d, x, grad, logp, user):
    total = 0.0
    for k in range(d):
        grad[k] = -PRECISION[k] * x[k]
        total += 0.5 * grad[k] * x[k]
    logp[0] = total
    return 0


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.ula, sampling.underdamped])
def test_all_routes_give_the_same_draws(sampler):
    expected = sampler(TARGET, X0, **OPTIONS).draws
    dense = sampling.targets.Gaussian(np.zeros(3), np.diag(PRECISION))
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    for route in (batched, pointer, (address, 0), dense):
        np.testing.assert_allclose(sampler(route, X0, **OPTIONS).draws, expected, rtol=1e-8, atol=1e-12)


def test_dense_precision_is_sampled():
    precision = np.array([[2.0, -0.9], [-0.9, 1.0]])
    result = sampling.mala(sampling.targets.Gaussian([1.0, 2.0], precision), np.zeros((8, 2)), n_samples=4000, rng=1)
    flat = result.draws.reshape(-1, 2) - [1.0, 2.0]
    products = np.stack([flat[:, 0] ** 2, flat[:, 0] * flat[:, 1], flat[:, 1] ** 2], axis=1)
    covariance = np.linalg.inv(precision)
    expected = [covariance[0, 0], covariance[0, 1], covariance[1, 1]]
    per_chain = products.reshape(8, -1, 3).mean(axis=1)
    scores = (per_chain.mean(axis=0) - expected) / (per_chain.std(axis=0, ddof=1) / np.sqrt(8))
    assert np.abs(scores).max() < 6  # Student with 7 degrees of freedom


def test_a_density_that_raises_keeps_the_draws():
    calls = []

    def failing(points):
        calls.extend([None] * (len(points) > 1))  # not where one row is compared with what it was among others
        if len(calls) > 30:
            raise ZeroDivisionError("thirty is enough")
        return batched(points)

    with pytest.raises(DensityError, match="thirty is enough") as caught:
        sampling.mala(failing, X0, **OPTIONS)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    np.testing.assert_array_equal(
        caught.value.result.draws, sampling.mala(batched, X0, **OPTIONS).draws[:, : caught.value.result.draws.shape[1]]
    )
    assert caught.value.result.draws.shape[1] == 29


def test_points_outside_the_support_are_rejected():
    def half_line(points):
        logp = np.where(points[:, 0] > 0, -points[:, 0], -np.inf)
        return logp, np.full(points.shape, -1.0)

    result = sampling.mala(half_line, np.ones((4, 1)), n_samples=4000, step_size=0.5, rng=2)
    assert result.draws.min() > 0
    assert result.divergences.sum() == 0
    assert abs(result.draws.mean() - 1.0) < 5 * result.mcse()[0]


def test_values_that_are_not_finite_are_divergences():
    def bad(points):
        logp, grad = batched(points)
        return np.where(np.abs(points[:, 0]) > 1.5, np.nan, logp), grad

    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = sampling.mala(bad, np.zeros((4, 3)), **OPTIONS)
    assert np.isfinite(result.draws).all()
    assert result.divergences.sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x0": np.zeros(3)}, r"x0\[None, :\]"),
        ({"x0": np.full((2, 3), np.nan)}, r"x0\[0, 0\]"),
        ({"x0": np.zeros((2, 4))}, "4 coordinates"),
        ({"target": 3.0}, "target"),
        ({"target": (0, 0)}, "null"),
        ({"target": lambda x: x}, "must return"),
        ({"target": lambda x: (np.zeros(2), np.zeros((2, 2)))}, "shapes"),
        ({"target": lambda x: (np.full(len(x), np.nan), x)}, "not finite"),
        ({"target": lambda x: (np.zeros(len(x), dtype=complex), x)}, "complex"),
        ({"callback": 5}, "callback"),
        ({"step_size": 0.0}, "step_size"),
        ({"step_size": None, "n_warmup": 0}, "n_warmup"),
        ({"n_samples": -1}, "n_samples"),
        ({"thin": 0}, "thin"),
        ({"rng": -1}, "rng"),
        ({"progress": 1}, "progress"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"target": TARGET, "x0": X0, **OPTIONS, **change}
    target, x0 = arguments.pop("target"), arguments.pop("x0")
    with pytest.raises(InputError, match=message):
        sampling.mala(target, x0, **arguments)


def test_bad_gaussians_are_named():
    with pytest.raises(InputError, match="positive definite"):
        sampling.targets.Gaussian([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(InputError, match="symmetric"):
        sampling.targets.Gaussian([0.0, 0.0], [[1.0, 0.5], [0.0, 1.0]])
    with pytest.raises(InputError, match=r"precision\[1\]"):
        sampling.targets.Gaussian([0.0, 0.0], [1.0, 0.0])


def test_too_many_draws_are_refused_before_anything_is_allocated():
    with pytest.raises(MemoryError, match="thin"):
        sampling.ula(TARGET, X0, n_samples=10**12, step_size=0.1)


def test_no_warning_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampling.mala(TARGET, X0, n_samples=2000, rng=3)


def test_a_chain_that_does_not_move_warns():
    with pytest.warns(ConvergenceWarning, match="hardly moves"):
        sampling.mala(TARGET, X0[:1], n_samples=50, step_size=1000.0, rng=4)
