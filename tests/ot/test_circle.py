"""Distances on the circle against linear programming, all cuts, POT, closed forms and invariances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from wassail.exceptions import InputError
from wassail.ot import wasserstein_1d, wasserstein_circle

ORDERS = [1.0, 1.5, 2.0, 7.0]


def arcs(x, y, period=1.0):
    apart = np.abs(np.subtract.outer(x, y)) % period
    return np.minimum(apart, period - apart)


def by_linear_program(x, y, a, b, p, period=1.0):
    n, m = a.size, b.size
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    cost = arcs(x, y, period) ** p
    scale = cost.max()
    found = linprog(cost.ravel() / scale, A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    return (scale * found.fun) ** (1.0 / p)


def by_all_rotations(x, y, p):
    """Equal sizes and weights: the optimal plan pairs sorted points up to a rotation."""
    x, y = np.sort(x), np.sort(y)
    distances = arcs(x, y) ** p
    n = x.size
    return min(np.mean(distances[np.arange(n), (np.arange(n) + k) % n]) for k in range(n)) ** (1.0 / p)


def sample(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.random(n).round(2), (0.3 * rng.normal(size=m)).round(2)  # rounding makes ties
    a, b = rng.random(n) * (rng.random(n) < 0.7), rng.random(m)
    a[0] = 0.3
    return x, y, a / a.sum(), b / b.sum()


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("seed", range(12))
def test_linear_program(seed, p):
    n, m = np.random.default_rng((seed, 1)).integers(1, 12, 2)
    x, y, a, b = sample(seed, n, m)
    assert wasserstein_circle(x, y, a, b, p=p) == pytest.approx(by_linear_program(x, y, a, b, p), rel=1e-7, abs=1e-9)
    uniform = by_linear_program(x, y, np.full(n, 1 / n), np.full(m, 1 / m), p)
    assert wasserstein_circle(x, y, p=p) == pytest.approx(uniform, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("p", [*ORDERS, 1.01, 60.0])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 101])
def test_all_rotations(n, p):
    rng = np.random.default_rng((n, 5))
    for x, y in [
        (rng.random(n), rng.random(n)),
        (rng.random(n), 0.1 * rng.random(n)),
        (rng.random(n) ** 4, rng.random(n)),
    ]:
        weights = np.full(n, 1.0 / n)
        expected = by_all_rotations(x, y, p)
        assert wasserstein_circle(x, y, p=p) == pytest.approx(expected, rel=1e-12)
        assert wasserstein_circle(x, y, weights, weights, p=p) == pytest.approx(expected, rel=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_pot(p):
    ot = pytest.importorskip("ot", reason="POT is not installed")
    x, y, a, b = sample(11, 60, 40)
    exact = ot.emd2(a, b, arcs(x, y) ** p) ** (1.0 / p)
    assert wasserstein_circle(x, y, a, b, p=p) == pytest.approx(exact, rel=1e-9)
    theirs = float(ot.wasserstein_circle(x % 1.0, y % 1.0, a, b, p=p)[0])
    assert wasserstein_circle(x, y, a, b, p=p) == pytest.approx(theirs ** (1.0 / p), rel=1e-4)  # it bisects to 1e-6


@pytest.mark.parametrize("p", [*ORDERS, 50.0])
@pytest.mark.parametrize("shift", [0.25, 0.39, 0.75])
def test_rotation(p, shift):
    """Clouds on an arc so short that no mass gains by the other way round: the distance is the angle."""
    rng = np.random.default_rng(0)
    x, a = 0.1 * rng.random(300), rng.random(300)
    order, a = rng.permutation(300), a / a.sum()
    distance = wasserstein_circle(x, (x + shift)[order], a, a[order], p=p)
    assert distance == pytest.approx(min(shift, 1.0 - shift), rel=1e-12)


@pytest.mark.parametrize("p", ORDERS)
def test_equal_measures(p):
    """Cumulated weights that agree up to rounding must not send a sliver of mass around."""
    rng = np.random.default_rng(3)
    x, w = rng.random(2000), rng.random(2000)
    order = rng.permutation(2000)
    moved = (x - 17.0)[order]
    assert wasserstein_circle(x, moved, w / w.sum(), (w / w.sum())[order], p=p) == pytest.approx(0.0, abs=1e-13)
    assert wasserstein_circle(np.repeat(x, 3), np.repeat(x, 7), p=p) == 0.0


@pytest.mark.parametrize("p", ORDERS)
def test_invariances(p):
    x, y, a, b = sample(7, 50, 30)
    distance = wasserstein_circle(x, y, a, b, p=p)
    assert wasserstein_circle(y, x, b, a, p=p) == pytest.approx(distance, rel=1e-12)
    assert wasserstein_circle(-x, -y, a, b, p=p) == pytest.approx(distance, rel=1e-12)
    assert wasserstein_circle(x + 0.3, y + 0.3, a, b, p=p) == pytest.approx(distance, rel=1e-10)
    assert wasserstein_circle(x + 4.0, y - 2.0, a, b, p=p) == pytest.approx(distance, rel=1e-10)
    assert wasserstein_circle(24 * x, 24 * y, a, b, p=p, period=24) == pytest.approx(24 * distance, rel=1e-10)
    assert wasserstein_circle(x, y, 8 * a, 8 * b, p=p) == pytest.approx(8 ** (1 / p) * distance, rel=1e-12)
    assert distance <= wasserstein_1d(x % 1.0, y % 1.0, a, b, p=p) * (1.0 + 1e-12)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
@pytest.mark.parametrize("p", [1.0, 2.0, 30.0, 1e5])
def test_scales(scale, p):
    expected = 0.25 * scale
    x, y = np.array([0.125, 0.375]) * scale, np.array([0.875, 0.625]) * scale
    assert wasserstein_circle(x, y, p=p, period=scale) == pytest.approx(expected, rel=1e-12)


def test_far_positions_and_types():
    assert wasserstein_circle([1e18], [0.25], p=2) == 0.25
    assert wasserstein_circle([-1e-30], [0.0], p=2) <= 1e-16
    assert wasserstein_circle(np.array([1, 2]), np.array([2.25, 3.25], np.float32), p=3) == 0.25
    assert wasserstein_circle([0.0, 9.9], [0.5, 0.1], [1.0, 0.0], [1.0, 0.0], p=2) == 0.5


def test_large():
    """Equal sizes: the squared cost of the lifted pairing is convex in the rotation, found here among 3 · 10^5."""
    rng = np.random.default_rng(1)
    n = 100_000
    x = np.sort(rng.vonmises(0.0, 2.0, n) / (2 * np.pi) % 1.0)
    y = np.sort(rng.vonmises(1.5, 1.0, n) / (2 * np.pi) % 1.0)
    lifted = np.concatenate([y - 1.0, y, y + 1.0])
    low, high = -n, n
    while high > low:
        middle = (low + high) // 2
        here, there = (np.mean((x - lifted[n + k : 2 * n + k]) ** 2) for k in (middle, middle + 1))
        low, high = (low, middle) if here <= there else (middle + 1, high)
    best = math.sqrt(np.mean((x - lifted[n + low : 2 * n + low]) ** 2))
    assert wasserstein_circle(x, y, p=2) == pytest.approx(best, rel=1e-11)
    assert wasserstein_circle(x, y[:-1], p=2) == pytest.approx(best, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], [1.0]), {}, "x is empty"),
        (([1.0], [math.nan]), {}, r"y\[0\]"),
        (([[1.0]], [1.0]), {}, "x must be 1-D"),
        (([1.0, 2.0], [1.0], [1.5, -0.5]), {}, r"a\[1\]"),
        (([1.0], [1.0], [1.0], [1.1]), {}, "a sums to 1 and b to 1.1"),
        (([1.0], [1.0]), {"p": 0.5}, "p must be at least 1"),
        (([1.0], [1.0]), {"p": math.inf}, "p must be finite"),
        (([1.0], [1.0]), {"period": 0.0}, "period must be positive"),
        (([1.0], [1.0]), {"period": math.inf}, "period must be positive"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        wasserstein_circle(*arguments, **options)


POINTS = st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=8)
ORDER = st.sampled_from([1.0, 2.0, 3.5])


@settings(deadline=None)
@given(POINTS, POINTS, POINTS, ORDER)
def test_metric(x, y, z, p):
    distance = wasserstein_circle(x, y, p=p)
    assert 0.0 <= distance <= 0.5 + 1e-12
    assert distance == pytest.approx(wasserstein_circle(x + x, y, p=p), rel=1e-9, abs=1e-9)
    bound = wasserstein_circle(x, z, p=p) + wasserstein_circle(z, y, p=p)
    assert distance <= bound * (1.0 + 1e-9) + 1e-9
