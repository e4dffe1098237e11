"""The one-liner: linear programs, the line, closed forms, scales, and bad input."""

import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, linprog
from scipy.spatial.distance import cdist

from wassail import ot
from wassail.exceptions import InputError

ORDERS = [1.0, 1.5, 2.0, 4.0]


def by_linear_program(x, y, a, b, p):
    n, m = len(x), len(y)
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog((cdist(x, y) ** p).ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    return found.fun ** (1.0 / p)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("d", [2, 3, 20])
def test_linear_program(d, p):
    rng = np.random.default_rng(d)
    x, y, a, b = (
        rng.normal(size=(9, d)),
        rng.normal(size=(12, d)),
        rng.dirichlet(np.ones(9)),
        rng.dirichlet(np.ones(12)),
    )
    expected = by_linear_program(x, y, a, b, p)
    assert ot.wasserstein_distance(x, y, p=p, a=a, b=b) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("p", ORDERS)
def test_assignment(p):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(150, 2)), rng.normal(size=(150, 2)) + 1.0
    distances = cdist(x, y)
    rows, columns = linear_sum_assignment(distances**p)
    expected = np.mean(distances[rows, columns] ** p) ** (1.0 / p)
    assert ot.wasserstein_distance(x, y, p=p) == pytest.approx(expected, rel=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("p", [1.0, 2.0])
def test_pot(p):
    pot = pytest.importorskip("ot", reason="POT is not installed")
    rng = np.random.default_rng(1)
    x, y, a, b = (
        rng.normal(size=(60, 3)),
        rng.normal(size=(40, 3)),
        rng.dirichlet(np.ones(60)),
        rng.dirichlet(np.ones(40)),
    )
    expected = pot.emd2(a, b, cdist(x, y) ** p) ** (1.0 / p)
    assert ot.wasserstein_distance(x, y, p=p, a=a, b=b) == pytest.approx(expected, rel=1e-9)


def test_the_line():
    rng = np.random.default_rng(2)
    x, y, a = rng.normal(size=30), rng.normal(size=20), rng.dirichlet(np.ones(30))
    for p in (1.0, 2.0, math.inf):
        expected = ot.wasserstein_1d(x, y, a, p=p)
        assert ot.wasserstein_distance(x, y, p=p, a=a) == expected
        assert ot.wasserstein_distance(x[:, None], y[:, None], p=p, a=a) == expected


@pytest.mark.parametrize("p", [1.0, 2.0, 10.0])
@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150, 1e307])
def test_translations_at_every_scale(scale, p):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 3)) * scale
    shift = np.array([3.0, 0.0, -4.0]) * scale
    value = ot.wasserstein_distance(x, (x + shift)[::-1], p=p)
    assert value == pytest.approx(5.0 * scale, rel=1e-12)


def test_small_distances_far_out():
    rng = np.random.default_rng(4)
    for d in (2, 30):
        x = rng.normal(size=(50, d)) + 1e3
        assert ot.wasserstein_distance(x, x[::-1]) == 0.0
    x = rng.normal(size=(50, 2)) + 1e3
    assert ot.wasserstein_distance(x, np.add(x, [2.0**-12, 0.0])[::-1]) == pytest.approx(2.0**-12, rel=1e-9)


def test_mass_zeros_and_single_points():
    x, y = np.array([[0.0, 0.0], [9.0, 9.0]]), np.array([[3.0, 4.0], [7.0, 7.0]])
    assert ot.wasserstein_distance(x, y, a=[1.0, 0.0], b=[1.0, 0.0]) == pytest.approx(5.0, rel=1e-15)
    assert ot.wasserstein_distance(x[:1], y[:1], a=[16.0], b=[16.0]) == pytest.approx(20.0, rel=1e-15)
    assert ot.wasserstein_distance([[1.0, 1.0]], [[1.0, 1.0]], p=3) == 0.0


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1.0, 2.0]], [1.0]), {}, "x has shape"),
        (([[1.0, 2.0]], [[1.0, 2.0, 3.0]]), {}, "differ in dimension"),
        (([[1.0, math.nan]], [[1.0, 2.0]]), {}, r"x\[0, 1\]"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), {"p": 0.0}, "p must be at least 1"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), {"p": math.inf}, "p must be finite"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), {"a": [2.0]}, "a sums to 2 and b to 1"),
        (([[1.0, 2.0]], [[1.0, 2.0]]), {"n_threads": 0}, "n_threads"),
        ((np.zeros((0, 2)), [[1.0, 2.0]]), {}, "x is empty"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        ot.wasserstein_distance(*arguments, **options)


@pytest.mark.parametrize("p", [17.0, 64.0, 300.0, 3000.0, 1e6, 1e12, 1e300])
def test_high_order(p):
    """W_p of 60 units of mass lies between 60^(-1/p) W_inf and W_inf, which is found by matchings."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(15, 3)) + 1.0
    costs = np.kron(cdist(x, y), np.ones((3, 4)))
    for longest in np.unique(costs):
        rows, columns = linear_sum_assignment(costs > longest)
        if not (costs > longest)[rows, columns].any():
            break
    found = ot.wasserstein_distance(x, y, p=p)
    assert longest * 60.0 ** (-1.0 / p) * (1.0 - 1e-12) <= found <= longest * (1.0 + 1e-12)
    assert ot.wasserstein_distance(x, y, p=0.75 * p) <= found * (1.0 + 1e-9)


def test_high_order_sees_all_ways():
    """Of order 400 the sum is led by the longest way that is needed; the next ones decide between plans."""
    x = np.array([[0.0, 0.0], [5.0, 0.0], [9.0, 1.0]])
    y = np.array([[0.0, 1.0], [5.0, 0.5], [9.0, -1.0]])
    expected = 2.0 * 3.0 ** (-1.0 / 400)
    assert ot.wasserstein_distance(x, y, p=400) == pytest.approx(expected, rel=1e-12)
    weights = np.array([1.0, 1.0, 0.0])
    expected = (0.5 * (1.0 + 0.5**400)) ** (1 / 400) * 2.0 ** (1 / 400)
    assert ot.wasserstein_distance(x, y, p=400, a=weights, b=weights) == pytest.approx(expected, rel=1e-12)


def test_weights_by_position():
    """As in the other distances."""
    x, y, a, b = [[0.0, 0.0], [3.0, 0.0]], [[0.0, 4.0], [9.0, 9.0]], [1.0, 0.0], [1.0, 0.0]
    assert ot.wasserstein_distance(x, y, a, b) == ot.wasserstein_distance(x, y, a=a, b=b) == pytest.approx(4.0)
