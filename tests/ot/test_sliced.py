"""Sliced distances against sorting in NumPy, POT, SciPy, closed forms, finite differences and invariances."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from wassail import ot
from wassail.exceptions import InputError

COUNTS = (1, 2, 3, 5, 8)


def clouds(seed, n, m, d, *, weighted=True):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), 0.7 * rng.normal(size=(m, d)) + 0.5
    if not weighted:
        return x, y, None, None
    a, b = rng.random(n) + 0.01, rng.random(m) + 0.01
    return x, y, a / a.sum(), b / b.sum()


def with_zeros(weights, kept):
    weights = np.where(np.arange(weights.size) % 3 == 1, 0.0, weights)
    return weights * (kept / weights.sum())


def by_lines(x, y, a, b, p, directions):
    """The mean over directions of distances on the line, one after the other."""
    lines = [ot.wasserstein_1d(x @ t, y @ t, a, b, p=p) for t in directions]
    return np.mean(np.array(lines) ** p) ** (1.0 / p)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 5.0])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 7), (40, 23), (1500, 1500), (1200, 1700)])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_projection(n, m, p, weighted):
    x, y, a, b = clouds((n, m), n, m, 3, weighted=weighted)
    result = ot.sliced_wasserstein(x, y, a, b, p=p, n_projections=20, rng=0)
    assert np.allclose(np.linalg.norm(result.projections, axis=1), 1.0, rtol=1e-15)
    expected = [ot.wasserstein_1d(x @ t, y @ t, a, b, p=p) for t in result.projections]
    assert result.distances == pytest.approx(expected, rel=1e-12)
    assert result.value == pytest.approx(np.mean(result.distances**p) ** (1 / p), rel=1e-13)


def test_scipy():
    x, y, a, b = clouds(1, 60, 50, 4)
    result = ot.sliced_wasserstein(x, y, a, b, p=1, n_projections=10, rng=1)
    expected = [wasserstein_distance(x @ t, y @ t, a, b) for t in result.projections]
    assert result.distances == pytest.approx(expected, rel=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_pot(p, weighted):
    pot = pytest.importorskip("ot", reason="POT is not installed")
    x, y, a, b = clouds(2, 70, 40, 5, weighted=weighted)
    result = ot.sliced_wasserstein(x, y, a, b, p=p, n_projections=30, rng=2)
    theirs = pot.sliced_wasserstein_distance(x, y, a, b, projections=result.projections.T, p=p)
    assert result.value == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.parametrize("d", [1, 2, 3, 15, 16, 17, 50])
def test_gaussians(d):
    """SW2 between N(m, s² I) and N(m', s'² I): |m − m'|²/d + (s − s')². The error bar of the directions must hold."""
    rng = np.random.default_rng(d)
    base = rng.normal(size=(20_000, d))
    mean = np.linspace(0.2, 1.0, d)
    result = ot.sliced_wasserstein(base, mean + 1.5 * base, p=2, n_projections=400, rng=d)
    exact = math.sqrt(mean @ mean / d + 0.25)
    sampling = 4.0 / math.sqrt(20_000 * d)  # of the points, which are the same on both sides
    assert abs(result.value - exact) < 4.0 * result.standard_error + sampling


def test_the_standard_error_is_one():
    """Over repetitions the error over its bar has variance 1."""
    x, y, a, b = clouds(3, 30, 30, 3)
    best = ot.sliced_wasserstein(x, y, a, b, n_projections=200_000, rng=0).value
    runs = [ot.sliced_wasserstein(x, y, a, b, n_projections=100, rng=seed) for seed in range(1, 400)]
    scores = np.array([(run.value - best) / run.standard_error for run in runs])
    assert abs(scores.mean()) < 0.3
    assert 0.8 < scores.std() < 1.25


def test_single_direction_and_equal_clouds():
    x, y, _, _ = clouds(4, 10, 12, 2)
    one = ot.sliced_wasserstein(x, y, n_projections=1, rng=0)
    assert one.value == one.distances[0]
    assert math.isinf(one.standard_error)
    same = ot.sliced_wasserstein(x, x[::-1], rng=0)
    assert same.value == 0.0 == same.standard_error
    assert (same.gradient().x == 0.0).all()
    assert (same.gradient().a == 0.0).all()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.7])
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150, 1e300])
def test_scale_translation_rotation(scale, p):
    x, y, a, b = clouds(5, 90, 60, 3)
    options = {"p": p, "n_projections": 25, "rng": 5}
    result = ot.sliced_wasserstein(x, y, a, b, **options)
    scaled = ot.sliced_wasserstein(scale * x, scale * y, a, b, **options)
    assert scaled.value == pytest.approx(scale * result.value, rel=1e-13)
    assert scaled.gradient().x == pytest.approx(result.gradient().x, rel=1e-9, abs=1e-12)
    assert scaled.gradient().a == pytest.approx(scale * result.gradient().a, rel=1e-9, abs=1e-12 * scale)
    moved = ot.sliced_wasserstein(x + 1e6, y + 1e6, a, b, **options)
    assert moved.value == pytest.approx(result.value, rel=1e-9)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = ot.sliced_wasserstein(x @ turn.T, y @ turn.T, a, b, p=p, projections=result.projections @ turn.T)
    assert turned.value == pytest.approx(result.value, rel=1e-12)


def test_tiny_beside_large():
    x, y = [[0.0], [1.0]], [[1e-170], [1.0]]
    for p in (1.0, 3.0):
        assert ot.sliced_wasserstein(x, y, p=p, projections=[[1.0]]).value == pytest.approx(0.5 ** (1 / p) * 1e-170)
    assert ot.sliced_wasserstein([[1e-310]], [[0.0]], rng=0).value == pytest.approx(1e-310)


@pytest.mark.parametrize("spread", ["ties", "clustered", "geometric", "outlier", "subnormal"])
def test_awkward_positions(spread):
    """What collides in the sort by places must still come out in order."""
    rng = np.random.default_rng(6)
    n = 5000
    x = {
        "ties": rng.integers(0, 7, n).astype(float),
        "clustered": 1e6 * rng.integers(0, 3, n) + 1e-6 * rng.random(n),
        "geometric": np.exp(-np.linspace(0, 700, n)) * rng.choice([-1, 1], n),
        "outlier": np.append(rng.random(n - 1), 1e30),
        "subnormal": np.append(5e-324 * rng.integers(0, 1000, n - 1), 1.0),
    }[spread]
    y = rng.permutation(x) * (1.0 + 1e-3)
    for p in (1.0, 2.0):
        found = ot.sliced_wasserstein(x[:, None], y[:, None], p=p, projections=[[1.0]]).value
        assert found == pytest.approx(ot.wasserstein_1d(x, y, p=p), rel=1e-9)


def test_rounding_moves_no_sliver_of_mass():
    rng = np.random.default_rng(7)
    x, w = rng.normal(size=(500, 2)), rng.random(1000)
    both = w.reshape(-1, 2).sum(1)
    twice = np.repeat(x, 2, axis=0)
    order = rng.permutation(1000)
    value = ot.sliced_wasserstein(twice[order], x, (w / w.sum())[order], both / both.sum(), p=8, rng=0).value
    assert value == 0.0


def difference(function, at, direction, step):
    return (function(at + step * direction) - function(at - step * direction)) / (2.0 * step)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 4.0])
@pytest.mark.parametrize(("n", "m", "weighted"), [(9, 9, False), (8, 5, False), (11, 7, True), (600, 700, True)])
def test_point_gradient(n, m, weighted, p):
    x, y, a, b = clouds((n, 8), n, m, 3, weighted=weighted)
    directions = np.random.default_rng(1).normal(size=(40, 3))
    gradient = ot.sliced_wasserstein(x, y, a, b, p=p, projections=directions).gradient()
    rng = np.random.default_rng(2)
    for side, at, found in (("x", x, gradient.x), ("y", y, gradient.y)):
        along = rng.normal(size=at.shape)

        def value(points, side=side):
            pair = (points, y) if side == "x" else (x, points)
            return ot.sliced_wasserstein(*pair, a, b, p=p, projections=directions).value

        expected = difference(value, at, along, 1e-7 / n)
        assert (found * along).sum() == pytest.approx(expected, rel=2e-4, abs=1e-6)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("zeros", [False, True])
def test_weight_gradient(p, zeros):
    """Generic weights have unique potentials: differences along directions that keep the mass; one-sided at zeros."""
    x, y, a, b = clouds(9, 12, 10, 2)
    if zeros:
        a, b = with_zeros(a, 3.0), with_zeros(b, 3.0)
    directions = np.random.default_rng(1).normal(size=(15, 2))
    result = ot.sliced_wasserstein(x, y, a, b, p=p, projections=directions)
    gradient = result.gradient()
    assert a @ gradient.a == pytest.approx(0.0, abs=1e-12)
    assert b @ gradient.b == pytest.approx(0.0, abs=1e-12)
    step = 1e-8
    for k in range(a.size):
        move = np.where(np.arange(a.size) == k, 1.0, 0.0) - a / a.sum()
        shifted = ot.sliced_wasserstein(x, y, a + step * move, b, p=p, projections=directions).value
        assert gradient.a[k] == pytest.approx((shifted - result.value) / step, rel=1e-4, abs=1e-5)
    for k in range(b.size):
        move = np.where(np.arange(b.size) == k, 1.0, 0.0) - b / b.sum()
        shifted = ot.sliced_wasserstein(x, y, a, b + step * move, p=p, projections=directions).value
        assert gradient.b[k] == pytest.approx((shifted - result.value) / step, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_weight_gradient_is_a_subgradient(weighted):
    """W_1 is convex in the weights: it stays above its tangent, at equal weights too."""
    x, y, a, b = clouds(10, 8, 8, 2, weighted=weighted)
    a, b = (np.full(8, 1 / 8), np.full(8, 1 / 8)) if a is None else (a, b)
    result = ot.sliced_wasserstein(x, y, p=1, rng=0) if not weighted else ot.sliced_wasserstein(x, y, a, b, p=1, rng=0)
    gradient = result.gradient()
    rng = np.random.default_rng(3)
    for _ in range(20):
        other_a, other_b = rng.dirichlet(np.ones(8)), rng.dirichlet(np.ones(8))
        value = ot.sliced_wasserstein(x, y, other_a, other_b, p=1, projections=result.projections).value
        tangent = result.value + gradient.a @ (other_a - a) + gradient.b @ (other_b - b)
        assert value >= tangent - 1e-12


def test_gradient_flow_arrives():
    """Descent along the gradient of SW2² moves a cloud onto another."""
    x, y, _, _ = clouds(11, 200, 200, 2)
    for step in range(100):
        result = ot.sliced_wasserstein(x, y, n_projections=30, rng=step)
        x = x - 200 * 2.0 * result.value * result.gradient().x  # d = 2 directions: half a Newton step of 200 points
    assert ot.sliced_wasserstein(x, y, rng=0).value < 0.05


def test_zero_weights_and_types():
    x, y, a, b = clouds(12, 50, 40, 3)
    a, b = with_zeros(a, 1.0), with_zeros(b, 1.0)
    full = ot.sliced_wasserstein(x, y, a, b, rng=0)
    kept = ot.sliced_wasserstein(x[a > 0], y[b > 0], a[a > 0], b[b > 0], rng=0)
    assert full.value == pytest.approx(kept.value, rel=1e-14)
    assert (full.gradient().x[a == 0] == 0.0).all()
    single = ot.sliced_wasserstein(x.astype(np.float32), y.astype(np.float32), a, b, rng=0)
    assert single.value == pytest.approx(full.value, rel=1e-6)
    exact = ot.sliced_wasserstein(x.astype(np.float32).astype(float), y.astype(np.float32).astype(float), a, b, rng=0)
    assert single.value == exact.value
    mixed = ot.sliced_wasserstein(x.astype(np.float32), np.asfortranarray(y)[::1], a, b, rng=0)
    assert mixed.value == pytest.approx(full.value, rel=1e-6)
    frozen = x.copy()
    frozen.setflags(write=False)
    assert ot.sliced_wasserstein(frozen[::-1], y, a[::-1], b, rng=0).value == pytest.approx(full.value, rel=1e-13)


@pytest.mark.parametrize(("n", "m", "d", "weighted"), [(3000, 3000, 5, False), (2500, 1100, 17, True)])
def test_threads(n, m, d, weighted):
    x, y, a, b = clouds(13, n, m, d, weighted=weighted)
    runs = set()
    for count in COUNTS:
        result = ot.sliced_wasserstein(x, y, a, b, p=1.5, n_projections=37, rng=3, n_threads=count)
        gradient = result.gradient()
        best = ot.max_sliced_wasserstein(x, y, a, b, n_starts=5, max_iter=6, tol=0.5, rng=3, n_threads=count)
        parts = (result.distances, gradient.x, gradient.y, gradient.a, gradient.b, best.direction, best.values)
        runs.add((result.value, *(part.tobytes() for part in parts)))
    assert len(runs) == 1


def test_random_sources():
    x, y, _, _ = clouds(14, 20, 20, 3)
    values = {
        ot.sliced_wasserstein(x, y, rng=source).value
        for source in (5, np.int64(5), np.random.SeedSequence(5), np.random.default_rng(5))
    }
    assert len(values) == 1
    assert ot.sliced_wasserstein(x, y).value != ot.sliced_wasserstein(x, y).value
    generator = np.random.default_rng(5)
    first, second = (ot.sliced_wasserstein(x, y, rng=generator).value for _ in range(2))
    assert first != second


def test_pickle_and_repr():
    x, y, a, b = clouds(15, 20, 20, 3)
    result = ot.sliced_wasserstein(x, y, a, b, rng=0)
    copy = pickle.loads(pickle.dumps(result))
    assert copy.value == result.value
    assert np.array_equal(copy.gradient().x, result.gradient().x)
    assert repr(result).startswith("SlicedResult(value=")
    assert repr(result.gradient()) == "SlicedGradient(n=20, m=20, d=3)"
    with pytest.raises(AttributeError):
        result.value = 1.0


X = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((0, 2)), X), {}, "x is empty"),
        ((X, [[0.0, math.nan]]), {}, r"y\[0, 1\]"),
        ((X[0], X), {}, r"x must have shape \(points, dimensions\)"),
        ((X, np.zeros((3, 3))), {}, "x has points of dimension 2, y of dimension 3"),
        ((X, X, [1.0, 2.0]), {}, "a has 2 entries, 3 are needed"),
        ((X, X, [1.0, 2.0, -1.0]), {}, r"a\[2\]"),
        ((X, X, None, [1.0, 1.0, 1.0]), {}, "a sums to 1 and b to 3"),
        ((X, X), {"p": 0.9}, "p must be at least 1"),
        ((X, X), {"p": math.inf}, "p must be at least 1 and finite"),
        ((X, X), {"n_projections": 0}, "n_projections must be at least 1"),
        ((X, X), {"n_projections": 5, "projections": [[1.0, 0.0]]}, "exclude each other"),
        ((X, X), {"projections": [[1.0, 0.0, 0.0]]}, r"projections has shape \(1, 3\)"),
        ((X, X), {"projections": [[1.0, 0.0], [0.0, 0.0]]}, r"projections\[1\] is the zero vector"),
        ((X, X), {"projections": [[1.0, math.inf]]}, r"projections\[0, 1\]"),
        ((X, X), {"rng": "seed"}, "rng must be an int"),
        ((X, X), {"rng": True}, "rng must be an int"),
        ((X, X), {"rng": -1}, "rng must not be negative"),
        ((X, X), {"n_threads": 0}, "n_threads must be at least 1"),
    ],
)
def test_bad_input(arguments, options, message):
    with pytest.raises(InputError, match=message):
        ot.sliced_wasserstein(*arguments, **options)
    if not {"n_projections", "projections"} & set(options):
        with pytest.raises(InputError, match=message):
            ot.max_sliced_wasserstein(*arguments, **options)


CLOUD = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=10)


@settings(deadline=None)
@given(CLOUD, CLOUD, CLOUD, st.sampled_from([1.0, 2.0, 3.5]))
def test_metric(x, y, z, p):
    directions = np.random.default_rng(0).normal(size=(7, 2))
    xy, yx, xz, zy = (
        ot.sliced_wasserstein(*pair, p=p, projections=directions).value for pair in ((x, y), (y, x), (x, z), (z, y))
    )
    assert xy == pytest.approx(yx, rel=1e-12, abs=1e-12)
    assert xy <= (xz + zy) * (1.0 + 1e-9) + 1e-9
    assert ot.sliced_wasserstein(x, x[::-1], p=p, projections=directions).value == 0.0
