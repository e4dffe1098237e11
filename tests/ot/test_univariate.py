"""Distances on the line against SciPy, linear programming, exact cases and invariances."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import norm, wasserstein_distance

from wassail import ot
from wassail.exceptions import InputError
from wassail.ot import _line, wasserstein_1d

ORDERS = [1.0, 1.5, 2.0, 7.0]


def sample(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n).round(1), rng.normal(0.5, 2.0, size=m).round(1)  # rounding makes ties
    a, b = rng.random(n) * (rng.random(n) < 0.7), rng.random(m)
    a[0] = 0.3
    return x, y, a / a.sum(), b / b.sum()


def by_linear_program(x, y, a, b, p):
    n, m = a.size, b.size
    cost = np.abs(x[:, None] - y) ** p
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    return linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b])).fun ** (1.0 / p)


@pytest.mark.parametrize("seed", range(20))
def test_order_one_is_scipy(seed):
    n, m = np.random.default_rng((seed, 1)).integers(1, 200, 2)
    x, y, a, b = sample(seed, n, m)
    assert wasserstein_1d(x, y, a, b) == pytest.approx(wasserstein_distance(x, y, a, b), rel=1e-12)
    assert wasserstein_1d(x, y) == pytest.approx(wasserstein_distance(x, y), rel=1e-12)


@pytest.mark.parametrize("p", ORDERS)
@pytest.mark.parametrize("seed", range(5))
def test_linear_program(seed, p):
    x, y, a, b = sample(seed, 9, 7)
    assert wasserstein_1d(x, y, a, b, p=p) == pytest.approx(by_linear_program(x, y, a, b, p), rel=1e-7)


@pytest.mark.peers
@pytest.mark.parametrize("p", ORDERS)
def test_pot(p):
    ot = pytest.importorskip("ot", reason="POT is not installed")
    x, y, a, b = sample(11, 60, 40)
    exact = ot.emd2(a, b, np.abs(x[:, None] - y) ** p) ** (1.0 / p)
    assert wasserstein_1d(x, y, a, b, p=p) == pytest.approx(exact, rel=1e-9)


def test_bottleneck_against_threshold_search():
    """W_inf is the smallest distance at which all mass can still be moved."""
    x, y, _, _ = sample(3, 8, 8)
    candidates = np.unique(np.abs(x[:, None] - y))

    def feasible(reach):
        return (maximum_bipartite_matching(csr_array(np.abs(x[:, None] - y) <= reach)) >= 0).all()

    assert wasserstein_1d(x, y, p=math.inf) == min(c for c in candidates if feasible(c))


@pytest.mark.parametrize("p", [*ORDERS, 50.0, math.inf])
def test_translation(p):
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=500), rng.random(500)
    order = rng.permutation(500)
    distance = wasserstein_1d(x, (x - 3.25)[order], a / a.sum(), (a / a.sum())[order], p=p)
    assert distance == pytest.approx(3.25, rel=1e-13)


@pytest.mark.parametrize("p", ORDERS)
def test_equal_sizes_pair_in_order(p):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=1000), rng.exponential(size=1000)
    paired = np.mean(np.abs(np.sort(x) - np.sort(y)) ** p) ** (1.0 / p)
    assert wasserstein_1d(x, y, p=p) == pytest.approx(paired, rel=1e-13)


def test_gaussian_quantiles():
    """Between N(0, 1) and N(1, 4): W2² = 1 + 1, from quantiles at the midpoints of a fine grid of masses."""
    quantiles = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert wasserstein_1d(quantiles, 1.0 + 2.0 * quantiles, p=2) == pytest.approx(math.sqrt(2.0), rel=1e-4)


def test_mass_enters_by_its_root():
    x, y, a, b = sample(5, 30, 20)
    for p in ORDERS:
        unit = wasserstein_1d(x, y, a, b, p=p)
        assert wasserstein_1d(x, y, 8.0 * a, 8.0 * b, p=p) == pytest.approx(8.0 ** (1.0 / p) * unit, rel=1e-12)
    assert wasserstein_1d(x, y, 8.0 * a, 8.0 * b, p=math.inf) == wasserstein_1d(x, y, a, b, p=math.inf)


@pytest.mark.parametrize("p", [1.0, 20.0, 1000.0, math.inf])
def test_rounding_moves_no_sliver_of_mass(p):
    """Ten times 0.1 and five times 0.2 cumulate to different floats: no mass may travel for that."""
    x = np.arange(5.0)
    fine, coarse = np.full(10, 0.1), np.full(5, 0.2)
    assert wasserstein_1d(np.repeat(x, 2), x, fine, coarse, p=p) == 0.0
    assert wasserstein_1d(np.repeat(x, 2), x, fine, p=p) == 0.0
    assert wasserstein_1d(x, np.repeat(x, 7), p=p) == 0.0
    assert wasserstein_1d(np.repeat(x, 3), np.repeat(x, 7), p=p) == 0.0
    rng = np.random.default_rng(2)
    z, w = rng.normal(size=2000), rng.random(2000)
    order = rng.permutation(2000)
    merged = np.sort(z)[::2]
    both = w[np.argsort(z)].reshape(-1, 2).sum(1)
    apart = np.repeat(merged, 2)[order]
    assert wasserstein_1d(apart, merged, w[np.argsort(z)][order] / w.sum(), both / both.sum(), p=p) == 0.0


def test_slivers_beside_zero_weights_and_unequal_masses():
    w = np.random.default_rng(9).random(2000)
    merged = np.arange(1000.0)
    fine, coarse = w / w.sum(), w.reshape(-1, 2).sum(1)
    apart = np.concatenate([np.repeat(merged, 2), merged + 0.5])
    with_zeros = np.concatenate([fine, np.zeros(1000)])
    assert wasserstein_1d(apart, merged, with_zeros, coarse / coarse.sum(), p=math.inf) == 0.0
    assert wasserstein_1d(merged, apart, coarse / coarse.sum(), with_zeros, p=math.inf) == 0.0
    assert wasserstein_1d([0.0, 1.0], [0.0, 1.0], [0.5 + 1e-7, 0.5], [0.5, 0.5], p=math.inf) == 0.0


@pytest.mark.parametrize("seed", range(50))
def test_tiny_last_atoms(seed):
    """The last cumulated masses agree only up to rounding; nothing may fall off the end."""
    rng = np.random.default_rng(seed)
    a, b = rng.random(20), rng.random(30)
    a[-1], b[-3:] = 1e-18, 1e-18
    distance = wasserstein_1d(np.arange(20.0), np.arange(30.0), a / a.sum(), b / b.sum())
    assert distance == pytest.approx(wasserstein_distance(np.arange(20.0), np.arange(30.0), a, b), rel=1e-12)


@pytest.mark.parametrize("p", [1.0, 3.0, math.inf])
def test_float32_weights(p):
    rng = np.random.default_rng(4)
    z, w = rng.normal(size=1000), rng.random(1000).astype(np.float32)
    w /= w.sum(dtype=np.float32)
    exact = w.astype(np.float64) / w.sum(dtype=np.float64)
    assert wasserstein_1d(z, z + 1.0, w, exact, p=p) == pytest.approx(1.0, rel=1e-6)


def test_light_atoms_count():
    """Atoms far lighter than the tolerance of float32 masses keep their place."""
    n = 300_000
    weights = np.full(n, 1.0 / n, dtype=np.float32)
    x = np.linspace(0.0, 1.0, n)
    assert wasserstein_1d(x, x + 1.0, weights, weights, p=math.inf) == pytest.approx(1.0, rel=1e-12)
    light = np.array([0.5, 1e-9, 0.5], dtype=np.float32)
    assert wasserstein_1d([0.0, 100.0, 200.0], [0.0, 200.0], light, [0.5, 0.5], p=math.inf) == 100.0
    assert wasserstein_1d([0.0, 1.0], [0.0, 5.0], [1.0 - 1e-12, 1e-12], [1.0 - 1e-12, 1e-12], p=math.inf) == 4.0


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-160, 1e160, 1e300, 8e307])
@pytest.mark.parametrize("p", [1.0, 2.0, 30.0, 1e6, math.inf])
def test_scales(scale, p):
    rough = 1e-3 if scale < 1e-310 else 1e-12  # subnormal positions are coarse
    expected = scale * math.pow(0.5, 1.0 / p)  # of the second pair only half the mass moves
    assert wasserstein_1d([scale, 0.0], [-scale, 0.0], p=p) == pytest.approx(scale, rel=rough)
    assert wasserstein_1d([scale, 0.0], [0.0, 0.0], p=p) == pytest.approx(expected, rel=rough)


def test_zero_weights_single_points_and_types():
    assert wasserstein_1d([1.0, 99.0], [4.0, -99.0], [1.0, 0.0], [1.0, 0.0], p=3) == 3.0
    assert wasserstein_1d([1], [4], p=math.inf) == 3.0
    assert wasserstein_1d([True, False], [0, 0]) == 0.5
    assert wasserstein_1d(np.array([1.0, 2.0], ">f4"), np.array([2.0, 3.0], np.float16)) == 1.0
    base = np.arange(10.0)
    base.setflags(write=False)
    assert wasserstein_1d(base[::-2], base[1::2] + 1.0) == 1.0


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], [1.0]), {}, "x is empty"),
        (([1.0], [math.nan]), {}, r"y\[0\]"),
        (([1.0, math.inf], [1.0]), {}, r"x\[1\]"),
        (([[1.0]], [1.0]), {}, "x must be 1-D"),
        (([1.0], [1j]), {}, "y has complex dtype"),
        (([1.0], ["a"]), {}, "y has dtype"),
        (([1.0], np.ma.masked_array([1.0])), {}, "y is a masked array"),
        (([1.0, 2.0], [1.0], [1.0]), {}, "a has 1 entries, 2 are needed"),
        (([1.0, 2.0], [1.0], [1.5, -0.5]), {}, r"a\[1\]"),
        (([1.0, 2.0], [1.0], [0.0, 0.0]), {}, "a sums to 0"),
        (([1.0], [1.0], [1.0], [1.1]), {}, "a sums to 1 and b to 1.1"),
        (([1.0], [1.0]), {"p": 0.5}, "p must be at least 1"),
        (([1.0], [1.0]), {"p": math.nan}, "p must be at least 1"),
        (([1.0], [1.0]), {"p": "2"}, "p must be a real number"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        wasserstein_1d(*arguments, **options)


POINTS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)
ORDER = st.sampled_from([1.0, 2.0, 3.5, math.inf])


@settings(deadline=None)
@given(POINTS, POINTS, ORDER)
def test_metric(x, y, p):
    distance = wasserstein_1d(x, y, p=p)
    assert distance == wasserstein_1d(y, x, p=p)
    assert distance >= 0.0
    assert wasserstein_1d(x, x[::-1], p=p) == 0.0
    assert distance == pytest.approx(wasserstein_1d(x + x, y, p=p), rel=1e-9)
    assert distance >= abs(np.mean(x) - np.mean(y)) * (1.0 - 1e-9) - 1e-9


@settings(deadline=None)
@given(POINTS, POINTS, POINTS, ORDER)
def test_triangle(x, y, z, p):
    direct = wasserstein_1d(x, z, p=p)
    assert direct <= (wasserstein_1d(x, y, p=p) + wasserstein_1d(y, z, p=p)) * (1.0 + 1e-9)


@settings(deadline=None)
@given(POINTS, POINTS)
def test_orders_increase(x, y):
    distances = [wasserstein_1d(x, y, p=p) for p in (1.0, 1.3, 2.0, 5.0, 40.0, math.inf)]
    assert all(low <= high * (1.0 + 1e-12) for low, high in itertools.pairwise(distances))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(1, 6)), min_size=1, max_size=8), POINTS, ORDER)
def test_integer_weights_repeat_points(atoms, y, p):
    x, counts = np.array([at for at, _ in atoms]), np.array([count for _, count in atoms])
    weighted = wasserstein_1d(x, y, counts / counts.sum(), p=p)
    assert weighted == pytest.approx(wasserstein_1d(np.repeat(x, counts), y, p=p), rel=1e-7)


@pytest.mark.parametrize("p", [1.0, 2.0, np.inf])
def test_distance_beyond_float64(p):
    """No infinite distance without a word."""
    with pytest.raises(InputError, match=r"x and y: their distance .* rescale"):
        wasserstein_1d([-1.7e308], [1.7e308], p=p)
    with pytest.raises(InputError, match=r"x and y: their distance .* rescale"):
        ot.wasserstein_distance([[-1.7e308, 0.0]], [[1.7e308, 0.0]], p=2.0 if np.isinf(p) else p)
    assert wasserstein_1d([-0.8e308], [0.8e308], p=p) == pytest.approx(1.6e308, rel=1e-15)


def test_sums_in_pieces():
    """Ctrl-C need not wait for one long sum; its parts are rounded as the whole is."""
    weights = np.random.default_rng(0).random(600_001)
    expected = np.cumsum(weights, dtype=np.longdouble).astype(np.float64)
    np.testing.assert_array_equal(_line.cumulated(weights), expected)
