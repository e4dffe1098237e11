"""The front door chooses, says so, and its choice can be repeated by name."""

import ctypes
import warnings

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import DensityError, InputError, PerformanceWarning
from wassail.sampling import Directions, Preconditioner

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")


def correlated(d):
    basis = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))[0]
    precision = (basis * np.geomspace(0.01, 100.0, d)) @ basis.T
    return sampling.targets.Gaussian(np.zeros(d), 0.5 * (precision + precision.T)), np.linalg.inv(precision)


@pytest.mark.parametrize(("d", "name"), [(1, "HMC"), (5, "HMC"), (30, "MAMS")])
def test_what_is_chosen_samples_a_correlated_gaussian(d, name):
    target, covariance = correlated(d)
    x0 = np.random.default_rng(2).normal(size=(4, d))
    result = sampling.sample(target, x0, rng=3)
    assert result.algorithm == name
    assert name in result.reason
    assert str(d) in result.reason
    bulk, _ = result.ess()
    assert bulk.min() > 800
    assert result.rhat().max() < 1.02
    ratio = (result.draws**2).mean(axis=(0, 1)) / np.diag(covariance)
    assert np.abs(ratio - 1).max() < 6 * np.sqrt(2 / bulk.min())


def test_the_choice_can_be_repeated_by_name():
    target, _ = correlated(12)
    x0 = np.random.default_rng(4).normal(size=(3, 12))
    chosen = sampling.sample(target, x0, n_samples=50, rng=5)
    named = sampling.mams(target, x0, n_samples=50, n_warmup=500, precondition=Preconditioner.LOW_RANK, rng=5)
    np.testing.assert_array_equal(chosen.draws, named.draws)
    assert named.reason == ""
    again = sampling.sample(target, x0, n_samples=50, rng=5, n_threads=3)
    np.testing.assert_array_equal(chosen.draws, again.draws)


def test_high_dimensions_get_a_diagonal():
    d = 200
    target = sampling.targets.Gaussian(np.zeros(d), np.geomspace(0.01, 100, d))
    result = sampling.sample(target, np.random.default_rng(6).normal(size=(2, d)), n_samples=200, rng=7)
    assert result.n_directions == 0
    assert "diagonal" in result.reason
    assert np.abs(np.log(result.scale**2 * np.geomspace(0.01, 100, d))).max() < 1.0


def test_bad_arguments_are_named():
    target, _ = correlated(3)
    with pytest.raises(InputError, match="n_samples"):
        sampling.sample(target, np.zeros((1, 3)), n_samples=-1)
    for density, points in ((target, np.zeros((1, 3))), (values, np.zeros((2, 3))), (values, np.eye(9, 3))):
        with pytest.raises(InputError, match="n_warmup must be at least 1, got 0: sample adapts"):
            sampling.sample(density, points, n_warmup=0)
    with pytest.raises(InputError, match="n_warmup must be at least 0"):
        sampling.sample(target, np.zeros((1, 3)), n_warmup=-1)
    with pytest.raises(InputError, match="x0"):
        sampling.sample(target, np.zeros(3))


def values(points):
    """A correlated Gaussian without its gradient."""
    x, y, z = points.T
    return -0.5 * (x**2 + (y - x) ** 2 + 4.0 * z**2)


COVARIANCE = np.array([[1.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.25]])


def one_value(point):
    """The same for one point."""
    return float(values(point[None, :])[0])


@pytest.mark.parametrize("target", [values, one_value, lambda x: (values(x), None), lambda x: list(values(x))])
@pytest.mark.parametrize(
    ("chains", "along"), [(3, "coordinate"), (4, "coordinate"), (6, "differences"), (20, "differences")]
)
def test_a_density_without_a_gradient_is_sampled_too(target, chains, along):
    x0 = np.random.default_rng(8).normal(size=(chains, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if target is one_value else "error", PerformanceWarning)
        result = sampling.sample(target, x0, n_samples=60, n_warmup=30, thin=2, rng=9)
    assert result.algorithm == "slice"
    assert "no gradient" in result.reason
    assert along in result.reason
    assert f"{chains} chains in 3 dimensions" in result.reason
    options = {"n_samples": 60, "n_warmup": 30, "thin": 2, "rng": 9}
    if along == "differences":
        options |= {"n_warmup": 3 * 30, "thin": 3 * 2}
    named = sampling.slice_sample(
        values, x0, directions=Directions.COORDINATES if chains < 6 else Directions.DIFFERENCES, **options
    )
    np.testing.assert_array_equal(result.draws, named.draws)
    assert (result.n_warmup, result.thin) == (named.n_warmup, named.thin)


@pytest.mark.parametrize("chains", [4, 24])
def test_moments_without_a_gradient(chains):
    x0 = np.random.default_rng(10).normal(size=(chains, 3))
    result = sampling.sample(values, x0, n_samples=4000, rng=11)
    terms = np.concatenate([result.draws, result.draws**2, result.draws[:, :, :1] * result.draws[:, :, 1:2]], axis=2)
    expected = np.concatenate([np.zeros(3), np.diag(COVARIANCE), [1.0]])
    # Chains of an ensemble are not independent: blocks of time are, nearly.
    blocks = terms.mean(axis=0).reshape(20, 200, 7).mean(axis=1)
    scores = (blocks.mean(axis=0) - expected) / (blocks.std(axis=0, ddof=1) / np.sqrt(20))
    assert np.abs(scores).max() < 4.5


def test_starting_points_in_a_plane_are_sampled_by_slices():
    result = sampling.sample(values, np.zeros((12, 3)), n_samples=10, rng=12)
    assert result.algorithm == "slice"
    assert "plane" in result.reason
    assert np.ptp(result.draws, axis=(0, 1)).min() > 0


def test_a_function_of_one_point_is_told_apart_where_shapes_do_not():
    """Three chains in three dimensions: sums over the first axis have the same shape as those over the second."""

    def one(x):
        return -0.5 * (x[0] ** 2 + (x[1] - x[0]) ** 2 + 4.0 * x[2] ** 2)

    x0 = np.random.default_rng(13).normal(size=(3, 3))
    with pytest.warns(PerformanceWarning, match="one point at a time"):
        result = sampling.sample(one, x0, n_samples=20, rng=14)
    np.testing.assert_allclose(result.draws, sampling.sample(values, x0, n_samples=20, rng=14).draws, rtol=1e-8)


def test_gradients_that_are_there_are_used():
    def one(point):
        return -0.5 * point @ point, -point

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, *[ctypes.POINTER(ctypes.c_double)] * 3, ctypes.c_void_p)
    def pointer(d, x, grad, logp, user):
        logp[0] = -0.5 * sum(x[k] ** 2 for k in range(d))
        for k in range(d):
            grad[k] = -x[k]
        return 0

    x0 = np.random.default_rng(15).normal(size=(4, 3))
    with pytest.warns(PerformanceWarning):
        assert sampling.sample(one, x0, n_samples=5, n_warmup=20, rng=16).algorithm == "HMC"
    assert sampling.sample(pointer, x0, n_samples=5, n_warmup=20, rng=16).algorithm == "HMC"


def test_runs_without_a_gradient_are_taken_up_again(tmp_path):
    for chains in (4, 8):
        x0 = np.random.default_rng(17).normal(size=(chains, 3))
        whole = sampling.sample(values, x0, n_samples=50, n_warmup=40, rng=18)
        part = sampling.sample(values, x0, n_samples=20, n_warmup=40, rng=18)
        part.save_state(tmp_path / "state.npz")
        np.testing.assert_array_equal(part.resume(30).draws, whole.draws)
        np.testing.assert_array_equal(sampling.resume(tmp_path / "state.npz", values, 30).draws, whole.draws[:, 20:])


def test_without_a_gradient_bad_arguments_are_named():
    x0 = np.random.default_rng(19).normal(size=(4, 3))
    with pytest.raises(InputError, match="store_gradients"):
        sampling.sample(values, x0, store_gradients=True)
    with pytest.raises(InputError, match=r"not finite at x0\[0\]"):
        sampling.sample(lambda x: np.full(len(x), -np.inf), x0)
    with pytest.raises(InputError, match="target"):
        sampling.sample(lambda x: "no", x0)
    with pytest.raises(InputError, match="complex"):
        sampling.sample(lambda x: values(x) + 0j, x0)
    with pytest.raises(InputError, match="thin"):
        sampling.sample(values, x0, thin=0)


def test_a_target_that_raises_at_the_start_is_told_as_usual():
    def broken(points):
        raise ZeroDivisionError("broken")

    with pytest.raises(DensityError, match="broken"):
        sampling.sample(broken, np.zeros((4, 3)))


@pytest.mark.parametrize("chains", [1, 2, 6])
@pytest.mark.parametrize(("index", "turn"), [(r"\[:, 0\]", lambda v: v), (r"\[0\]", lambda v: v.T)])
def test_values_in_a_column_are_told_apart(chains, index, turn):
    x0 = np.random.default_rng(0).normal(size=(chains, 2))
    if chains == 1 and index == r"\[0\]":
        index = r"\[:, 0\]"  # the same shape

    def values(points):
        return turn(-0.5 * (points**2).sum(axis=1, keepdims=True))

    match = rf"{chains} numbers in shape .* instead of \({chains},\): return logp{index}"
    for target in (values, lambda points: (values(points), -points)):
        with pytest.raises(InputError, match=match):
            sampling.sample(target, x0, n_samples=5)
    with pytest.raises(InputError, match=match):
        sampling.slice_sample(values, x0, n_samples=5)
    with pytest.raises(InputError, match="returned ndarray of shape"):
        sampling.mala(values, x0, n_samples=5)
