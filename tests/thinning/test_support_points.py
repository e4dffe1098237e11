"""Support points."""

import numpy as np
import pytest

from wassail import thinning
from wassail.exceptions import ConvergenceWarning, InputError


def energy(z, x, w=None):
    """2 E|z − Y| − E|z − z'|."""
    w = np.full(len(x), 1.0 / len(x)) if w is None else w
    cross = np.linalg.norm(z[:, None] - x[None], axis=2) @ w
    return 2.0 * cross.mean() - np.linalg.norm(z[:, None] - z[None], axis=2).mean()


def fixed_point(z, x, w):
    """Mak and Joseph (2018), eq. (22), for weighted data."""
    between = np.linalg.norm(z[:, None] - x[None], axis=2)
    own = np.linalg.norm(z[:, None] - z[None], axis=2) + np.eye(len(z))
    push = ((z[:, None] - z[None]) / own[:, :, None]).mean(axis=1)
    return (push + (w / between) @ x) / (w / between).sum(axis=1)[:, None]


@pytest.mark.parametrize(("n", "d", "size"), [(40, 1, 3), (300, 2, 10), (65, 5, 33), (50, 1000, 4), (5, 2, 9)])
def test_reference(n, d, size):
    rng = np.random.default_rng(n)
    x, z, w = rng.normal(size=(n, d)), rng.normal(size=(size, d)), rng.random(n)
    w /= w.sum()
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        found = thinning.support_points(x, w, size=size, init=z, max_iter=3, tol=0.0)
    expected = [energy(z, x, w)]
    for _ in range(3):
        z = fixed_point(z, x, w)
        expected.append(energy(z, x, w))
    assert found.points == pytest.approx(z, rel=1e-9, abs=1e-9)
    assert found.energy == pytest.approx(expected, rel=1e-10)
    assert found.n_iter == 3
    assert not found.converged


@pytest.mark.parametrize("size", [1, 2, 5])
def test_quantiles_on_a_line(size):
    """In one dimension the energy distance is twice the L2 distance of the distribution functions."""
    x = (np.arange(4000) + 0.5) / 4000
    found = thinning.support_points(x, size=size, tol=1e-9, rng=0)
    assert found.converged
    assert np.sort(found.points[:, 0]) == pytest.approx((np.arange(size) + 0.5) / size, abs=2.0 / 4000)


def test_symmetric_pair():
    """Two points for a ring lie opposite each other."""
    angle = 2.0 * np.pi * np.arange(500) / 500
    ring = np.column_stack((np.cos(angle), np.sin(angle)))
    z = thinning.support_points(ring, size=2, tol=1e-10, max_iter=20_000, rng=1).points
    assert z[0] == pytest.approx(-z[1], abs=1e-6)


def test_energy_never_rises_and_beats_draws():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 3))
    found = thinning.support_points(x, size=30, tol=1e-3, rng=0)
    assert found.converged
    assert (np.diff(found.energy) <= 1e-14).all()
    assert found.energy[-1] == pytest.approx(energy(found.points, x), rel=1e-12)
    constant = np.linalg.norm(x[:500, None] - x[None, :500], axis=2).mean()
    drawn = [energy(x[rng.choice(3000, 30)], x) - constant for _ in range(20)]
    assert found.energy[-1] - constant < 0.8 * min(drawn)


def test_threads_and_precision():
    x = np.random.default_rng(1).normal(size=(5000, 4)).astype(np.float32)
    options = {"size": 40, "tol": 5e-3, "rng": 0}
    points = [thinning.support_points(x, n_threads=n, **options).points for n in (1, 2, 3)]
    assert np.array_equal(points[0], points[1])
    assert np.array_equal(points[0], points[2])
    wide = thinning.support_points(x.astype(np.float64), **options).points
    assert np.array_equal(points[0], wide)


def test_scales_and_degenerate_points():
    x = np.random.default_rng(2).normal(size=(200, 2))
    unit = thinning.support_points(x, size=6, rng=0).points
    for scale in (1e150, 1e-150):
        assert thinning.support_points(scale * x, size=6, rng=0).points / scale == pytest.approx(unit, rel=1e-6)
    shifted = thinning.support_points(x + 1e6, size=6, rng=0).points
    assert shifted - 1e6 == pytest.approx(unit, abs=1e-5)
    same = thinning.support_points(np.full((20, 3), 7.0), size=4, rng=0)
    assert np.array_equal(same.points, np.full((4, 3), 7.0))
    assert same.converged
    flat = thinning.support_points(np.column_stack((x, np.full(200, 3.0))), size=6, rng=0)
    assert np.array_equal(flat.points[:, 2], np.full(6, 3.0))
    more = thinning.support_points([0.0, 1.0], size=6, rng=0, tol=1e-2)
    assert np.isfinite(more.points).all()
    twice = np.repeat(x, 2, axis=0)
    start = x[:6] + 0.1
    assert thinning.support_points(twice, size=6, init=start).points == pytest.approx(
        thinning.support_points(x, size=6, init=start).points, rel=1e-9
    )


def test_start_on_the_data():
    """A point that starts on another one, or on a data point, gives no NaN."""
    x = np.random.default_rng(3).normal(size=(50, 2))
    with pytest.warns(ConvergenceWarning):
        found = thinning.support_points(x, size=3, init=x[[0, 0, 1]], max_iter=20, tol=1e-12)
    assert np.isfinite(found.points).all()
    assert np.isfinite(found.energy).all()


BAD = [
    ({"x": [np.inf, 0.0]}, r"x\[0\] is inf"),
    ({"size": 0}, "size must be at least 1"),
    ({"init": [[0.0, 0.0]]}, "init must have shape"),
    ({"init": [np.nan, 0.0]}, r"init\[0\] is nan"),
    ({"weights": [1.0]}, "weights has 1 entries"),
    ({"tol": -1.0}, "tol must be finite"),
    ({"tol": np.nan}, "tol must be finite"),
    ({"max_iter": -1}, "max_iter must be at least 0"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {"x": [0.0, 1.0, 2.0], "size": 2} | change
    with pytest.raises(InputError, match=message):
        thinning.support_points(arguments.pop("x"), **arguments)


@pytest.mark.parametrize("scale", [1e200, 1e-170])
def test_scales_whose_squares_leave_the_range_are_refused(scale):
    x = scale * np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(InputError, match="rescale"):
        thinning.support_points(x, size=3, rng=0)
