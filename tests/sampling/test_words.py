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


def said_by(sampler, *args, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        result = sampler(*args, **options)
    return result, " ".join(str(one.message) for one in caught)


@pytest.mark.parametrize("d", [3, 12])
@pytest.mark.parametrize("sampler", [sampling.sample, sampling.hmc])
def test_a_wrong_gradient_is_hinted_at(sampler, d):
    x0 = np.random.default_rng(0).normal(size=(4, d))
    _, words = said_by(sampler, lambda x: (-0.5 * (x**2).sum(axis=1), x), x0, n_samples=300, rng=0)
    assert "sampling.check_gradient" in words
    _, words = said_by(sampler, lambda x: (-0.5 * (x**2).sum(axis=1), -x), x0, n_samples=300, rng=0)
    assert "check_gradient" not in words
    # Short draws of a funnel do not agree either, for another reason.
    result, words = said_by(sampler, sampling.targets.Funnel(d), x0, n_samples=100, rng=0)
    assert result.rhat().max() > 1.05
    assert "R-hat" in words or "never moves" in words
    assert "as a wrong gradient makes it" not in words


def test_r_hat_is_that_of_the_result_where_it_is_cheap():
    x0 = np.random.default_rng(0).normal(size=(8, 3))
    for seed in range(12):
        result, words = said_by(sampling.stretch_move, GAUSSIAN, x0, n_samples=8000, rng=seed)
        assert ("R-hat" in words) == bool(result.rhat().max() > 1.01)
        if words:
            assert f"is {result.rhat().max():.4g}"[:7] in words


def test_a_look_at_some_draws_of_very_many_says_so():
    x0 = np.random.default_rng(0).normal(size=(40, 3)) + 3.0 * np.arange(40.0)[:, None]
    _, words = said_by(sampling.mala, GAUSSIAN, x0, n_samples=8000, step_size=1e-4, rng=0)
    assert "of the 8000 draws a chain), above 1.01" in words


def test_r_hat_near_its_limit_is_looked_at_again_with_all_draws():
    for seed in (6, 24):  # those of every fourth draw are below it
        x0 = np.random.default_rng(seed).normal(size=(24, 4))
        target = sampling.targets.Gaussian(np.zeros(4), np.ones(4))
        result, words = said_by(sampling.stretch_move, target, x0, n_samples=8000, rng=seed)
        assert result.rhat().max() > 1.01
        assert f"is {_warn._apart(result.rhat().max(), 1.01)[0]}, above 1.01" in words


def test_numbers_are_told_with_the_digits_that_tell_them_apart():
    assert _warn._apart(1.010049, 1.01) == ("1.01005", "1.01")
    assert _warn._apart(1.2, 1.01) == ("1.2", "1.01")


@pytest.mark.parametrize(
    ("target", "advice"),
    [(12345, "from_pointer"), (np.int64(12345), "from_pointer")],
)
def test_addresses_are_told_where_to_go(target, advice):
    for sampler in (sampling.sample, sampling.slice_sample, sampling.mala):
        with pytest.raises(InputError, match=advice):
            sampler(target, X0, n_samples=5)


def test_what_numba_compiled_of_two_arguments_is_told_where_to_go():
    class Compiled:
        """Looks as what numba.njit returns."""

        @staticmethod
        def py_func(x, grad):
            return 0.0

        def __call__(self, *args):
            raise TypeError(f"not enough arguments: expected 2, got {len(args)}")

    for sampler in (sampling.sample, sampling.slice_sample, sampling.mala):
        with pytest.raises(InputError, match="from_numba"):
            sampler(Compiled(), X0, n_samples=5)


def test_a_part_without_a_gradient_is_told_where_to_go():
    half = sampling.targets.Transformed(lambda x: 2.0 * np.log(x[:, 0]) - x[:, 0], [0.0], np.inf)
    words = r"also inside of another target, goes to sampling.sample, slice_sample or stretch_move"
    for needs_gradient in (sampling.mala, sampling.hmc):
        with pytest.raises(InputError, match=words):
            needs_gradient(half, np.zeros((4, 1)), n_samples=10)
    with pytest.raises(InputError, match=words):
        sampling.check_gradient(half, np.zeros((4, 1)))
    with pytest.raises(InputError, match=words):
        half(np.zeros((4, 1)))


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_results_of_moments_say_where_they_are():
    kept, whole = (sampling.mala(GAUSSIAN, X0, n_samples=50, keep=k, rng=0) for k in (sampling.Moments(), None))
    assert "of which result.moments are kept" in repr(kept)
    assert "result.moments" not in repr(whole)


def test_ladders_without_draws_know_no_barrier():
    result = sampling.temper(GAUSSIAN, GAUSSIAN, X0, n_samples=0, rng=0)
    assert np.isnan(result.barrier)
    assert "no draws yet" in repr(result)
    assert "inf" not in repr(result)
    assert "log normalizer" in repr(result.resume(20))
    assert result.resume(20).barrier >= 0.0


def test_moments_have_a_summary():
    kept, whole = (
        sampling.mala(GAUSSIAN, X0, n_samples=2000, keep=keep, rng=0)
        for keep in (sampling.Moments(quantiles=(0.05,)), None)
    )
    table, expected = kept.summary(), whole.summary()
    np.testing.assert_allclose(table.mean, expected.mean, atol=1e-12)
    np.testing.assert_allclose(table.sd, expected.sd, rtol=1e-12)
    np.testing.assert_allclose(table.q5, kept.moments.quantiles[0])
    assert np.isnan(table.q95).all()
    assert np.isnan(table.ess_tail).all()
    np.testing.assert_allclose(table.rhat, kept.moments.rhat())
    assert "x[2]" in repr(table)


def test_what_sample_chose_is_called_by_name_for_another_step():
    def halves(x):  # raises no error, but has no value there
        return np.where(x[:, 0] < 1.0, -0.5 * (x**2).sum(axis=1), np.nan), -x

    _, words = said_by(sampling.sample, halves, np.zeros((4, 3)), n_samples=200, rng=0)
    assert "sampling.hmc with a smaller step_size" in words


def test_an_edge_that_few_steps_meet_is_named_where_chains_do_not_agree():
    def target(points):
        return np.where(points[:, 0] > -0.5, -0.5 * (points**2).sum(axis=1), -np.inf), -points

    x0 = np.zeros((4, 3)) + np.arange(4.0)[:, None]
    result, words = said_by(sampling.mala, target, x0, n_samples=400, step_size=0.01, rng=0)
    assert 0.001 < result.outside.sum() / 1600 < 0.1
    assert "R-hat" in words
    assert "leave the support" in words
    result, words = said_by(sampling.mala, target, x0, n_samples=20_000, step_size=0.1, n_warmup=100, rng=0)
    assert 0.001 < result.outside.sum() / 80_000 < 0.1
    assert "leave the support" not in words
