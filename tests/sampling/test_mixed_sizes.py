"""Densities that are far steeper in some places than in most: trajectories of mixed step sizes get there."""

import warnings

import numpy as np
import pytest
from scipy import stats

from wassail import sampling
from wassail.exceptions import ConvergenceWarning

# That places are steep is warned of, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

FUNNEL = sampling.targets.Funnel(10)
START = np.random.default_rng(0).normal(size=(5, 10))
SHARE = 0.2


def gamma(shape):
    """Return a gamma density in the first coordinate, whose slope is 1/x at its edge, beside normals."""

    @np.errstate(all="ignore")
    def target(points):
        x, free = points[:, 0], points[:, 1:]
        logp = np.where(x > 0.0, (shape - 1.0) * np.log(x) - x, -np.inf) - 0.5 * (free**2).sum(axis=1)
        return logp, np.column_stack([(shape - 1.0) / x - 1.0, -free])

    return target


def beside(law, seed, d):
    rng = np.random.default_rng(seed)
    return np.column_stack([law.rvs(6, random_state=rng), rng.normal(size=(6, d - 1))])


@pytest.mark.parametrize(("sampler", "d"), [(sampling.sample, 2), (sampling.hmc, 3), (sampling.mams, 12)])
@pytest.mark.parametrize("shape", [2.0, 3.0])
def test_draws_get_to_an_edge_where_the_gradient_grows(sampler, d, shape):
    law = stats.gamma(shape)
    levels = np.array([0.001, 0.01, 0.1, 0.5, 0.9])
    below = []
    for seed in range(12):
        result = sampler(gamma(shape), beside(law, seed, d), n_samples=3000, rng=seed)
        assert result.shortened == SHARE
        below.append((result.draws[:, :, 0][..., None] < law.ppf(levels)).mean(axis=(0, 1)))
    # With one size no draw of 25 runs came below the first level, and those below the second were a tenth short.
    z = (np.mean(below, axis=0) - levels) / (np.std(below, axis=0, ddof=1) / np.sqrt(len(below)))
    assert np.abs(z).max() < 4.5
    assert np.mean(below, axis=0)[0] > 0.0004


def test_the_neck_of_a_funnel_is_visited():
    v = []
    for seed in range(8):
        start = np.random.default_rng(seed).normal(size=(8, 10))
        result = sampling.hmc(FUNNEL, start, n_samples=4000, n_warmup=1000, rng=seed)
        assert result.shortened == SHARE
        v.append((result.draws[:, :, 0] < stats.norm.ppf(0.05, scale=3.0)).mean())
    assert np.mean(v) > 0.02


@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.malt, sampling.mams])
def test_densities_of_one_scale_keep_one_size(sampler):
    targets = sampling.targets
    for target in (
        targets.Gaussian(np.zeros(2), np.array([1.0, 100.0])),
        targets.Gaussian(np.zeros(40), np.geomspace(0.01, 100.0, 40)),
        targets.StudentT(np.zeros(5), np.ones(5), 3.0),
        targets.Laplace(np.zeros(4), np.ones(4)),
    ):
        for seed in range(4):
            start = np.random.default_rng(seed).normal(size=(4, target.dim))
            result = sampler(target, start, n_samples=10, n_warmup=500, rng=seed)
            assert result.shortened == 0.0


def test_a_size_that_is_given_is_the_size_of_all_steps():
    result = sampling.hmc(FUNNEL, START, n_samples=50, n_warmup=200, step_size=0.5, rng=0)
    assert result.shortened == 0.0
    assert set(result.step_size) == {0.5}


def test_samplers_without_trajectories_keep_one_size():
    for sampler in (sampling.mala, sampling.barker, sampling.ghmc, sampling.mclmc, sampling.ula):
        assert sampler(FUNNEL, START, n_samples=50, n_warmup=300, rng=0).shortened == 0.0


@pytest.mark.parametrize("threads", [2, 5])
def test_bits_are_the_same_for_any_number_of_threads_and_parts(threads, tmp_path):
    options = {"n_warmup": 500, "rng": 3}
    whole = sampling.hmc(FUNNEL, START, n_samples=80, n_threads=1, **options)
    assert whole.shortened == SHARE
    part = sampling.hmc(FUNNEL, START, n_samples=30, n_threads=threads, **options)
    part.save_state(tmp_path / "state.npz")
    rest = sampling.resume(tmp_path / "state.npz", FUNNEL, 50, n_threads=threads)
    assert rest.shortened == SHARE
    np.testing.assert_array_equal(whole.draws, np.concatenate([part.draws, rest.draws], axis=1))
    # As one block of chains.
    batched = sampling.resume(tmp_path / "state.npz", lambda x: FUNNEL(x), 50)  # noqa: PLW0108
    np.testing.assert_allclose(rest.draws[:, :10], batched.draws[:, :10], rtol=1e-6, atol=1e-8)


def test_the_choice_is_named_and_the_warning_says_what_helps():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        result = sampling.sample(gamma(2.0), beside(stats.gamma(2.0), 0, 2), n_samples=4000, rng=0)
    assert "mixed sizes" in result.reason
    words = " ".join(str(one.message) for one in caught)
    for part in ("diverged", "edge", "Transformed", "slice_sample", "sampling.hmc"):
        assert part in words


@np.errstate(all="ignore")
def mild_funnel(points):
    """Return a funnel whose neck is narrower than the rest by factors that few trajectories meet."""
    v, rest = points[:, 0], points[:, 1:]
    half, square = rest.shape[1] / 2, np.exp(-v) * (rest**2).sum(axis=1)
    slopes = -rest * np.exp(-v)[:, None]
    return -v * v / 2 - square / 2 - half * v, np.column_stack([-v + square / 2 - half, slopes])


@pytest.mark.parametrize(("sampler", "d"), [(sampling.sample, 6), (sampling.mams, 6), (sampling.mams, 20)])
def test_places_that_few_trajectories_meet_are_found(sampler, d):
    mixed = [
        sampler(mild_funnel, np.random.default_rng(seed).normal(size=(6, d)), n_samples=1, n_warmup=4000, rng=seed)
        for seed in range(3)
    ]
    assert [result.shortened for result in mixed].count(SHARE) >= 2


@pytest.mark.parametrize("target", [sampling.targets.Funnel(6), sampling.targets.Rosenbrock(2)])
def test_an_overflow_of_a_trajectory_that_ran_away_is_no_edge(target):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = np.random.default_rng(0).normal(size=(4, target.dim))
        result = sampling.hmc(target, start, n_samples=2000, rng=0)
    words = " ".join(str(one.message) for one in caught)
    assert result.divergences.sum() > 0
    assert not result.outside.any()
    assert "steep" in words
    assert "edge" not in words


def test_many_acceptances_near_zero_are_told():
    words, target = [], sampling.targets.Funnel(2)
    for seed in range(5):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            sampling.mams(target, np.random.default_rng(seed).normal(size=(6, 2)), n_samples=2000, rng=seed)
        words += [str(one.message) for one in caught]
    # Divergences say it where there are any.
    assert all(("probability below 0.001" in said) != ("diverged" in said) for said in words)
    assert any("probability below 0.001" in said for said in words)


def test_mala_counts_proposals_that_are_far_off():
    @np.errstate(all="ignore")
    def inverse_gamma(x):
        return np.where(x > 0.0, -7.5 * np.log(x) - 1.0 / x, -np.inf).sum(axis=1), -7.5 / x + 1.0 / x**2

    start = 1.0 / np.random.default_rng(0).gamma(6.5, size=(4, 1))
    # Draws below the 0.1 % quantile were missing, and nobody said so.
    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = sampling.mala(inverse_gamma, start, n_samples=4000, rng=0)
    assert result.divergences.sum() > 0
    gaussian = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    assert not sampling.mala(gaussian, np.zeros((4, 2)), n_samples=4000, rng=0).divergences.any()


def test_pickles_of_before_have_no_shorter_steps():
    result = sampling.hmc(FUNNEL, START, n_samples=10, n_warmup=50, rng=0)
    state = result.__getstate__()
    del state["shortened"]
    other = object.__new__(sampling.SampleResult)
    other.__setstate__(state)
    assert other.shortened == 0.0
    np.testing.assert_array_equal(other.draws, result.draws)
