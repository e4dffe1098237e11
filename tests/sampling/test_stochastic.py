"""Langevin with estimated gradients: exact laws on Gaussians, the listings in NumPy, subsets, and what fails."""

import pickle

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError
from wassail.sampling import MinibatchSum, PolynomialDecay

# Many short chains of biased samplers.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

N, M = 50, 5
Y = np.random.default_rng(0).normal(size=N)
NOISE = N**2 * (1 - M / N) * Y.var(ddof=1) / M  # variance of the estimates
MEAN = MinibatchSum(lambda x, i: Y[i].sum(axis=1)[:, None] - i.shape[1] * x, n_data=N, batch_size=M)
CHAINS = 2000


def variance_score(result, center, expected):
    moments = ((result.draws[:, :, 0] - center) ** 2).mean(axis=1)
    return (moments.mean() - expected) / (moments.std(ddof=1) / np.sqrt(moments.size))


def start(scale, d=1):
    return scale * np.random.default_rng(1).normal(size=(CHAINS, d))


def test_sgld_has_its_variance():
    h = 0.004
    result = sampling.sgld(MEAN, Y.mean() + start(0.2), n_samples=100, n_warmup=40, step_size=h, rng=2)
    expected = (1 + h * NOISE / 2) / (N * (1 - h * N / 2))
    assert abs(variance_score(result, Y.mean(), expected)) < 4
    # Without the noise of the estimates the score is far off.
    assert variance_score(result, Y.mean(), 1 / (N * (1 - h * N / 2))) > 20


def test_control_variates_leave_the_noise_of_the_curvature():
    weights = np.random.default_rng(3).uniform(0.2, 2.0, size=N)
    a, s2 = weights.sum(), N**2 * (1 - 2 / N) * weights.var(ddof=1) / 2
    mode = (weights * Y).sum() / a
    data = MinibatchSum(
        lambda x, i: (weights[i] * (Y[i] - x)).sum(axis=1)[:, None], n_data=N, batch_size=2, center=[mode]
    )
    h = 0.8 / a
    result = sampling.sgld(data, mode + start(0.15), n_samples=100, n_warmup=40, step_size=h, rng=4)
    assert abs(variance_score(result, mode, 1 / (a * (1 - h * (a**2 + s2) / (2 * a))))) < 4
    assert variance_score(result, mode, 1 / (a * (1 - h * a / 2))) > 5


def test_equal_curvatures_and_control_variates_are_the_exact_gradient():
    data = MinibatchSum(MEAN.gradient, n_data=N, batch_size=M, center=[0.7])
    target = sampling.targets.Gaussian([Y.mean()], [float(N)])
    options = {"n_samples": 20, "step_size": 0.004, "rng": 5}
    expected = sampling.ula(target, start(0.2)[:50], **options).draws
    np.testing.assert_allclose(sampling.sgld(data, start(0.2)[:50], **options).draws, expected, rtol=1e-9, atol=1e-11)


def test_all_data_and_ordinary_densities_give_ula():
    target = sampling.targets.Gaussian([Y.mean()], [float(N)])
    options = {"n_samples": 20, "step_size": 0.004, "rng": 5}
    x0 = start(0.2)[:50]
    expected = sampling.ula(target, x0, **options).draws
    np.testing.assert_array_equal(sampling.sgld(target, x0, **options).draws, expected)
    whole = MinibatchSum(MEAN.gradient, n_data=N, batch_size=N)
    np.testing.assert_allclose(sampling.sgld(whole, x0, **options).draws, expected, rtol=1e-9, atol=1e-11)


def test_sghmc_has_its_variances():
    h, friction = 0.05, 8.0
    keep = np.exp(-friction * h)
    step = np.array([[1 - h * h * N, h * keep], [-h * N, keep]])
    kick = np.outer([h, 1.0], [h, 1.0]) * (1 - keep**2 + h * h * NOISE)
    expected = solve_discrete_lyapunov(step, kick)[0, 0]
    x0 = Y.mean() + start(np.sqrt(expected))
    result = sampling.sghmc(MEAN, x0, n_samples=150, n_warmup=60, step_size=h, friction=friction, rng=6)
    assert abs(variance_score(result, Y.mean(), expected)) < 4
    exact = solve_discrete_lyapunov(step, np.outer([h, 1.0], [h, 1.0]) * (1 - keep**2))[0, 0]
    assert variance_score(result, Y.mean(), exact) > 20


def noises(shape, steps, rng):
    """Return the normals of a run: a flat density moves by them alone."""
    flat = lambda x: (np.zeros(len(x)), np.zeros_like(x))  # noqa: E731
    x = sampling.sgld(flat, np.zeros(shape), n_samples=steps, step_size=0.5, rng=rng).draws
    return np.diff(np.concatenate([np.zeros((shape[0], 1, shape[1])), x], axis=1), axis=1)


def test_psgld_is_its_listing():
    a = np.array([0.5, 3.0, 40.0])
    target = sampling.targets.Gaussian(np.zeros(3), a)
    alpha, damping, h = 0.9, 0.05, 0.2
    x0 = np.random.default_rng(7).normal(size=(4, 3))
    result = sampling.psgld(target, x0, n_samples=30, step_size=h, decay=alpha, damping=damping, rng=8)
    z = noises((4, 3), 30, 8)
    x, v = x0, None
    for t in range(30):
        g = -a * x
        v = g**2 if v is None else alpha * v + (1 - alpha) * g**2
        p = 1 / (damping + np.sqrt(v))
        x = x + h * p * g + np.sqrt(2 * h * p) * z[:, t]
        np.testing.assert_allclose(result.draws[:, t], x, rtol=1e-9)


def test_steps_shrink_as_they_say():
    steps = PolynomialDecay(0.3, offset=4.0, power=0.6)
    target = sampling.targets.Gaussian(np.zeros(2), np.array([1.0, 2.0]))
    x0 = np.ones((3, 2))
    result = sampling.sgld(target, x0, n_samples=20, n_warmup=5, step_size=steps, rng=9)
    z, x = noises((3, 2), 25, 9), x0
    for t in range(25):
        h = steps.at(t)
        x = x - h * np.array([1.0, 2.0]) * x + np.sqrt(2 * h) * z[:, t]
        if t >= 5:
            np.testing.assert_allclose(result.draws[:, t - 5], x, rtol=1e-9)


def test_shrinking_steps_lose_the_bias():
    steps = PolynomialDecay(0.01, offset=50.0, power=0.5)
    result = sampling.sgld(MEAN, Y.mean() + start(0.2)[:300], n_samples=3000, step_size=steps, rng=10)
    weights = steps.at(np.arange(3000))
    moments = (weights * (result.draws[:, :, 0] - Y.mean()) ** 2)[:, 1500:].sum(axis=1) / weights[1500:].sum()
    constant = (1 + 0.01 * NOISE / 2) / (N * (1 - 0.01 * N / 2))
    assert 1 / N < moments.mean() < 1 / N + 0.25 * (constant - 1 / N)


def test_subsets_are_new_every_step_and_chain_and_have_no_repetitions():
    seen = []

    def gradient(x, i):
        seen.append(i.copy())
        return np.zeros_like(x)

    data = MinibatchSum(gradient, n_data=N, batch_size=M)
    sampling.sgld(data, np.zeros((40, 2)), n_samples=100, step_size=0.1, rng=11)
    subsets = np.concatenate(seen)
    assert subsets.shape == (4000, M)
    assert (np.diff(np.sort(subsets, axis=1), axis=1) > 0).all()
    assert len(np.unique(np.sort(subsets, axis=1), axis=0)) > 3980
    counts = np.bincount(subsets.ravel(), minlength=N)
    assert np.abs((counts - 400) / np.sqrt(400 * 0.9)).max() < 4.5
    first = [s.copy() for s in seen]
    seen.clear()
    sampling.sgld(data, np.zeros((40, 2)), n_samples=100, step_size=0.1, rng=11, n_threads=1)
    np.testing.assert_array_equal(first, seen)


def test_priors_are_added():
    data = MinibatchSum(MEAN.gradient, n_data=N, batch_size=N, prior_gradient=lambda x: -30.0 * x)
    target = sampling.targets.Gaussian([Y.sum() / (N + 30)], [N + 30.0])
    options = {"n_samples": 10, "step_size": 0.004, "rng": 12}
    expected = sampling.ula(target, start(0.2)[:9], **options).draws
    np.testing.assert_allclose(sampling.sgld(data, start(0.2)[:9], **options).draws, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("sampler", [sampling.sgld, sampling.psgld, sampling.sghmc])
@pytest.mark.parametrize("threads", [2, 5])
def test_threads_do_not_show(sampler, threads):
    target = sampling.targets.Gaussian(np.zeros(700), np.geomspace(0.1, 10, 700))
    x0 = np.random.default_rng(13).normal(size=(5, 700))
    one = sampler(target, x0, n_samples=300, step_size=0.05, rng=14, n_threads=1).draws
    np.testing.assert_array_equal(
        one, sampler(target, x0, n_samples=300, step_size=0.05, rng=14, n_threads=threads).draws
    )


@pytest.mark.parametrize("sampler", [sampling.sgld, sampling.psgld, sampling.sghmc])
def test_estimates_that_are_not_finite_are_divergences(sampler):
    def gradient(x, i):
        return np.where(np.abs(x) > 0.5, np.nan, N * (0.0 - x))

    with pytest.warns(ConvergenceWarning, match="diverged"):
        result = sampler(
            MinibatchSum(gradient, n_data=N, batch_size=M), np.zeros((8, 1)), n_samples=100, step_size=0.2, rng=15
        )
    assert np.isfinite(result.draws).all()
    assert result.divergences.sum() > 0


def test_explosions_stay_finite():
    result = sampling.sgld(
        sampling.targets.Gaussian([0.0], [1.0]), np.ones((2, 1)), n_samples=3000, step_size=1e3, rng=0
    )
    assert np.isfinite(result.draws).all()
    assert result.divergences.sum() > 0


def test_a_gradient_that_raises_keeps_the_draws():
    calls = []

    def failing(x, i):
        calls.append(None)
        if len(calls) > 7:
            raise ZeroDivisionError("seven is enough")
        return np.zeros_like(x)

    with pytest.raises(DensityError, match="seven is enough") as caught:
        sampling.sgld(MinibatchSum(failing, n_data=N, batch_size=M), np.zeros((3, 2)), n_samples=50, step_size=0.1)
    assert caught.value.result.draws.shape == (3, 7, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_size": None}, "step_size"),
        ({"step_size": 0.0}, "step_size"),
        ({"n_warmup": -1}, "n_warmup"),
        ({"x0": np.zeros(1)}, "x0"),
        ({"target": MinibatchSum(lambda x, i: x[:, :1][:, 0], n_data=3, batch_size=1)}, "must return"),
        ({"target": MinibatchSum(lambda x, i: "no", n_data=3, batch_size=1)}, "must return"),
        ({"target": MinibatchSum(lambda x, i: x + 0j, n_data=3, batch_size=1)}, "complex"),
        ({"target": MinibatchSum(lambda x, i: x, n_data=3, batch_size=1, center=[0.0, 1.0])}, "center"),
        ({"target": MinibatchSum(lambda x, i: x, n_data=3, batch_size=1, center=[np.nan])}, "center"),
        ({"target": 3}, "target"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"target": MEAN, "x0": np.zeros((2, 1)), "n_samples": 5, "step_size": 0.1, **change}
    target, x0 = arguments.pop("target"), arguments.pop("x0")
    with pytest.raises(InputError, match=message):
        sampling.sgld(target, x0, **arguments)


def test_bad_settings_are_named():
    x0 = np.zeros((2, 1))
    with pytest.raises(InputError, match="batch_size"):
        MinibatchSum(MEAN.gradient, n_data=3, batch_size=4)
    with pytest.raises(InputError, match="gradient"):
        MinibatchSum(3, n_data=3, batch_size=1)
    with pytest.raises(InputError, match="prior_gradient"):
        MinibatchSum(MEAN.gradient, n_data=3, batch_size=1, prior_gradient=3)
    with pytest.raises(InputError, match="power"):
        PolynomialDecay(0.1, power=0.0)
    with pytest.raises(InputError, match="decay"):
        sampling.psgld(MEAN, x0, n_samples=1, step_size=0.1, decay=1.0)
    with pytest.raises(InputError, match="friction"):
        sampling.sghmc(MEAN, x0, n_samples=1, step_size=0.1, friction=0.0)
    huge = MinibatchSum(MEAN.gradient, n_data=2**60, batch_size=2**59)
    with pytest.raises(MemoryError, match="batch_size"):
        sampling.sgld(huge, x0, n_samples=1, step_size=0.1)


@pytest.mark.parametrize("name", ["sgld", "psgld", "sghmc"])
def test_a_run_goes_on_from_disk_and_pickle_with_its_sum(name, tmp_path):
    y = np.random.default_rng(0).normal(size=(200, 2))
    target = MinibatchSum(lambda x, i: (y[i] - x[:, None]).sum(1), n_data=200, batch_size=5)
    options = {"step_size": 1e-4, "rng": 0, **({"friction": 1.0} if name == "sghmc" else {})}
    straight = getattr(sampling, name)(target, np.zeros((2, 2)), n_samples=30, **options)
    first = getattr(sampling, name)(target, np.zeros((2, 2)), n_samples=20, **options)
    first.save_state(tmp_path / "state.npz")
    rest = (
        first.resume(10),
        first.resume(10, target=target),
        pickle.loads(pickle.dumps(first)).resume(10, target=target),
        sampling.resume(tmp_path / "state.npz", target, 10),
    )
    for end in rest:
        np.testing.assert_array_equal(end.draws[:, -10:], straight.draws[:, 20:])
    with pytest.raises(InputError, match="gradients are estimates"):
        sampling.mala(lambda x: (-0.5 * (x**2).sum(1), -x), np.zeros((2, 2)), n_samples=5, rng=0).resume(
            5, target=target
        )
