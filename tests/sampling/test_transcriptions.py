"""Single steps of samplers are those of their papers, with the same random words."""

import numpy as np
import pytest

from tests.reference import samplers_numpy as plain
from tests.reference.random_words_numpy import Stream, philox
from wassail import sampling
from wassail.sampling import Splitting

# A few steps, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

STEPS = 12
D = 37  # more than one group of random words, and a rest


def skew(points):
    """A density with one light and one heavy tail in each coordinate, and a coupling between neighbors."""
    gaps = np.diff(points, axis=1)
    grad = 1.0 - np.exp(points)
    grad[:, 1:] -= 0.3 * gaps
    grad[:, :-1] += 0.3 * gaps
    return (points - np.exp(points)).sum(axis=1) - 0.15 * (gaps**2).sum(axis=1), grad


def one(x):
    logp, grad = skew(x[None, :])
    return logp[0], grad[0]


def start(chains=3):
    return np.log(np.random.default_rng(1).exponential(size=(chains, D)))


def follow(key, x0, step):
    """Make some steps ``x, v -> x, v`` of every chain."""
    out = np.empty((len(x0), STEPS, D))
    for chain, first in enumerate(x0):
        x, v = first, plain.first_velocity(key, chain, D)
        for number in range(STEPS):
            x, v = step(x, v, Stream(key, chain, number))
            out[chain, number] = x
    return out


def agrees(result, expected, *, rejects=True):
    np.testing.assert_allclose(result.draws, expected, rtol=1e-9, atol=1e-9)
    stayed = (np.diff(expected, axis=1) == 0).all(axis=2)
    assert stayed.any() == rejects
    assert not stayed.all()


def test_words_are_those_of_philox():
    """The known answers of the authors' own implementation."""
    ones = 0xFFFFFFFF
    counters = [[0, 0, 0, 0], [ones] * 4, [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]]
    keys = [0, ones << 32 | ones, 0x299F31D0 << 32 | 0xA4093822]
    expected = ["6627e8d5 e169c58d bc57ac4c 9b00dbd8", "408f276d 41c83b0e a20bc7c6 6d5451fd"]
    expected.append("d16cfe09 94fdcceb 5001e420 24126ea1")
    for counter, key, words in zip(counters, keys, expected, strict=True):
        assert " ".join(f"{int(word):08x}" for word in philox([counter], key)[0]) == words


@pytest.mark.parametrize(
    ("sampler", "options", "step"),
    [
        (
            sampling.hmc,
            {"step_size": 0.55, "trajectory_length": 2.3},
            lambda x, draws: plain.trajectory(one, x, draws, 0.55, 2.3),
        ),
        (
            sampling.malt,
            {"step_size": 0.55, "trajectory_length": 2.3},
            lambda x, draws: plain.trajectory(one, x, draws, 0.55, 2.3, jitter=0.0, decay=0.55 / 2.3),
        ),
        (
            sampling.malt,
            {"step_size": 0.55, "trajectory_length": 2.3, "friction": 1.7},
            lambda x, draws: plain.trajectory(one, x, draws, 0.55, 2.3, jitter=0.0, decay=0.55 * 1.7),
        ),
        (
            sampling.mams,
            {"step_size": 3.6, "trajectory_length": 12.0},
            lambda x, draws: plain.trajectory(one, x, draws, 3.6, 12.0, kick=plain.isokinetic),
        ),
        (
            sampling.mams,
            {"step_size": 8.5, "trajectory_length": 20.0, "splitting": Splitting.MINIMAL_NORM},
            lambda x, draws: plain.trajectory(one, x, draws, 8.5, 20.0, kick=plain.isokinetic, minimal_norm=True),
        ),
        (sampling.barker, {"step_size": 0.12}, lambda x, draws: plain.barker(one, x, draws, 0.12)),
    ],
    ids=["hmc", "malt", "malt, friction", "mams", "mams, minimal norm", "barker"],
)
def test_steps_that_end_in_an_acceptance(sampler, options, step):
    result = sampler(skew, start(), n_samples=STEPS, n_warmup=0, rng=2, **options)
    agrees(result, follow(result.key, start(), lambda x, v, draws: (step(x, draws), v)))


def test_a_step_of_ghmc():
    result = sampling.ghmc(skew, start(), n_samples=STEPS, n_warmup=0, step_size=0.6, decoherence_length=1.5, rng=3)
    agrees(result, follow(result.key, start(), lambda x, v, w: plain.ghmc(one, x, v, w, 0.6, 1.5)))


@pytest.mark.parametrize("splitting", list(Splitting))
def test_a_step_of_mclmc(splitting):
    options = {"step_size": 1.5, "decoherence_length": 8.0, "splitting": splitting}
    result = sampling.mclmc(skew, start(), n_samples=STEPS, n_warmup=0, rng=4, **options)

    def step(x, v, draws):
        return plain.mclmc(one, x, plain.unit(v), draws, 1.5, 8.0, minimal_norm=splitting is Splitting.MINIMAL_NORM)

    agrees(result, follow(result.key, start(), step), rejects=False)
