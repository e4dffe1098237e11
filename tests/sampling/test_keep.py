"""What is kept of draws: the same bits, wherever they go."""

import errno
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from wassail import _core, discrepancy, kernels, sampling, thinning
from wassail.exceptions import ConvergenceWarning, DensityError, InputError, MemoryLimitError
from wassail.sampling import _file, _record
from wassail.sampling._later import Later
from wassail.sampling.streamed import StreamedMoments

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

D = 12
TARGET = sampling.targets.Gaussian(np.arange(D), np.geomspace(0.1, 10.0, D))
X0 = np.random.default_rng(0).normal(size=(4, D))
OPTIONS = {"n_samples": 200, "n_warmup": 100, "thin": 2, "rng": 1}
with warnings.catch_warnings(action="ignore"):
    WHOLE = sampling.mala(TARGET, X0, store_gradients=True, **OPTIONS)


class Collector:
    """A sink that writes down what it is given."""

    def __init__(self, fails_at=None):
        self.seen, self.fails_at = [], fails_at

    def push(self, chain, step, x, grad):
        if len(self.seen) == self.fails_at:
            raise ZeroDivisionError("enough")
        self.seen.append((chain, step, x, grad))


def test_gradients_are_those_at_the_draws():
    np.testing.assert_allclose(WHOLE.gradients, np.geomspace(0.1, 10.0, D) * (np.arange(D) - WHOLE.draws), rtol=1e-12)
    assert sampling.mala(TARGET, X0, **OPTIONS).gradients is None


def test_coordinates_and_functions():
    some = sampling.mala(TARGET, X0, keep=sampling.Keep(coordinates=[7, 0]), store_gradients=True, **OPTIONS)
    np.testing.assert_array_equal(some.draws, WHOLE.draws[:, :, [7, 0]])
    np.testing.assert_array_equal(some.gradients, WHOLE.gradients[:, :, [7, 0]])
    np.testing.assert_array_equal(some.coordinates, [7, 0])
    mapped = sampling.mala(TARGET, X0, keep=sampling.Keep(function=lambda x: x[:, :2] ** 2), **OPTIONS)
    np.testing.assert_array_equal(mapped.draws, WHOLE.draws[:, :, :2] ** 2)
    assert mapped.rhat().shape == (2,)


def test_moments_are_those_of_the_draws():
    keep = sampling.Moments(quantiles=[0.9, 0.25])
    many = {**OPTIONS, "n_samples": 5000}
    moments = sampling.mala(TARGET, X0, keep=keep, **many).moments
    draws = sampling.mala(TARGET, X0, **many).draws
    flat = draws.reshape(-1, D)
    np.testing.assert_allclose(moments.mean, flat.mean(axis=0), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(moments.sd, flat.std(axis=0, ddof=1), rtol=1e-11)
    np.testing.assert_allclose(moments.chain_variance, draws.var(axis=1, ddof=1), rtol=1e-11)
    assert (moments.first, moments.batch, moments.batches) == (2048, 64, 62)
    parts = draws[:, :2048], draws[:, 2048:]
    np.testing.assert_allclose(moments.half_mean, [p.mean(axis=1) for p in parts], rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(moments.half_variance, [p.var(axis=1, ddof=1) for p in parts], rtol=1e-10)
    batches = draws[:, 1024 : 1024 + 62 * 64].reshape(4, 62, 64, D).mean(axis=2).reshape(-1, D)
    np.testing.assert_allclose(moments.batch_variance, batches.var(axis=0, ddof=1), rtol=1e-9)
    assert moments.probabilities == (0.25, 0.9)
    share = (flat <= moments.quantiles[:, None]).mean(axis=1)
    assert np.abs(share - [[0.25], [0.9]]).max() < 0.02
    result = sampling.mala(TARGET, X0, **many)
    ratio = np.log(moments.ess() / result.ess()[0])  # of variances of 248 batches
    assert np.abs(ratio).max() < 4.5 * np.sqrt(2 / 247)
    assert np.abs(ratio.mean()) < 4.5 * np.sqrt(2 / 247 / D)
    np.testing.assert_allclose(moments.rhat(), result.rhat(), atol=0.005)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 15, 16, 17, 48, 63, 64, 100, 767, 768, 1030])
def test_moments_are_cut_by_the_number_of_draws_alone(n):
    draws = np.random.default_rng(n).normal(size=(3, n, 2)) + np.arange(2)
    core = _core.Moments(2, 3, [])
    for at in range(0, n, 7):
        core.update(np.ascontiguousarray(draws[:, at : at + 7]).ravel(), 1)
    first, batch, batches = core.cuts()
    assert n < 2 or n / 3 <= first <= 2 * n / 3
    assert batch <= np.sqrt(n) < 2 * batch
    assert batches >= 0.75 * n // batch
    _, (mean, _, part, square), of_batches, _ = core.table()
    np.testing.assert_allclose(mean, draws.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(part, draws[:, :first].mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(square, first * draws[:, :first].var(axis=1), rtol=1e-11, atol=1e-14)
    begin = {1: 0, 2: 0}.get(batch, batch**2 // 4)
    means = draws[:, begin : begin + batches * batch].reshape(3 * batches, batch, 2).mean(axis=1)
    np.testing.assert_allclose(of_batches, len(means) * means.var(axis=0), rtol=1e-10)
    moments = StreamedMoments(n, 3, 2, first, batch, batches, (), Later(core.table))
    if n >= 4:
        parts = [draws[:, :first], draws[:, first:]]
        sizes = np.repeat([part.shape[1] for part in parts], 3)[:, None]
        means = np.concatenate([part.mean(axis=1) for part in parts])
        within = sum(part.shape[1] * part.var(axis=1).sum(axis=0) for part in parts) / (3 * (n - 2))
        between = (sizes * (means - draws.mean(axis=(0, 1))) ** 2).sum(axis=0) / 5
        np.testing.assert_allclose(moments.rhat(), np.sqrt(1 - 2 / n + between / within / (n / 2)), rtol=1e-10)


def test_moments_of_no_draws_say_so():
    moments = sampling.mala(TARGET, X0, n_samples=0, n_warmup=10, rng=0, keep=sampling.Moments()).moments
    assert np.isnan(moments.mean).all()
    for look in (moments.rhat, moments.ess, moments.mcse):
        with pytest.raises(InputError, match="0 draws"):
            look()


def test_moments_do_not_depend_on_how_a_run_is_split():
    options = {"n_warmup": 100, "rng": 0, "keep": sampling.Moments(quantiles=(0.5,))}
    whole = sampling.mala(TARGET, X0, n_samples=1500, **options).moments
    for first in (0, 1, 10, 700):
        rest = sampling.mala(TARGET, X0, n_samples=first, **options).resume(1500 - first).moments
        for name in ("batch_variance", "half_mean", "half_variance", "chain_variance", "quantiles"):
            np.testing.assert_array_equal(getattr(rest, name), getattr(whole, name), err_msg=f"{name}, {first}")
        np.testing.assert_array_equal(rest.rhat(), whole.rhat())
        np.testing.assert_array_equal(rest.mcse(), whole.mcse())


def test_moments_and_quantiles_do_not_depend_on_threads_or_pieces():
    d = 5000
    target = sampling.targets.Gaussian(np.zeros(d), np.ones(d))
    options = {"n_samples": 250, "step_size": 0.05, "rng": 2, "keep": sampling.Moments(quantiles=(0.5,))}
    one = sampling.ula(target, np.zeros((4, d)), n_threads=1, **options).moments
    many = sampling.ula(target, np.zeros((4, d)), n_threads=5, **options).moments
    for name in ("chain_mean", "chain_variance", "batch_variance", "quantiles"):
        np.testing.assert_array_equal(getattr(one, name), getattr(many, name))


def test_moments_take_no_memory_for_draws():
    script = """
import resource
import numpy as np
from wassail import sampling
d = 10**5
target = sampling.targets.Gaussian(np.zeros(d), np.ones(d))
x0 = np.zeros((4, d))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sampling.ula(target, x0, n_samples=200, step_size=0.1, rng=0, keep=sampling.Moments())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-W", "ignore", "-c", script]
    more = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert more < 200 * 1024  # kibibytes; the draws would be 625 MiB


def test_files_hold_the_same_draws(tmp_path):
    path = tmp_path / "draws.npy"
    result = sampling.mala(TARGET, X0, keep=sampling.Keep(file=path), store_gradients=True, **OPTIONS)
    np.testing.assert_array_equal(result.draws, WHOLE.draws)
    np.testing.assert_array_equal(result.gradients, WHOLE.gradients)
    np.testing.assert_array_equal(np.load(path), WHOLE.draws.transpose(1, 0, 2))
    with pytest.raises(InputError, match="exists"):
        sampling.mala(TARGET, X0, keep=sampling.Keep(file=path), **OPTIONS)
    result.save_state(tmp_path / "state.npz")
    longer = sampling.mala(TARGET, X0, **{**OPTIONS, "n_samples": 230}).draws
    more = sampling.resume(tmp_path / "state.npz", TARGET, 30)
    np.testing.assert_array_equal(more.draws, longer)
    np.testing.assert_array_equal(np.load(path).shape, (230, 4, D))


def test_files_are_found_from_another_working_directory(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path)
    first = sampling.mala(TARGET, X0, keep=sampling.Keep(file="draws.npy"), **OPTIONS)
    first.save_state("state.npz")
    monkeypatch.chdir(tmp_path / "below")
    assert first.resume(5).draws.shape == (4, 205, D)
    assert sampling.resume("../state.npz", TARGET, 7).draws.shape == (4, 207, D)
    assert len(np.load(tmp_path / "draws.npy")) == 207


def test_files_that_were_changed_are_refused(tmp_path):
    paths = [tmp_path / "draws.npy", tmp_path / "draws.gradients.npy"]
    options = {"keep": sampling.Keep(file=paths[0]), "store_gradients": True}
    first = sampling.mala(TARGET, X0, **options, **OPTIONS)
    first.save_state(tmp_path / "state.npz")
    for path in paths:
        kept = path.read_bytes()
        rows = np.load(path)
        changed = rows.copy()
        changed[-1, 0, 0] += 1e-9
        # Of another run, or written by another program with the same numbers.
        for wrong in (np.ones((300, 4, D)), changed, np.asfortranarray(rows)):
            np.save(path, wrong)
            there = path.read_bytes()
            with pytest.raises(InputError, match=r"keep.file .*not the file of the state"):
                sampling.resume(tmp_path / "state.npz", TARGET, 5)
            with pytest.raises(InputError, match=r"keep.file .*not the file of the state"):
                first.resume(5)
            assert path.read_bytes() == there
        path.write_bytes(kept)
    assert sampling.resume(tmp_path / "state.npz", TARGET, 5).draws.shape == (4, 205, D)


def test_what_goes_on_twice_leaves_the_first_result_its_draws(tmp_path):
    # A file that became shorter would kill the process at the next look at the longer result.
    first = sampling.mala(TARGET, X0, keep=sampling.Keep(file=tmp_path / "draws.npy"), **OPTIONS)
    longer = first.resume(1000)
    expected = np.array(longer.draws)
    with pytest.raises(InputError, match="not the density"):
        first.resume(5, target=sampling.targets.Gaussian(np.full(D, 9.0), np.ones(D)))
    assert len(np.load(tmp_path / "draws.npy")) == 1200
    again = first.resume(5)
    np.testing.assert_array_equal(again.draws, expected[:, :205])
    assert len(np.load(tmp_path / "draws.npy")) == 205
    assert (tmp_path / "draws.npy").stat().st_size > expected.nbytes
    np.testing.assert_array_equal(longer.draws, expected)
    np.testing.assert_array_equal(again.resume(995).draws, expected)


def test_a_killed_process_leaves_a_readable_file(tmp_path):
    script = """
import sys
import numpy as np
from wassail import sampling
target = sampling.targets.Gaussian(np.zeros(2000), np.ones(2000))
options = dict(n_samples=50_000, step_size=0.01, rng=3)
sampling.ula(target, np.zeros((4, 2000)), keep=sampling.Keep(file=sys.argv[1]), **options)
"""
    path = tmp_path / "draws.npy"
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as process:
        try:
            deadline = time.monotonic() + 30
            while not (path.exists() and path.stat().st_size > 2**27) and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            process.kill()
    found = np.load(path, mmap_mode="r")
    assert 0 < len(found) < 50_000
    target = sampling.targets.Gaussian(np.zeros(2000), np.ones(2000))
    expected = sampling.ula(target, np.zeros((4, 2000)), n_samples=len(found), step_size=0.01, rng=3, thin=1)
    np.testing.assert_array_equal(found[-1], expected.draws[:, -1])


def test_ctrl_c_keeps_what_was_written(tmp_path):
    target = sampling.targets.Gaussian(np.zeros(5000), np.ones(5000))
    timer = threading.Timer(0.4, signal.raise_signal, [signal.SIGINT])
    timer.start()
    begun = time.perf_counter()
    options = {"step_size": 0.01, "rng": 3, "thin": 10}
    keep = sampling.Keep(file=tmp_path / "draws.npy")
    result = sampling.ula(target, np.zeros((4, 5000)), n_samples=10**4, keep=keep, **options)
    assert time.perf_counter() - begun < 1.4
    assert result.status is sampling.RunStatus.INTERRUPTED
    count = result.draws.shape[1]
    assert 0 < count == len(np.load(tmp_path / "draws.npy")) < 10**4
    straight = sampling.ula(target, np.zeros((4, 5000)), n_samples=count + 3, **options)
    np.testing.assert_array_equal(result.draws, straight.draws[:, :count])
    np.testing.assert_array_equal(result.resume(3).draws, straight.draws)


def test_sinks_get_every_draw_in_order():
    sink = Collector()
    result = sampling.mala(TARGET, X0, sink=sink, keep=sampling.Keep(coordinates=[3]), **OPTIONS)
    assert [(chain, step) for chain, step, _, _ in sink.seen] == [(c, s) for s in range(200) for c in range(4)]
    x, grad = (np.array([entry[k] for entry in sink.seen]).reshape(200, 4, D).swapaxes(0, 1) for k in (2, 3))
    np.testing.assert_array_equal(x, WHOLE.draws)
    np.testing.assert_array_equal(grad, WHOLE.gradients)
    np.testing.assert_array_equal(result.draws, WHOLE.draws[:, :, [3]])
    beside = Collector()
    sampling.underdamped(TARGET, X0, sink=beside, integrator=sampling.Integrator.UBU, n_samples=2, step_size=0.1)
    assert beside.seen[0][3] is None


def test_a_chain_is_compressed_while_it_runs():
    options = {"n_samples": 4000, "rng": 4, "keep": sampling.Moments()}
    stream = thinning.ThinningStream(kernel=kernels.Gaussian(8.0), oversampling=2, rng=0)
    sampling.mala(TARGET, X0, sink=stream.sink(), **options)
    assert stream.n == 16_000
    chosen = stream.result(size=64)
    draws = sampling.mala(TARGET, X0, n_samples=4000, rng=4).draws
    origins = stream.origins(chosen.indices)
    np.testing.assert_array_equal(chosen.points, draws[origins[:, 0], origins[:, 1]])
    flat = draws.reshape(-1, D)
    kernel = kernels.Gaussian(8.0)
    every = flat[:: len(flat) // 64][:64]
    assert discrepancy.mmd(flat, chosen.points, kernel).distance < 0.7 * discrepancy.mmd(flat, every, kernel).distance


def test_stored_gradients_feed_stein_thinning():
    flat = WHOLE.draws.reshape(-1, D)
    scores = WHOLE.gradients.reshape(-1, D)
    kernel = kernels.Stein(kernels.InverseMultiquadric(3.0))
    chosen = thinning.stein_thin(flat, scores, size=30, kernel=kernel)
    known = thinning.stein_thin(flat, np.geomspace(0.1, 10.0, D) * (np.arange(D) - flat), size=30, kernel=kernel)
    np.testing.assert_array_equal(chosen.indices, known.indices)


@pytest.mark.parametrize("where", ["sink", "function"])
def test_what_takes_draws_up_may_fail_without_loss(where):
    def function(x):
        if len(x) > len(X0):
            raise ZeroDivisionError("enough")
        return x

    options = {"sink": Collector(fails_at=50)} if where == "sink" else {"keep": sampling.Keep(function=function)}
    with pytest.raises(DensityError, match="enough") as caught:
        sampling.mala(TARGET, X0, **options, **OPTIONS)
    result = caught.value.result
    np.testing.assert_array_equal(result.draws, WHOLE.draws[:, : result.draws.shape[1]])
    if where == "function":
        with pytest.raises(InputError, match="cannot go on"):
            result.resume(1)
        return
    # What the sink had, and what it lacks.
    sink = options["sink"]
    assert [entry[:2] for entry in sink.seen] == [(k % 4, k // 4) for k in range(50)]
    assert "draw 12 of chain 2" in str(caught.value)
    count = result.draws.shape[1]
    assert count > 12
    sink.fails_at = None
    again = result.resume(200 - count, sink=sink)
    np.testing.assert_array_equal(again.draws, WHOLE.draws)
    assert [entry[:2] for entry in sink.seen[50:]] == [(c, s) for s in range(count, 200) for c in range(4)]


def test_a_second_ctrl_c_ends_a_sink_that_hangs():
    class Hanging(Collector):
        def push(self, chain, step, x, grad):
            super().push(chain, step, x, grad)
            if len(self.seen) == 50:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)  # the same one, sent twice
                assert len(self.seen) == 50  # the first waits for what takes up draws
                time.sleep(0.4)
                signal.raise_signal(signal.SIGINT)

    with pytest.warns(ConvergenceWarning, match="Ctrl-C ended the sink at draw 12 of chain 1"):
        part = sampling.mala(TARGET, X0, sink=Hanging(), **OPTIONS)
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert part.draws.shape[1] > 12
    np.testing.assert_array_equal(part.draws, WHOLE.draws[:, : part.draws.shape[1]])


def test_ctrl_c_twice_leaves_a_file_that_goes_on(tmp_path):
    """However long after the first: what is being written is waited for."""
    path = tmp_path / "draws.npy"

    class Slow(_file.DrawFile):
        def append(self, rows):
            super().append(rows)
            if self.count >= 3:
                signal.raise_signal(signal.SIGINT)
                time.sleep(0.4)
                signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wassail.sampling._record.DrawFile", Slow)
        part = sampling.mala(TARGET, X0, keep=sampling.Keep(file=path), **OPTIONS)
    assert part.status is sampling.RunStatus.INTERRUPTED
    count = part.draws.shape[1]
    assert 3 <= count < 200
    np.testing.assert_array_equal(np.load(path).transpose(1, 0, 2), part.draws)
    np.testing.assert_array_equal(part.resume(200 - count).draws, WHOLE.draws)


def test_a_file_grows_while_draws_are_made(tmp_path):
    """A process that is killed leaves all but the last second."""
    path, seen = tmp_path / "draws.npy", []

    def slow(x):
        time.sleep(0.002)
        seen.append(np.load(path).shape[0])
        return -0.5 * (x**2).sum(axis=1), -x

    sampling.mala(slow, np.zeros((4, 3)), n_samples=1200, step_size=1.0, rng=0, keep=sampling.Keep(file=path))
    assert np.load(path).shape[0] == 1200
    assert len(set(seen)) > 8
    assert seen[-1] > 300


def test_a_full_disk_leaves_what_the_file_has(tmp_path, monkeypatch):
    """Traces, draws and the message tell of the same number of draws."""
    path = tmp_path / "draws.npy"

    class Full(_file.DrawFile):
        def _write(self, rows):
            if self.count + rows.shape[1] > 20:
                raise OSError(errno.ENOSPC, "No space left on device")
            super()._write(rows)

    monkeypatch.setattr("wassail.sampling._record.DrawFile", Full)
    with pytest.raises(DensityError, match="failed after 15 draws") as caught:
        sampling.mala(TARGET, X0, keep=sampling.Keep(file=path), **OPTIONS)
    result = caught.value.result
    assert np.load(path).shape[0] == result.draws.shape[1] == result.log_density.shape[1] == 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": 3}, "keep must be"),
        ({"keep": sampling.Keep(coordinates=[0, D])}, r"coordinates\[1\] is 12"),
        ({"keep": sampling.Keep(coordinates=[0.5])}, "integers"),
        ({"keep": sampling.Keep(function=lambda x: x.sum())}, "keep.function returned shape"),
        ({"keep": sampling.Keep(function=lambda x: x + 1j)}, "keep.function returned an array of complex128"),
        ({"keep": sampling.Keep(function=lambda x: x[:, :0])}, r"keep.function returned shape \(4, 0\)"),
        ({"keep": sampling.Keep(function=lambda x: ["a"] * len(x))}, "keep.function returned an array of <U1"),
        ({"keep": sampling.Keep(function=lambda x: [[1.0]] + [[]] * (len(x) - 1))}, "keep.function returned what"),
        ({"keep": sampling.Keep(function=lambda x: x - x.mean(axis=0))}, "keep.function gives x0.0. other values"),
        ({"keep": sampling.Keep(file="/nowhere/at/all.npy")}, "folder"),
        ({"keep": sampling.Moments(), "store_gradients": True}, "store_gradients"),
        ({"store_gradients": 1}, "store_gradients"),
        ({"sink": 3}, "push"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_wishes_are_named(change, message):
    with pytest.raises(InputError, match=message):
        sampling.mala(TARGET, X0, **OPTIONS, **change)


def test_bad_options_are_named():
    with pytest.raises(InputError, match="both"):
        sampling.Keep(coordinates=[0], function=len)
    with pytest.raises(InputError, match="quantiles"):
        sampling.Moments(quantiles=(0.0, 0.5))
    with pytest.raises(InputError, match="beside its draws"):
        sampling.underdamped(
            TARGET, X0, n_samples=5, step_size=0.1, integrator=sampling.Integrator.ABOBA, store_gradients=True
        )
    with pytest.raises(InputError, match="only moments were kept"):
        sampling.mala(TARGET, X0, n_samples=10, step_size=0.1, keep=sampling.Moments()).rhat()


def test_memory_is_estimated_before_anything_is_allocated(tmp_path, monkeypatch):
    with pytest.raises(MemoryError, match=r"Keep\(coordinates=…\)"):
        sampling.ula(TARGET, X0, n_samples=10**12, step_size=0.1)
    monkeypatch.setattr(_record.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(MemoryError, match="on the disk"):
        sampling.ula(TARGET, X0, n_samples=10**4, step_size=0.1, keep=sampling.Keep(file=tmp_path / "a.npy"))
    assert not list(tmp_path.iterdir())


def test_a_gradient_that_is_forgotten_is_noticed():
    def forgetful(points):
        return -0.5 * (points**2).sum(axis=1), np.zeros(points.shape)

    with pytest.warns(ConvergenceWarning, match="gradient of chain 0 is zero"):
        sampling.mala(forgetful, X0, n_samples=50, step_size=0.1, rng=5)
    # A flat density has that gradient.
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*gradient of chain")
        sampling.mala(lambda x: (np.zeros(len(x)), np.zeros(x.shape)), X0, n_samples=50, step_size=0.1, rng=5)


@pytest.mark.parametrize(("correlation", "typical", "worst"), [(0.0, 0.0008, 0.004), (0.9, 0.01, 0.08)])
def test_followed_quantiles_are_as_near_as_documented(correlation, typical, worst):
    noise = np.random.default_rng(8).normal(size=(24_000, 50))
    x = np.empty_like(noise)
    x[0] = noise[0]
    for t in range(1, len(x)):
        x[t] = correlation * x[t - 1] + np.sqrt(1 - correlation**2) * noise[t]
    followed = _core.Moments(50, 1, [0.05, 0.5, 0.95])
    followed.update(x.ravel(), 1)
    quantiles = followed.table()[3]
    off = np.abs((x[:, None] <= quantiles).mean(axis=0) - [[0.05], [0.5], [0.95]])
    assert np.sqrt((off**2).mean(axis=1)).max() < typical
    assert off.max() < worst


@pytest.mark.parametrize("keep", [sampling.Moments(quantiles=(0.5,)), sampling.Keep()])
def test_a_stop_waits_for_no_copy(keep):
    d = 10**6
    target = sampling.targets.Gaussian(np.zeros(d), np.ones(d))
    sent, timers = [], []

    def press():
        sent.append(time.monotonic())
        signal.raise_signal(signal.SIGINT)

    def begun(*_):
        if not timers:
            timers.append(threading.Timer(0.1, press))
            timers[0].start()

    options = {"n_samples": 60, "thin": 5, "step_size": 0.1, "rng": 0, "keep": keep}
    part = sampling.ula(target, np.zeros((4, d)), callback=begun, **options)
    assert time.monotonic() - sent[0] < 0.5
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert part.state is not None


def test_what_is_taken_later_is_that_of_the_stop():
    options = {**OPTIONS, "keep": sampling.Moments(quantiles=(0.5,))}
    at_once, later = (sampling.mala(TARGET, X0, **options) for _ in range(2))
    before = pickle.loads(pickle.dumps(at_once.moments))
    more = [later.resume(50), at_once.resume(50)]
    for name in ("chain_mean", "half_variance", "batch_variance", "quantiles", "mean", "sd"):
        np.testing.assert_array_equal(getattr(later.moments, name), getattr(before, name))
        np.testing.assert_array_equal(getattr(more[0].moments, name), getattr(more[1].moments, name))
    assert before.n == 200
    assert more[0].moments.n == 250
    with pytest.raises(ValueError, match="read-only"):
        before.quantiles[0, 0] = 1.0


def test_functions_may_be_random():
    noise = np.random.default_rng(0)
    keep = sampling.Keep(function=lambda x: noise.normal(x[:, 0]))
    assert sampling.mala(TARGET, X0, keep=keep, **OPTIONS).draws.shape == (4, 200, 1)


@pytest.mark.parametrize("file", ["", ".", "/"])
def test_paths_that_are_no_files_are_named(file, tmp_path):
    with pytest.raises(InputError, match=r"keep.file"):
        sampling.Keep(file=file)
    result = sampling.mala(TARGET, X0, **OPTIONS)
    for path in (file, tmp_path, tmp_path / "nowhere" / "a.npz", 3):
        with pytest.raises(InputError, match="path"):
            result.save_state(path)


def test_what_holds_the_memory_is_said():
    with pytest.raises(MemoryLimitError, match=r"log_density and acceptance.* thin=k$"):
        sampling.mala(TARGET, X0, keep=sampling.Moments(), **{**OPTIONS, "n_samples": 10**12})
    many = np.broadcast_to(np.zeros((1, 1)), (1, 10**14))
    with pytest.raises(MemoryLimitError, match="x0 of shape"):  # before a copy
        sampling.mala(lambda x: (-0.5 * (x**2).sum(axis=1), -x), many, n_samples=10, step_size=0.1)
