"""Barker, tamed and preconditioned ULA, and the randomized midpoint: exact laws by z-scores, and bad places."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.sampling.test_exact_laws import COPIES, PRECISIONS, TARGET, A, start, variance_scores
from wassail import sampling
from wassail.exceptions import ConvergenceWarning, InputError
from wassail.sampling import Taming

# Many coordinates of short runs: some R-hat is above 1.01.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")


def test_the_randomized_midpoint_has_its_variance():
    # All coordinates of a chain share the random times: chains are what is independent.
    h, copies, chains = 0.5, 16, 1000
    a = np.repeat(PRECISIONS, copies)
    x0 = np.random.default_rng(1).normal(size=(chains, a.size)) / np.sqrt(a)
    target = sampling.targets.Gaussian(np.zeros(a.size), a)
    result = sampling.randomized_midpoint(target, x0, n_samples=100, n_warmup=30, step_size=h, rng=2)
    moments = (result.draws**2).mean(axis=1).reshape(chains, 3, copies).mean(axis=2)
    z = h * PRECISIONS

    def scores(expected):
        return (moments.mean(axis=0) - expected) / (moments.std(axis=0, ddof=1) / np.sqrt(chains))

    assert np.abs(scores(1 / (PRECISIONS * (1 - z**3 / (3 * (2 - 2 * z + z**2)))))).max() < 4
    assert np.abs(scores(1 / PRECISIONS)).max() > 10


def test_the_randomized_midpoint_says_how_many_gradients_it_took():
    result = sampling.randomized_midpoint(TARGET, start(2), n_samples=5, thin=2, step_size=0.1, rng=2)
    assert result.n_gradients == 21


def test_barker_is_exact():
    result = sampling.barker(TARGET, start(8), n_samples=3000, step_size=0.02, rng=3)
    assert 0.2 < result.mean_acceptance < 0.9
    assert np.abs(variance_scores(result, 1 / PRECISIONS)).max() < 4


def barker_kernel(grid, log_density, grad, h):
    """Return the transition matrix of Barker's algorithm on a grid of midpoints: densities off the diagonal."""
    move = grid[None, :] - grid[:, None]
    proposal = 2 * norm.pdf(move, scale=np.sqrt(2 * h)) / (1 + np.exp(-move * grad(grid)[:, None]))
    ratio = np.exp(log_density(grid)[None, :] - log_density(grid)[:, None]) * proposal.T / proposal
    return proposal * np.minimum(1.0, ratio)


def test_one_step_of_barker_has_its_transition_density():
    h, x0, chains = 0.4, 1.3, 200_000
    target = sampling.targets.Gaussian(np.zeros(1), np.ones(1))
    result = sampling.barker(target, np.full((chains, 1), x0), n_samples=1, step_size=h, rng=4)
    moved = result.draws[:, 0, 0]
    edges = np.linspace(-2.5, 4.5, 29)
    fine = np.linspace(-2.5, 4.5, 28 * 50 + 1)
    middle = (fine[1:] + fine[:-1]) / 2
    y = np.concatenate([[x0], middle])
    row = barker_kernel(y, lambda x: -(x**2) / 2, lambda x: -x, h)[0, 1:]
    expected = (row * np.diff(fine)).reshape(28, 50).sum(axis=1) * chains
    found = np.histogram(moved[moved != x0], edges)[0]
    scores = (found - expected) / np.sqrt(np.maximum(expected, 10.0))
    assert np.abs(scores).max() < 4.5
    stayed = (moved == x0).mean()
    assert abs(stayed - (1 - (row * np.diff(fine)).sum())) < 4 * np.sqrt(stayed * (1 - stayed) / chains)


def test_barker_adapts_to_its_own_acceptance():
    target = sampling.targets.Gaussian(np.zeros(20), np.geomspace(0.1, 10.0, 20))
    result = sampling.barker(target, np.zeros((8, 20)), n_samples=2000, rng=5)
    assert abs(result.mean_acceptance - 0.4) < 0.05
    assert result.rhat().max() < 1.02


def quartic(points):
    """Return −|x|⁴/4, whose gradient throws plain Langevin out."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = (points**2).sum(axis=1, keepdims=True)
        return -0.25 * square[:, 0] ** 2, -square * points


@pytest.mark.parametrize("taming", [Taming.WHOLE, Taming.COORDINATES])
def test_tamed_steps_stay_where_plain_ones_explode(taming):
    x0 = np.full((16, 3), 30.0)
    tamed = sampling.ula(quartic, x0, n_samples=8000, n_warmup=2000, step_size=0.01, taming=taming, rng=6)
    assert tamed.divergences.sum() == 0
    # E |x|⁴ = d by scaling, up to a bias of the order of h.
    moments = ((tamed.draws**2).sum(axis=2) ** 2).mean(axis=1)
    assert moments.mean() == pytest.approx(3.0, abs=0.3)
    plain = sampling.ula(quartic, x0, n_samples=50, step_size=0.02, rng=6)
    assert plain.divergences.sum() > 0
    assert np.isfinite(plain.draws).all()


@pytest.mark.parametrize("taming", list(Taming))
def test_a_tamed_step_is_what_it_says(taming):
    h, x0 = 0.3, np.array([[2.0, -0.5, 3.0]])
    target = sampling.targets.Gaussian(np.zeros(3), np.array([1.0, 2.0, 4.0]))
    grad = -x0 * [1.0, 2.0, 4.0]
    plain = sampling.ula(target, x0, n_samples=1, step_size=h, rng=7).draws[0, 0]
    noise = plain - (x0 + h * grad)
    divisor = {Taming.NONE: 1.0, Taming.WHOLE: 1 + h * np.linalg.norm(grad), Taming.COORDINATES: 1 + h * np.abs(grad)}
    tamed = sampling.ula(target, x0, n_samples=1, step_size=h, taming=taming, rng=7).draws[0, 0]
    np.testing.assert_allclose(tamed, (x0 + h * grad / divisor[taming] + noise)[0], rtol=1e-12)


def test_preconditioned_ula_has_its_variance():
    a = np.repeat([0.25, 1.0, 4.0], COPIES)
    target = sampling.targets.Gaussian(np.zeros(a.size), a)
    x0 = np.random.default_rng(8).normal(size=(8, a.size)) / np.sqrt(a)
    result = sampling.ula(target, x0, n_samples=400, n_warmup=300, step_size=0.4, precondition=True, rng=9)
    expected = 1 / (a * (1 - 0.4 * a * result.scale**2 / 2))
    ratio = (result.draws**2).mean(axis=1) / expected
    per_precision = ratio.reshape(8, 3, COPIES).transpose(1, 0, 2).reshape(3, -1)
    scores = (per_precision.mean(axis=1) - 1) / (per_precision.std(axis=1, ddof=1) / np.sqrt(8 * COPIES))
    assert np.abs(scores).max() < 4
    assert (result.step_size == 0.4).all()


@pytest.mark.parametrize("sampler", [sampling.barker, sampling.randomized_midpoint])
def test_values_that_are_not_finite_are_divergences(sampler):
    def bad(points):
        return np.where(np.abs(points[:, 0]) > 1.5, np.nan, -0.5 * (points**2).sum(axis=1)), -points

    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = sampler(bad, np.zeros((4, 3)), n_samples=300, step_size=0.3, rng=10)
    assert np.abs(result.draws[:, :, 0]).max() <= 1.5
    assert result.divergences.sum() > 0


@pytest.mark.parametrize("sampler", [sampling.barker, sampling.randomized_midpoint])
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scales_beyond_squares_are_sampled(sampler, scale):
    target = sampling.targets.Gaussian(np.zeros(1), np.array([1.0]))

    def scaled(points):
        return -0.5 * ((points / scale) ** 2).sum(axis=1), -(points / scale) / scale

    wide = sampler(scaled, np.full((2, 1), scale), n_samples=20, step_size=0.3 * scale * scale or 1e-300, rng=11)
    assert np.isfinite(wide.draws).all()
    assert target.dim == 1


@pytest.mark.parametrize("sampler", [sampling.barker, sampling.randomized_midpoint])
@pytest.mark.parametrize("threads", [2, 5])
def test_threads_do_not_show(sampler, threads):
    x0 = start(5)[:, ::30]
    target = sampling.targets.Gaussian(np.zeros(x0.shape[1]), A[::30])
    one = sampler(target, x0, n_samples=2000, rng=1, n_threads=1)
    many = sampler(target, x0, n_samples=2000, rng=1, n_threads=threads)
    np.testing.assert_array_equal(one.draws, many.draws)
    np.testing.assert_array_equal(one.step_size, many.step_size)


@pytest.mark.parametrize("sampler", [sampling.barker, sampling.randomized_midpoint])
def test_batched_callables_give_the_same_draws(sampler):
    def batched(points):
        return -0.5 * (A[::60] * points**2).sum(axis=1), -A[::60] * points

    x0 = start(3)[:, ::60]
    target = sampling.targets.Gaussian(np.zeros(x0.shape[1]), A[::60])
    options = {"n_samples": 40, "step_size": 0.2, "rng": 12}
    np.testing.assert_allclose(sampler(batched, x0, **options).draws, sampler(target, x0, **options).draws, rtol=1e-8)


def test_taming_is_one_of_its_kind():
    with pytest.raises(InputError, match="Taming"):
        sampling.ula(TARGET, start(1), n_samples=1, step_size=0.1, taming=1)


@pytest.mark.parametrize("d", [29, 100, 40_000])
@pytest.mark.parametrize("sampler", [sampling.ula, sampling.mala])
def test_one_pass_over_a_sum_over_coordinates_gives_the_same_bits(sampler, d):
    gaussian = sampling.targets.Gaussian(np.linspace(-1.0, 1.0, d), np.linspace(1.0, 2.0, d))
    # To the core this is no sum over coordinates: proposals, gradients and ratios are made one after the other.
    wrapped = sampling.targets.Affine(gaussian, np.zeros(d), np.ones(d))
    options = {"n_samples": 20, "n_warmup": 0, "step_size": 0.5 * d ** (-1 / 3), "rng": 3}
    x0 = np.random.default_rng(4).normal(size=(2, d))
    expected = sampler(wrapped, x0, **options, n_threads=1)
    for n_threads in (1, 2):
        result = sampler(gaussian, x0, **options, n_threads=n_threads)
        assert np.array_equal(result.draws, expected.draws)
        assert np.array_equal(result.log_density, expected.log_density)
        assert np.array_equal(result.acceptance, expected.acceptance)


@pytest.mark.parametrize("sampler", [sampling.ula, sampling.mala])
def test_gradients_that_steps_leave_behind_are_made_where_they_are_wanted(sampler):
    gaussian = sampling.targets.Gaussian(np.linspace(-1.0, 1.0, 29), np.linspace(1.0, 2.0, 29))
    wrapped = sampling.targets.Affine(gaussian, np.zeros(29), np.ones(29))
    x0 = np.random.default_rng(4).normal(size=(2, 29))
    options = {"n_samples": 6, "thin": 3, "rng": 3, "store_gradients": True}
    for warmup in ({"n_warmup": 0, "step_size": 0.2}, {"n_warmup": 200}):
        expected = sampler(wrapped, x0, **options, **warmup)
        result = sampler(gaussian, x0, **options, **warmup)
        assert np.array_equal(result.gradients, expected.gradients)
        assert np.array_equal(result.draws, expected.draws)


def test_a_sum_over_coordinates_that_overflows_rejects():
    gaussian = sampling.targets.Gaussian(np.zeros(3), np.full(3, 1e300))
    result = sampling.mala(gaussian, np.zeros((1, 3)), n_samples=5, n_warmup=0, step_size=1e10, rng=1)
    assert np.array_equal(result.draws, np.zeros((1, 5, 3)))
