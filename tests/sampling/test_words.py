"""What runs say where draws mean little, and what they keep when the look at them is cut off."""

import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, InputError, WassailError
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


EXACT = [
    sampling.sample,
    sampling.mala,
    sampling.hmc,
    sampling.mclmc,
    sampling.slice_sample,
    sampling.stretch_move,
    lambda target, x0, n_samples: sampling.temper(target, GAUSSIAN, x0, n_samples=n_samples),
    lambda target, x0, n_samples: sampling.check_gradient(target, x0),
]
X0 = np.random.default_rng(0).normal(size=(8, 3))


@pytest.mark.parametrize("function", EXACT)
def test_estimated_gradients_are_for_samplers_that_take_them(function):
    data = sampling.MinibatchSum(lambda x, i: x[:, None].sum(axis=1), n_data=10, batch_size=2)
    with pytest.raises(InputError, match=r"target is a MinibatchSum, .* for sgld, psgld and sghmc"):
        function(data, X0, n_samples=5)


@pytest.mark.parametrize("function", EXACT[:-1])
def test_starting_points_are_rows(function):
    for shape in ((), (2, 3, 3)):
        with pytest.raises(InputError, match=r"x0 must be 2-D, got shape"):
            function(GAUSSIAN, np.zeros(shape), n_samples=5)
    with pytest.raises(InputError, match=r"x0 must have shape \(chains, d\), got \(3,\)"):
        function(GAUSSIAN, np.zeros(3), n_samples=5)
    with pytest.raises(InputError, match="x0 is None: a 2-D array"):
        function(GAUSSIAN, None, n_samples=5)


def test_the_largest_log_densities_are_told_without_an_overflow():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match=r"near -1e\+308, where") as caught:
            sampling.mala(lambda x: (-1e308 - 0.5 * (x**2).sum(axis=1), -x), X0, n_samples=50, rng=0)
    assert caught.value.result.draws.shape == (8, 50, 3)


def test_widths_of_slices_that_are_far_off_are_told():
    with pytest.warns(ConvergenceWarning, match=r"an update takes \d{4} evaluations: step_size is far wider"):
        result = sampling.slice_sample(GAUSSIAN, X0, n_samples=50, n_warmup=0, step_size=1e300, rng=0)
    assert result.n_gradients > 50 * 3 * 1000
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sampling.slice_sample(GAUSSIAN, X0, n_samples=50, n_warmup=0, step_size=0.1, rng=0)
        sampling.slice_sample(GAUSSIAN, X0, n_samples=50, rng=0)
    assert not any("evaluations" in str(one.message) for one in caught)


@pytest.mark.parametrize("kept", [np.array([True, False]), 1, "yes", None])
def test_only_true_and_false_store_gradients(kept):
    for sampler in (sampling.mala, sampling.underdamped):
        with pytest.raises(InputError, match="store_gradients must be True or False"):
            sampler(GAUSSIAN, X0, n_samples=5, store_gradients=kept)


def mixing(points):
    return -0.5 * ((points - points.mean(axis=0)) ** 2).sum(axis=1), -points


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.hmc, sampling.slice_sample])
def test_rows_that_mix_are_found_where_all_chains_start_at_the_same_point(sampler):
    with pytest.raises(InputError, match=r"as the log-density of row \d+ of X beside other points"):
        sampler(mixing, np.zeros((8, 3)), n_samples=50, rng=0)


def test_ladders_that_mix_are_found_of_one_chain():
    with pytest.raises(InputError, match=r"row \d+ of X beside other points"):
        sampling.temper(mixing, GAUSSIAN, X0[:1], n_samples=50, rng=0)
