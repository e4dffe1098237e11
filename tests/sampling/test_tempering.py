"""Tempering: modes that one chain does not find, normalizing constants, round trips, and what fails."""

import signal
import threading
import time

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError
from wassail.sampling import RunStatus, TemperingKernel, _session
from wassail.sampling._ladder import acceptance_ratios

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

MODES, WEIGHTS, WIDTH = np.array([-8.0, 8.0]), np.array([0.3, 0.7]), 0.5
WIDE = sampling.targets.Gaussian([0.0, 0.0], [1 / 70, 1 / 70])
X0 = np.full((4, 2), -8.0)
LOG_Z = np.log(2 * np.pi * WIDTH**2)


def mixture(points):
    """Return two narrow modes of unequal weight, (m, m) for m in MODES."""
    off = points[:, None, :] - MODES[None, :, None]
    logs = np.log(WEIGHTS) - 0.5 * (off**2).sum(axis=2) / WIDTH**2
    highest = logs.max(axis=1, keepdims=True)
    terms = np.exp(logs - highest)
    total = terms.sum(axis=1, keepdims=True)
    return highest[:, 0] + np.log(total[:, 0]), -((terms / total)[:, :, None] * off).sum(axis=1) / WIDTH**2


@pytest.fixture(scope="module")
def tempered():
    return sampling.temper(mixture, WIDE, X0, n_samples=3000, n_warmup=1000, rng=1)


def test_plain_mala_stays_in_its_mode():
    assert (sampling.mala(mixture, X0, n_samples=2000, rng=1).draws < 0).all()


def test_both_modes_have_their_weights(tempered):
    share = (tempered.samples.draws[:, :, 0] > 0).astype(float)
    # Each round trip brings an independent draw, at least.
    trips = tempered.round_trips.sum()
    assert trips > 100
    assert abs(share.mean() - 0.7) < 4 * np.sqrt(0.21 / trips)
    assert tempered.samples.rhat().max() < 1.05


def test_the_normalizing_constant_is_found(tempered):
    assert tempered.log_normalizer_error < 0.15
    assert abs(tempered.log_normalizer - LOG_Z) < 4 * tempered.log_normalizer_error


def test_rejections_are_equal(tempered):
    assert np.ptp(tempered.rejection) < 0.15
    assert (np.diff(tempered.betas) > 0).all()
    assert tempered.betas[[0, -1]].tolist() == [0.0, 1.0]
    assert tempered.barrier == pytest.approx(tempered.rejection.sum())


def test_errors_of_normalizing_constants_are_honest():
    target = sampling.targets.Gaussian([1.0, -1.0, 0.5], [[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 30.0]])
    wide = sampling.targets.Gaussian(np.zeros(3), [[0.5, 0.1, 0.0], [0.1, 0.5, 0.0], [0.0, 0.0, 0.5]])
    exact = 1.5 * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(target.precision)[1]
    scores = []
    for seed in range(30):
        found = sampling.temper(
            target, wide, np.zeros((2, 3)), n_samples=400, n_warmup=200, n_rungs=6, rng=seed, n_threads=1
        )
        scores.append((found.log_normalizer - exact) / found.log_normalizer_error)
    assert abs(np.mean(scores)) < 4 / np.sqrt(30)
    assert 0.6 < np.std(scores) < 1.5


@pytest.mark.parametrize("kernel", list(TemperingKernel))
def test_one_scan_from_exact_draws_leaves_the_law(kernel):
    # Without warm-up: all rungs start at exact draws of the target, which only the top is to keep. One rung below it
    # is the reference, whose draws are always exact.
    chains = 100_000
    a = np.array([0.5, 3.0])
    x0 = np.random.default_rng(2).normal(size=(chains, 2)) / np.sqrt(a)
    target, wide = sampling.targets.Gaussian(np.zeros(2), a), sampling.targets.Gaussian([0.2, 0.0], [0.4, 0.8])
    result = sampling.temper(
        target, wide, x0, n_samples=1, n_warmup=0, n_rungs=2, n_steps=1, step_size=0.5, kernel=kernel, rng=3
    )
    x, before = result.samples.draws[:, 0] * np.sqrt(a), x0 * np.sqrt(a)
    assert 0.2 < result.rejection[0] < 0.8
    for power in (1, 2, 3, 4):
        change = x**power - before**power
        assert np.abs(change.mean(axis=0) / (change.std(axis=0, ddof=1) / np.sqrt(chains))).max() < 4


def test_log_densities_are_those_of_the_draws(tempered):
    draws = tempered.samples.draws.reshape(-1, 2)
    np.testing.assert_allclose(tempered.samples.log_density.ravel(), mixture(draws)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("threads", [2, 5, 8])
def test_threads_do_not_show(threads):
    a = np.geomspace(0.3, 30, 300)
    target, wide = sampling.targets.Gaussian(np.zeros(300), a), sampling.targets.Gaussian(np.zeros(300), a / 1.3)
    options = {"n_samples": 30, "n_warmup": 60, "n_rungs": 4, "rng": 4}
    x0 = np.random.default_rng(5).normal(size=(3, 300))
    one = sampling.temper(target, wide, x0, n_threads=1, **options)
    many = sampling.temper(target, wide, x0, n_threads=threads, **options)
    np.testing.assert_array_equal(one.samples.draws, many.samples.draws)
    np.testing.assert_array_equal(one.betas, many.betas)
    assert one.log_normalizer == many.log_normalizer


def test_batched_callables_give_the_same_draws():
    a = np.array([0.5, 3.0])
    target, wide = sampling.targets.Gaussian(np.zeros(2), a), sampling.targets.Gaussian([0.2, 0.0], [0.4, 0.8])
    options = {"n_samples": 100, "n_warmup": 0, "step_size": 0.3, "thin": 2, "rng": 6}
    expected = sampling.temper(target, wide, np.ones((3, 2)), **options)
    batched = sampling.temper(lambda x: (-0.5 * (a * x**2).sum(axis=1), -a * x), wide, np.ones((3, 2)), **options)
    np.testing.assert_allclose(batched.samples.draws, expected.samples.draws, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(batched.round_trips, expected.round_trips)


def test_targets_of_less_support_than_the_reference():
    def exponential(points):
        return np.where(points[:, 0] > 0, -points[:, 0], -np.inf), np.full(points.shape, -1.0)

    result = sampling.temper(
        exponential, sampling.targets.Gaussian([0.0], [0.3]), np.ones((4, 1)), n_samples=2000, rng=7
    )
    assert result.samples.draws.min() > 0
    assert abs(result.samples.draws.mean() - 1.0) < 5 * result.samples.mcse()[0]
    assert abs(result.log_normalizer) < 5 * result.log_normalizer_error


def test_too_few_rungs_warn():
    far = sampling.targets.Gaussian(np.full(40, 3.0), np.full(40, 100.0))
    with pytest.warns(ConvergenceWarning, match=r"n_rungs.*log_normalizer means nothing"):
        result = sampling.temper(
            far,
            sampling.targets.Gaussian(np.zeros(40), np.ones(40)),
            np.full((2, 40), 3.0),
            n_samples=200,
            n_rungs=3,
            rng=8,
        )
    assert np.isfinite(result.samples.draws).all()
    # One draw outweighs all others: no error is known.
    assert result.log_normalizer_error == np.inf


@pytest.mark.parametrize("rungs", [4, 6, 10])
def test_the_normalizer_of_a_target_far_narrower_than_its_neighbor(rungs):
    def target(points):
        off = (points - [3.0, 1.0]) / 0.2
        return -0.5 * (off**2).sum(axis=1) - np.log(2.0 * np.pi * 0.04), -off / 0.2

    wide = sampling.targets.Gaussian(np.zeros(2), np.full(2, 1.0 / 36.0))
    scores = []
    for seed in range(12):
        start = np.random.default_rng(seed).normal(size=(4, 2)) * 6.0
        found = sampling.temper(target, wide, start, n_samples=2000, n_rungs=rungs, rng=seed)
        scores.append(found.log_normalizer / found.log_normalizer_error)
    # Means of weights from above have no variance here: with them z was 5 in the mean square.
    assert abs(np.mean(scores)) < 4.0 / np.sqrt(12)
    assert np.sqrt(np.mean(np.square(scores))) < 1.7


@pytest.mark.parametrize("variance", [0.1, 1.0, 9.0, 25.0])
def test_acceptance_ratios_of_normal_log_ratios(variance):
    # Below and above a step with log Z ratio c they have means c -+ v / 2 and variance v.
    scores = []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(scale=np.sqrt(variance), size=(2, 1000, 2))
        value, error = acceptance_ratios(2.0 * (noise + np.array([-0.5, 0.5]) * variance + 3.0), np.array([0.0, 0.5]))
        scores.append((value - 3.0) / error)
    assert abs(np.mean(scores)) < 4.0 / np.sqrt(40)
    assert 0.5 < np.sqrt(np.mean(np.square(scores))) < 1.5


@pytest.mark.parametrize("low", [1e6, 1e50, 1e300, np.inf])
def test_acceptance_ratios_of_draws_where_the_target_is_nothing(low):
    ratios = np.random.default_rng(11).normal(size=(2, 500, 2)) + np.array([-0.5, 0.5])
    ratios[0, :50, 0] = -low
    # A twentieth of the draws below say nothing for it, as at the reference of a narrow target; the root was not found.
    value, error = acceptance_ratios(ratios, np.array([0.0, 1.0]))
    assert abs(value - np.log(0.95)) < 4.0 * error < 0.5
    apart = np.stack([np.full((2, 500), -low), np.full((2, 500), low)], axis=2)
    assert np.isinf(acceptance_ratios(apart, np.array([0.0, 1.0]))[1])


def test_acceptance_ratios_know_where_they_have_no_error():
    noise = np.random.default_rng(10).normal(size=(2, 500, 2))
    for variance, infinite in ((1.0, False), (400.0, True)):
        ratios = np.sqrt(variance) * noise + np.array([-0.5, 0.5]) * variance
        assert np.isinf(acceptance_ratios(ratios, np.array([0.0, 1.0]))[1]) == infinite


@pytest.mark.parametrize(("n_rungs", "advice"), [(2, "3 or more"), (4, "7 or more")])
def test_rungs_are_advised_above_those_there_are(n_rungs, advice):
    far, wide = (sampling.targets.Gaussian(np.full(40, m), np.full(40, p)) for m, p in ((3.0, 100.0), (0.0, 1.0)))
    with pytest.warns(ConvergenceWarning, match=rf"more n_rungs \({advice}\)"):
        sampling.temper(far, wide, np.full((2, 40), 3.0), n_samples=50, n_rungs=n_rungs, rng=8)


def test_ctrl_c_and_callbacks_keep_the_draws():
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    begin = time.perf_counter()
    target = sampling.targets.Gaussian(np.zeros(100), np.ones(100))
    wide = sampling.targets.Gaussian(np.zeros(100), np.full(100, 0.7))
    options = {"n_warmup": 20, "step_size": 0.1, "rng": 9}
    result = sampling.temper(target, wide, np.zeros((2, 100)), n_samples=20_000, thin=30, **options)
    assert time.perf_counter() - begin < 1.5
    assert result.samples.status is RunStatus.INTERRUPTED
    count = result.samples.draws.shape[1]
    assert 0 < count < 20_000
    straight = sampling.temper(target, wide, np.zeros((2, 100)), n_samples=count, thin=30, **options)
    np.testing.assert_array_equal(result.samples.draws, straight.samples.draws)
    stopped = sampling.temper(target, wide, np.zeros((2, 100)), n_samples=5000, callback=lambda *_: True, **options)
    assert stopped.samples.status is RunStatus.INTERRUPTED


def test_a_density_that_raises_keeps_the_draws():
    calls = []

    def failing(points):
        calls.extend([None] * (len(points) > 1))  # not where one row is compared with what it was among others
        if len(calls) > 50:
            raise ZeroDivisionError("fifty is enough")
        return mixture(points)

    with pytest.raises(DensityError, match="fifty is enough") as caught:
        sampling.temper(failing, WIDE, X0, n_samples=100, n_warmup=0, step_size=0.1, n_steps=1)
    assert caught.value.result.samples.draws.shape[1] == 24


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": mixture}, "reference"),
        ({"reference": sampling.targets.Gaussian([0.0], [1.0])}, "reference"),
        ({"x0": np.zeros(2)}, "x0"),
        ({"n_rungs": 1}, "n_rungs"),
        ({"n_steps": 0}, "n_steps"),
        ({"kernel": "MALA"}, "kernel"),
        ({"step_size": -1.0}, "step_size"),
        ({"n_warmup": 0, "step_size": None}, "n_warmup"),
        ({"target": lambda x: (np.full(len(x), np.nan), x)}, "not finite"),
        ({"callback": 3}, "callback"),
        ({"x0": [[1.0, 0.0], [1e200, 0.0]]}, r"x0\[1\] is so far from the reference"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"target": mixture, "reference": WIDE, "x0": X0, "n_samples": 5, "step_size": 0.1, "rng": 0, **change}
    with pytest.raises(InputError, match=message):
        sampling.temper(arguments.pop("target"), arguments.pop("reference"), arguments.pop("x0"), **arguments)


def test_a_callback_that_raises_or_stops_at_the_end_loses_nothing():
    wide, x0 = sampling.targets.Gaussian(np.zeros(2), np.full(2, 0.1)), np.zeros((2, 2))
    target = sampling.targets.Gaussian(np.ones(2), np.ones(2))
    options = {"n_samples": 30, "n_warmup": 0, "step_size": 0.1, "rng": 1}
    whole = sampling.temper(target, wide, x0, **options)
    done = sampling.temper(target, wide, x0, callback=lambda scan, *_: scan >= 30, **options)
    assert done.samples.status is sampling.RunStatus.COMPLETE
    np.testing.assert_array_equal(done.samples.draws, whole.samples.draws)

    def fails(scan, step_size, acceptance):
        raise ZeroDivisionError("enough")

    with pytest.raises(DensityError, match=r"callback .*enough") as caught:
        sampling.temper(target, wide, x0, callback=fails, **options)
    part = caught.value.result.samples
    count = part.draws.shape[1]
    assert count > 0
    np.testing.assert_array_equal(part.draws, whole.samples.draws[:, :count])


def test_ctrl_c_while_a_result_is_built_loses_nothing(monkeypatch):
    wide, x0 = sampling.targets.Gaussian(np.zeros(2), np.full(2, 0.1)), np.zeros((2, 2))
    original = _session.raise_failure

    def pressed(*args, **options):
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
        original(*args, **options)

    monkeypatch.setattr(_session, "raise_failure", pressed)
    done = sampling.temper(wide, wide, x0, n_samples=30, n_warmup=0, step_size=0.1, rng=1)
    assert done.samples.status is RunStatus.COMPLETE
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
