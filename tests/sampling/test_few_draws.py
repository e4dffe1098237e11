"""R-hat of few draws: chains that disagree are told, and chance is not taken for it."""

import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning


def words(draws, d=20, apart=0.0):
    """Return what is said of so many draws, independent but for where chains are."""

    def density(points):
        # Normals on either side: a step of h = 1 goes to the center of its own at once.
        place = apart * np.sign(points[:, :1])
        return -0.5 * ((points - place) ** 2).sum(axis=1), place - points

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        start = np.where(np.arange(4) % 2, 1.0, -1.0)[:, None] * max(apart, 0.5) * np.ones(d)
        sampling.ula(density, start, n_samples=draws, n_warmup=0, step_size=1.0, rng=draws)
    return " ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("n", [8, 15, 40, 99])
def test_chains_that_disagree_are_told(n):
    assert "R-hat" in words(n, apart=20.0)
    assert "R-hat" not in words(n)


def test_of_very_few_draws_nothing_is_said():
    assert not words(7, apart=20.0)


def test_chance_is_what_independent_draws_give():
    from wassail.sampling._diagnostics import rhat
    from wassail.sampling._warn import _limit

    rng = np.random.default_rng(0)
    for chains, n in ((4, 10), (2, 30), (8, 60)):
        limit = _limit(chains, n, 10)
        beyond = [rhat(rng.normal(size=(chains, n, 10))).max() > limit for _ in range(300)]
        # 1 % is a bound; without it a third or more would be.
        assert np.mean(beyond) < 0.03
        assert 1.01 < limit < 2.5
    assert 1.01 < _limit(4, 100, 10) < 1.05
    assert _limit(4, 1000, 10) == 1.01


def test_a_hundred_independent_draws_are_believed():
    """Neither R-hat nor effective numbers may jump where they begin to be held to the limits of long runs."""
    target = sampling.targets.Gaussian(np.zeros(10), np.ones(10))
    for seed in range(10):
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            sampling.sample(target, np.zeros((4, 10)), n_samples=100, thin=10, rng=seed)
