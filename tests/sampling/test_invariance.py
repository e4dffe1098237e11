"""Adjusted kernels leave their densities unchanged: one step from exact draws, detailed balance, and ranks."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2, kstest, logistic, norm

from tests.sampling.adjusted import KERNELS
from wassail import sampling

# Single steps and short chains, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

every = pytest.mark.parametrize("kernel", [pytest.param(k, id=name) for name, k in KERNELS.items()])
reversible = pytest.mark.parametrize(
    "kernel", [pytest.param(k, id=name) for name, k in KERNELS.items() if k.reversible]
)


def skew(points):
    """Return the density of log of an exponential variable a coordinate, its mode at 0: one tail light, one heavy."""
    return (points - np.exp(points)).sum(axis=1), 1.0 - np.exp(points)


def exact_skew(rng, shape):
    return np.log(rng.exponential(size=shape))


def change_scores(before, after):
    """Return z-scores of changes of moments, which the exact start has taken most of the noise out of."""
    terms = [lambda x: x, lambda x: x**2, lambda x: x**3, np.abs, lambda x: x[:, :1] * x[:, 1:], np.tanh]
    changes = np.concatenate([f(after) - f(before) for f in terms], axis=1)
    return changes.mean(axis=0) / (changes.std(axis=0, ddof=1) / np.sqrt(len(changes)))


def check_one_step(kernel, chains, seed):
    """Judge the law of both coordinates after a step from exact draws: a Gaussian of the core, and a skew callable."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(chains, 2)) / np.sqrt([0.5, 3.0])
    cases = [
        (sampling.targets.Gaussian(np.zeros(2), [0.5, 3.0]), normal, norm(scale=1 / np.sqrt([0.5, 3.0])).cdf),
        (skew, exact_skew(rng, (chains, 2)), lambda x: 1 - np.exp(-np.exp(x))),
    ]
    for number, (target, before, cdf) in enumerate(cases):
        result = kernel.sampler(target, before, n_samples=1, n_warmup=0, rng=seed + number)
        after = result.draws[:, 0]
        assert (before != after).any(axis=1).mean() > 0.3
        assert np.abs(change_scores(before, after)).max() < 4.5
        uniform = cdf(after)
        assert all(kstest(uniform[:, k], "uniform").pvalue > 1e-4 for k in range(2))


@every
def test_one_step_from_exact_draws_leaves_the_law(kernel):
    check_one_step(kernel, 50_000, 1)


@every
@pytest.mark.study
def test_one_step_from_a_million_exact_draws_leaves_the_law(kernel):
    check_one_step(kernel, 1_000_000, 2)


def two_bumps(points):
    """Return a mixture of two logistic densities in one dimension, at -2 and 1, of weights 1/3 and 2/3."""
    x = points[:, 0]
    parts = np.array([[1 / 3], [2 / 3]]) * logistic.pdf(x, np.array([[-2.0], [1.0]]), 0.5)
    slopes = (1 - 2 * logistic.cdf(x, np.array([[-2.0], [1.0]]), 0.5)) / 0.5
    return np.log(parts.sum(axis=0)), ((parts * slopes).sum(axis=0) / parts.sum(axis=0))[:, None]


def check_detailed_balance(kernel, chains, seed):
    """
    Compare moves between all pairs of cells of a grid, to and fro, from exact draws.

    Each difference has the variance of the sum of both counts; their squares add up to a chi-square.
    """
    rng = np.random.default_rng(seed)
    x = rng.logistic(np.where(rng.random(chains) < 1 / 3, -2.0, 1.0), 0.5)
    y = kernel.sampler(two_bumps, x[:, None], n_samples=1, n_warmup=0, rng=seed).draws[:, 0, 0]
    grid = np.linspace(-5.0, 4.0, 19)
    moves = np.histogram2d(x, y, bins=[grid, grid])[0]
    total, off = moves + moves.T, moves - moves.T
    pairs = np.triu(total >= 10, k=1)
    assert pairs.sum() > 25
    statistic = (off[pairs] ** 2 / total[pairs]).sum()
    assert chi2.sf(statistic, pairs.sum()) > 1e-4


@reversible
def test_moves_to_and_fro_balance_on_a_grid(kernel):
    check_detailed_balance(kernel, 60_000, 3)


@reversible
@pytest.mark.study
def test_a_million_moves_to_and_fro_balance_on_a_grid(kernel):
    check_detailed_balance(kernel, 1_000_000, 4)


DESIGN = np.random.default_rng(5).normal(size=(12, 2))


def check_ranks(kernel, replicates, seed):
    """
    Rank each parameter among draws of its posterior given data made from it (simulation-based calibration).

    Uniform ranks for the parameters and their product: Talts and others, arXiv 1804.06788, Alg. 1. Draws have to be
    nearly independent: correlated ones have too many first and last ranks, exact as their law may be.
    """
    rng, draws, bins = np.random.default_rng(seed), 31, 8
    ranks = np.empty((replicates, 3), dtype=int)
    for replicate in range(replicates):
        truth = rng.normal(size=2)
        y = (rng.random(12) < expit(DESIGN @ truth)).astype(float)
        x0 = rng.normal(size=(6 if kernel.ensemble else 1, 2))
        posterior = sampling.targets.LogisticRegression(DESIGN, y, sampling.targets.NormalPrior(1.0))
        options = {"n_samples": draws, "n_warmup": 5 * kernel.forgets, "thin": kernel.forgets}
        result = kernel.sampler(posterior, x0, rng=seed + replicate, **options)
        x = result.draws[0]
        found, true = np.column_stack([x, x[:, 0] * x[:, 1]]), np.append(truth, truth[0] * truth[1])
        ranks[replicate] = (found < true).sum(axis=0)
    for k in range(3):
        counts = np.bincount(ranks[:, k] * bins // (draws + 1), minlength=bins)
        statistic = ((counts - replicates / bins) ** 2).sum() / (replicates / bins)
        assert chi2.sf(statistic, bins - 1) > 1e-4, counts


@every
def test_ranks_are_uniform(kernel):
    check_ranks(kernel, 80, 6)


@every
@pytest.mark.study
def test_ranks_of_many_replicates_are_uniform(kernel):
    check_ranks(kernel, 2000, 7)


def test_these_tests_can_fail():
    """The unadjusted sampler at the same step fails each of them."""

    class Unadjusted:
        ensemble = False

        @staticmethod
        def sampler(target, x0, **options):
            return sampling.ula(target, x0, step_size=0.5, **options)

    for check, size in ((check_one_step, 50_000), (check_detailed_balance, 60_000)):
        with pytest.raises(AssertionError):
            check(Unadjusted, size, 8)
