"""The front door chooses, says so, and its choice can be repeated by name."""

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import InputError
from wassail.sampling import Preconditioner


def correlated(d):
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))[0]
    precision = (basis * np.geomspace(0.01, 100.0, d)) @ basis.T
    return sampling.targets.Gaussian(np.zeros(d), 0.5 * (precision + precision.T)), np.linalg.inv(precision)


@pytest.mark.parametrize(("d", "name"), [(1, "HMC"), (5, "HMC"), (30, "MAMS")])
def test_what_is_chosen_samples_a_correlated_gaussian(d, name):
    target, covariance = correlated(d)
    x0 = np.random.default_rng(2).normal(size=(4, d))
    result = sampling.sample(target, x0, rng=3)
    assert result.algorithm == name
    assert name in result.reason
    assert str(d) in result.reason
    bulk, _ = result.ess()
    assert bulk.min() > 800
    assert result.rhat().max() < 1.02
    ratio = (result.draws**2).mean(axis=(0, 1)) / np.diag(covariance)
    assert np.abs(ratio - 1).max() < 6 * np.sqrt(2 / bulk.min())


def test_the_choice_can_be_repeated_by_name():
    target, _ = correlated(12)
    x0 = np.random.default_rng(4).normal(size=(3, 12))
    chosen = sampling.sample(target, x0, n_samples=50, rng=5)
    named = sampling.mams(target, x0, n_samples=50, n_warmup=500, precondition=Preconditioner.LOW_RANK, rng=5)
    np.testing.assert_array_equal(chosen.draws, named.draws)
    assert named.reason == ""
    again = sampling.sample(target, x0, n_samples=50, rng=5, n_threads=3)
    np.testing.assert_array_equal(chosen.draws, again.draws)


def test_high_dimensions_get_a_diagonal():
    d = 200
    target = sampling.targets.Gaussian(np.zeros(d), np.geomspace(0.01, 100, d))
    result = sampling.sample(target, np.random.default_rng(6).normal(size=(2, d)), n_samples=200, rng=7)
    assert result.n_directions == 0
    assert "diagonal" in result.reason
    assert np.abs(np.log(result.scale**2 * np.geomspace(0.01, 100, d))).max() < 1.0


def test_bad_arguments_are_named():
    target, _ = correlated(3)
    with pytest.raises(InputError, match="n_samples"):
        sampling.sample(target, np.zeros((1, 3)), n_samples=0)
    with pytest.raises(InputError, match="n_warmup is 0"):
        sampling.sample(target, np.zeros((1, 3)), n_warmup=0)
    with pytest.raises(InputError, match="x0"):
        sampling.sample(target, np.zeros(3))
