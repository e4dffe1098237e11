"""Runs that were stopped, saved or pickled go on with the bits of a run that was not."""

import gc
import json
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest

from wassail import kernels, sampling, thinning
from wassail.exceptions import DensityError, InputError

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

D = 30
TARGET = sampling.targets.Gaussian(np.zeros(D), np.geomspace(0.01, 100.0, D))
X0 = np.random.default_rng(0).normal(size=(5, D))


def batched(points):
    grad = -np.geomspace(0.01, 100.0, D) * points
    return 0.5 * (grad * points).sum(axis=1), grad


def assert_same(one, other):
    """Compare everything that draws are made of."""
    for name in ("draws", "log_density", "acceptance", "divergences", "step_size", "scale"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    # Chains that were ahead when they were stopped have taken more.
    assert one.n_gradients >= other.n_gradients
    assert one.status is other.status


def interrupted(function, *args, after, **options):
    """Run a sampler and press Ctrl-C after some seconds."""
    timer = threading.Timer(after, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        return function(*args, **options)
    finally:
        timer.cancel()


@pytest.mark.parametrize("target", [TARGET, batched], ids=["native", "callable"])
@pytest.mark.parametrize("sampler", [sampling.mala, sampling.ula, sampling.underdamped])
def test_parts_make_the_whole(sampler, target):
    options = {"n_warmup": 150, "thin": 2, "rng": 1}
    whole = sampler(target, X0, n_samples=100, n_threads=1, **options)
    first = sampler(target, X0, n_samples=40, n_threads=2, **options)
    assert_same(whole, first.resume(60, n_threads=3))
    assert_same(whole, first.resume(1).resume(58).resume(1))


@pytest.mark.parametrize("after", [0.05, 0.4])
def test_ctrl_c_in_warm_up_and_after_it_goes_on(after):
    options = {"n_warmup": 3000, "thin": 20, "rng": 2}
    part = interrupted(sampling.mala, TARGET, X0, after=after, n_samples=10**5, n_threads=2, **options)
    assert part.status is sampling.RunStatus.INTERRUPTED
    count = part.draws.shape[1]
    assert_same(part.resume(50), sampling.mala(TARGET, X0, n_samples=count + 50, **options))


def test_callbacks_stop_in_warm_up_and_it_goes_on():
    options = {"n_warmup": 20_000, "rng": 3}
    seen = []

    def stop(step, step_size, acceptance):
        seen.append(step)
        return step > 9000

    part = sampling.mala(TARGET, X0, n_samples=100, callback=stop, **options)
    assert part.draws.shape == (5, 0, D)
    assert 9000 < seen[-1] < 20_000
    assert_same(part.resume(100), sampling.mala(TARGET, X0, n_samples=100, **options))


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.underdamped])
def test_a_density_that_raised_can_be_tried_again(sampler):
    calls = []

    def failing(points):
        calls.extend([None] * (len(points) > 1))  # not where one row is compared with what it was among others
        if len(calls) == 70:
            raise ZeroDivisionError("once")
        return batched(points)

    options = {"step_size": 0.01, "rng": 4}
    with pytest.raises(DensityError, match="at step 68, after 68 draws") as caught:
        sampler(failing, X0, n_samples=100, **options)
    assert_same(caught.value.result.resume(32), sampler(batched, X0, n_samples=100, **options))


def test_states_go_through_files_and_pickles(tmp_path):
    options = {"n_warmup": 100, "rng": 5}
    whole = sampling.underdamped(TARGET, X0, n_samples=50, friction=0.7, **options)
    first = sampling.underdamped(TARGET, X0, n_samples=20, friction=0.7, **options)
    first.save_state(tmp_path / "state.npz")
    more = sampling.resume(tmp_path / "state.npz", TARGET, 30)
    np.testing.assert_array_equal(more.draws, whole.draws[:, 20:])
    assert more.n_gradients == whole.n_gradients
    again = pickle.loads(pickle.dumps(first))
    with pytest.raises(InputError, match="target is needed"):
        again.resume(30)
    assert_same(again.resume(30, target=TARGET), whole)


def test_damaged_states_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    result = sampling.mala(TARGET, X0, n_samples=20, step_size=0.01, rng=6)
    result.save_state(path)
    arrays = dict(np.load(path))

    def refuse(message, **changes):
        np.savez(path, **{**arrays, **changes})
        with pytest.raises(InputError, match=message):
            sampling.resume(path, TARGET, 5)

    settings = json.loads(str(arrays["settings"]))
    refuse("does not fit", floats=arrays["floats"][:-1])
    refuse("does not fit", integers=arrays["integers"] + np.uint64(1))
    refuse("does not fit", integers=np.full_like(arrays["integers"], 2**63))
    refuse("version", settings=np.array(json.dumps({**settings, "version": 99})))
    refuse("algorithm", settings=np.array(json.dumps({**settings, "recipe": ["__class__"]})))
    refuse("damaged or changed", settings=np.array("{"))
    refuse("damaged or changed", last=np.zeros((7, 7, 7)))
    refuse("damaged or changed", settings=np.array(json.dumps({**settings, "key": 1e999})))
    result.save_state(path)
    for go_on in (lambda target: sampling.resume(path, target, 5), lambda target: result.resume(5, target=target)):
        with pytest.raises(InputError, match="the state has 30 coordinates, the target has 1"):
            go_on(sampling.targets.Gaussian([0.0], [1.0]))


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_archives_of_no_version_are_closed(tmp_path):
    path = tmp_path / "state.npz"
    sampling.mala(TARGET, X0, n_samples=20, step_size=0.01, rng=6).save_state(path)
    whole = path.read_bytes()
    at = whole.index(b"PK\x01\x02") + 6  # the version that is needed to extract
    path.write_bytes(whole[:at] + bytes([210]) + whole[at + 1 :])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match="cut short, damaged or changed"):
            sampling.resume(path, TARGET, 5)
        gc.collect()
    assert not [one for one in caught if one.category is ResourceWarning]


OURS = {"cut short": "damaged", "with a byte changed": "damaged"}
FOREIGN = ["text", "nothing", "an array", "another archive", "a pickle"]


@pytest.mark.parametrize("what", [*OURS, *FOREIGN])
def test_what_is_no_state_is_told_without_words_of_others(what, tmp_path):
    path = tmp_path / "state.npz"
    sampling.mala(TARGET, X0, n_samples=20, step_size=0.01, rng=6).save_state(path)
    whole = path.read_bytes()
    at = whole.index(b"floats.npy") + 400  # among the numbers
    contents = {
        "cut short": whole[: len(whole) // 2],
        "with a byte changed": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        "text": b"no archive",
        "nothing": b"",
        "a pickle": pickle.dumps({"settings": 1}),
    }
    if what in contents:
        path.write_bytes(contents[what])
    elif what == "an array":
        with path.open("wb") as file:
            np.save(file, np.zeros((20, 5, D)))
    else:
        np.savez(path, floats=np.zeros(3))
    with pytest.raises(InputError, match=OURS.get(what, "is not a state of chains or ladders")) as caught:
        sampling.resume(path, TARGET, 5)
    assert str(path) in str(caught.value)
    for word in ("pickle", "unsafe", "context manager", "CRC", "zip", "Error("):
        assert word not in str(caught.value).replace(str(path), "")
    with pytest.raises(InputError, match="cannot be read"):
        sampling.resume(tmp_path, TARGET, 5)
    with pytest.raises(InputError, match="path must be the path of a file of save_state, got 3"):
        sampling.resume(3, TARGET, 5)


def test_moments_and_streams_go_on(tmp_path):
    options = {"step_size": 0.01, "rng": 7}
    keep = sampling.Moments(quantiles=(0.25, 0.5))
    whole = sampling.mala(TARGET, X0, n_samples=300, keep=keep, **options).moments
    first = sampling.mala(TARGET, X0, n_samples=100, keep=keep, **options)
    first.save_state(tmp_path / "state.npz")
    for rest in (first.resume(200), sampling.resume(tmp_path / "state.npz", TARGET, 200)):
        for name in ("n", "chain_mean", "chain_variance", "quantiles"):
            np.testing.assert_array_equal(getattr(rest.moments, name), getattr(whole, name))

    def stream():
        return thinning.ThinningStream(kernel=kernels.Gaussian(5.0), oversampling=1, rng=0)

    one, two = stream(), stream()
    sampling.mala(TARGET, X0, n_samples=60, sink=one.sink(), **options)
    sampling.mala(TARGET, X0, n_samples=25, sink=two.sink(), **options).resume(35, sink=two.sink())
    for name, values in one.to_arrays().items():
        np.testing.assert_array_equal(values, two.to_arrays()[name], err_msg=name)


FORMS = {"core": TARGET, "callable": batched, "sum": sampling.targets.Sum([TARGET])}


@pytest.mark.parametrize("before", FORMS)
@pytest.mark.parametrize("after", FORMS)
@pytest.mark.parametrize("sampler", [sampling.mala, sampling.hmc, sampling.slice_sample])
def test_states_go_on_with_the_density_in_another_form(before, after, sampler, tmp_path):
    options = {"n_warmup": 100, "thin": 2, "rng": 11}
    whole = sampler(FORMS[before], X0, n_samples=60, **options)
    sampler(FORMS[before], X0, n_samples=40, **options).save_state(tmp_path / "state.npz")
    more = sampling.resume(tmp_path / "state.npz", FORMS[after], 20)
    assert more.n_gradients == whole.n_gradients
    if before == after:
        np.testing.assert_array_equal(more.draws, whole.draws[:, 40:])
    np.testing.assert_allclose(more.draws[:, 0], whole.draws[:, 40], rtol=1e-6)


def test_chains_out_of_step_cannot_move_together_at_once(tmp_path):
    slow = sampling.targets.Gaussian(np.zeros(D), np.ones(D))
    sampling.mala(slow, X0, n_samples=30, step_size=0.1, rng=0).save_state(tmp_path / "state.npz")
    arrays = dict(np.load(tmp_path / "state.npz"))
    # As if chain 0 had been stopped a draw after the others.
    integers = arrays["integers"].copy()
    at = 12 + 3  # after the counts of all chains, and its divergences, steps outside and gradients
    integers[at : at + 3] += np.array([1, 1, D + 2], dtype=np.uint64)
    chain = 3 * D + 3  # numbers of a chain: position, gradient, velocity, log-density, step size and acceptance
    end = len(arrays["floats"]) - (len(X0) - 1) * chain
    floats = np.insert(arrays["floats"], end, np.zeros(D + 2))
    np.savez(tmp_path / "state.npz", **{**arrays, "integers": integers, "floats": floats})
    assert sampling.resume(tmp_path / "state.npz", slow, 5).draws.shape == (len(X0), 5, D)
    with pytest.raises(InputError, match="different steps"):
        sampling.resume(tmp_path / "state.npz", lambda x: (-0.5 * (x**2).sum(axis=1), -x), 5)


def test_another_density_is_refused(tmp_path):
    calls = []

    def other(x):
        calls.append(len(x))
        logp, grad = batched(x)
        return logp - 1000.0, grad

    first = sampling.hmc(batched, X0, n_samples=50, n_warmup=100, rng=12)
    first.save_state(tmp_path / "state.npz")
    with pytest.raises(InputError, match=r"not the density of the saved run: log-density .* of chain 0 is now -1"):
        sampling.resume(tmp_path / "state.npz", other, 50)
    assert calls.count(len(X0)) == 1  # beside looks at single rows
    with pytest.raises(InputError, match="not the density"):
        first.resume(50, target=other)
    with pytest.raises(InputError, match="no finite value"):
        first.resume(50, target=sampling.targets.Truncated(batched, np.full(D, 1e6), np.full(D, 2e6)))
    assert first.resume(0, target=batched).status is sampling.RunStatus.COMPLETE
    # In warm-up too; not where the log-density of a draw is not known.
    sampling.mala(batched, X0, n_samples=0, n_warmup=200, callback=lambda k, *_: k > 100).save_state(tmp_path / "w.npz")
    with pytest.raises(InputError, match="not the density"):
        sampling.resume(tmp_path / "w.npz", other, 50)
    ubu = sampling.underdamped(TARGET, X0, n_samples=20, step_size=0.05, rng=1)
    ubu.save_state(tmp_path / "ubu.npz")
    sampling.resume(tmp_path / "ubu.npz", TARGET, 5)


class Pressed:
    """A density that Ctrl-C meets at some call, and that is another one."""

    def __init__(self, at):
        self.calls, self.at = 0, at

    def __call__(self, points):
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        logp, grad = batched(points)
        return logp - 1000.0, grad


def test_a_look_that_was_interrupted_is_made_later():
    reference = sampling.targets.Gaussian(np.zeros(D), np.geomspace(0.01, 50.0, D))
    options = {"n_samples": 20, "n_warmup": 50, "rng": 13}
    for first in (sampling.mala(batched, X0, **options), sampling.temper(batched, reference, X0, n_rungs=3, **options)):
        part = first.resume(10, target=Pressed(at=1))
        again = part.resume(0, target=Pressed(at=1))
        for result in (part, again):
            with pytest.raises(InputError, match="not the density of the saved run"):
                result.resume(10)
        assert getattr(part, "samples", part).draws.shape[1] == 20


def test_a_file_of_draws_that_was_moved_is_found_again(tmp_path):
    target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    x0 = np.zeros((4, 2))
    options = {"store_gradients": True, "rng": 0, "n_warmup": 100}
    whole = sampling.mala(target, x0, n_samples=50, keep=sampling.Keep(file=tmp_path / "whole.npy"), **options)
    first = sampling.mala(target, x0, n_samples=20, keep=sampling.Keep(file=tmp_path / "draws.npy"), **options)
    first.save_state(tmp_path / "state.npz")
    del first
    (tmp_path / "there").mkdir()
    (tmp_path / "draws.npy").rename(tmp_path / "there" / "moved.npy")
    (tmp_path / "draws.gradients.npy").rename(tmp_path / "there" / "moved.gradients.npy")
    with pytest.raises(InputError, match=r"draws\.npy' of the state is not there: .* file= takes the new place"):
        sampling.resume(tmp_path / "state.npz", target, 30)
    with pytest.raises(InputError, match=r"file '.*none\.npy' does not exist"):
        sampling.resume(tmp_path / "state.npz", target, 30, file=tmp_path / "none.npy")
    more = sampling.resume(tmp_path / "state.npz", target, 30, file=tmp_path / "there" / "moved.npy")
    np.testing.assert_array_equal(more.draws, whole.draws)
    np.testing.assert_array_equal(more.gradients, whole.gradients)


@pytest.mark.parametrize(("file", "says"), [(3, "file must be the path of a file"), (".", "file"), ("/", "file")])
def test_a_file_that_is_none_is_named(tmp_path, file, says):
    target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    kept = sampling.Keep(file=tmp_path / "draws.npy")
    sampling.mala(target, np.zeros((4, 2)), n_samples=20, rng=0, keep=kept).save_state(tmp_path / "state.npz")
    with pytest.raises(InputError, match=f"^{says}"):
        sampling.resume(tmp_path / "state.npz", target, 5, file=file)


def test_a_file_is_for_runs_that_kept_their_draws_in_one(tmp_path):
    target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    sampling.mala(target, np.zeros((4, 2)), n_samples=20, rng=0).save_state(tmp_path / "state.npz")
    with pytest.raises(InputError, match="file is given, but the run kept its draws in none"):
        sampling.resume(tmp_path / "state.npz", target, 5, file=tmp_path / "draws.npy")


def normal(n, d=2):
    """Return the arguments of a small run."""
    return sampling.targets.Gaussian(np.zeros(d), np.ones(d)), np.random.default_rng(0).normal(size=(n, d))


def test_results_and_ladders_find_their_files_too(tmp_path):
    target, x0 = normal(4)
    (tmp_path / "there").mkdir()
    moved = tmp_path / "there" / "moved.npy"
    options = {"step_size": 0.5, "rng": 0}

    def kept(name, n, **more):
        return sampling.temper(target, target, x0, n_samples=n, keep=sampling.Keep(file=tmp_path / name), **options)

    whole = kept("whole.npy", 50)
    first = kept("draws.npy", 20)
    first.save_state(tmp_path / "state.npz")
    (tmp_path / "draws.npy").rename(moved)
    for go_on in (first.resume, lambda n, **more: sampling.resume_tempering(tmp_path / "state.npz", target, n, **more)):
        with pytest.raises(InputError, match="file= takes the new place"):
            go_on(30)
        more = go_on(30, file=moved)
        np.testing.assert_array_equal(more.samples.draws, whole.samples.draws)
        assert more.log_normalizer == whole.log_normalizer
    # It is where the next ones go, too.
    assert len(more.resume(7).samples.draws[0]) == len(np.load(moved)) == 57
    chains = sampling.mala(target, x0, n_samples=20, keep=sampling.Keep(file=tmp_path / "chains.npy"), **options)
    (tmp_path / "chains.npy").rename(tmp_path / "there" / "chains.npy")
    assert chains.resume(5, file=tmp_path / "there" / "chains.npy").resume(5).draws.shape == (4, 30, 2)
    with pytest.raises(InputError, match="file is given, but the run kept its draws in none"):
        sampling.mala(target, x0, n_samples=20, **options).resume(5, file=moved)


@pytest.mark.parametrize("where", ["draws.npy", "moved.npz"])
@pytest.mark.parametrize("what", ["an archive", "text", "nothing", "part of it", "objects"])
def test_files_of_draws_that_are_none_are_named(where, what, tmp_path):
    target, x0 = normal(4)
    path = tmp_path / "draws.npy"
    kept = sampling.Keep(file=path)
    sampling.mala(target, x0, n_samples=20, step_size=0.5, rng=0, keep=kept).save_state(tmp_path / "state.npz")
    whole = path.read_bytes()
    there = tmp_path / where
    with there.open("wb") as file:
        if what == "an archive":
            np.savez(file, draws=np.zeros((20, 4, 2)))
        elif what == "objects":
            np.save(file, np.array([None, {}]), allow_pickle=True)
        else:
            file.write({"text": b"draws", "nothing": b"", "part of it": whole[:-8]}[what])
    options = {} if where == "draws.npy" else {"file": there}
    with pytest.raises(InputError, match=r"is no \.npy file of draws, or was cut short") as caught:
        sampling.resume(tmp_path / "state.npz", target, 5, **options)
    assert str(there) in str(caught.value)
    assert caught.value.__cause__ is not None
    with pytest.raises(InputError, match="exists: draws are not written over"):
        sampling.mala(target, x0, n_samples=20, keep=sampling.Keep(file=there))


def test_draws_that_are_there_are_told_where_a_run_that_goes_on_fails(tmp_path):
    first = sampling.mala(batched, X0, n_samples=20, step_size=0.01, rng=6)
    first.save_state(tmp_path / "state.npz")

    def failing(points):
        raise ZeroDivisionError("gone")

    def go_on(**options):
        return sampling.resume(tmp_path / "state.npz", options.pop("target", batched), 10, **options)

    for target in (failing, lambda x: batched(x)[0]):
        with pytest.raises(DensityError, match="after 20 draws of each chain, none of them new: "):
            first.resume(10, target=target)
        with pytest.raises(DensityError, match="after 20 draws of each chain, none of them new: "):
            go_on(target=target)
    calls = []

    def later(points):
        calls.extend([None] * (len(points) > 1))
        if len(calls) > 6:
            raise ZeroDivisionError("gone")
        return batched(points)

    with pytest.raises(DensityError, match="after 25 draws of each chain, 5 of them new: gone") as caught:
        go_on(target=later)
    assert caught.value.result.draws.shape == (5, 5, D)
    with pytest.raises(DensityError, match=r"the callback failed after 2\d draws of each chain, (none|\d) of them new"):
        go_on(callback=lambda *_: 1 / 0)
