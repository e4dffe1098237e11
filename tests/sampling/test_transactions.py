"""A step is made whole or not at all: what is interrupted in the middle goes on with the bits of what was not."""

import ctypes
import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest

from tests.sampling.stubs import compiled
from wassail import sampling
from wassail.exceptions import DensityError, InputError
from wassail.sampling import Directions, Integrator, Splitting

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

N = 40
PATH = {"step_size": 0.3, "trajectory_length": 1.5}
LASTING = {"step_size": 0.3, "decoherence_length": 2.0}
SAMPLERS = {
    "ula": (sampling.ula, {"step_size": 0.03}),
    "tamed": (sampling.ula, {"step_size": 0.3, "taming": sampling.Taming.COORDINATES}),
    "mala": (sampling.mala, {"step_size": 0.3}),
    "barker": (sampling.barker, {"step_size": 0.3}),
    "midpoint": (sampling.randomized_midpoint, {"step_size": 0.03}),
    "sgld": (sampling.sgld, {"step_size": 0.05}),
    "psgld": (sampling.psgld, {"step_size": 0.05}),
    "sghmc": (sampling.sghmc, {"step_size": 0.05}),
    **{f"underdamped {i.name}": (sampling.underdamped, {"step_size": 0.3, "integrator": i}) for i in Integrator},
    "hmc": (sampling.hmc, PATH),
    "malt": (sampling.malt, PATH),
    "mams": (sampling.mams, PATH),
    "ghmc": (sampling.ghmc, LASTING),
    **{f"mclmc {s.name}": (sampling.mclmc, {**LASTING, "splitting": s}) for s in Splitting},
    **{f"slice {d.name}": (sampling.slice_sample, {"step_size": 1.0, "directions": d}) for d in Directions},
    "stretch": (sampling.stretch_move, {}),
}
ADAPTIVE = {
    "mala": (sampling.mala, {}),
    "barker": (sampling.barker, {}),
    "hmc": (sampling.hmc, {}),
    "mams": (sampling.mams, {}),
    "ghmc": (sampling.ghmc, {}),
    "mclmc": (sampling.mclmc, {}),
    "slice": (sampling.slice_sample, {}),
    "low rank": (sampling.mams, {"precondition": sampling.Preconditioner.LOW_RANK}),
}
X0 = np.random.default_rng(0).normal(size=(9, 3))
CALLS = (2, 3, 4, 5, 7, 8, 11, 16, 29, 30, 31, 38, 64, 101)


def density(points):
    return -0.25 * (points**4).sum(axis=1) - 0.5 * points[:, 0] ** 2, -(points**3) - points * [1.0, 0.0, 0.0]


class Once:
    """A density of which one call raises."""

    def __init__(self, at, error):
        self.calls, self.at, self.error, self.compared = 0, at, error, False

    def __call__(self, points):
        if self.calls <= 2 and len(points) == 1 and not self.compared:  # with what it was among others
            self.compared = True
            return density(points)
        self.calls += 1
        if self.calls == self.at:
            raise self.error
        return density(points)


def assert_same(one, other):
    """Compare draws, and where the chains were left."""
    for name in ("draws", "log_density", "acceptance", "divergences", "outside", "step_size", "scale"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.state.floats, other.state.floats)
    np.testing.assert_array_equal(one.state.integers, other.state.integers)


def stopped(sampler, target, **options):
    """Return what a run leaves that may fail."""
    try:
        return sampler(target, X0, **options)
    except DensityError as error:
        return error.result


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_call_that_raised_is_made_again(name, error):
    sampler, settings = SAMPLERS[name]
    options = {"n_samples": N, "n_warmup": 0, "rng": 1, **settings}
    whole = sampler(density, X0, **options)
    for at in CALLS:
        target = Once(at, error)
        part = stopped(sampler, target, **options)
        if target.calls < at:
            break
        assert part.status is sampling.RunStatus.INTERRUPTED
        assert_same(part.resume(N - part.draws.shape[1]), whole)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_warm_up_that_raised_goes_on(name, tmp_path):
    sampler, settings = ADAPTIVE[name]
    options = {"n_samples": 10, "n_warmup": 120, "rng": 2, **settings}
    whole = sampler(density, X0, **options)
    for at in (1, 2, 60, 180, 300, 500):
        target = Once(at, ZeroDivisionError)
        part = stopped(sampler, target, **options)
        if target.calls < at:
            break
        part.save_state(tmp_path / "state.npz")
        more = sampling.resume(tmp_path / "state.npz", density, 10 - part.draws.shape[1])
        np.testing.assert_array_equal(more.draws, whole.draws[:, part.draws.shape[1] :])
        assert_same(part.resume(10 - part.draws.shape[1]), whole)


C_TYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, *[ctypes.POINTER(ctypes.c_double)] * 3, ctypes.c_void_p)


def c_function(before):
    """Return a C function that asks before it answers what it shall return."""

    def call(d, x, grad, logp, user):
        del user
        point = np.ctypeslib.as_array(x, (d,))
        value, slope = density(point[None])
        logp[0] = value[0]
        np.ctypeslib.as_array(grad, (d,))[:] = slope[0]
        return before()

    return C_TYPE(call)


@pytest.mark.parametrize("name", [*(n for n in SAMPLERS if n not in {"sgld", "psgld", "sghmc"})])
def test_one_chain_that_fails_takes_no_other_with_it(name):
    sampler, settings = SAMPLERS[name]
    options = {"n_samples": N, "n_warmup": 0, "rng": 1, "n_threads": 1, **settings}
    calls = [0, 0]

    def give_up():
        calls[0] += 1
        return -1 if calls[0] == calls[1] else 0

    target = c_function(give_up)
    whole = sampler(target, X0, **options)
    for at in (12, 17, 40, 101, 160):
        calls[:] = 0, at
        part = stopped(sampler, target, **options)
        assert part.status is sampling.RunStatus.INTERRUPTED
        calls[1] = 0
        again = part.resume(N - part.draws.shape[1])
        for field in ("draws", "log_density", "acceptance"):
            np.testing.assert_array_equal(getattr(again, field), getattr(whole, field))


@pytest.mark.parametrize("name", SAMPLERS)
def test_ctrl_c_in_the_middle_of_a_step(name):
    sampler, settings = SAMPLERS[name]
    options = {"n_warmup": 0, "rng": 3, "n_threads": 2, **settings}
    begun = []

    def slow(points):
        begun.append(None)
        if len(begun) == 50:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(2e-4)
        return density(points)

    part = sampler(slow, X0, n_samples=100_000, keep=sampling.Keep(coordinates=[0]), **options)
    assert part.status is sampling.RunStatus.INTERRUPTED
    n = part.draws.shape[1] + 20
    whole = sampler(density, X0, n_samples=n, keep=sampling.Keep(coordinates=[0]), **options)
    again = part.resume(20, target=density)
    np.testing.assert_array_equal(again.draws, whole.draws)
    np.testing.assert_array_equal(again.log_density, whole.log_density)


class Quit(BaseException):
    """Not an error."""


@pytest.mark.parametrize("at", [1, 3, 40])
@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, Quit])
@pytest.mark.parametrize("name", ["mala", "slice COORDINATES", "hmc", "sghmc"])
def test_what_is_no_error_goes_its_way(name, error, at):
    sampler, settings = SAMPLERS[name]
    with pytest.raises(error):
        sampler(Once(at, error), X0, n_samples=N, rng=1, **settings)
    wide = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    with pytest.raises(error):
        sampling.temper(Once(at, error), wide, X0, n_samples=N, n_warmup=0, step_size=0.1, rng=1)


def test_an_interrupt_at_the_start_loses_nothing():
    part = sampling.mala(Once(1, KeyboardInterrupt()), X0, n_samples=N, step_size=0.1, rng=1)
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert_same(part.resume(N, target=density), sampling.mala(density, X0, n_samples=N, step_size=0.1, rng=1))


def test_files_of_runs_that_stopped_in_warm_up_are_taken_up(tmp_path):
    options = {"n_samples": N, "n_warmup": 100, "rng": 1}
    keep = sampling.Keep(file=tmp_path / "draws.npy")
    part = sampling.mala(Once(50, KeyboardInterrupt()), X0, keep=keep, **options)
    assert part.draws.shape == (9, 0, 3)
    with pytest.raises(InputError, match="exists"):
        sampling.mala(density, X0, keep=keep, **options)
    again = part.resume(N, target=density)
    np.testing.assert_array_equal(again.draws, sampling.mala(density, X0, **options).draws)


@pytest.mark.parametrize("name", ["mala", "hmc", "slice", "mclmc"])
def test_no_draws_are_a_warm_up(name):
    sampler, settings = ADAPTIVE[name]
    options = {"n_warmup": 150, "rng": 4, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = sampler(density, X0, n_samples=0, **options)
    assert first.status is sampling.RunStatus.COMPLETE
    assert first.draws.shape == (9, 0, 3)
    assert first.resume(0).draws.shape == (9, 0, 3)
    assert_same(first.resume(30), sampler(density, X0, n_samples=30, **options))


def test_callbacks_come_often_and_stop_soon():
    target = sampling.targets.Gaussian(np.zeros(50), np.ones(50))
    seen = []

    def stop(step, step_size, acceptance):
        seen.append((step, time.monotonic()))
        return seen[-1][1] - seen[0][1] > 1.0

    part = sampling.mala(
        target,
        np.zeros((6, 50)),
        n_samples=10**6,
        step_size=0.1,
        rng=0,
        callback=stop,
        n_threads=1,
        keep=sampling.Keep(coordinates=[0]),
    )
    steps, times = np.transpose(seen)
    assert len(seen) > 5
    assert np.diff(times).max() < 0.5
    # All chains have what was made until a moment ago.
    assert part.draws.shape[1] == steps[-1] > 1000


def test_bits_do_not_depend_on_the_time_that_draws_take():
    pauses = np.random.default_rng(0).choice([0.0, 0.0, 0.0, 2e-3], size=2000)
    left = iter(pauses)

    def uneven(points):
        time.sleep(next(left, 0.0))
        return density(points)

    options = {"n_samples": 200, "n_warmup": 100, "rng": 5}
    assert_same(sampling.hmc(uneven, X0, **options), sampling.hmc(density, X0, **options))


SLOW = r"""
#include <stddef.h>
#include <time.h>
int slow(size_t d, const double *x, double *grad, double *logp, void *user) {
    struct timespec nap = {0, 4000000};
    nanosleep(&nap, NULL);
    *logp = 0.0;
    for (size_t i = 0; i < d; i++) { grad[i] = -x[i]; *logp -= 0.5 * x[i] * x[i]; }
    return 0;
}
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Return a C function that takes 4 ms."""
    return ctypes.CDLL(str(compiled(SLOW, tmp_path_factory.mktemp("slow"), "slow"))).slow


def check_latency(sampler, target, chains, threads, options):
    """Press Ctrl-C after 0.4 s; what comes back can go on."""
    x0 = np.random.default_rng(0).normal(size=(chains, 3))
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.4, send)
    timer.start()
    part = sampler(target, x0, n_samples=10_000, rng=0, n_threads=threads, **options)
    assert time.monotonic() - sent[0] < 0.5
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert part.state is not None


@pytest.mark.parametrize(
    ("sampler", "chains", "options"),
    [
        (sampling.stretch_move, 300, {}),
        (sampling.slice_sample, 5, {"step_size": 1.0}),
        (sampling.malt, 8, {"step_size": 0.01, "trajectory_length": 5.0}),
        (sampling.mala, 100, {"step_size": 0.01}),
        (sampling.ghmc, 100, {}),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_is_heard_in_long_steps(slow, sampler, chains, options, threads):
    check_latency(sampler, slow, chains, threads, options)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_that_a_c_function_swallows_is_heard():
    # What Python functions behind a C pointer raise goes nowhere.
    check_latency(sampling.mala, c_function(lambda: time.sleep(1e-3) or 0), 3, 1, {"step_size": 0.1})
