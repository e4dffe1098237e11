"""Group averages, perturbations, divergences."""

import numpy as np
import pytest

from wassail import discrepancy, kernels
from wassail.exceptions import InputError

QUARTERS = np.array([[[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, -1]], [[0, 1], [-1, 0]]], dtype=float)


def orbit(x):
    return np.concatenate([x @ g.T for g in QUARTERS])


@pytest.mark.parametrize("base", [kernels.Gaussian(0.8), kernels.Stein(kernels.InverseMultiquadric(1.2), lambda x: -x)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_group_averages_are_those_of_the_orbits(base, dtype):
    x = np.random.default_rng(0).normal(size=(40, 2)).astype(dtype)
    kernel = kernels.GroupAverage(base, QUARTERS[[2, 0, 1, 3]])
    expected = np.mean([base(x.astype(float), x.astype(float) @ g.T) for g in QUARTERS], axis=0)
    assert np.allclose(kernel(x), expected, atol=1e-13 if dtype == np.float64 else 1e-5)
    assert np.allclose(
        kernel(x @ QUARTERS[1].T.astype(dtype), x), expected, atol=1e-13 if dtype == np.float64 else 1e-5
    )


def test_discrepancies_of_orbits():
    x, y = np.random.default_rng(1).normal(size=(2, 30, 2))
    base = kernels.Gaussian(0.8)
    kernel = kernels.GroupAverage(base, QUARTERS)
    found = discrepancy.mmd(x, y + 1.0, kernel)
    assert found.biased == pytest.approx(discrepancy.mmd(orbit(x), orbit(y + 1.0), base).biased, abs=1e-13)
    stein = kernels.Stein(base, lambda x: -x)
    invariant = kernels.GroupAverage(stein, QUARTERS)
    assert discrepancy.ksd(x, invariant).biased == pytest.approx(discrepancy.ksd(orbit(x), stein).biased, abs=1e-13)
    assert discrepancy.ksd(x, invariant, scores=-x).biased == discrepancy.ksd(x, invariant).biased


def test_a_rotated_sample_is_not_told_apart():
    x = np.random.default_rng(2).normal(size=(300, 2)) * 0.3 + [2.0, 0.0]
    y = np.random.default_rng(3).normal(size=(300, 2)) * 0.3 + [0.0, 2.0]
    kernel = kernels.Gaussian(0.5)
    assert discrepancy.mmd_test(x, y, kernel, rng=0).p_value == 0.001
    assert discrepancy.mmd_test(x, y, kernels.GroupAverage(kernel, QUARTERS), rng=0).p_value > 0.05


@pytest.mark.parametrize(
    ("base", "group", "message"),
    [
        (kernels.Gaussian(1.0), QUARTERS[1:], "identity"),
        (kernels.Gaussian(1.0), QUARTERS[:2], "not closed"),
        (kernels.Gaussian(1.0), 2 * QUARTERS, "not orthogonal"),
        (kernels.Gaussian(1.0), QUARTERS[:, :1], "shape"),
        (kernels.Stein(preconditioner=np.diag([1.0, 2.0])), QUARTERS, "base must be radial"),
    ],
)
def test_bad_groups(base, group, message):
    with pytest.raises(InputError, match=message):
        kernels.GroupAverage(base, group)


def test_points_fit_the_group():
    with pytest.raises(InputError, match="3 coordinates"):
        discrepancy.mmd(np.zeros((2, 3)), np.zeros((2, 3)), kernels.GroupAverage(kernels.Gaussian(1.0), QUARTERS))


MODES = np.array([[-4.0, 0.0], [4.0, 0.0], [0.0, 5.0]])
SCALES = np.array([0.7, 1.0, 1.3])
SHARES = np.array([0.2, 0.5, 0.3])


def log_parts(x):
    square = ((x[:, None] - MODES) ** 2).sum(axis=2)
    return np.log(SHARES) - 2 * np.log(SCALES) - square / (2 * SCALES**2)


def log_density(x):
    return np.logaddexp.reduce(log_parts(x), axis=1)


def score(x):
    share = np.exp(log_parts(x) - log_density(x)[:, None])
    return ((MODES - x[:, None]) / SCALES[:, None] ** 2 * share[:, :, None]).sum(axis=1)


def draw(rng, n, shares=SHARES):
    k = rng.choice(3, size=n, p=shares)
    return MODES[k] + SCALES[k, None] * rng.normal(size=(n, 2))


def test_jumps_leave_the_density():
    """Moments of a sample of p are the same before and after, by z-scores of the differences of independent samples."""
    rng = np.random.default_rng(4)
    n = 40_000
    jumps = discrepancy.ModeJumps(log_density, MODES, SCALES[:, None, None] ** 2 * np.eye(2), n_steps=5)
    before, moved = draw(rng, n), jumps(draw(rng, n), rng)
    for feature in (
        lambda x: x[:, 0],
        lambda x: x[:, 1],
        lambda x: x[:, 0] ** 2,
        lambda x: x[:, 0] * x[:, 1],
        lambda x: x[:, 0] > 4.5,
        log_density,
    ):
        one, two = feature(before) * 1.0, feature(moved) * 1.0
        z = (one.mean() - two.mean()) / np.sqrt((one.var() + two.var()) / n)
        assert abs(z) < 4
    start = draw(rng, n)
    assert 0.3 < (jumps(start, rng) != start).any(axis=1).mean() < 1.0


def test_perturbation_sees_proportions():
    rng = np.random.default_rng(5)
    kernel = kernels.Stein(score=score)
    jumps = discrepancy.ModeJumps(log_density, MODES, SCALES[:, None, None] ** 2 * np.eye(2))
    wrong = draw(rng, 1000, [0.6, 0.2, 0.2])
    assert discrepancy.ksd_test(wrong, kernel, rng=0).p_value > 0.05
    assert discrepancy.perturbed_ksd_test(wrong, kernel, jumps, rng=0).p_value <= 0.002
    rejected = [
        discrepancy.perturbed_ksd_test(draw(rng, 100), kernel, jumps, n_bootstraps=19, rng=rng).p_value <= 0.1
        for _ in range(400)
    ]
    assert abs(np.mean(rejected) - 0.1) < 4 * np.sqrt(0.09 / 400)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discrepancy.ModeJumps(log_density, MODES[:1]), "at least two"),
        (lambda: discrepancy.ModeJumps(log_density, MODES[[0, 0]]), "different"),
        (lambda: discrepancy.ModeJumps(log_density, MODES, -np.eye(2)[None].repeat(3, 0)), "positive definite"),
        (lambda: discrepancy.ModeJumps(log_density, MODES, np.eye(2)[None]), "shape"),
        (lambda: discrepancy.ModeJumps(log_density, MODES, overshoot=0.0), "overshoot"),
        (
            lambda: discrepancy.perturbed_ksd_test(
                MODES, kernels.Stein(score=score), discrepancy.ModeJumps(lambda x: x * np.nan, MODES)
            ),
            "log_density must return",
        ),
        (lambda: discrepancy.perturbed_ksd_test(MODES, kernels.Stein(score=score), "mala"), "perturb must be callable"),
        (
            lambda: discrepancy.perturbed_ksd_test(MODES, kernels.Stein(score=score), lambda x, rng: x[:2]),
            "shape of the points",
        ),
    ],
)
def test_bad_perturbations(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_cauchy_schwarz_divergence_of_normals():
    """Of densities estimated from many points: −log of ∫pq² / ∫p² ∫q², all normal with variance 1 + h²."""
    rng = np.random.default_rng(6)
    h, shift, n = 0.5, 1.5, 20_000
    kernel = kernels.Gaussian(np.sqrt(2) * h)
    found = discrepancy.cauchy_schwarz_divergence(rng.normal(size=n), rng.normal(size=n) + shift, kernel)
    assert found == pytest.approx(shift**2 / (2 * (1 + h * h)), rel=0.05)
    x = rng.normal(size=50)
    assert discrepancy.cauchy_schwarz_divergence(x, x, kernel) == pytest.approx(0.0, abs=1e-14)
    assert discrepancy.cauchy_schwarz_divergence([0.0], [1e3], kernel) == np.inf


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.7])
def test_energy_distance_is_that_of_the_distances(exponent):
    rng = np.random.default_rng(7)
    x, y, a = rng.normal(size=(30, 2)) + 1e3, rng.normal(size=(20, 2)) + 1e3, rng.random(30)
    a, b = a / a.sum(), np.full(20, 0.05)

    def mean(p, u, q, v):
        return u @ np.linalg.norm(p[:, None] - q, axis=2) ** exponent @ v

    expected = 2 * mean(x, a, y, b) - mean(x, a, x, a) - mean(y, b, y, b)
    assert discrepancy.energy_distance(x, y, exponent=exponent, a=a).biased == pytest.approx(expected, rel=1e-11)
