"""The gradient checker: right ones pass at any scale, wrong ones are found and shown."""

import pickle

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import InputError

X = np.random.default_rng(0).normal(size=(3, 6))


def quartic(points):
    return -0.25 * (points**4).sum(axis=1), -(points**3)


def test_right_gradients_pass():
    for target in (quartic, sampling.targets.Funnel(6), sampling.targets.Phi4((2, 3), -4.0, 4.0)):
        found = sampling.check_gradient(target, X)
        assert found.passed
        assert found.error.max() < 1e-7
        assert "agrees" in str(found)
        assert found.point.tolist() == np.repeat(np.arange(3), 6).tolist()


@pytest.mark.parametrize("size", [1e-6, 1e-3, 3e-5])
def test_small_errors_are_found(size):
    def wrong(points):
        logp, grad = quartic(points)
        grad[:, 4] *= 1.0 + size
        return logp, grad

    found = sampling.check_gradient(wrong, X, rtol=size / 5)
    assert np.unique(found.coordinate[found.wrong]).tolist() == [4]
    lines = str(found).splitlines()
    assert "WRONG" in lines[0]
    assert "<- wrong" in lines[2]
    assert lines[2].split()[1] == "4"


@pytest.mark.parametrize("doubles", [True, False])
@pytest.mark.parametrize("center", [0.0, 1000.0])
@pytest.mark.parametrize("size", [0.01, 1.0, 100.0])
def test_densities_of_single_precision_are_judged_by_it(size, center, doubles):
    def target(points, wrong=1.0):
        off = np.asarray(points, dtype=np.float32) - np.float32(center)
        logp, grad = -np.float32(0.25) * (off**4).sum(axis=1), -(off**3)
        grad[:, 4] *= np.float32(wrong)
        return (logp.astype(float), grad.astype(float)) if doubles else (logp, grad)

    points = center + size * (1.0 + np.abs(X))
    found = sampling.check_gradient(target, points)
    assert found.passed
    assert found.rtol == 1e-4
    found = sampling.check_gradient(lambda x: target(x, 1.3), points, scale=size)
    assert np.unique(found.coordinate[found.wrong]).tolist() == [4]


def test_values_that_happen_to_be_short_are_no_single_precision():
    # Of few digits at the points themselves only.
    found = sampling.check_gradient(lambda x: (-0.5 * (x**2).sum(axis=1), -x * 1.00001), [[1.0, 2.0], [0.5, 4.0]])
    assert not found.passed
    assert found.rtol == 1e-6


def test_dimensions_are_those_of_x():
    with pytest.raises(InputError, match="x has 4 coordinates, the target has 6"):
        sampling.check_gradient(sampling.targets.Funnel(6), np.zeros(4))


@pytest.mark.parametrize("scale", [1e-100, 1e-8, 1e8, 1e100])
def test_scales(scale):
    target = sampling.targets.Gaussian(np.full(6, 3 * scale), np.full(6, scale**-2))
    assert sampling.check_gradient(target, scale * X, scale=scale).passed


def test_walls_and_failures_are_kept_out():
    half = sampling.targets.Truncated(quartic, 0.0, np.full(6, np.inf))
    assert sampling.check_gradient(half, np.abs(X) + 1e-3).passed

    def failing(points):
        logp, grad = quartic(points)
        return np.where(np.all(points == X[0], axis=1), logp, np.nan), grad

    found = sampling.check_gradient(failing, X[0])
    assert not found.passed
    assert np.isnan(found.numeric).all()
    assert "nan" in str(found)


@pytest.mark.parametrize("distance", [0.0, 1e-300, 1e-12, 1e-8, 1e-7, 1e-6])
@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("right", [True, False])
def test_points_beside_an_edge_are_moved_inward(distance, side, right):
    def target(points):
        outside = (side * points < 0.0).any(axis=1)
        return np.where(outside, -np.inf, -(points**2).sum(axis=1) - side * points[:, 0]), -2.0 * points - [
            side * (1.0 if right else 1.1),
            0.0,
        ]

    found = sampling.check_gradient(target, [[side * distance, side], [side, side]])
    assert found.passed is right
    assert set(found.coordinate[found.wrong]) == (set() if right else {0})
    assert found.edge.any() == (distance < 1e-6)
    assert not found.untold.size
    assert ("too near to the edge" in str(found)) == bool(found.edge.any())


def test_a_support_that_is_too_thin_is_said_to_be():
    def target(points):
        return np.where(np.abs(points[:, 0]) > 1e-9, -np.inf, -points[:, 1]), np.tile([0.0, -1.0], (len(points), 1))

    found = sampling.check_gradient(target, [[1e-9, 2.0]])
    assert found.passed is False  # there is no support on either side as far as steps go


def test_many_coordinates_are_sampled():
    d = 1000
    target = sampling.targets.Gaussian(np.zeros(d), np.ones(d))
    found = sampling.check_gradient(target, np.ones(d), max_coordinates=7)
    assert found.coordinate.size == 7
    np.testing.assert_array_equal(
        found.coordinate, sampling.check_gradient(target, np.ones(d), max_coordinates=7).coordinate
    )
    again = pickle.loads(pickle.dumps(found))
    assert "0 of 7 derivatives off by more than 1e-06 of their size plus 10 times the uncertainty (+-)" in str(again)
    assert repr(again) == "GradientCheck(0 of 7 derivatives wrong)"


def test_a_scalar_function_can_be_checked():
    def scalar(x):
        return -0.5 * float(x @ x), -x

    with pytest.warns(UserWarning, match="one point"):
        assert sampling.check_gradient(scalar, X).passed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": np.full(6, np.nan)}, r"x\[0\]"),
        ({"x": np.zeros(5)}, "5 coordinates"),
        ({"rtol": 0.0}, "rtol"),
        ({"max_coordinates": 0}, "max_coordinates"),
        ({"scale": -1.0}, "scale"),
        ({"scale": [1.0, 2.0]}, "scale"),
        ({"target": sampling.targets.Truncated(quartic, 5.0, np.full(6, 9.0)), "x": X}, r"x\[0\]"),
    ],
)
def test_bad_input_is_named(options, message):
    arguments = {"target": sampling.targets.Gaussian(np.zeros(6), np.ones(6)), "x": X, **options}
    with pytest.raises(InputError, match=message):
        sampling.check_gradient(arguments.pop("target"), arguments.pop("x"), **arguments)


def flipped(points):
    logp, grad = quartic(points)
    return logp - 0.5 * (points**2).sum(axis=1), -(grad - points)


def test_signs_are_told_beside_a_mode():
    found = sampling.check_gradient(flipped, np.zeros(6))
    assert not found.passed
    assert found.unclear[found.moved == 0.0].all()
    assert found.wrong[found.moved > 0.0].all()
    assert np.unique(found.moved).tolist() == [0.0, 0.1, 1.0]
    assert not found.untold.size
    assert "moved by" in str(found)
    right = sampling.check_gradient(lambda x: (flipped(x)[0], -flipped(x)[1]), np.zeros((2, 6)))
    assert right.passed
    assert np.unique(right.point).tolist() == [0, 1]
    # Elsewhere nothing is moved.
    assert not sampling.check_gradient(quartic, X).moved.any()


def test_what_nobody_can_tell_is_said():
    flat = sampling.check_gradient(lambda x: (np.zeros(len(x)), np.zeros_like(x)), np.zeros(3))
    assert flat.passed
    assert flat.untold.tolist() == [0, 1, 2]
    assert "cannot tell" in str(flat)

    def narrow(points):
        inside = (np.abs(points) < 0.05).all(axis=1)
        return np.where(inside, -(points**2).sum(axis=1), -np.inf), 2.0 * points

    lost = sampling.check_gradient(narrow, np.zeros(3))
    assert lost.untold.size == 3
    assert "cannot tell" in str(lost)
    assert not sampling.check_gradient(narrow, np.zeros(3), scale=0.04).passed
