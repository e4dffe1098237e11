"""Tempered runs in pieces: the same bits however they are cut, what is kept of them, and nothing lost."""

import ctypes
import json
import os
import pickle
import signal
import threading
import time
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError, MemoryLimitError
from wassail.sampling import RunStatus, TemperingKernel

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

D, CHAINS, N = 3, 3, 60
PRECISION = np.array([1.0, 4.0, 0.5])
TARGET = sampling.targets.Gaussian(np.ones(D), PRECISION)
WIDE = sampling.targets.Gaussian(np.zeros(D), np.full(D, 0.2))
X0 = np.random.default_rng(0).normal(size=(CHAINS, D))


def batched(points):
    off = points - 1.0
    return -0.5 * (PRECISION * off**2).sum(axis=1), -PRECISION * off


# A long vector is summed in parts, on several threads.
LONG = 40_000
FORMS = {
    "core": (TARGET, WIDE, X0, {}),
    "callable": (batched, WIDE, X0, {}),
    "long": (
        sampling.targets.Gaussian(np.zeros(LONG), np.full(LONG, 1.2)),
        sampling.targets.Gaussian(np.zeros(LONG), np.ones(LONG)),
        np.zeros((2, LONG)),
        {"n_rungs": 3, "n_steps": 2, "keep": sampling.Keep(coordinates=[0, LONG - 1])},
    ),
}
OPTIONS = {"n_warmup": 90, "n_rungs": 5, "thin": 2, "rng": 1}
PARTS = ("draws", "log_density", "acceptance", "divergences", "step_size", "scale")


def run(form="core", n=N, **options):
    target, wide, x0, settings = FORMS[form]
    return sampling.temper(target, wide, x0, n_samples=n, **{**OPTIONS, **settings, **options})


def assert_same(one, other, *, first=0):
    """Compare everything; `one` may lack the first draws."""
    for name in PARTS:
        expected = getattr(other.samples, name)
        expected = expected[:, first:] if name in PARTS[:3] else expected
        np.testing.assert_array_equal(getattr(one.samples, name), expected, err_msg=name)
    for name in ("betas", "rejection", "round_trips", "log_normalizer", "log_normalizer_error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    # Ladders that were ahead when they were stopped have taken more.
    assert one.samples.n_gradients >= other.samples.n_gradients
    assert one.samples.status is other.samples.status


with warnings.catch_warnings(action="ignore"):
    WHOLE = run(n_threads=1)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("form", FORMS)
def test_parts_make_the_whole(form, threads, tmp_path):
    n = 12 if form == "long" else N
    whole = run(form, n, n_threads=1)
    assert whole.round_trips.sum() > 0 or form == "long"
    assert_same(run(form, n, n_threads=threads), whole)
    first = run(form, n // 3, n_threads=threads)
    assert_same(first.resume(n - n // 3, n_threads=threads), whole)
    again = first.resume(1, n_threads=threads).resume(0).resume(n - n // 3 - 2).resume(1, n_threads=threads)
    assert_same(again, whole)
    assert again.samples.n_gradients == whole.samples.n_gradients
    assert_same(run(form, 0, n_threads=threads).resume(n), whole)
    first.save_state(tmp_path / "state.npz")
    loaded = sampling.resume_tempering(tmp_path / "state.npz", FORMS[form][0], n - n // 3, n_threads=threads)
    assert_same(loaded, whole, first=n // 3)
    loaded.save_state(tmp_path / "state.npz")
    more = sampling.resume_tempering(tmp_path / "state.npz", FORMS[form][0], 5)
    assert more.log_normalizer == run(form, n + 5).log_normalizer


@pytest.mark.parametrize("kernel", list(TemperingKernel))
@pytest.mark.parametrize("precision", ["vector", "matrix"])
def test_settings_go_through_files_and_pickles(kernel, precision, tmp_path):
    wide = WIDE if precision == "vector" else sampling.targets.Gaussian(np.zeros(D), 0.2 * np.eye(D) + 0.05)
    options = {**OPTIONS, "kernel": kernel, "step_size": 0.3, "n_steps": 2}
    whole = sampling.temper(TARGET, wide, X0, n_samples=N, **options)
    first = sampling.temper(TARGET, wide, X0, n_samples=20, **options)
    first.save_state(tmp_path / "state.npz")
    assert_same(sampling.resume_tempering(tmp_path / "state.npz", TARGET, N - 20), whole, first=20)
    again = pickle.loads(pickle.dumps(first))
    with pytest.raises(InputError, match="target is needed"):
        again.resume(1)
    assert_same(again.resume(N - 20, target=TARGET), whole)


@pytest.mark.parametrize("before", ["core", "callable"])
@pytest.mark.parametrize("after", ["core", "callable"])
def test_states_go_on_with_the_density_in_another_form(before, after, tmp_path):
    whole = run(before)
    run(before, 40).save_state(tmp_path / "state.npz")
    more = sampling.resume_tempering(tmp_path / "state.npz", FORMS[after][0], N - 40)
    assert more.samples.n_gradients == whole.samples.n_gradients
    np.testing.assert_array_equal(more.betas, whole.betas)
    np.testing.assert_allclose(more.samples.draws[:, 0], whole.samples.draws[:, 40], rtol=1e-6)


class Collector:
    """A sink that keeps everything."""

    def __init__(self, fails_at=None):
        self.seen, self.fails_at = [], fails_at

    def push(self, chain, step, x, grad):
        if len(self.seen) == self.fails_at:
            raise ZeroDivisionError("full")
        self.seen.append((chain, step, x.copy(), grad.copy()))


KEEPS = {
    "coordinates": (sampling.Keep(coordinates=[2, 0]), lambda x: x[:, :, [2, 0]]),
    "function": (sampling.Keep(function=lambda x: x.max(axis=1)), lambda x: x.max(axis=2, keepdims=True)),
    "moments": (sampling.Moments((0.5,)), lambda x: x[:, :, :0]),
}


@pytest.mark.parametrize("sinks", [False, True])
@pytest.mark.parametrize("name", KEEPS)
def test_what_is_kept_is_a_part_of_the_whole(name, sinks, tmp_path):
    keep, part = KEEPS[name]
    sink = Collector() if sinks else None
    kept = run(keep=keep, sink=sink)
    np.testing.assert_array_equal(kept.samples.draws, part(WHOLE.samples.draws))
    np.testing.assert_array_equal(kept.samples.log_density, WHOLE.samples.log_density)
    assert kept.log_normalizer == WHOLE.log_normalizer
    other = Collector() if sinks else None
    first = run(n=25, keep=keep, sink=other)
    first.save_state(tmp_path / "state.npz")
    parts = first.resume(N - 25, sink=other)
    assert_same(parts, kept)
    loaded = sampling.resume_tempering(
        tmp_path / "state.npz", TARGET, N - 25, function=keep.function if name == "function" else None
    )
    assert_same(loaded, kept, first=25)
    if name == "moments":
        for result in (parts, loaded):
            np.testing.assert_array_equal(result.samples.moments.mean, kept.samples.moments.mean)
            np.testing.assert_array_equal(result.samples.moments.quantiles, kept.samples.moments.quantiles)
        np.testing.assert_allclose(kept.samples.moments.mean, WHOLE.samples.draws.mean(axis=(0, 1)), rtol=1e-12)
    if sinks:
        check_sink(sink)
        check_sink(other)


def check_sink(sink):
    """Compare what a sink got with the run."""
    assert [entry[:2] for entry in sink.seen] == [(c, s) for s in range(N) for c in range(CHAINS)]
    got = np.array([entry[2] for entry in sink.seen]).reshape(N, CHAINS, D).transpose(1, 0, 2)
    np.testing.assert_array_equal(got, WHOLE.samples.draws)
    gradients = np.array([entry[3] for entry in sink.seen])
    np.testing.assert_allclose(gradients, batched(np.array([entry[2] for entry in sink.seen]))[1], rtol=1e-12)


def test_files_and_gradients_hold_the_same(tmp_path):
    path = tmp_path / "draws.npy"
    first = run(n=25, keep=sampling.Keep(file=path), store_gradients=True)
    first.save_state(tmp_path / "state.npz")
    more = sampling.resume_tempering(tmp_path / "state.npz", TARGET, N - 25)
    np.testing.assert_array_equal(more.samples.draws, WHOLE.samples.draws)
    np.testing.assert_array_equal(np.load(path).transpose(1, 0, 2), WHOLE.samples.draws)
    np.testing.assert_allclose(
        more.samples.gradients.reshape(-1, D), batched(WHOLE.samples.draws.reshape(-1, D))[1], rtol=1e-12
    )
    assert more.log_normalizer == WHOLE.log_normalizer


def test_moments_keep_no_draws_in_memory():
    chains, d = 2, 2000
    target, wide = (sampling.targets.Gaussian(np.zeros(d), np.full(d, a)) for a in (1.0, 0.95))
    made = sampling.temper(
        target,
        wide,
        np.zeros((chains, d)),
        n_samples=30,
        n_rungs=2,
        step_size=0.01,
        n_warmup=0,
        keep=sampling.Moments(),
    )
    assert made.samples.draws.nbytes == 0
    assert made.samples.moments.n == 30


class Once:
    """A density of which one call raises."""

    def __init__(self, at, error):
        self.calls, self.at, self.error, self.compared = 0, at, error, False

    def __call__(self, points):
        if self.calls <= 2 and len(points) == 1 and not self.compared:  # with what it was among others
            self.compared = True
            return batched(points)
        self.calls += 1
        if self.calls == self.at:
            raise self.error("once")
        return batched(points)


def stopped(target, **options):
    """Return what a run leaves that may fail."""
    try:
        return sampling.temper(target, WIDE, X0, **options)
    except DensityError as error:
        return error.result


# A scan has 3 steps and a draw of the reference: at each of the four, in warm-up, at its end, and later.
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 90, 359, 360, 361, 362, 363, 500, 501, 502, 503, 840, 841])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_call_that_raised_is_made_again(error, at, tmp_path):
    target = Once(at, error)
    whole = run("callable")
    part = stopped(target, n_samples=N, **OPTIONS)
    assert target.calls >= at
    assert part.samples.status is RunStatus.INTERRUPTED
    count = part.samples.draws.shape[1]
    assert count == max(0, at - 362) // 8
    # What was never answered is asked again how it wants to be called.
    assert_same(part.resume(N - count, target=batched if at == 1 else None), whole)
    part.save_state(tmp_path / "state.npz")
    assert_same(sampling.resume_tempering(tmp_path / "state.npz", batched, N - count), whole, first=count)


C_TYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, *[ctypes.POINTER(ctypes.c_double)] * 3, ctypes.c_void_p)


def c_function(before):
    """Return a C function that asks before it answers what it shall return."""

    def call(d, x, grad, logp, user):
        del user
        value, slope = batched(np.ctypeslib.as_array(x, (d,))[None])
        logp[0] = value[0]
        np.ctypeslib.as_array(grad, (d,))[:] = slope[0]
        return before()

    return C_TYPE(call)


@pytest.mark.parametrize("at", [200, 1501, 3002, 5003])
def test_one_ladder_that_fails_takes_no_other_with_it(at, tmp_path):
    calls = [0, 0]

    def give_up():
        calls[0] += 1
        return -1 if calls[0] == calls[1] else 0

    target = c_function(give_up)
    options = {"n_threads": 1}
    whole = sampling.temper(target, WIDE, X0, n_samples=N, **OPTIONS, **options)
    calls[:] = 0, at
    with pytest.raises(
        DensityError, match=r"for chain \d at scan \d+, after \d+ draws of each chain: its C function"
    ) as e:
        sampling.temper(target, WIDE, X0, n_samples=N, **OPTIONS, **options)
    part, calls[1] = e.value.result, 0
    count = part.samples.draws.shape[1]
    # The others may be draws ahead, which are in the state.
    part.save_state(tmp_path / "state.npz")
    assert_same(part.resume(N - count, **options), whole)
    assert_same(sampling.resume_tempering(tmp_path / "state.npz", target, N - count, **options), whole, first=count)


def interrupted(function, *args, after, **options):
    timer = threading.Timer(after, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        return function(*args, **options)
    finally:
        timer.cancel()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("warmup", [50, 10**6])
def test_ctrl_c_in_warm_up_and_after_it_goes_on(warmup, threads):
    d = 100
    target, wide = (sampling.targets.Gaussian(np.zeros(d), np.full(d, a)) for a in (1.0, 0.7))
    options = {"n_warmup": warmup, "step_size": 0.1, "rng": 3, "n_threads": threads}
    part = interrupted(sampling.temper, target, wide, np.zeros((2, d)), after=0.3, n_samples=10**5, thin=5, **options)
    assert part.samples.status is RunStatus.INTERRUPTED
    count = part.samples.draws.shape[1]
    assert count < 10**5
    assert (count == 0) == (warmup > 50)
    if count:
        whole = sampling.temper(target, wide, np.zeros((2, d)), n_samples=count + 20, thin=5, **options)
        assert_same(part.resume(20), whole)


def test_ctrl_c_and_callbacks_in_warm_up_change_nothing():
    seen = []

    def stop(scan, step_size, acceptance):
        seen.append(scan)
        return len(seen) > 1

    options = {**OPTIONS, "n_warmup": 3000}
    part = sampling.temper(TARGET, WIDE, X0, n_samples=20, callback=stop, **options)
    assert part.samples.draws.shape[1] == 0
    assert part.samples.status is RunStatus.INTERRUPTED
    assert 0 < seen[-1] < 3000
    assert_same(part.resume(20), sampling.temper(TARGET, WIDE, X0, n_samples=20, **options))


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_is_heard_in_long_scans(threads):
    sent = []

    def slow(points):
        time.sleep(0.1)
        return batched(points)

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.4, send)
    timer.start()
    options = {**OPTIONS, "n_warmup": 0, "step_size": 0.1, "n_steps": 50}
    part = sampling.temper(slow, WIDE, X0, n_samples=100, n_threads=threads, **options)
    assert time.monotonic() - sent[0] < 0.5
    assert part.samples.status is RunStatus.INTERRUPTED
    assert_same(part.resume(3, target=batched), sampling.temper(batched, WIDE, X0, n_samples=3, **options))


class Fails:
    """A callback that raises the second time."""

    def __init__(self, error=ZeroDivisionError):
        self.calls, self.error = 0, error

    def __call__(self, scan, step_size, acceptance):
        self.calls += 1
        if self.calls == 2:
            raise self.error("enough")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_callback_that_raises_loses_nothing(threads):
    options = {**OPTIONS, "n_warmup": 0, "step_size": 0.3, "n_threads": threads}
    with pytest.raises(DensityError, match=r"the callback failed after .*enough") as caught:
        sampling.temper(TARGET, WIDE, X0, n_samples=10**5, callback=Fails(), **options)
    part = caught.value.result
    assert isinstance(part, sampling.TemperingResult)
    count = part.samples.draws.shape[1]
    assert count > 0
    assert_same(part.resume(20), sampling.temper(TARGET, WIDE, X0, n_samples=count + 20, **options))
    with pytest.raises(SystemExit):
        sampling.temper(TARGET, WIDE, X0, n_samples=10**5, callback=Fails(SystemExit), **options)


def test_a_sink_or_function_that_fails_loses_nothing():
    sink = Collector(fails_at=50)
    with pytest.raises(DensityError, match=r"the sink at draw 16 of chain 2") as caught:
        run(sink=sink)
    part = caught.value.result
    count = part.samples.draws.shape[1]
    assert count > 16
    sink.fails_at = None
    assert_same(part.resume(N - count, sink=sink), WHOLE)
    assert [entry[:2] for entry in sink.seen[50:]] == [(c, s) for s in range(count, N) for c in range(CHAINS)]

    def function(x):
        if len(x) > CHAINS:
            raise ZeroDivisionError("no")
        return x

    with pytest.raises(DensityError, match=r"keep.function") as caught:
        run(keep=sampling.Keep(function=function))
    with pytest.raises(InputError, match="cannot go on"):
        caught.value.result.resume(1)
    with pytest.raises(InputError, match="cannot go on"):
        caught.value.result.save_state("nowhere.npz")


def test_progress_is_shown(capsys):
    result = run(n=20, progress=True)
    assert "scans" in capsys.readouterr().err
    result.resume(20, progress=True)
    assert "130/170" in capsys.readouterr().err


def test_rungs_that_round_to_the_same_go_on():
    # A reference that is far too narrow: rungs gather beside 1, where numbers are 1e-16 apart.
    target, narrow = (sampling.targets.Gaussian([0.0], [a]) for a in (1.0, 1e40))
    options = {"n_warmup": 1500, "n_rungs": 1000, "n_steps": 1, "rng": 0}
    first = sampling.temper(target, narrow, [[0.0]], n_samples=2, **options)
    assert (np.diff(first.betas) == 0.0).any()
    assert (np.diff(first.betas) >= 0.0).all()
    whole = sampling.temper(target, narrow, [[0.0]], n_samples=5, **options)
    assert_same(first.resume(3), whole)


def test_another_density_or_a_damaged_state_is_refused(tmp_path):
    path = tmp_path / "state.npz"
    run(n=20).save_state(path)
    other = sampling.targets.Gaussian(np.ones(D), 2.0 * PRECISION)
    with pytest.raises(InputError, match=r"target is not the density of the saved run: log-density .* of chain 0"):
        sampling.resume_tempering(path, other, 5)
    with pytest.raises(InputError, match="coordinates"):
        sampling.resume_tempering(path, sampling.targets.Gaussian([0.0], [1.0]), 5)
    with pytest.raises(InputError, match=r"sampling\.resume_tempering"):
        sampling.resume(path, TARGET, 5)
    arrays = dict(np.load(path))
    settings = json.loads(str(arrays["settings"]))

    def refuse(message, **changes):
        np.savez(path, **{**arrays, **changes})
        with pytest.raises(InputError, match=message):
            sampling.resume_tempering(path, TARGET, 5)

    refuse("does not fit", floats=arrays["floats"][:-1])
    refuse("does not fit", integers=arrays["integers"] + np.uint64(1))
    refuse("does not fit", integers=np.full_like(arrays["integers"], 2**63))
    refuse("damaged or changed", ratios=arrays["ratios"][:, 1:])
    refuse("damaged or changed", mean=arrays["mean"][1:])
    refuse("damaged or changed", precision=-arrays["precision"])
    refuse("damaged or changed", settings=np.array(json.dumps({**settings, "ladder": [4, 3]})))
    none = {"key": [-1], "schedule": [[90, 0], [-1, 2]], "ladder": [[5, -1]], "recipe": [[], ["mala", 1]]}
    for name, value in ((name, value) for name, values in none.items() for value in values):
        refuse("settings of no run", settings=np.array(json.dumps({**settings, name: value})))
    refuse("state of chains, not of ladders", settings=np.array(json.dumps({**settings, "ladder": None})))


def test_wrong_ways_to_go_on_are_named():
    result = run(n=5)
    for wrong in (lambda: result.samples.resume(5), lambda: result.samples.save_state("nowhere.npz")):
        with pytest.raises(InputError, match="TemperingResult"):
            wrong()
    with pytest.raises(InputError, match="n_samples"):
        result.resume(-1)
    with pytest.raises(InputError, match="sink is given"):
        result.resume(1, sink=Collector())
    with pytest.raises(InputError, match="function is given"):
        result.resume(1, function=len)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": 3}, "keep must be"),
        ({"keep": sampling.Keep(coordinates=[D])}, r"coordinates\[0\]"),
        ({"keep": sampling.Moments(), "store_gradients": True}, "store_gradients"),
        ({"store_gradients": 1}, "store_gradients"),
        ({"sink": 3}, "push"),
        ({"callback": 3}, "callback"),
        ({"progress": 1}, "progress"),
        ({"n_threads": -1}, "n_threads"),
        ({"n_samples": -1}, "n_samples"),
    ],
)
def test_bad_wishes_are_named(change, message):
    with pytest.raises(InputError, match=message):
        sampling.temper(TARGET, WIDE, X0, **{**OPTIONS, "n_samples": 5, **change})


def test_memory_is_estimated_before_anything_is_allocated():
    with pytest.raises(MemoryLimitError, match=r"10{11} draws of 3 chains"):
        run(n=10**11)
    with pytest.raises(MemoryLimitError, match="the ratios on all rungs"):
        run(n=10**11, keep=sampling.Moments())


def test_warnings_that_are_errors_carry_the_result():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="tempered") as caught:
            sampling.temper(TARGET, WIDE, X0, n_samples=30, step_size=1e-4, n_warmup=0, rng=5)
    assert isinstance(caught.value.result, sampling.TemperingResult)
    assert caught.value.result.resume(1).samples.draws.shape == (CHAINS, 31, D)
