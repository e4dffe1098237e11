"""Stretch moves and slices: exact without gradients, for every kind of density, and clear where they cannot be."""

import ctypes
import warnings

import numpy as np
import pytest
from scipy.stats import kstest, norm

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError
from wassail.sampling import Directions

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

PRECISION = np.array([1.0, 4.0, 0.25])
TARGET = sampling.targets.Gaussian(np.zeros(3), PRECISION)
X0 = np.random.default_rng(0).normal(size=(12, 3))


def stretch(target, x0, **options):
    return sampling.stretch_move(target, x0, **options)


def slices(directions):
    def sampler(target, x0, **options):
        return sampling.slice_sample(target, x0, directions=directions, **options)

    return sampler


SAMPLERS = {"stretch": stretch, **{d.name: slices(d) for d in Directions}}
every = pytest.mark.parametrize("name", list(SAMPLERS))


def values(points):
    return -0.5 * (PRECISION * points**2).sum(axis=1)


@ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_double),
    ctypes.POINTER(ctypes.c_double),
    ctypes.c_void_p,
)
def pointer(d, x, grad, logp, user):
    logp[0] = sum(-0.5 * PRECISION[k] * x[k] ** 2 for k in range(d))
    return 0


@every
def test_all_routes_give_the_same_draws(name):
    options = {"n_samples": 30, "n_warmup": 10, "rng": 1}
    expected = SAMPLERS[name](TARGET, X0, **options).draws
    with_gradient = lambda x: (values(x), np.full(x.shape, np.nan))  # noqa: E731
    for route in (values, with_gradient, pointer):
        np.testing.assert_allclose(SAMPLERS[name](route, X0, **options).draws, expected, rtol=1e-8, atol=1e-12)


@every
def test_moments_of_a_correlated_gaussian(name):
    covariance = np.array([[1.0, 0.9], [0.9, 2.0]])
    target = sampling.targets.Gaussian([1.0, -1.0], np.linalg.inv(covariance))
    x0 = np.random.default_rng(2).normal(size=(32, 2))
    result = SAMPLERS[name](target, x0, n_samples=4000, n_warmup=500, rng=3)
    off = result.draws - [1.0, -1.0]
    terms = np.concatenate([off, off**2, off[:, :, :1] * off[:, :, 1:]], axis=2)
    expected = [0.0, 0.0, 1.0, 2.0, 0.9]
    # Chains of an ensemble are not independent: blocks of time are, nearly.
    blocks = terms.mean(axis=0).reshape(20, 200, 5).mean(axis=1)
    scores = (blocks.mean(axis=0) - expected) / (blocks.std(axis=0, ddof=1) / np.sqrt(20))
    assert np.abs(scores).max() < 4
    assert result.rhat().max() < 1.02


@every
def test_a_support_with_edges(name):
    def exponential(points):
        return np.where((points > 0).all(axis=1), -points.sum(axis=1), -np.inf)

    x0 = np.random.default_rng(4).exponential(size=(40, 2))
    result = SAMPLERS[name](exponential, x0, n_samples=1000, n_warmup=200, thin=10, rng=5)
    assert result.draws.min() > 0
    assert result.divergences.sum() == 0
    flat = result.draws[:, ::50].reshape(-1, 2)
    for k in range(2):
        assert kstest(1 - np.exp(-flat[:, k]), "uniform").pvalue > 1e-3


@every
def test_one_step_from_exact_draws_leaves_the_law(name):
    chains = 100_000
    x0 = np.random.default_rng(6).normal(size=(chains, 3)) / np.sqrt(PRECISION)
    options = {} if name == "stretch" else {"step_size": 1.5}
    result = SAMPLERS[name](TARGET, x0, n_samples=1, n_warmup=0, rng=7, **options)
    before, after = x0 * np.sqrt(PRECISION), result.draws[:, 0] * np.sqrt(PRECISION)
    assert (before != after).any(axis=1).mean() > 0.4
    for power in (1, 2, 4):
        change = after**power - before**power
        assert np.abs(change.mean(axis=0) / (change.std(axis=0, ddof=1) / np.sqrt(chains))).max() < 4.5


def test_slices_along_a_coordinate_have_the_exact_conditional_in_the_limit():
    # A uniform interval of known width: one update from 0 is uniform on the slice.
    result = sampling.slice_sample(
        lambda x: np.where(np.abs(x[:, 0]) < 1, 0.0, -np.inf),
        np.zeros((20_000, 1)),
        n_samples=1,
        n_warmup=0,
        step_size=10.0,
        rng=8,
    )
    assert kstest(result.draws[:, 0, 0], "uniform", args=(-1, 2)).pvalue > 1e-3


def test_widths_are_found():
    target = sampling.targets.Gaussian(np.zeros(3), [1e-4, 1.0, 1e4])
    result = sampling.slice_sample(target, np.zeros((8, 3)), n_samples=1000, rng=9)
    assert np.abs(np.log(result.scale * [1e-2, 1.0, 1e2])).max() < 0.4
    assert 0.5 < result.step_size[0] < 10
    assert result.rhat().max() < 1.01
    assert (result.thin, result.n_warmup) == (3, 3000)


def test_a_given_width_is_kept():
    result = sampling.slice_sample(TARGET, X0, n_samples=10, n_warmup=50, step_size=0.3, rng=10)
    assert (result.step_size == 0.3).all()
    assert (result.scale == 1.0).all()


def test_the_stretch_move_does_not_see_affine_maps():
    matrix = np.array([[2.0, 0.0, 0.0], [0.5, 4.0, 0.0], [0.0, -0.25, 8.0]])
    mapped = lambda x: values(np.linalg.solve(matrix, x.T).T)  # noqa: E731
    plain = sampling.stretch_move(values, X0, n_samples=50, rng=11).draws
    image = sampling.stretch_move(mapped, X0 @ matrix.T, n_samples=50, rng=11).draws
    np.testing.assert_allclose(image, plain @ matrix.T, rtol=1e-8, atol=1e-8)


@every
@pytest.mark.parametrize("threads", [2, 5, 8])
def test_threads_do_not_show(name, threads):
    x0 = np.random.default_rng(12).normal(size=(64, 20))
    target = sampling.targets.Gaussian(np.zeros(20), np.eye(20) + 0.1)
    options = {"n_samples": 100, "n_warmup": 60, "rng": 13}
    one = SAMPLERS[name](target, x0, n_threads=1, **options)
    many = SAMPLERS[name](target, x0, n_threads=threads, **options)
    np.testing.assert_array_equal(one.draws, many.draws)
    np.testing.assert_array_equal(one.step_size, many.step_size)


@every
def test_a_density_that_raises_keeps_the_draws(name):
    calls = []

    def failing(points):
        calls.append(None)
        if len(calls) > 200:
            raise ZeroDivisionError("enough")
        return values(points)

    with pytest.raises(DensityError, match="enough") as caught:
        SAMPLERS[name](failing, X0, n_samples=1000, n_warmup=0, **({} if name == "stretch" else {"step_size": 1.0}))
    assert 1 <= caught.value.result.draws.shape[1] < 200


@every
def test_values_that_are_not_numbers_are_divergences(name):
    def bad(points):
        return np.where(np.abs(points[:, 0]) > 1.0, np.nan, values(points))

    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = SAMPLERS[name](bad, np.clip(X0, -0.9, 0.9), n_samples=200, n_warmup=20, rng=14)
    assert np.abs(result.draws[:, :, 0]).max() <= 1.0


@pytest.mark.parametrize("scale", [1e-100, 1e100])
@pytest.mark.parametrize("directions", list(Directions))
def test_slices_find_any_scale(directions, scale):
    x0 = scale * np.random.default_rng(15).normal(size=(8, 2))
    target = lambda x: -0.5 * ((x / scale) ** 2).sum(axis=1)  # noqa: E731
    result = sampling.slice_sample(target, x0, n_samples=400, n_warmup=1000, directions=directions, rng=16)
    assert np.abs(np.log((result.draws / scale).std())) < 0.3


def test_an_almost_empty_run_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = sampling.slice_sample(TARGET, X0, n_samples=3, rng=17)
    assert (result.acceptance == 1.0).all()
    assert norm.cdf(result.draws).min() > 0


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("stretch", {"x0": np.zeros((5, 3))}, "at least 6"),
        ("stretch", {"x0": np.ones((8, 3))}, "plane"),
        ("stretch", {"stretch": 1.0}, "stretch"),
        ("stretch", {"target": lambda x: x}, "must return"),
        ("stretch", {"target": lambda x: "no"}, "must return"),
        ("stretch", {"target": lambda x: np.zeros(len(x), dtype=complex)}, "complex"),
        ("stretch", {"target": lambda x: np.full(len(x), np.nan)}, "not finite"),
        ("stretch", {"target": 3}, "target"),
        ("stretch", {"n_samples": -1}, "n_samples"),
        ("stretch", {"n_warmup": -1}, "n_warmup"),
        ("DIFFERENCES", {"x0": np.zeros((5, 3))}, "at least 6"),
        ("COORDINATES", {"step_size": -1.0}, "step_size"),
        ("COORDINATES", {"step_size": None, "n_warmup": 0}, "n_warmup"),
        ("COORDINATES", {"thin": 0}, "thin"),
    ],
)
def test_bad_input_is_named(function, options, message):
    arguments = {"target": TARGET, "x0": X0, "n_samples": 5, "rng": 0, **options}
    target, x0 = arguments.pop("target"), arguments.pop("x0")
    with pytest.raises(InputError, match=message):
        SAMPLERS[function](target, x0, **arguments)


def test_directions_are_of_their_kind():
    with pytest.raises(InputError, match="Directions"):
        sampling.slice_sample(TARGET, X0, n_samples=1, directions=1)


def test_steps_per_draw_may_outnumber_those_between_two_looks_at_progress():
    options = {"n_samples": 20, "thin": 300, "n_warmup": 0, "rng": 18}
    expected = sampling.stretch_move(TARGET, X0, **options).draws
    np.testing.assert_allclose(sampling.stretch_move(values, X0, **options).draws, expected, rtol=1e-6, atol=1e-9)
