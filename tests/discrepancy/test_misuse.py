"""Boundaries, groups, jumps and compressions as users get them wrong, and at the edges of what is right."""

import itertools
import math
import pickle

import numpy as np
import pytest

from tests.reference.discrepancy_numpy import paired
from wassail import discrepancy, kernels, thinning
from wassail.exceptions import InputError

GAUSSIAN = kernels.Gaussian(1.0)
FLAT = kernels.Stein(score=np.zeros_like)
BOX = discrepancy.BoxBoundary(0.0, 1.0)
MIRROR = [np.eye(2), -np.eye(2)]
INSIDE = np.random.default_rng(0).random((60, 2))


def two_modes(x):
    return np.logaddexp(-np.sum((x - 5.0) ** 2, axis=1) / 2.0, -np.sum((x + 5.0) ** 2, axis=1) / 2.0)


JUMPS = discrepancy.ModeJumps(two_modes, [[-5.0], [5.0]])


def test_a_point_at_the_boundary_counts_by_the_gradient_alone():
    near = [discrepancy.ksd(np.vstack((INSIDE, [h, 0.5])), FLAT, boundary=BOX).biased for h in (1e-9, 1e-60, 1e-300)]
    assert near[1] == pytest.approx(near[0], rel=1e-7)
    assert near[2] == pytest.approx(near[1], rel=1e-14)


def test_balls_of_any_size():
    for scale in (1e-200, 1.0, 1e200):
        values, slopes = discrepancy.BallBoundary(2.0 * scale)(INSIDE * scale)
        np.testing.assert_allclose(values / scale, 2.0 - np.linalg.norm(INSIDE, axis=1), rtol=1e-14)
        np.testing.assert_allclose(np.linalg.norm(slopes, axis=1), 1.0, rtol=1e-14)
    assert discrepancy.BallBoundary(1.0)([0.25, -0.5])[0].tolist() == [0.75, 0.5]
    ball = discrepancy.BallBoundary(1.0, [0.0, 0.0])
    assert pickle.loads(pickle.dumps(ball))(INSIDE / 2.0)[0].tolist() == ball(INSIDE / 2.0)[0].tolist()
    assert ball != discrepancy.BallBoundary(1.0, [0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discrepancy.BoxBoundary(1.0, 0.0), "lower must be below upper"),
        (lambda: discrepancy.BoxBoundary(np.nan, 0.0), "lower must not be nan"),
        (lambda: discrepancy.BoxBoundary("a", 0.0), "lower has dtype"),
        (lambda: discrepancy.BoxBoundary(-np.inf, np.inf), "without any finite side"),
        (lambda: discrepancy.BoxBoundary([0.0, 0.0], [1.0, 1.0, 1.0]), "lower has 2 coordinates and upper 3"),
        (lambda: discrepancy.BoxBoundary([0.0] * 3, 1.0)(INSIDE), "lower has 3 coordinates and x 2"),
        (lambda: discrepancy.BoxBoundary(0.0, [1.0] * 3)(INSIDE), "upper has 3 coordinates and x 2"),
        (lambda: discrepancy.BallBoundary(np.nan), "radius"),
        (lambda: discrepancy.BallBoundary(1.0, [np.inf, 0.0]), "center"),
        (lambda: discrepancy.BallBoundary(1.0, [0.0, 0.0])([0.5]), "center has 2 coordinates and x 1"),
        (lambda: discrepancy.ksd(INSIDE, FLAT, boundary=lambda _: 1.0), "must return"),
        (lambda: discrepancy.ksd(INSIDE + 0.5, FLAT, boundary=BOX), "not inside"),
        (lambda: kernels.GroupAverage(GAUSSIAN, [[[1.0]], [[-1.0]], [[-1.0]]]), "holds a map twice: 1 and 2"),
        (lambda: kernels.GroupAverage(GAUSSIAN, [np.eye(2), [[0.0, 1.0], [-1.0, 0.0]]]), "not closed: .* 1 and 1 "),
        (lambda: discrepancy.ksd(INSIDE, kernels.GroupAverage(kernels.Stein(score=lambda x: 1.0 - x), MIRROR)), "turn"),
        (lambda: discrepancy.ModeJumps("density", [[0.0], [1.0]]), "log_density must be callable"),
        (lambda: discrepancy.ModeJumps(two_modes, np.eye(2), [[[1.0, 0.5], [0.0, 1.0]]] * 2), "symmetric"),
        (lambda: discrepancy.ModeJumps(lambda x: x[:, 0] * np.nan, [[0.0], [1.0]])([[2.0]], None), "nan at \\[2.0\\]"),
        (lambda: discrepancy.ModeJumps(lambda x: x, [[0.0], [1.0]])([[2.0]], None), r"shape \(1, 1\)"),
        (lambda: JUMPS([[np.nan]], None), "x.* is nan"),
        (
            lambda: discrepancy.compress_then_test(INSIDE, INSIDE, GAUSSIAN, compress="thin"),
            "compress must be callable",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda p: [0, -1], "index -1 of a bin of 15"),
        (lambda p: [0, 15], "index 15 of a bin of 15"),
        (lambda p: np.arange(15) < 3, r"bool of shape \(15,\)"),
        (lambda p: p[:3], r"float64 of shape \(3, 2\)"),
        (lambda p: None, "got None"),
    ],
)
def test_compressions_that_return_no_indices(answer, message):
    with pytest.raises(InputError, match=message):
        discrepancy.compress_then_test(
            INSIDE, INSIDE, GAUSSIAN, compress=lambda points, _: answer(points), n_bins=8, rng=0
        )


def test_a_compression_cannot_write_into_the_sample():
    def compress(points, rng):
        points.fill(0.0)

    with pytest.raises(ValueError, match="read-only"):
        discrepancy.compress_then_test(INSIDE, INSIDE, GAUSSIAN, compress=compress, n_bins=8, rng=0)


ALGORITHMS = {
    "compress": lambda points, rng: thinning.compress(points, kernel=GAUSSIAN, oversampling=0, rng=rng),
    "compress_plus_plus": lambda points, rng: thinning.compress_plus_plus(points, kernel=GAUSSIAN, rng=rng),
    "kernel_thin": lambda points, rng: thinning.kernel_thin(points, kernel=GAUSSIAN, rng=rng).indices,
}


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("runs", [400, pytest.param(4000, marks=pytest.mark.study)])
def test_levels_with_the_compressions_of_this_library(name, runs):
    rng = np.random.default_rng(len(name))
    options = {"compress": ALGORITHMS[name], "n_bins": 16, "alpha": 0.1, "n_permutations": 19, "rng": rng}
    samples = ((rng.normal(size=(160, 2)), rng.normal(size=(96, 2))) for _ in range(runs))
    share = np.mean([discrepancy.compress_then_test(x, y, GAUSSIAN, **options).reject for x, y in samples])
    assert abs(share - 0.1) < 4.0 * np.sqrt(0.09 / runs)


def test_compression_keeps_the_power():
    """Of 40 points a bin six are left: six that were drawn find the shift in a third of the runs."""
    rng, found = np.random.default_rng(1), []
    for _ in range(40):
        x, y = rng.normal(size=(2, 640, 2)) + np.reshape([0.0, 0.25], (2, 1, 1))
        options = {"n_bins": 32, "alpha": 0.1, "rng": rng}
        found.append(
            discrepancy.compress_then_test(x, y, GAUSSIAN, compress=ALGORITHMS["compress_plus_plus"], **options).reject
        )
    assert np.mean(found) > 0.8


@pytest.mark.parametrize("d", [1, 3, 5])
def test_groups_of_permutations(d):
    """All permutations of the coordinates in any order, and not all but one."""
    rng = np.random.default_rng(d)
    group = np.array([np.eye(d)[list(p)] for p in itertools.permutations(range(d))])
    x = rng.normal(size=(3, d))
    found = kernels.GroupAverage(GAUSSIAN, rng.permutation(group))(x)
    np.testing.assert_allclose(found, np.mean([GAUSSIAN(x, x @ g.T) for g in group], axis=0), rtol=1e-13)
    if d > 2:
        with pytest.raises(InputError, match="not closed"):
            kernels.GroupAverage(GAUSSIAN, group[:-1])


def test_large_groups():
    """Signs and permutations of 5 coordinates: 3840 maps, whose products would take 2.9 GB."""
    signs = list(itertools.product((1.0, -1.0), repeat=5))
    group = [np.eye(5)[list(p)] * np.array(s) for p in itertools.permutations(range(5)) for s in signs]
    assert "3840 maps of R^5" in repr(kernels.GroupAverage(GAUSSIAN, group))


def test_a_group_of_stein_kernels_adds_to_itself():
    stein = kernels.Stein(score=lambda x: -x)
    group = kernels.GroupAverage(stein, MIRROR)
    np.testing.assert_allclose((group + stein)(INSIDE), group(INSIDE) + stein(INSIDE), rtol=1e-13)
    with pytest.raises(InputError, match="compose"):
        group + GAUSSIAN


def test_jumps_of_any_points():
    x = np.array([[-5], [6]])
    moved = [JUMPS(given, np.random.default_rng(0)) for given in (x, x.tolist(), x.ravel(), x.astype(np.float32))]
    assert all(np.array_equal(moved[0], other) for other in moved)
    assert moved[0].dtype == np.float64
    assert x.tolist() == [[-5], [6]]
    with np.errstate(over="ignore"):
        far = discrepancy.ModeJumps(two_modes, [[-5.0], [5.0]], overshoot=1e308)(x, np.random.default_rng(0))
    assert np.array_equal(far, x)
    for scale in (1e-200, 1e200):
        discrepancy.ModeJumps(two_modes, [[0.0], [scale]])


def test_standard_errors_from_the_points():
    """Against the spread over samples: right where the distributions differ, at most √2 too large where they do not."""
    runs, n = 1000, 120
    rng = np.random.default_rng(0)
    for shift, least, most in ((1.0, 1.0, 1.0), (0.0, 1.0, math.sqrt(2.0))):
        values, errors = [], []
        for _ in range(runs):
            x, y = rng.normal(size=(2, n)) + np.reshape([0.0, shift], (2, 1))
            estimate = discrepancy.incomplete_mmd(x, y, GAUSSIAN, n_bands=20)
            values.append(estimate.value)
            errors.append(estimate.standard_error**2)
        ratio = np.sqrt(np.mean(errors) / np.var(values))
        # The spread itself is known up to 1 / √(2 · runs), four times which is 9 %.
        assert 0.91 * least < ratio < 1.09 * most


def test_standard_errors_of_few_points():
    x, y = np.random.default_rng(0).normal(size=(2, 5, 1))
    h = paired(GAUSSIAN, x, y)
    np.fill_diagonal(h, 0.0)
    value = h.sum() / 20.0
    expected = np.sqrt(((h.sum(axis=1) - 4.0 * value) ** 2).sum() * 5.0 / 4.0) / 10.0
    for estimate in (
        discrepancy.incomplete_mmd(x, y, GAUSSIAN),
        discrepancy.block_mmd(x, y, GAUSSIAN, block_size=5),
    ):
        assert (estimate.n_pairs, estimate.n_batches) == (10, 1)
        assert estimate.value == pytest.approx(value, abs=1e-15)
        assert estimate.standard_error == pytest.approx(expected, rel=1e-12)
    assert discrepancy.incomplete_mmd(x[:3], y[:3], GAUSSIAN).standard_error == math.inf
    stein = kernels.Stein(score=lambda x: -x)
    inside = x / 4.0 + 0.5
    ksd = discrepancy.incomplete_ksd(inside, stein, boundary=discrepancy.BoxBoundary(-2.0, 3.0))
    assert 0.0 < ksd.standard_error < math.inf


@pytest.mark.parametrize("n", [3, 7, 101])
def test_linear_estimates_of_odd_samples_leave_the_last_point_out(n):
    x, y = np.random.default_rng(n).normal(size=(2, n, 2))
    found = discrepancy.linear_mmd(x, y, GAUSSIAN)
    pairs = [paired(GAUSSIAN, x[i : i + 2], y[i : i + 2])[0, 1] for i in range(0, n - 1, 2)]
    assert (found.n_pairs, found.value) == (n // 2, pytest.approx(np.mean(pairs), rel=1e-12))
    stein = kernels.Stein(GAUSSIAN, lambda x: -x)
    values = [stein(x[i : i + 2])[0, 1] for i in range(0, n - 1, 2)]
    assert discrepancy.linear_ksd(x, stein).value == pytest.approx(np.mean(values), rel=1e-12)


@pytest.mark.parametrize("tiny", [1e-9, 1e-17, 1e-30])
def test_weights_that_are_nearly_all_of_the_mass(tiny):
    heavy = discrepancy.mmd([0.0, 1.0], [1.0, 2.0], GAUSSIAN, a=[1.0, tiny])
    limit = discrepancy.mmd([0.0], [1.0, 2.0], GAUSSIAN)
    assert heavy.standard_error() == pytest.approx(limit.standard_error(), rel=1e-8)
    assert heavy.within[0].unbiased("x") == pytest.approx(math.exp(-0.5), rel=1e-8)  # of the only pair


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1.0, 1e150])
def test_energy_distance_scales(scale):
    x, y = np.random.default_rng(0).normal(size=(2, 30, 3))
    expected = discrepancy.energy_distance(x, y)
    found = discrepancy.energy_distance(x * scale, y * scale)
    assert found.biased == pytest.approx(scale * expected.biased, rel=1e-12)
    assert found.standard_error() == pytest.approx(scale * expected.standard_error(), rel=1e-9)


def test_energy_distance_at_the_end_of_the_range():
    assert discrepancy.energy_distance([0.4e200, 0.6e200], [0.0]).biased == pytest.approx(0.9e200, rel=1e-12)
    with pytest.raises(InputError, match="x and y are on a scale of"):
        discrepancy.energy_distance([1e300], [0.0], exponent=1.5)


def test_domains_that_a_group_changes_are_refused():
    flipped = kernels.GroupAverage(kernels.Stein(GAUSSIAN, lambda x: -x), [[[1.0]], [[-1.0]]])
    with pytest.raises(InputError, match="the domain is not invariant"):
        discrepancy.ksd([0.5, 1.0], flipped, boundary=discrepancy.BoxBoundary(0.0, 2.0))
    with pytest.raises(InputError, match="the domain is not invariant"):
        discrepancy.ksd([0.5, 1.0], flipped, boundary=discrepancy.BoxBoundary(-2.0, 3.0))
    assert discrepancy.ksd([0.5, 1.0], flipped, boundary=discrepancy.BoxBoundary(-2.0, 2.0)).biased > 0.0


def test_standard_errors_of_aggregated_tests_are_those_of_both_sets_of_simulations():
    x, y = np.random.default_rng(5).normal(size=(2, 80, 2))
    collection = [kernels.Gaussian(length) for length in (0.3, 1.0, 3.0)]
    counts = {"n_simulations": 300, "n_corrections": 300}
    found = [discrepancy.mmd_agg_test(x, y + 0.3, collection, rng=seed, **counts) for seed in range(60)]
    spread = np.std([test.p_value for test in found], ddof=1)
    # The standard deviation of 60 values is off by 9 %, the jackknife's mean by less.
    assert 0.7 < np.mean([test.standard_error for test in found]) / spread < 1.5


def test_one_kernel_is_a_collection():
    stein = kernels.Stein(GAUSSIAN, lambda x: -x)
    x = np.random.default_rng(0).normal(size=(50, 2))
    one = discrepancy.ksd_agg_test(x, stein, rng=0)
    assert one.p_value == discrepancy.ksd_agg_test(x, [stein], rng=0).p_value
