"""The tests: their statistics, their levels by z-scores, their power."""

import pickle

import numpy as np
import pytest

from tests.reference.discrepancy_numpy import aggregated, off_diagonal, paired, two_sample_u, u_statistic
from wassail import discrepancy, kernels
from wassail.discrepancy._signs import permutations, rademacher
from wassail.discrepancy.aggregated import _aggregate
from wassail.exceptions import InputError

KERNEL = kernels.Gaussian(1.0)
STEIN = kernels.Stein(kernels.InverseMultiquadric(1.0), lambda x: -x)


def signs(bits, n):
    return np.where(np.unpackbits(bits, axis=1, count=n, bitorder="little"), 1, -1)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (20, 20), (31, 12)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_permutations_are_those_of_the_pooled_table(n, m, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(n, 2)).astype(dtype), rng.normal(size=(m, 2)).astype(dtype)
    result = discrepancy.mmd_test(x, y, KERNEL, n_permutations=30, rng=1)
    z = np.concatenate((x, y))
    split = signs(permutations(np.random.default_rng(1), 30, n, m), n + m)
    k = KERNEL(z)
    expected = []
    for s in split:
        assert (s > 0).sum() == n
        order = np.argsort(-s, kind="stable")
        expected.append(two_sample_u(k[np.ix_(order, order)], n))
    tolerance = 1e-13 if dtype == np.float64 else 1e-6
    assert result.statistic == pytest.approx(expected[0], abs=tolerance)
    assert result.statistic == pytest.approx(discrepancy.mmd(x, y, KERNEL).unbiased, abs=tolerance)
    assert np.allclose(result.null, expected[1:], atol=tolerance, rtol=0)


def test_wild_bootstraps_are_those_of_the_tables():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 45, 2))
    s = signs(rademacher(np.random.default_rng(1), 30, 45), 45)
    for result, h in (
        (discrepancy.mmd_wild_test(x, y, KERNEL, n_bootstraps=30, rng=1), paired(KERNEL, x, y)),
        (discrepancy.ksd_test(x, STEIN, n_bootstraps=30, rng=1), STEIN(x)),
    ):
        assert result.statistic == pytest.approx(u_statistic(h), abs=1e-13)
        expected = np.einsum("bi,ij,bj->b", s, off_diagonal(h), s) / (45 * 44)
        assert np.allclose(result.null, expected[1:], atol=1e-13, rtol=0)
        assert result.p_value == (1 + (result.null >= result.statistic - 1e-14).sum()) / 31
        assert result.standard_error == pytest.approx(np.sqrt(result.p_value * (1 - result.p_value) / 31))
        assert pickle.loads(pickle.dumps(result)).p_value == result.p_value


def test_signs_of_a_chain_follow_each_other():
    s = signs(rademacher(np.random.default_rng(0), 400, 500, 0.1), 500)[1:]
    flips = (s[:, 1:] != s[:, :-1]).mean()
    assert abs(flips - 0.1) < 4 * np.sqrt(0.09 / s.size)
    independent = signs(rademacher(np.random.default_rng(0), 400, 500), 500)[1:]
    assert abs((independent[:, 1:] != independent[:, :-1]).mean() - 0.5) < 4 * 0.5 / np.sqrt(s.size)


def every_fourth(points, rng):
    return np.arange(0, len(points), 4)


def level_runs():
    """Name → (p-value or decision of one null run)."""
    base = [kernels.Gaussian(s) for s in (0.3, 1.0, 3.0)]
    stein = [kernels.Stein(kernels.InverseMultiquadric(s), lambda x: -x) for s in (0.5, 2.0)]

    def pair(rng, n=25, m=25):
        return rng.normal(size=(n, 2)), rng.normal(size=(m, 2))

    few = {"n_simulations": 60, "n_corrections": 60, "n_bisections": 12}
    return {
        "permutation": lambda rng: discrepancy.mmd_test(*pair(rng), KERNEL, n_permutations=19, rng=rng).p_value <= 0.1,
        "unequal": lambda rng: (
            discrepancy.mmd_test(*pair(rng, 30, 9), KERNEL, n_permutations=19, rng=rng).p_value <= 0.1
        ),
        "wild": lambda rng: discrepancy.mmd_wild_test(*pair(rng), KERNEL, n_bootstraps=19, rng=rng).p_value <= 0.1,
        "aggregated": lambda rng: discrepancy.mmd_agg_test(*pair(rng), base, alpha=0.1, rng=rng, **few).reject,
        "compressed": lambda rng: (
            discrepancy.compress_then_test(
                *pair(rng, 96, 64), KERNEL, compress=every_fourth, n_bins=10, n_permutations=9, alpha=0.1, rng=rng
            ).reject
        ),
        "ksd": lambda rng: (
            discrepancy.ksd_test(rng.normal(size=(80, 1)), STEIN, n_bootstraps=19, rng=rng).p_value <= 0.1
        ),
        "ksd_aggregated": lambda rng: (
            discrepancy.ksd_agg_test(rng.normal(size=(80, 1)), stein, alpha=0.1, rng=rng, **few).reject
        ),
    }


@pytest.mark.parametrize("name", level_runs())
@pytest.mark.parametrize("runs", [400, pytest.param(4000, marks=pytest.mark.study)])
def test_levels(name, runs):
    """Exact tests reject in a share α of null runs; the aggregated and the Stein tests in about that or less."""
    rng = np.random.default_rng(len(name))
    run = level_runs()[name]
    share = np.mean([run(rng) for _ in range(runs)])
    z = (share - 0.1) / np.sqrt(0.09 / runs)
    assert z < 4
    if name in {"permutation", "unequal", "wild", "compressed"}:
        assert z > -4
    else:
        assert share > 0.03


def test_power():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    y = rng.normal(size=(300, 2)) + 0.4
    assert discrepancy.mmd_test(x, y[:200], KERNEL, rng=0).p_value == 0.001
    assert discrepancy.mmd_wild_test(x, y, KERNEL, rng=0).p_value == 0.001
    assert discrepancy.mmd_agg_test(x, y, rng=0).reject
    assert discrepancy.mmd_agg_test(x, y[:250], rng=0).reject
    assert discrepancy.ksd_test(y, STEIN, rng=0).p_value == 0.001
    assert discrepancy.compress_then_test(
        x, y, KERNEL, compress=lambda points, rng: np.arange(len(points)), rng=0
    ).reject


def test_aggregation_finds_the_scale():
    """A fine ripple on the line: small kernels see it, large ones do not."""
    rng = np.random.default_rng(3)
    x = rng.uniform(size=(3000, 1))
    y = x[::-1] + 0.02 * np.sin(2 * np.pi * 20 * x[::-1])
    collection = [kernels.Gaussian(s) for s in (0.005, 0.01, 1.0, 10.0)]
    result = discrepancy.mmd_agg_test(x, y, collection, rng=0)
    assert result.reject
    assert result.rejecting[:2].any()
    assert not result.rejecting[2:].any()
    assert result.p_value <= 0.05


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_aggregation_follows_the_algorithm(shift):
    rng = np.random.default_rng(5)
    statistics = rng.normal(size=(3, 1 + 99 + 80))
    statistics[:, 0] += shift * 10
    weights = np.array([0.5, 0.3, 0.2])
    found = _aggregate(statistics, 99, weights, 0.05, 30, (KERNEL,) * 3)
    reject, level = aggregated(statistics, 99, weights, 0.05, 30)
    assert found.reject == reject == (shift > 0)
    assert found.level == pytest.approx(level)
    assert (found.p_value <= 0.05) == reject


def test_compressed_statistic_is_that_of_the_coresets():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(200, 2)), rng.normal(size=(120, 2)) + 0.5
    result = discrepancy.compress_then_test(x, y, KERNEL, compress=every_fourth, n_bins=8, rng=0)
    first, second = result.n_bins
    assert (first, second, result.bin_size, result.coreset_size) == (5, 3, 40, 10)
    assert result.statistic == pytest.approx(discrepancy.mmd(x[::4], y[::4], KERNEL).biased, abs=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y, t: discrepancy.mmd_test(x, y[:-7], KERNEL, rng=3, n_threads=t).null,
        lambda x, y, t: discrepancy.mmd_wild_test(x, y, KERNEL, rng=3, n_threads=t).null,
        lambda x, y, t: discrepancy.ksd_test(x, STEIN, rng=3, n_threads=t).null,
        lambda x, y, t: discrepancy.mmd_agg_test(x, y, rng=3, n_threads=t).statistics,
        lambda x, y, t: discrepancy.compress_then_test(x, y, KERNEL, compress=every_fourth, rng=3, n_threads=t).null,
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_do_not_matter(call, dtype):
    x, y = np.random.default_rng(7).normal(size=(2, 700, 2)).astype(dtype)
    assert np.array_equal(call(x, y, 1), call(x, y, 2))
    assert np.array_equal(call(x, y, 1), call(x, y, 3))


def test_constant_data_is_never_rejected():
    same = np.ones((40, 2))
    assert discrepancy.mmd_test(same, same[:30], KERNEL, rng=0).p_value == 1.0
    assert discrepancy.mmd_wild_test(same, same, KERNEL, rng=0).p_value == 1.0
    result = discrepancy.mmd_agg_test(same, same, [KERNEL], rng=0)
    assert (result.reject, result.p_value) == (False, 1.0)
    assert discrepancy.compress_then_test(same, same, KERNEL, compress=every_fourth, n_bins=4, rng=0).p_value == 1.0


def test_equal_splits_of_few_points_tie():
    """Of two and two points three splits differ, each with its own statistic: a tie counts as at least as large."""
    result = discrepancy.mmd_test([0.0, 0.1], [5.0, 5.1], KERNEL, n_permutations=3000, rng=0)
    assert len(set(result.null)) == 3
    assert abs(result.p_value - 1 / 3) < 4 * np.sqrt(2 / 9 / 3000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discrepancy.mmd_test([1.0], [1.0, 2.0], KERNEL), "x has 1 points"),
        (lambda: discrepancy.mmd_test([1.0, 2.0], [1.0, 2.0], KERNEL, n_permutations=0), "n_permutations"),
        (lambda: discrepancy.mmd_test([1.0, 2.0], [1.0, 2.0], KERNEL, rng=-1), "rng"),
        (lambda: discrepancy.mmd_wild_test([1.0, 2.0], [1.0, 2.0, 3.0], KERNEL), "use mmd_test"),
        (lambda: discrepancy.mmd_agg_test([1.0, 1.0], [1.0, 1.0]), "largest distance"),
        (lambda: discrepancy.mmd_agg_test([1.0, 2.0], [1.0, 3.0], []), "kernels is empty"),
        (lambda: discrepancy.mmd_agg_test([1.0, 2.0], [1.0, 3.0], alpha=1.0), "alpha"),
        (lambda: discrepancy.mmd_agg_test([1.0, 2.0], [1.0, 3.0], [KERNEL] * 2, weights=[1, 0]), "must be positive"),
        (lambda: discrepancy.ksd_agg_test([1.0, 2.0], [KERNEL]), "Stein"),
        (lambda: discrepancy.ksd_test([1.0, 2.0], STEIN, flip_probability=0.7), "flip_probability"),
        (
            lambda: discrepancy.compress_then_test([1.0], [2.0], KERNEL, compress=every_fourth, n_bins=8),
            "more than the points",
        ),
        (
            lambda: discrepancy.compress_then_test([1.0], [2.0], KERNEL, compress=lambda p, r: [7], n_bins=2),
            "index 7",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
