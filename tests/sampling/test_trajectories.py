"""Trajectories leave the law of an exact start, and the same bits come from any blocks and threads."""

import signal
import threading
import time

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, InputError
from wassail.sampling import Preconditioner, Splitting

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

CHAINS = 100_000
A = np.array([0.5, 3.0, 1.0])
EXACT = np.random.default_rng(1).normal(size=(CHAINS, A.size)) / np.sqrt(A)
GAUSSIAN = sampling.targets.Gaussian(np.zeros(A.size), A)

ADJUSTED = {
    "hmc": (sampling.hmc, {"step_size": 0.7, "trajectory_length": 2.5}),
    "hmc, one step": (sampling.hmc, {"step_size": 0.9, "trajectory_length": 0.9}),
    "malt": (sampling.malt, {"step_size": 0.7, "trajectory_length": 2.5}),
    "malt, friction": (sampling.malt, {"step_size": 0.7, "trajectory_length": 2.8, "friction": 2.0}),
    "ghmc": (sampling.ghmc, {"step_size": 0.9, "decoherence_length": 1.0}),
    "mams": (sampling.mams, {"step_size": 1.2, "trajectory_length": 4.0}),
    "mams, minimal norm": (
        sampling.mams,
        {"step_size": 2.5, "trajectory_length": 5.0, "splitting": Splitting.MINIMAL_NORM},
    ),
}


def quartic(points):
    """A density that is no Gaussian: −x⁴/4 − y²/2 − xy/2, which has moments by quadrature."""
    x, y = points.T
    value = -(x**4) / 4 - y**2 / 2 - x * y / 2
    return value, np.stack([-(x**3) - y / 2, -y - x / 2], axis=1)


def exact_quartic(count):
    """Draws of x by the inverse of its distribution function on a fine grid, and of y given x."""
    generator = np.random.default_rng(2)
    grid = np.linspace(-5, 5, 200_001)
    cumulative = np.cumsum(np.exp(-(grid**4) / 4 + grid**2 / 8))
    x = np.interp(generator.random(count), cumulative / cumulative[-1], grid)
    return np.stack([x, generator.normal(size=count) - x / 2], axis=1)


def largest_score(before, after):
    """Largest z-score of a change of a moment: the exact start has taken the noise out of it."""
    products = [lambda x, p=p: x**p for p in (1, 2, 3, 4)]
    products += [lambda x: x * np.roll(x, 1, axis=1), lambda x: x**2 * np.roll(x, 1, axis=1) ** 2]
    scores = []
    for product in products:
        change = product(after) - product(before)
        scores.append(change.mean(axis=0) / (change.std(axis=0, ddof=1) / np.sqrt(len(change))))
    return np.abs(scores).max()


@pytest.mark.parametrize("name", ADJUSTED)
def test_a_transition_from_exact_draws_leaves_a_gaussian(name):
    sampler, options = ADJUSTED[name]
    result = sampler(GAUSSIAN, EXACT, n_samples=1, rng=3, **options)
    assert 0.3 < result.mean_acceptance < 0.99
    assert largest_score(EXACT, result.draws[:, 0]) < 4.5
    # What is accepted always is off: the test can tell.
    moved = np.any(result.draws[:, 0] != EXACT, axis=1)
    assert 0.3 < moved.mean() < 0.99


@pytest.mark.parametrize("name", ADJUSTED)
def test_a_transition_from_exact_draws_leaves_a_quartic(name):
    sampler, options = ADJUSTED[name]
    start = exact_quartic(CHAINS)
    result = sampler(quartic, start, n_samples=2, rng=4, **options)
    assert 0.2 < result.mean_acceptance < 0.99
    assert largest_score(start, result.draws[:, 1]) < 4.5


def test_ghmc_goes_on_and_turns_back():
    # Velocities that last carry a chain on until a rejection reverses it.
    target = sampling.targets.Gaussian([0.0], [1e-4])
    x = sampling.ghmc(target, np.zeros((1, 1)), n_samples=200, step_size=0.1, decoherence_length=1e6, rng=5).draws[
        0, :, 0
    ]
    assert np.abs(np.diff(x, 2)).max() < 1e-3 * np.abs(np.diff(x)).max() + 1e-4


def wide(d=40):
    return sampling.targets.Gaussian(np.zeros(d), np.geomspace(0.1, 10.0, d))


def test_mclmc_has_the_moments_of_a_gaussian():
    d = 40
    x0 = np.random.default_rng(6).normal(size=(16, d)) / np.sqrt(np.geomspace(0.1, 10.0, d))
    for splitting in Splitting:
        result = sampling.mclmc(
            wide(), x0, n_samples=2500, n_warmup=500, step_size=0.3, decoherence_length=6.0, splitting=splitting, rng=7
        )
        ratio = (result.draws**2).mean(axis=1) * np.geomspace(0.1, 10.0, d)
        score = (ratio.mean(axis=0) - 1) / (ratio.std(axis=0, ddof=1) / 4)
        assert np.abs(score).max() < 6.5  # Student with 15 degrees of freedom, 40 coordinates


def test_unadjusted_bias_grows_with_the_step_and_mams_has_none():
    d = 40
    x0 = np.random.default_rng(8).normal(size=(32, d)) / np.sqrt(np.geomspace(0.1, 10.0, d))
    options = {"n_samples": 1000, "rng": 9}

    def score(result):
        ratio = ((result.draws**2).mean(axis=1) * np.geomspace(0.1, 10.0, d)).mean(axis=1)
        return (ratio.mean() - 1) / (ratio.std(ddof=1) / np.sqrt(32))

    assert abs(score(sampling.mams(wide(), x0, step_size=1.5, trajectory_length=6.0, **options))) < 4.5
    assert score(sampling.mclmc(wide(), x0, step_size=2.4, decoherence_length=6.0, **options)) > 10


@pytest.mark.parametrize("name", ADJUSTED)
def test_blocks_and_threads_do_not_show(name):
    sampler, options = ADJUSTED[name]

    def batched(points):
        grad = -A * points
        return np.array([0.5 * g @ p for g, p in zip(grad, points, strict=True)]), grad

    options = {**options, "n_samples": 30, "rng": 10}
    one = sampler(GAUSSIAN, EXACT[:7], n_threads=1, **options)
    np.testing.assert_array_equal(one.draws, sampler(GAUSSIAN, EXACT[:7], n_threads=5, **options).draws)
    np.testing.assert_array_equal(one.draws[:2], sampler(GAUSSIAN, EXACT[:2], **options).draws)
    np.testing.assert_allclose(one.draws, sampler(batched, EXACT[:7], **options).draws, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.malt, sampling.ghmc, sampling.mclmc, sampling.mams])
@pytest.mark.parametrize("preconditioner", list(Preconditioner))
def test_warm_up_is_the_same_for_any_threads(sampler, preconditioner):
    x0 = np.random.default_rng(11).normal(size=(5, 40))
    options = {"n_samples": 40, "n_warmup": 400, "precondition": preconditioner, "rng": 12}
    one = sampler(wide(), x0, n_threads=1, **options)
    for threads in (2, 8):
        many = sampler(wide(), x0, n_threads=threads, **options)
        np.testing.assert_array_equal(one.draws, many.draws)
        assert one.length == many.length > 0
        assert one.n_directions == many.n_directions


def correlated(d):
    """A precision of condition 1e4 that no diagonal makes round."""
    basis = np.linalg.qr(np.random.default_rng(13).normal(size=(d, d)))[0]
    values = np.geomspace(1e-2, 1e2, d)
    return (basis * values) @ basis.T, ((basis / values) * basis).sum(axis=1)


@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.malt, sampling.mams])
def test_a_low_rank_preconditioner_makes_a_gaussian_round(sampler):
    d = 30
    precision, variance = correlated(d)
    target = sampling.targets.Gaussian(np.ones(d), 0.5 * (precision + precision.T))
    x0 = np.random.default_rng(14).normal(size=(4, d))
    results = {
        kind: sampler(target, x0, n_samples=1500, n_warmup=600, precondition=kind, rng=15)
        for kind in (Preconditioner.DIAGONAL, Preconditioner.LOW_RANK)
    }
    plain, rounded = results[Preconditioner.DIAGONAL], results[Preconditioner.LOW_RANK]
    assert plain.n_directions == 0 < rounded.n_directions <= d
    assert rounded.length / rounded.step_size[0] < 8 < plain.length / plain.step_size[0]
    bulk, _ = rounded.ess()
    assert bulk.min() > 2000
    moments = ((rounded.draws - 1.0) ** 2).mean(axis=(0, 1))
    error = np.sqrt(2 / bulk)
    assert np.abs(moments / variance - 1).max() < 6 * error.max()


def test_what_is_given_is_kept():
    x0 = np.random.default_rng(16).normal(size=(2, 40))
    given = sampling.hmc(wide(), x0, n_samples=5, n_warmup=300, step_size=0.1, trajectory_length=0.5, rng=17)
    assert (given.step_size == 0.1).all()
    assert given.length == pytest.approx(0.5)
    assert (given.scale == 1.0).all()
    length = sampling.hmc(wide(), x0, n_samples=5, n_warmup=300, trajectory_length=2.0, rng=17)
    assert length.length == pytest.approx(2.0)
    step = sampling.hmc(wide(), x0, n_samples=5, n_warmup=300, step_size=0.1, rng=17)
    assert (step.step_size == 0.1).all()
    assert step.length > 0.5


@pytest.mark.parametrize(("sampler", "unit"), [(sampling.hmc, 1.0), (sampling.mams, 10.0)])
def test_few_windows_make_trajectories_long(sampler, unit):
    """Deviations from 0.06 to 18: lengths near their root mean square, in units of velocity, cost the least."""
    d = 100
    precision = np.geomspace(10**-2.5, 10**2.5, d)
    x0 = np.random.default_rng(18).normal(size=(4, d))
    target = sampling.targets.Gaussian(np.zeros(d), precision)
    result = sampler(target, x0, n_samples=5, n_warmup=500, precondition=False, rng=19)
    assert 0.31 < result.length / (unit * np.sqrt((1 / precision).mean())) < 2.0


def test_step_sizes_meet_their_goals():
    x0 = np.random.default_rng(18).normal(size=(8, 40))
    for sampler, acceptance in [(sampling.hmc, 0.8), (sampling.malt, 0.8), (sampling.mams, 0.9), (sampling.ghmc, 0.95)]:
        result = sampler(wide(), x0, n_samples=500, n_warmup=1500, rng=19)
        assert abs(result.mean_acceptance - acceptance) < 0.05


def cut(points):
    """A normal density, cut off where x₀ < 0, that fails where x₁ > 2."""
    value = np.where(points[:, 0] < 0, -np.inf, -0.5 * (points**2).sum(axis=1))
    return np.where(points[:, 1] > 2, np.nan, value), -points


@pytest.mark.parametrize("name", ADJUSTED)
def test_points_without_a_value_are_rejected(name):
    sampler, options = ADJUSTED[name]
    x0 = np.abs(np.random.default_rng(20).normal(size=(8, 3))).clip(0, 1.9)
    result = sampler(cut, x0, n_samples=300, rng=21, **options)
    assert np.isfinite(result.draws).all()
    assert result.draws[:, :, 0].min() >= 0
    assert result.draws[:, :, 1].max() <= 2
    assert result.divergences.sum() > 0


def test_mclmc_stays_where_there_is_no_value():
    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = sampling.mclmc(cut, np.ones((4, 3)), n_samples=200, step_size=0.7, decoherence_length=3.0, rng=22)
    assert np.isfinite(result.draws).all()
    assert result.draws[:, :, 0].min() >= 0


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.mclmc, sampling.mams])
def test_scales_do_not_matter(sampler, scale):
    def density(points):
        with np.errstate(over="ignore"):
            z = points / scale
            return -0.5 * (z**2).sum(axis=1), -z / scale

    x0 = scale * np.random.default_rng(23).normal(size=(4, 10))
    result = sampler(density, x0, n_samples=400, n_warmup=1500, rng=24)
    assert np.isfinite(result.draws).all()
    assert np.std(result.draws / scale) == pytest.approx(1.0, abs=0.2)


def test_bad_arguments_are_named():
    x0 = np.zeros((2, 40))
    with pytest.raises(InputError, match="trajectory_length"):
        sampling.hmc(wide(), x0, n_samples=5, trajectory_length=-1.0)
    with pytest.raises(InputError, match="trajectory_length is None"):
        sampling.hmc(wide(), x0, n_samples=5, n_warmup=0, step_size=0.1)
    with pytest.raises(InputError, match="1024 steps"):
        sampling.hmc(wide(), x0, n_samples=5, step_size=0.1, trajectory_length=1e4)
    with pytest.raises(InputError, match="splitting"):
        sampling.mams(wide(), x0, n_samples=5, splitting=1)
    with pytest.raises(InputError, match="one coordinate"):
        sampling.mams(sampling.targets.Gaussian([0.0], [1.0]), np.zeros((1, 1)), n_samples=5)
    with pytest.raises(InputError, match="friction"):
        sampling.malt(wide(), x0, n_samples=5, friction=0.0)
    with pytest.raises(InputError, match="precondition"):
        sampling.hmc(wide(), x0, n_samples=5, precondition="low rank")


def test_the_law_of_velocities_lasts():
    """GHMC on a Gaussian without rejections is a linear recursion, whose covariance is known."""
    a, h, t = 1.0, 0.3, 0.7
    keep = np.exp(-h / t)
    refresh = np.diag([1.0, keep])
    leap = np.array([[1.0 - h * h * a / 2, h], [-h * a * (1 - h * h * a / 4), 1.0 - h * h * a / 2]])
    step = leap @ refresh
    noise = leap @ np.diag([0.0, 1 - keep**2]) @ leap.T
    exact = solve_discrete_lyapunov(step, noise)[0, 0]
    assert exact == pytest.approx(1 / (1 - h * h * a / 4))
    # With rejections it is exactly one.
    x0 = np.random.default_rng(25).normal(size=(400, 1))
    x = sampling.ghmc(
        sampling.targets.Gaussian([0.0], [a]), x0, n_samples=2000, step_size=1.2, decoherence_length=t, rng=26
    ).draws
    moments = (x[:, :, 0] ** 2).mean(axis=1)
    assert abs((moments.mean() - 1) / (moments.std(ddof=1) / 20)) < 4


@pytest.mark.parametrize("sampler", [sampling.mala, sampling.ula, sampling.underdamped])
def test_other_samplers_move_in_a_frame_as_well(sampler):
    d = 20
    precision, variance = correlated(d)
    target = sampling.targets.Gaussian(np.full(d, 5.0), 0.5 * (precision + precision.T))
    x0 = np.random.default_rng(27).normal(size=(8, d))
    result = sampler(target, x0, n_samples=4000, n_warmup=1000, precondition=Preconditioner.LOW_RANK, rng=28)
    assert result.n_directions > 0
    bulk, _ = result.ess()
    assert bulk.min() > 1000
    ratio = ((result.draws - 5.0) ** 2).mean(axis=(0, 1)) / variance
    bias = 0.15 if sampler is sampling.ula else 0.0  # of the step, a few percent
    assert np.abs(ratio - 1).max() < 6 * np.sqrt(2 / bulk.min()) + bias


def test_ctrl_c_is_heard_within_a_trajectory():
    def slow(points):
        time.sleep(0.01)
        return -0.5 * (points**2).sum(axis=1), -points

    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    start = time.perf_counter()
    result = sampling.hmc(slow, np.zeros((2, 3)), n_samples=10, step_size=0.01, trajectory_length=10.0, rng=29)
    assert time.perf_counter() - start < 1.0
    assert result.status is sampling.RunStatus.INTERRUPTED
    assert result.draws.shape[1] < 10


@pytest.mark.parametrize("sampler", [sampling.hmc, sampling.ghmc, sampling.mclmc, sampling.mams])
def test_chains_in_a_frame_are_taken_up_again(sampler, tmp_path):
    d = 20
    precision, _ = correlated(d)
    target = sampling.targets.Gaussian(np.ones(d), 0.5 * (precision + precision.T))
    x0 = np.random.default_rng(30).normal(size=(3, d))
    options = {"n_warmup": 300, "precondition": Preconditioner.LOW_RANK, "rng": 31, "store_gradients": True}
    whole = sampler(target, x0, n_samples=60, **options)
    first = sampler(target, x0, n_samples=25, **options)
    first.save_state(tmp_path / "state.npz")
    again = first.resume(35)
    np.testing.assert_array_equal(whole.draws, again.draws)
    np.testing.assert_array_equal(whole.gradients, again.gradients)
    np.testing.assert_array_equal(whole.draws[:, 25:], sampling.resume(tmp_path / "state.npz", target, 35).draws)
    assert whole.n_gradients == again.n_gradients
    assert whole.length == again.length
    # Gradients are those of x, not of the frame's coordinates.
    exact = -(whole.draws - 1.0) @ precision
    np.testing.assert_allclose(whole.gradients, exact, rtol=1e-7, atol=1e-7 * np.abs(exact).max())


def test_an_interrupted_warm_up_goes_on():
    x0 = np.random.default_rng(32).normal(size=(3, 40))
    options = {"n_samples": 20, "n_warmup": 600, "precondition": Preconditioner.LOW_RANK, "rng": 33}
    calls = []

    def stop(*_):
        calls.append(1)
        return len(calls) == 3

    part = sampling.mams(wide(), x0, callback=stop, **options)
    assert part.status is sampling.RunStatus.INTERRUPTED
    assert part.draws.shape[1] == 0
    np.testing.assert_array_equal(part.resume(20).draws, sampling.mams(wide(), x0, **options).draws)


FROZEN = {
    "hmc": [[0.39908239531469103, -0.23051628471613061], [0.39908239531469103, -0.23051628471613061]],
    "malt": [[0.3997645419401594, 0.29333748131549453], [0.3997645419401594, 0.29333748131549453]],
    "ghmc": [[1.0338444348577378, 0.36698012929634616], [0.06307875202999103, -0.268451647521757]],
    "mclmc": [[1.0666077386614634, 0.5044564508033567], [0.6474175698295823, 0.23191360581435483]],
    "mams": [[0.5502356345358712, 0.1152797732520035], [-0.4258938083752949, -0.10190066520420465]],
}


@pytest.mark.parametrize("name", FROZEN)
def test_first_draws_are_frozen(name):
    target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    length = "decoherence_length" if name in {"ghmc", "mclmc"} else "trajectory_length"
    sampler = getattr(sampling, name)
    result = sampler(target, np.ones((1, 2)), n_samples=2, step_size=0.5, rng=0, **{length: 1.0})
    np.testing.assert_allclose(result.draws[0], FROZEN[name], rtol=1e-12)
