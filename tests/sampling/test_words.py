"""What runs say where draws mean little, and what they keep when the look at them is cut off."""

import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, WassailError
from wassail.sampling import _warn

GAUSSIAN = sampling.targets.Gaussian([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])


def test_an_interrupt_during_the_look_at_r_hat_keeps_the_draws(monkeypatch):
    def interrupted(result):
        raise KeyboardInterrupt

    monkeypatch.setattr(_warn, "_agreement", interrupted)
    with pytest.warns(ConvergenceWarning, match="the look at R-hat was interrupted"):
        result = sampling.mala(GAUSSIAN, np.zeros((4, 3)), n_samples=200, rng=0)
    assert result.draws.shape == (4, 200, 3)


@pytest.mark.parametrize("keep", [sampling.Keep(), sampling.Moments()])
def test_chains_that_never_move_are_named(keep):
    with pytest.warns(ConvergenceWarning, match="coordinate 0 never moves in a chain"):
        sampling.mala(GAUSSIAN, np.ones((4, 3)), n_samples=200, n_warmup=0, step_size=1e-40, keep=keep, rng=0)


def test_kept_values_that_are_not_finite_are_named():
    def logs(x):
        with np.errstate(all="ignore"):
            return np.log(x[:, 0])

    with pytest.warns(ConvergenceWarning, match="kept values are not finite"):
        sampling.mala(GAUSSIAN, np.zeros((4, 3)), n_samples=200, keep=sampling.Keep(function=logs), rng=0)


def test_summaries_name_the_coordinates_that_were_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = sampling.mala(GAUSSIAN, np.zeros((4, 3)), n_samples=200, keep=sampling.Keep(coordinates=[0, 2]), rng=0)
    lines = repr(result.summary()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["x[0]", "x[2]"]


def test_a_target_that_returns_nothing_is_told_what_to_return():
    with pytest.raises(WassailError, match="must return"):
        sampling.sample(lambda x: None, np.zeros((4, 3)), rng=0)
