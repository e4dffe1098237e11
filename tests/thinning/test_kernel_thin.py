"""What `kernel_thin` promises: sizes, weights, kernels, and clear words on bad input."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wassail
from tests.reference import kernel_thinning_numpy as reference
from wassail import kernels, thinning
from wassail.exceptions import InputError
from wassail.thinning.results import standard_thinning

KERNEL = kernels.Gaussian(1.0)


def points(n, d=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def squared_mmd(x, w, chosen):
    """MMD² from the kernel matrix."""
    difference = w.copy()
    np.subtract.at(difference, chosen, 1.0 / len(chosen))
    return difference @ KERNEL(x) @ difference


def test_the_result_knows_its_discrepancy():
    x = points(300)
    result = thinning.kernel_thin(x, size=17, kernel=KERNEL, rng=0)
    w = np.full(300, 1.0 / 300)
    mmd, base = (squared_mmd(x, w, c) for c in (result.indices, standard_thinning(300, 17)))
    assert result.mmd() == pytest.approx(math.sqrt(mmd), rel=1e-9)
    assert result.gain == pytest.approx(mmd - base, rel=1e-9)
    assert result.gain < 0.0
    np.testing.assert_array_equal(result.points, x[result.indices])
    assert repr(result) == "ThinningResult(17 of 300 points, d=2, kernel=Gaussian(lengthscale=1.0))"
    again = pickle.loads(pickle.dumps(result))
    assert again.mmd() == result.mmd()
    with pytest.raises(AttributeError):
        result.sigma = 0.0
    assert x.flags.writeable
    assert not result.indices.flags.writeable


def test_standard_thinning_counts_from_the_end():
    assert standard_thinning(10, 3).tolist() == [3, 6, 9]
    np.testing.assert_array_equal(standard_thinning(12, 4, np.full(12, 1 / 12)), standard_thinning(12, 4))
    assert standard_thinning(4, 2, np.array([0.0, 0.5, 0.0, 0.5])).tolist() == [1, 3]


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 300),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32),
    unique=st.booleans(),
    weighted=st.booleans(),
)
def test_any_size_is_met(n, share, seed, unique, weighted):
    size = max(1, round(share * n))
    x = points(n, 2, seed)
    weights = np.random.default_rng(seed).random(n) + 0.1 if weighted else None
    result = thinning.kernel_thin(x, size=size, kernel=KERNEL, rng=seed, unique=unique, weights=weights)
    assert result.size == size
    if unique:
        assert len(set(result.indices.tolist())) == size
    if not (unique and weighted):  # quantiles repeat heavy points
        assert result.gain <= 1e-12


def test_defaults_and_halvings():
    assert thinning.kernel_thin(points(1000), kernel=KERNEL, rng=0).size == 31
    assert thinning.kernel_thin(points(1000), halvings=3, kernel=KERNEL, rng=0).size == 125
    everything = thinning.kernel_thin(points(20), halvings=0, kernel=KERNEL, rng=0)
    assert sorted(everything.indices) == list(range(20))
    assert everything.mmd() == 0.0
    assert thinning.kernel_thin(points(1), kernel=KERNEL).indices.tolist() == [0]


def test_points_left_over_count():
    """The last points are not split, but the output stands for them too."""
    x = np.zeros((67, 1))
    x[64:] = 50.0
    result = thinning.kernel_thin(x, halvings=4, kernel=KERNEL, rng=0, swap_passes=None, unique=False)
    # 3 of 67 points are far off: of 4 chosen ones none or one is best; K is block diagonal.
    far = int((result.points > 1).sum())
    scores = [(c / 4 - 3 / 67) ** 2 + ((4 - c) / 4 - 64 / 67) ** 2 for c in range(5)]
    assert far == int(np.argmin(scores))


def test_swaps_never_worsen():
    for seed in range(20):
        x = points(200, 2, seed)
        for unique in (True, False):
            values = [
                thinning.kernel_thin(x, halvings=3, kernel=KERNEL, rng=seed, swap_passes=k, unique=unique).mmd()
                for k in (0, 1, 2, None)
            ]
            assert all(b <= a + 1e-12 for a, b in pairwise(values))
            assert values[-1] < values[0]


def test_no_single_swap_improves_what_has_converged():
    x = points(120)
    result = thinning.kernel_thin(x, halvings=3, kernel=KERNEL, rng=1, swap_passes=None)
    w = np.full(120, 1 / 120)
    value = squared_mmd(x, w, result.indices)
    free = np.setdiff1d(np.arange(120), result.indices)
    for slot in range(result.size):
        for i in free:
            other = result.indices.copy()
            other[slot] = i
            assert squared_mmd(x, w, other) >= value - 1e-14


def test_filling_up_is_greedy():
    """From one leaf of 4 points to 5: the fifth is the best addition to the four."""
    x = points(32)
    K, w = KERNEL(x), np.full(32, 1 / 32)
    four = thinning.kernel_thin(x, size=4, kernel=KERNEL, rng=3, swap_passes=0).indices
    five = thinning.kernel_thin(x, size=5, kernel=KERNEL, rng=3, swap_passes=0).indices
    assert set(four) <= set(five)
    best = min(squared_mmd(x, w, [*four, i]) for i in set(range(32)) - set(four))
    assert squared_mmd(x, w, five) == pytest.approx(best, rel=1e-12)
    assert reference.relative(K, five, K.mean(axis=1)) < 0.0


def test_weights():
    x = points(500)
    rng = np.random.default_rng(0)
    weights = rng.random(500) ** 4
    weights[::3] = 0.0
    result = thinning.kernel_thin(x, size=32, kernel=KERNEL, weights=weights, rng=0)
    assert (weights[result.indices] > 0.0).all()
    w = weights / weights.sum()
    np.testing.assert_allclose(result.input_weights, w)
    assert result.mmd() == pytest.approx(math.sqrt(squared_mmd(x, w, result.indices)), rel=1e-8)
    chance = [squared_mmd(x, w, rng.choice(500, 32, p=w)) for _ in range(50)]
    assert result.mmd() ** 2 < 0.2 * min(chance)


def test_equal_weights_aim_at_the_same():
    x = points(200)
    with_weights = thinning.kernel_thin(x, size=20, kernel=KERNEL, weights=np.full(200, 3.0), rng=0, swap_passes=None)
    without = thinning.kernel_thin(x, size=20, kernel=KERNEL, rng=0, swap_passes=None)
    assert with_weights.mmd() == pytest.approx(without.mmd(), rel=0.5)


def test_another_kernel_for_the_halvings():
    x = points(256)
    target = thinning.kernel_thin(x, halvings=4, kernel=KERNEL, rng=0)
    same = thinning.kernel_thin(x, halvings=4, kernel=KERNEL, split_kernel=kernels.Gaussian(1.0), rng=0)
    root = thinning.kernel_thin(x, halvings=4, kernel=KERNEL, split_kernel=kernels.Gaussian(math.sqrt(0.5)), rng=0)
    np.testing.assert_array_equal(target.indices, same.indices)
    assert root.n_evaluations > target.n_evaluations
    assert root.kernel == KERNEL
    assert root.mmd() < 0.05


def test_a_stein_kernel_corrects_the_input():
    """Points of N(0.4, 1.3²) thinned towards N(0, 1)."""
    kernel = kernels.Stein(kernels.InverseMultiquadric(), lambda x: -x)
    x = 0.4 + 1.3 * points(1000)
    result = thinning.kernel_thin(x, size=30, kernel=kernel, centered=True, rng=0, swap_passes=3)
    assert np.abs(result.points.mean(axis=0)).max() < 0.1
    assert result.gain < 0.0
    K = kernel(result.points)
    assert result.mmd() == pytest.approx(math.sqrt(K.mean()), rel=1e-9)
    given_scores = thinning.kernel_thin(
        x, size=30, kernel=kernels.Stein(kernels.InverseMultiquadric()), scores=-x, centered=True, rng=0, swap_passes=3
    )
    np.testing.assert_array_equal(given_scores.indices, result.indices)
    assert given_scores.gain == pytest.approx(result.gain, rel=1e-12)


@pytest.mark.parametrize("n_threads", [2, 5, 8])
@pytest.mark.parametrize("halvings", [1, 3, 6])
def test_threads_do_not_matter(halvings, n_threads):
    x = points(3000, 3)
    one = thinning.kernel_thin(x, halvings=halvings, kernel=KERNEL, rng=0, n_threads=1)
    many = thinning.kernel_thin(x, halvings=halvings, kernel=KERNEL, rng=0, n_threads=n_threads)
    np.testing.assert_array_equal(one.indices, many.indices)
    assert one.sigma == many.sigma
    assert one.gain == many.gain


def test_generators_and_seeds():
    x = points(200)
    first = thinning.kernel_thin(x, halvings=3, kernel=KERNEL, rng=7)
    np.testing.assert_array_equal(
        first.indices, thinning.kernel_thin(x, halvings=3, kernel=KERNEL, rng=np.random.default_rng(7)).indices
    )
    others = [thinning.kernel_thin(x, halvings=3, kernel=KERNEL, rng=s, swap_passes=0).indices for s in range(5)]
    assert len({tuple(sorted(o)) for o in others}) > 1


def test_constant_points_and_duplicates():
    same = thinning.kernel_thin(np.full((50, 2), 3.0), size=7, kernel=KERNEL, rng=0)
    assert len(set(same.indices.tolist())) == 7
    assert same.mmd() < 1e-7
    twice = np.repeat(points(40), 2, axis=0)
    halved = thinning.kernel_thin(twice, halvings=1, kernel=KERNEL, rng=0)
    assert halved.mmd() < 1e-7  # one of each pair


@pytest.mark.parametrize("d", [1, 1000])
def test_dimensions(d):
    x = points(300, d)
    kernel = kernels.Gaussian(math.sqrt(d))
    result = thinning.kernel_thin(x, size=16, kernel=kernel, rng=0)
    assert result.points.shape == (16, d)
    assert result.gain < 0.0
    if d == 1:
        line = thinning.kernel_thin(x[:, 0], size=16, kernel=kernel, rng=0)
        np.testing.assert_array_equal(line.indices, result.indices)


@pytest.mark.parametrize("scale", [1e-150, 1e-5, 1e5, 1e150])
def test_scales(scale):
    x = points(200)
    expected = thinning.kernel_thin(x, size=16, kernel=kernels.Gaussian(1.0), rng=0).indices
    found = thinning.kernel_thin(scale * x, size=16, kernel=kernels.Gaussian(scale), rng=0).indices
    np.testing.assert_array_equal(found, expected)


def test_arrays_of_any_make():
    x = points(200)
    expected = thinning.kernel_thin(x, size=16, kernel=KERNEL, rng=0).indices
    strided = np.zeros((400, 4))[::2, ::2]
    strided[:] = x
    strided.flags.writeable = False
    for other in (x.tolist(), np.asfortranarray(x), strided):
        np.testing.assert_array_equal(thinning.kernel_thin(other, size=16, kernel=KERNEL, rng=0).indices, expected)
    single = thinning.kernel_thin(x.astype(np.float32), size=16, kernel=KERNEL, rng=0)
    assert single.points.dtype == np.float32
    assert single.gain < 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"size": 101}, "size is 101, there are only 100 points"),
        ({"size": 2.5}, "size must be an integer"),
        ({"halvings": 7}, "7 halvings leave nothing of 100 points: at most 6"),
        ({"halvings": -1}, "halvings must be at least 0"),
        ({"size": 3, "halvings": 2}, "exclude each other"),
        ({"delta": 0.0}, "delta must be in"),
        ({"delta": math.nan}, "delta must be in"),
        ({"swap_passes": -1}, "swap_passes must be at least 0"),
        ({"weights": np.ones(99)}, "weights has 99 entries, 100 are needed"),
        ({"weights": np.zeros(100)}, "weights sums to 0"),
        ({"weights": -np.ones(100)}, r"weights\[0\]"),
        ({"weights": np.arange(100) < 10, "size": 11}, "size is 11, only 10 points have weight"),
        ({"kernel": "gaussian"}, "kernel must be one of wassail.kernels"),
        ({"split_kernel": "gaussian"}, "kernel must be one of wassail.kernels"),
        ({"scores": np.zeros((100, 2))}, "scores"),
        ({"rng": -1}, "rng must not be negative"),
        ({"rng": "seed"}, "rng must be"),
        ({"n_threads": 0}, "n_threads must be at least 1"),
        ({"progress": "yes"}, "progress must be"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        thinning.kernel_thin(points(100), **{"kernel": KERNEL, "rng": 0, **options})


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 2)), "x is empty"),
        (np.zeros((2, 3, 4)), "x must be"),
        (np.array([[0.0], [np.nan]]), r"x\[1, 0\] is nan"),
        (np.array([[np.inf], [0.0]]), r"x\[0, 0\] is inf"),
        (np.array([["a"]]), "x has"),
        (np.zeros((3, 1), dtype=complex), "complex"),
    ],
)
def test_bad_points(x, message):
    with pytest.raises(InputError, match=message):
        thinning.kernel_thin(x, kernel=KERNEL)


def test_progress():
    seen = []
    x = points(4000)
    thinning.kernel_thin(x, kernel=KERNEL, rng=0, progress=lambda done, n: seen.append((done, n)))
    assert seen[-1] == (4000, 4000)
    assert [s for s, _ in seen] == sorted(s for s, _ in seen)


def test_exported():
    assert wassail.thinning.kernels is wassail.kernels


def test_float32_decides_as_float64_does():
    """Where the mean comes from elsewhere, sums in float32 serve the halvings: their doubts are resolved in float64."""
    from wassail import _core
    from wassail.thinning._plan import split_multipliers, split_uniforms

    recomputed = 0
    for halvings, d, spread in ((1, 2, 1.0), (3, 2, 1.0), (5, 10, 1.0), (6, 3, 30.0), (8, 2, 1.0)):
        n = 4096
        x = spread * points(n, d)
        core = kernels.Gaussian(math.sqrt(d))._core_kernel()
        uniforms = split_uniforms(n, halvings, np.random.default_rng(halvings))
        multipliers = split_multipliers(n, halvings, 0.5)
        exact = _core.kernel_split(core, x, multipliers, uniforms, False, 0)
        rounded = _core.kernel_split(core, x, multipliers, uniforms, True, 0)
        np.testing.assert_array_equal(exact[0], rounded[0])
        np.testing.assert_allclose(rounded[3], exact[3], atol=1e-3)  # 4096 values, each off by 1e-7
        assert np.abs(exact[3] - rounded[3]).max() > 0.0, "was not computed in float32"
        assert exact[5] == 0
        recomputed += rounded[5]
    assert recomputed > 0
