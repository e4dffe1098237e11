"""Stationary laws on Gaussians, known in closed form, judged by z-scores."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import ndtr

from wassail import sampling
from wassail.sampling import Integrator

# Many coordinates of short runs: some R-hat is above 1.01.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

PRECISIONS = np.array([0.5, 1.0, 2.0])
COPIES = 400  # independent coordinates of each precision
A = np.repeat(PRECISIONS, COPIES)
TARGET = sampling.targets.Gaussian(np.zeros(A.size), A)


def variance_scores(result, expected):
    """Return z-scores of the variances, from the spread over independent coordinates and chains."""
    moments = (result.draws**2).mean(axis=1).reshape(-1, PRECISIONS.size, COPIES)
    moments = moments.transpose(1, 0, 2).reshape(PRECISIONS.size, -1)
    error = moments.std(axis=1, ddof=1) / np.sqrt(moments.shape[1])
    return (moments.mean(axis=1) - expected) / error


def start(chains):
    return np.random.default_rng(1).normal(size=(chains, A.size)) / np.sqrt(A)


def test_ula_has_its_biased_variance():
    h = 0.4
    result = sampling.ula(TARGET, start(8), n_samples=400, n_warmup=100, step_size=h, rng=2)
    scores = variance_scores(result, 1 / (A[::COPIES] * (1 - h * A[::COPIES] / 2)))
    assert np.abs(scores).max() < 4
    # The test can tell: without the bias the scores are far off.
    assert np.abs(variance_scores(result, 1 / PRECISIONS)).max() > 10


def test_ula_forgets_as_it_should():
    h = 0.3
    result = sampling.ula(TARGET, start(8), n_samples=200, n_warmup=100, step_size=h, rng=3)
    x = result.draws
    for lag in (1, 3):
        products = (x[:, :-lag] * x[:, lag:]).mean(axis=1).reshape(-1, PRECISIONS.size, COPIES)
        products = products.transpose(1, 0, 2).reshape(PRECISIONS.size, -1)
        expected = (1 - h * PRECISIONS) ** lag / (PRECISIONS * (1 - h * PRECISIONS / 2))
        error = products.std(axis=1, ddof=1) / np.sqrt(products.shape[1])
        assert np.abs((products.mean(axis=1) - expected) / error).max() < 4


def ubu_variance(a, h, friction):
    """Solve the discrete Lyapunov equation of U(h/2) B(h) U(h/2) on a Gaussian of precision a."""
    keep = np.exp(-friction * h / 2)
    free = np.array([[1.0, (1 - keep) / friction], [0.0, keep]])
    xx = (2 / friction) * (h / 2 - 2 * (1 - keep) / friction + (1 - keep**2) / (2 * friction))
    noise = np.array([[xx, (1 - keep) ** 2 / friction], [(1 - keep) ** 2 / friction, 1 - keep**2]])
    kick = np.array([[1.0, 0.0], [-h * a, 1.0]])
    step = free @ kick @ free
    covariance = free @ kick @ noise @ kick.T @ free.T + noise
    return solve_discrete_lyapunov(step, covariance)[0, 0]


@pytest.mark.parametrize("integrator", list(Integrator))
@pytest.mark.parametrize("friction", [0.7, 2.0])
def test_integrators_have_their_variances(integrator, friction):
    h = 0.9
    z = h * h * PRECISIONS
    expected = {
        Integrator.OBABO: 1 / (PRECISIONS * (1 - z / 4)),
        Integrator.BAOAB: 1 / PRECISIONS,
        Integrator.ABOBA: 1 / PRECISIONS,
        Integrator.UBU: np.array([ubu_variance(a, h, friction) for a in PRECISIONS]),
    }[integrator]
    result = sampling.underdamped(
        TARGET, start(8), n_samples=400, n_warmup=100, step_size=h, friction=friction, integrator=integrator, rng=4
    )
    assert np.abs(variance_scores(result, expected)).max() < 4


@pytest.mark.parametrize("speed", [1.2, 1.651, 2.2])
def test_mala_accepts_as_often_as_it_should_in_high_dimension(speed):
    d = 1000
    target = sampling.targets.Gaussian(np.zeros(d), np.ones(d))
    x0 = np.random.default_rng(5).normal(size=(16, d))
    h = 0.5 * speed**2 * d ** (-1 / 3)
    result = sampling.mala(target, x0, n_samples=400, n_warmup=0, step_size=h, rng=6)
    assert result.mean_acceptance == pytest.approx(2 * ndtr(-(speed**3) / 8), abs=0.01)


def test_mala_is_exact_where_ula_is_not():
    result = sampling.mala(TARGET, start(8), n_samples=3000, n_warmup=0, step_size=0.1, rng=7)
    assert np.abs(variance_scores(result, 1 / PRECISIONS)).max() < 4


def test_one_step_of_mala_from_exact_draws_leaves_the_law():
    chains = 200_000
    a = np.array([0.5, 3.0])
    x0 = np.random.default_rng(8).normal(size=(chains, 2)) / np.sqrt(a)
    result = sampling.mala(sampling.targets.Gaussian(np.zeros(2), a), x0, n_samples=1, step_size=0.6, rng=9)
    x = result.draws[:, 0] * np.sqrt(a)
    assert 0.3 < result.mean_acceptance < 0.9
    # The change of each moment is judged, which is what the exact start has taken the noise out of.
    before = x0 * np.sqrt(a)
    for power in (1, 2, 3, 4):
        change = x**power - before**power
        scores = change.mean(axis=0) / (change.std(axis=0, ddof=1) / np.sqrt(chains))
        assert np.abs(scores).max() < 4
    cross = x[:, 0] * x[:, 1] - before[:, 0] * before[:, 1]
    assert abs(cross.mean() / (cross.std() / np.sqrt(chains))) < 4
