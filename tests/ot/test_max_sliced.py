"""The ascent over directions against closed forms, a scan of all directions of the plane, POT and invariances."""

import math
import pickle

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import ConvergenceWarning, InputError


def clouds(seed, n, m, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)) * np.linspace(1.0, 2.0, d) + 0.3 * rng.normal(size=d)


def scan(x, y, p, count=20_000):
    """The largest distance over a fine net of the half circle."""
    angles = np.linspace(0.0, np.pi, count, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return ot.sliced_wasserstein(x, y, p=p, projections=directions).distances.max()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_scan_of_the_plane(seed, p):
    x, y = clouds(seed, 60, 50, 2)
    result = ot.max_sliced_wasserstein(x, y, p=p, rng=seed)
    best = scan(x, y, p)
    assert result.converged
    assert result.value == pytest.approx(best, rel=2e-3)
    steepest = np.abs(x).max() + np.abs(y).max()
    assert result.value <= best + steepest * np.pi / 20_000  # the net may miss it by its own width


@pytest.mark.parametrize("d", [1, 2, 5, 40])
def test_translation(d):
    rng = np.random.default_rng(d)
    x, shift = rng.normal(size=(300, d)), rng.normal(size=d)
    result = ot.max_sliced_wasserstein(x, x + shift, rng=0)
    assert result.value == pytest.approx(np.linalg.norm(shift), rel=1e-6)
    assert abs(result.direction @ shift) == pytest.approx(np.linalg.norm(shift), rel=1e-6)


def test_stretched_axis():
    """Centered clouds that differ by a stretch along one axis: the difference of the means says nothing."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 6))
    x = np.concatenate([x, -x])
    axis = rng.normal(size=6)
    axis /= np.linalg.norm(axis)
    y = x + 2.0 * np.outer(x @ axis, axis)
    result = ot.max_sliced_wasserstein(x, y, p=2, rng=1)
    along = math.sqrt(np.mean((2.0 * (x @ axis)) ** 2))
    assert result.value >= along * (1.0 - 1e-9)
    assert abs(result.direction @ axis) > 0.99


def test_it_is_a_lower_bound_and_above_the_mean():
    x, y = clouds(5, 100, 80, 4)
    result = ot.max_sliced_wasserstein(x, y, rng=0)
    assert result.value == result.values.max()
    alone = ot.sliced_wasserstein(x, y, projections=[result.direction]).value
    assert result.value == pytest.approx(alone, rel=1e-14)
    assert result.value >= ot.sliced_wasserstein(x, y, n_projections=5000, rng=1).distances.max() * (1.0 - 1e-9)
    assert result.direction[np.argmax(np.abs(result.direction))] > 0.0


@pytest.mark.peers
def test_pot():
    pot = pytest.importorskip("ot", reason="POT is not installed")
    x, y = clouds(6, 100, 80, 3)
    theirs = pot.max_sliced_wasserstein_distance(x, y, n_projections=2000, p=2, seed=0)
    assert ot.max_sliced_wasserstein(x, y, rng=0).value >= float(theirs) * (1.0 - 1e-9)


def test_gradient():
    """At the maximum the direction is held fixed."""
    x, y = clouds(7, 40, 40, 3)
    result = ot.max_sliced_wasserstein(x, y, rng=0)
    alone = ot.sliced_wasserstein(x, y, projections=[result.direction]).gradient()
    assert result.gradient().x == pytest.approx(alone.x, rel=1e-12, abs=1e-15)
    assert result.gradient().b == pytest.approx(alone.b, rel=1e-9, abs=1e-12)
    # It is homogeneous of degree one in all points together.
    assert (result.gradient().x * x).sum() + (result.gradient().y * y).sum() == pytest.approx(result.value, rel=1e-12)


def test_status():
    x, y = clouds(8, 200, 200, 5)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        result = ot.max_sliced_wasserstein(x, y, max_iter=2, rng=0)
    assert not result.converged
    assert result.n_iter == 2
    assert "reached max_iter" in repr(result)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.value == result.value
    assert np.array_equal(copy.direction, result.direction)


def test_equal_clouds_single_points_and_scales():
    x, _ = clouds(9, 30, 30, 3)
    same = ot.max_sliced_wasserstein(x, x[::-1], rng=0)
    assert same.value == 0.0
    assert same.converged
    assert ot.max_sliced_wasserstein([[1.0, 2.0]], [[4.0, 6.0]], p=3, rng=0).value == pytest.approx(5.0, rel=1e-8)
    assert ot.max_sliced_wasserstein([[1.0]], [[4.0]], rng=0).value == 3.0
    for scale in (1e-200, 1e200):
        value = ot.max_sliced_wasserstein([[scale, 0.0]], [[0.0, scale]], rng=0).value
        assert value == pytest.approx(math.sqrt(2.0) * scale, rel=1e-8)


def test_weights():
    x, y = clouds(10, 50, 40, 3)
    rng = np.random.default_rng(0)
    counts_a, counts_b = rng.integers(0, 3, 50), rng.integers(1, 3, 40)
    weighted = ot.max_sliced_wasserstein(x, y, counts_a / counts_a.sum(), counts_b / counts_b.sum(), rng=0)
    repeated = ot.max_sliced_wasserstein(np.repeat(x, counts_a, axis=0), np.repeat(y, counts_b, axis=0), rng=0)
    assert weighted.value == pytest.approx(repeated.value, rel=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_starts": 0}, "n_starts must be at least 1"),
        ({"max_iter": -1}, "max_iter must be at least 0"),
        ({"tol": 0.0}, "tol must be positive"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        ot.max_sliced_wasserstein(np.zeros((2, 2)), np.ones((2, 2)), **options)
