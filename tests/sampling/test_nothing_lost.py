"""Whatever ends a run, the draws made before are there, and it can go on."""

import signal
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError
from wassail.sampling import _session, _warn

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

TARGET = sampling.targets.Gaussian(np.zeros(20), np.geomspace(0.1, 10.0, 20))
X0 = np.random.default_rng(0).normal(size=(4, 20))
SAMPLERS = {
    "mala": (sampling.mala, {"step_size": 0.01}),
    "mala, warm-up": (sampling.mala, {"n_warmup": 100}),
    "hmc": (sampling.hmc, {"step_size": 0.1, "trajectory_length": 1.0}),
    "mclmc": (sampling.mclmc, {"step_size": 0.5, "decoherence_length": 5.0}),
    "slice": (sampling.slice_sample, {"step_size": 1.0, "n_warmup": 0}),
}


def press(times):
    for _ in range(times):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("where", [(_session, "_result"), (_session, "raise_failure"), (_warn, "_divergences")])
def test_ctrl_c_while_a_result_is_built_loses_nothing(where, monkeypatch):
    owner, name = where
    original = getattr(owner, name)

    def pressed(*args, **options):
        press(2)
        return original(*args, **options)

    whole = sampling.mala(TARGET, X0, n_samples=50, step_size=0.01, rng=1)

    def stop(*_):
        press(1)

    monkeypatch.setattr(owner, name, pressed)
    done = sampling.mala(TARGET, X0, n_samples=50, step_size=0.01, rng=1)
    assert done.status is sampling.RunStatus.COMPLETE
    np.testing.assert_array_equal(done.draws, whole.draws)
    part = sampling.mala(TARGET, X0, n_samples=10**5, step_size=0.01, rng=1, callback=stop)
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert part.state is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Fails:
    """A callback that raises the second time."""

    def __init__(self, error=ZeroDivisionError):
        self.calls, self.error = 0, error

    def __call__(self, step, step_size, acceptance):
        self.calls += 1
        if self.calls == 2:
            raise self.error("enough")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_callback_that_raises_loses_nothing(name, threads):
    sampler, settings = SAMPLERS[name]
    options = {"rng": 2, "n_threads": threads, **settings}
    with pytest.raises(DensityError, match=r"the callback failed after .*enough") as caught:
        sampler(TARGET, X0, n_samples=10**5, callback=Fails(), **options)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    part = caught.value.result
    assert part.status is sampling.RunStatus.INTERRUPTED
    whole = sampler(TARGET, X0, n_samples=part.draws.shape[1] + 20, **options)
    np.testing.assert_array_equal(part.resume(20).draws, whole.draws)


def test_a_callback_that_raises_at_the_end_leaves_all_draws():
    def fails(step, step_size, acceptance):
        if step == 30:
            raise ZeroDivisionError

    with pytest.raises(DensityError) as caught:
        sampling.mala(TARGET, X0, n_samples=30, step_size=0.01, rng=2, callback=fails)
    assert caught.value.result.status is sampling.RunStatus.COMPLETE
    assert caught.value.result.draws.shape[1] == 30


def test_what_a_callback_raises_that_is_no_error_goes_its_way():
    with pytest.raises(SystemExit):
        sampling.mala(TARGET, X0, n_samples=10**5, step_size=0.01, callback=Fails(SystemExit))
    part = sampling.mala(TARGET, X0, n_samples=10**5, step_size=0.01, callback=Fails(KeyboardInterrupt))
    assert part.status is sampling.RunStatus.INTERRUPTED


def test_a_progress_bar_that_fails_loses_nothing(monkeypatch):
    import tqdm.auto

    class Closed(tqdm.auto.tqdm):
        closed = True

        def update(self, n=1):
            raise OSError("the stream is closed")

        def close(self):
            if self.closed:
                raise OSError("the stream is closed")
            super().close()

    monkeypatch.setattr(tqdm.auto, "tqdm", Closed)
    with pytest.raises(DensityError, match="the progress bar failed") as caught:
        sampling.mala(TARGET, X0, n_samples=1000, step_size=0.01, rng=3, progress=True)
    monkeypatch.undo()
    Closed.closed = False  # for what collects it
    part = caught.value.result
    whole = sampling.mala(TARGET, X0, n_samples=part.draws.shape[1] + 20, step_size=0.01, rng=3)
    np.testing.assert_array_equal(part.resume(20).draws, whole.draws)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_stop_after_the_last_draw_is_the_end(name):
    sampler, settings = SAMPLERS[name]
    options = {"rng": 4, "n_samples": 60, **settings}
    whole = sampler(TARGET, X0, **options)
    last = whole.n_warmup + 60 * whole.thin
    done = sampler(TARGET, X0, callback=lambda step, *_: step >= last, **options)
    assert done.status is sampling.RunStatus.COMPLETE
    np.testing.assert_array_equal(done.draws, whole.draws)
    # Those that are not all there are not.
    part = sampling.mala(TARGET, X0, n_samples=0, n_warmup=300, callback=lambda *_: True)
    assert part.status is sampling.RunStatus.INTERRUPTED


def test_warnings_that_are_errors_carry_the_result():
    options = {"n_samples": 50, "step_size": 0.001, "rng": 5}
    whole = sampling.mala(TARGET, X0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="R-hat") as caught:
            sampling.mala(TARGET, X0, **options)
    np.testing.assert_array_equal(caught.value.result.draws, whole.draws)
    reference = sampling.targets.Gaussian(np.zeros(20), np.ones(20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="tempered") as caught:
            sampling.temper(TARGET, reference, X0, n_samples=30, step_size=1e-4, n_warmup=0, n_rungs=3, rng=5)
    assert isinstance(caught.value.result, sampling.TemperingResult)
    assert caught.value.result.samples.draws.shape == (4, 30, 20)


def test_warnings_point_at_the_call():
    with pytest.warns(ConvergenceWarning) as caught:
        sampling.mala(TARGET, X0, n_samples=50, step_size=0.001, rng=5)
    assert caught[0].filename == __file__
