"""Densities that end at a hard edge: steps stay sane, draws stay right, and a warning says what to do."""

import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning


class Box:
    """The uniform density on the unit cube, counting its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, points):
        self.calls += 1
        outside = ((points < 0.0) | (points > 1.0)).any(axis=1)
        return np.where(outside, -np.inf, 0.0), np.zeros_like(points)


class Half(Box):
    """Normals that are positive."""

    def __call__(self, points):
        self.calls += 1
        return np.where((points < 0.0).any(axis=1), -np.inf, -0.5 * (points**2).sum(axis=1)), -points


def run(sampler, target, start, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        result = sampler(target, start, rng=0, **options)
    return result, " ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("d", [1, 2, 10, 50])
@pytest.mark.parametrize("kind", [Box, Half])
@pytest.mark.parametrize("sampler", [sampling.sample, sampling.hmc, sampling.mams, sampling.malt])
def test_steps_stay_sane_and_a_warning_says_why(sampler, kind, d):
    if sampler is sampling.mams and d == 1:
        pytest.skip("velocities of norm one need two dimensions")
    target = kind()
    start = np.random.default_rng(0).uniform(0.2, 0.8, size=(4, d))
    result, words = run(sampler, target, start, n_samples=500, n_warmup=500)
    # Trajectories were cut into up to 1024 steps, and a run took up to 500 000 calls.
    assert target.calls < 10_000
    assert result.step_size[0] > 1e-4
    assert result.outside.sum() > 0.1 * 4 * 500
    assert "leave the support" in words
    for remedy in ("Transformed", "Truncated", "slice_sample"):
        assert remedy in words


@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.mala])
def test_draws_beside_an_edge_follow_the_law(sampler):
    start = np.random.default_rng(0).uniform(0.2, 0.8, size=(8, 2))
    result, _ = run(sampler, Half(), start, n_samples=4000)
    z = (result.draws.mean(axis=(0, 1)) - np.sqrt(2 / np.pi)) / result.mcse()
    assert np.abs(z).max() < 5.0
    assert result.draws.min() >= 0.0


@pytest.mark.parametrize("d", [3, 50])
@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.mams, sampling.malt, sampling.mala, sampling.mclmc])
def test_chains_in_a_corner_keep_their_steps(sampler, d):
    target = Half()
    result, words = run(sampler, target, np.zeros((4, d)), n_samples=300)
    assert target.calls < 20_000
    assert result.step_size.min() > 1e-5
    assert words


def test_a_length_that_is_given_is_cut_into_few_steps():
    target = Half()
    start = np.random.default_rng(0).uniform(0.2, 0.8, size=(4, 20))
    result, words = run(sampling.hmc, target, start, n_samples=300, trajectory_length=1.5)
    assert result.length == pytest.approx(1.5)
    assert target.calls < 12 * 600
    assert "leave the support" in words


def test_densities_without_an_edge_say_nothing_of_it():
    target = sampling.targets.Gaussian(np.zeros(5), np.ones(5))
    for sampler in (sampling.hmc, sampling.slice_sample):
        result, words = run(sampler, target, np.zeros((4, 5)), n_samples=200)
        assert not result.outside.any()
        assert "support" not in words
    # Those who step without gradients do not mind.
    points = np.random.default_rng(0).uniform(0.2, 0.8, size=(12, 2))
    result, words = run(sampling.stretch_move, Box(), points, n_samples=500)
    assert not result.outside.any()
    assert "support" not in words


class Exponential(Box):
    """Exponential coordinates."""

    def __call__(self, points):
        self.calls += 1
        return np.where((points < 0.0).any(axis=1), -np.inf, -points.sum(axis=1)), -np.ones_like(points)


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize(
    ("kind", "mean", "variance"),
    [(Box, 0.5, 1 / 12), (Half, np.sqrt(2 / np.pi), 1 - 2 / np.pi), (Exponential, 1.0, 1.0)],
)
def test_barker_finds_its_step_beside_an_edge(kind, mean, variance, d):
    start = np.random.default_rng(0).uniform(0.2, 0.8, size=(8, d))
    result, _ = run(sampling.barker, kind(), start, n_samples=4000, n_warmup=1000)
    # Between a quarter, where edges alone reject, and the 40 % without one; steps used to stay where they began.
    assert 0.17 < result.mean_acceptance < 0.5
    z = (result.draws.mean(axis=(0, 1)) - mean) / result.mcse()
    assert np.abs(z).max() < 4.5
    squares = (result.draws - mean) ** 2
    error = squares.std(axis=(0, 1)) / np.sqrt(np.minimum(*result.ess()))
    assert np.abs((squares.mean(axis=(0, 1)) - variance) / error).max() < 4.5


@pytest.mark.parametrize("kind", [Box, Exponential])
def test_barker_moves_among_many_edges(kind):
    start = np.random.default_rng(0).uniform(0.2, 0.8, size=(8, 30))
    result, _ = run(sampling.barker, kind(), start, n_samples=200, n_warmup=1000)
    assert 0.1 < result.mean_acceptance < 0.5


EDGED = {  # log-density and slope of a coordinate that ends, its upper end and its deviation
    "flat": (lambda x: 0.0 * x, lambda x: 0.0 * x, 10.0, 10.0 / np.sqrt(12.0)),
    "exponential": (lambda x: -x, lambda x: 0.0 * x - 1.0, np.inf, 1.0),
    "bent": (lambda x: -x - 1e-4 * x**2, lambda x: -1.0 - 2e-4 * x, np.inf, 1.0),
}


def beside_normals(value, slope, upper):
    def target(points):
        first = points[:, 0]
        inside = (first > 0.0) & (first < upper)
        logp = np.where(inside, value(first) - 0.5 * (points[:, 1:] ** 2).sum(axis=1), -np.inf)
        return logp, np.column_stack([slope(first), -points[:, 1:]])

    return target


@pytest.mark.parametrize("d", [4, 12])
@pytest.mark.parametrize("kind", EDGED)
@pytest.mark.parametrize("sampler", [sampling.sample, sampling.hmc])
def test_a_coordinate_that_ends_with_a_constant_gradient_gets_the_scale_of_its_draws(sampler, kind, d):
    value, slope, upper, deviation = EDGED[kind]
    start = np.random.default_rng(0).uniform(0.1, 0.9, size=(8, d))
    result, _ = run(sampler, beside_normals(value, slope, upper), start, n_samples=2000)
    # Gradients without variance, or with that of rounding, made scales of up to 1e9, and 8 effective draws.
    assert deviation / 2 < result.scale[0] < 2 * deviation
    assert result.outside.sum() < 0.4 * 8 * 2000
    assert result.ess()[0].min() > 400


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("sampler", [sampling.sample, sampling.hmc])
def test_coordinates_beside_one_that_ends_get_the_scales_of_their_gradients(sampler, seed):
    scales = np.geomspace(1e-4, 1e4, 9)

    def target(points):
        free = points[:, 1:] / scales
        logp = np.where(points[:, 0] > 0.0, -points[:, 0] - 0.5 * (free**2).sum(axis=1), -np.inf)
        return logp, np.column_stack([-np.ones(len(points)), -free / scales])

    start = np.abs(np.random.default_rng(seed).normal(size=(4, 10))) * 1e-2
    result, _ = run(sampler, target, start, n_samples=2000)
    # Draws do not reach the wide ones in time; without what gradients say of them 5 were effective, in most runs.
    assert result.ess()[0].min() > 200
    np.testing.assert_allclose(result.scale[1:], scales, rtol=0.2)


def test_directions_beside_edges_are_no_wider_than_draws():
    start = np.random.default_rng(0).exponential(size=(8, 2))
    result, _ = run(sampling.sample, Exponential(), start, n_samples=2000)
    assert result.step_size[0] > 0.1  # it was 0.001, in directions made thousands of times too wide
    assert result.ess()[0].min() > 200


def test_a_flat_coordinate_whose_ends_are_far_is_not_overrun():
    value, slope, _, _ = EDGED["flat"]
    start = np.random.default_rng(0).uniform(0.1, 0.9, size=(8, 4))
    start[:, 0] += 5e7
    result, _ = run(sampling.sample, beside_normals(value, slope, 1e8), start, n_samples=1000)
    # The gradient is zero but for rounding: what it says of the scale is noise.
    assert result.scale[0] < 1e8
    assert np.ptp(result.draws[:, :, 0], axis=1).min() > 10.0
    assert result.ess()[0][1:].min() > 400
