"""Densities that are no laws, and log-densities that numbers cannot hold: no NaN, and words that say so."""

import functools
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning
from wassail.sampling import Directions, _diagnostics

START = np.random.default_rng(0).normal(size=(8, 2))
FEW = START[:3]  # too few for differences


def forgets(x):
    return -0.5 * x[:, 0] ** 2


def flat(x):
    return np.zeros(len(x))


def half_flat(x):
    return np.where(x[:, 1] > -5.0, forgets(x), -np.inf)


def run(sampler, target, start, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = sampler(target, start, rng=0, **options)
    return result, " ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("density", [forgets, flat, half_flat])
@pytest.mark.parametrize("start", [START, FEW])
def test_densities_without_end_are_told(density, start):
    result, said = run(sampling.sample, density, start)
    assert np.isfinite(result.draws).all()
    assert np.isfinite(result.log_density).all()
    assert "no end of the density along" in said
    if density is not flat:
        assert "coordinate 1" in said
        assert abs(result.draws[:, :, 0].std() - 1.0) < 0.1


@pytest.mark.parametrize("directions", list(Directions))
def test_slices_of_laws_end(directions):
    """Heavy tails, a wide scale and a bad first width are none of it."""
    start = np.random.default_rng(1).normal(size=(12, 2))
    for target in (
        lambda x: -np.log1p(x**2).sum(axis=1),
        lambda x: -0.5 * (x**2).sum(axis=1) * 1e-20,
        lambda x: -0.5 * (x**2).sum(axis=1) * 1e20,
    ):
        result, said = run(sampling.slice_sample, target, start, n_samples=500, directions=directions)
        assert np.isfinite(result.draws).all()
        assert "no end" not in said
        assert "diverged" not in said


def test_flat_directions_never_overflow():
    for sampler in (
        lambda f, x, **options: sampling.stretch_move(f, x, n_samples=5000, **options),
        lambda f, x, **options: sampling.slice_sample(
            f, x, n_samples=3000, directions=Directions.DIFFERENCES, step_size=30.0, n_warmup=0, **options
        ),
        lambda f, x, **options: sampling.slice_sample(f, x, n_samples=500, step_size=1e308, **options),
    ):
        result, said = run(sampler, forgets, START)
        assert np.isfinite(result.draws).all()
        assert said


def test_summaries_of_nan_are_nan():
    """As ArviZ has them."""
    draws = np.random.default_rng(0).normal(size=(4, 100, 3))
    expected = [f(draws) for f in SUMMARIES]
    draws[1, 3, 1] = np.nan
    for function, before in zip(SUMMARIES, expected, strict=True):
        found = function(draws)
        assert np.isnan(found[1])
        np.testing.assert_array_equal(found[[0, 2]], before[[0, 2]])


SUMMARIES = [
    _diagnostics.rhat,
    _diagnostics.bulk_ess,
    _diagnostics.tail_ess,
    _diagnostics.mean_mcse,
    _diagnostics.mean,
    _diagnostics.deviation,
    _diagnostics.low,
    _diagnostics.high,
]


@pytest.mark.parametrize("kernel", [functools.partial(sampling.hmc, trajectory_length=1.0), sampling.mala])
def test_steps_that_overflow_are_too_long(kernel):
    normal = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    for target in (normal, lambda x: (-0.5 * (x**2).sum(axis=1), -x)):
        result, said = run(kernel, target, START, n_samples=50, n_warmup=0, step_size=1e300)
        assert result.divergences.sum() == 400
        assert "smaller step_size" in said
        assert "hard edge" not in said


def test_rounded_log_densities_are_told():
    def shifted(by, kind=np.float64):
        return lambda x: (by - 0.5 * (x**2).sum(axis=1)).astype(kind)

    for density in (shifted(1e16), shifted(-1e16), shifted(1e6, np.float32)):
        _, said = run(sampling.slice_sample, density, START, n_samples=500)
        assert said.count("subtract a constant") == 1
        assert ("float32" in said) == (density(START).dtype == np.float32)
    for density in (shifted(1e6), shifted(0.0, np.float32), shifted(1e4, np.float32)):
        assert "subtract" not in run(sampling.slice_sample, density, START, n_samples=500)[1]


def test_warnings_are_not_of_this_package():
    with pytest.warns(ConvergenceWarning) as caught:
        sampling.sample(forgets, START, rng=0)
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.parametrize("keep", [sampling.Moments(), sampling.Keep(coordinates=[0])], ids=["moments", "coordinates"])
def test_what_is_not_kept_is_not_named(keep):
    with pytest.warns(ConvergenceWarning, match="no end of the density along a direction: it is flat"):
        sampling.slice_sample(flat, START, n_samples=100, directions=Directions.NORMALS, keep=keep, rng=0)
