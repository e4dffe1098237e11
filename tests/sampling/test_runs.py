"""Same seed, same bits; warm-up adapts; interrupts and callbacks lose nothing."""

import pickle
import signal
import threading
import time

import numpy as np
import pytest

from wassail import sampling

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

TARGET = sampling.targets.Gaussian(np.zeros(40), np.geomspace(0.01, 100.0, 40))
X0 = np.random.default_rng(0).normal(size=(6, 40))
FROZEN = [[-0.15104869106892455, -0.8705900396755778], [-2.0468986474982427, -0.8825321882193772]]


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.ula, sampling.underdamped])
@pytest.mark.parametrize("threads", [2, 5, 8])
def test_threads_do_not_show(sampler, threads):
    one = sampler(TARGET, X0, n_samples=3000, thin=3, rng=1, n_threads=1)
    many = sampler(TARGET, X0, n_samples=3000, thin=3, rng=1, n_threads=threads)
    np.testing.assert_array_equal(one.draws, many.draws)
    np.testing.assert_array_equal(one.step_size, many.step_size)
    np.testing.assert_array_equal(one.scale, many.scale)


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("integrator", [None, *sampling.Integrator])
def test_long_vectors_are_shared_among_threads(integrator, chains):
    d = 70_001
    target = sampling.targets.Gaussian(np.zeros(d), np.geomspace(0.5, 2.0, d))
    options = {"n_samples": 4, "n_warmup": 60, "step_size": 0.01, "precondition": True, "rng": 1}
    x0 = np.ones((chains, d))

    def draws(threads):
        if integrator is None:
            return sampling.mala(target, x0, n_threads=threads, **options).draws
        return sampling.underdamped(target, x0, integrator=integrator, n_threads=threads, **options).draws

    one = draws(1)
    for threads in (2, 5, 8):
        np.testing.assert_array_equal(one, draws(threads))


def test_first_draws_are_frozen():
    target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    result = sampling.ula(target, np.zeros((1, 2)), n_samples=2, step_size=0.5, rng=0)
    np.testing.assert_allclose(result.draws[0], FROZEN, rtol=1e-12)


def test_chains_and_seeds_differ():
    x0 = np.zeros((3, 40))
    first = sampling.ula(TARGET, x0, n_samples=1, step_size=0.001, rng=1).draws
    other = sampling.ula(TARGET, x0, n_samples=1, step_size=0.001, rng=2).draws
    assert len(np.unique(first)) == first.size
    assert not np.isin(first, other).any()


def test_thinning_keeps_every_kth_draw():
    all_draws = sampling.mala(TARGET, X0, n_samples=30, step_size=0.01, rng=5).draws
    third = sampling.mala(TARGET, X0, n_samples=10, thin=3, step_size=0.01, rng=5).draws
    np.testing.assert_array_equal(third, all_draws[:, 2::3])


def test_warm_up_finds_the_acceptance_and_the_scales():
    result = sampling.mala(TARGET, X0, n_samples=2000, n_warmup=3000, rng=6)
    assert abs(result.mean_acceptance - 0.574) < 0.08
    ratio = result.scale**2 * np.sqrt(np.geomspace(0.01, 100.0, 40) ** 2)
    assert np.abs(np.log(ratio)).max() < 0.3
    assert result.rhat().max() < 1.01


def test_a_draw_may_take_longer_than_a_round():
    target = sampling.targets.Gaussian(np.zeros(2000), np.ones(2000))
    x0 = np.ones((2, 2000))
    every = sampling.mala(target, x0, n_samples=5000, step_size=0.01, rng=5)
    kept = sampling.mala(target, x0, n_samples=2, thin=2500, step_size=0.01, rng=5)
    assert np.array_equal(kept.draws, every.draws[:, 2499::2500])
    means = every.acceptance.reshape(2, 2, 2500).mean(axis=2)
    assert np.allclose(kept.acceptance, means, rtol=1e-12)


def test_a_given_step_is_kept_and_nothing_is_preconditioned():
    result = sampling.mala(TARGET, X0, n_samples=10, n_warmup=50, step_size=0.01, rng=7)
    assert (result.step_size == 0.01).all()
    assert (result.scale == 1.0).all()


def test_progress_changes_nothing(capsys):
    options = {"n_samples": 500, "step_size": 0.01, "rng": 8}
    plain = sampling.mala(TARGET, X0, **options).draws
    np.testing.assert_array_equal(plain, sampling.mala(TARGET, X0, progress=True, **options).draws)
    assert "MALA" in capsys.readouterr().err


def test_callback_stops_with_what_there_is():
    seen = []

    def stop(step, step_size, acceptance):
        seen.append((step, step_size, acceptance))
        return len(seen) == 2

    result = sampling.mala(TARGET, X0, n_samples=10**5, step_size=0.01, rng=9, callback=stop)
    assert result.status is sampling.RunStatus.INTERRUPTED
    assert 0 < result.draws.shape[1] == seen[-1][0] < 10**5
    straight = sampling.mala(TARGET, X0, n_samples=result.draws.shape[1], step_size=0.01, rng=9)
    np.testing.assert_array_equal(result.draws, straight.draws)


def test_ctrl_c_returns_the_draws_so_far():
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    start = time.perf_counter()
    result = sampling.mala(TARGET, X0, n_samples=4 * 10**4, step_size=0.01, thin=100, rng=10)
    assert time.perf_counter() - start < 1.5
    assert result.status is sampling.RunStatus.INTERRUPTED
    count = result.draws.shape[1]
    assert 0 < count < 4 * 10**4
    straight = sampling.mala(TARGET, X0, n_samples=count, step_size=0.01, thin=100, rng=10)
    np.testing.assert_array_equal(result.draws, straight.draws)


def test_results_pickle_and_show():
    result = sampling.mala(TARGET, X0, n_samples=300, rng=11)
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.draws, result.draws)
    assert "MALA" in repr(again)
    assert "\n" not in repr(again)
    assert "rhat" in repr(result.summary())
    with pytest.raises(ValueError, match="read-only"):
        result.draws[0, 0, 0] = 1.0
