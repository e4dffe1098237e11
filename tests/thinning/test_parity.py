"""The same points as goodpoints' `split_K` and `swap_K`, and as the papers' algorithms written down in NumPy."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.reference import kernel_thinning_numpy as reference
from wassail import _core, kernels, thinning
from wassail.thinning._plan import split_multipliers, split_uniforms

FROZEN = json.loads((Path(__file__).parent / "data/goodpoints.json").read_text(encoding="utf-8"))
KERNEL = kernels.Gaussian(1.0)


def split(x, kernel, multipliers, uniforms, n_threads=0):
    """Return the leaves and what else the core knows about them."""
    return _core.kernel_split(kernel._core_kernel(), x, multipliers, uniforms, False, n_threads)


def leaves_of(x, halvings, seed, kernel=KERNEL):
    uniforms = split_uniforms(len(x), halvings, np.random.default_rng(seed))
    return split(x, kernel, split_multipliers(len(x), halvings, 0.5), uniforms)[0]


@pytest.mark.parametrize("case", FROZEN["cases"], ids=lambda c: f"n{c['n']}-m{c['halvings']}")
def test_frozen_results_of_goodpoints(case):
    x = np.random.default_rng(1000 + case["seed"]).random((case["n"], case["d"]))
    kernel = kernels.Gaussian(np.sqrt(0.5))  # exp(-r²)
    assert leaves_of(x, case["halvings"], case["seed"], kernel).tolist() == case["leaves"]
    options = {"unique": {}, "repeats": {"unique": False}, "centered": {"centered": True}}
    for name in options.keys() & case.keys():
        # Which no Gaussian is: given as a function it is not known for one.
        used = kernels.from_callable(kernel) if name == "centered" else kernel
        result = thinning.kernel_thin(x, halvings=case["halvings"], kernel=used, rng=case["seed"], **options[name])
        assert sorted(result.indices.tolist()) == sorted(case[name])


@pytest.mark.peers
def test_split_and_swap_of_goodpoints():
    """At every number of halvings, at least 99 % of seeds."""
    kt = pytest.importorskip("goodpoints.kt", reason="goodpoints is not installed")
    equal = total = 0
    for n in (128, 200):
        for halvings in range(1, 8):
            for seed in range(8):
                x = np.random.default_rng(seed).normal(size=(n, 2))
                K = KERNEL(x)
                theirs = kt.split_K(K, halvings, seed=seed)
                same = np.array_equal(leaves_of(x, halvings, seed), theirs)
                if len(range(n - 1, -1, -(n // theirs.shape[1]))) == theirs.shape[1]:
                    ours = thinning.kernel_thin(x, halvings=halvings, kernel=KERNEL, rng=seed)
                    swapped = kt.swap_K(K, theirs.copy(), unique=True)
                    mean = K.mean(axis=1)
                    found, expected = (reference.relative(K, c, mean) for c in (ours.indices, swapped))
                    same &= sorted(ours.indices) == sorted(swapped)
                    assert abs(found - expected) < 1e-12
                equal += same
                total += 1
    assert equal >= 0.99 * total


def by_arrival(n, halvings, rng):
    """Draw the numbers of `split_X`, which come in order of arrival, and sort them by level and node."""
    uniforms = np.zeros((halvings, n // 2))
    for i in range(n):
        for level in range(halvings):
            if (i + 1) % 2 ** (level + 1):
                break
            pair = (i + 1) // 2 ** (level + 1) - 1
            for node in range(2**level):
                uniforms[level, node * (n >> level + 1) + pair] = rng.random()
    return uniforms


def schedule_of_split_x(n, halvings):
    return 2.0 * np.log(2.0 * n * halvings / (0.5 * 2.0 ** np.arange(halvings)))


@pytest.mark.parametrize("halvings", [1, 2, 3, 4, 6])
def test_the_corrected_split_x(halvings):
    """`split_X` with the sums that its papers ask for, straight from the kernel matrix."""
    for seed in range(5):
        n = 128
        x = np.random.default_rng(100 + seed).normal(size=(n, 3))
        K, multipliers = KERNEL(x), schedule_of_split_x(n, halvings)
        rng = np.random.default_rng(seed)
        expected, variances = reference.split(K, halvings, multipliers, lambda *_, rng=rng: rng.random())
        uniforms = by_arrival(n, halvings, np.random.default_rng(seed))
        leaves, sigma, inner, sums, pairs, _ = split(x, KERNEL, multipliers, uniforms)
        np.testing.assert_array_equal(leaves, expected)
        assert pairs == n * (n - 1) // 2
        np.testing.assert_allclose(sums, K.sum(axis=1) - 1.0, rtol=1e-13)
        np.testing.assert_allclose(inner, [(K[np.ix_(c, c)].sum() - c.size) / 2 for c in leaves], atol=1e-12)
        path = [
            sum(variances[level, leaf >> halvings - level] / (n >> level) ** 2 for level in range(halvings))
            for leaf in range(2**halvings)
        ]
        np.testing.assert_allclose(sigma, path, rtol=1e-12)


@pytest.mark.peers
def test_the_fault_of_split_x_stays_out():
    """goodpoints' default routine balances the right half of the leaves against the wrong points."""
    kt = pytest.importorskip("goodpoints.kt", reason="goodpoints is not installed")

    def value(y, x):
        return np.exp(-0.5 * ((x - y) ** 2).sum(axis=1))

    n, same = 256, np.zeros(4)
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=(n, 2))
        theirs = kt.split_X(x, 2, value, seed=seed)
        ours = split(x, KERNEL, schedule_of_split_x(n, 2), by_arrival(n, 2, np.random.default_rng(seed)))[0]
        same += [np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)]
    assert same[:2].tolist() == [10, 10]
    assert same[2:].max() < 10


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("n", [96, 100])
def test_swaps_of_the_reference(n, unique):
    x = np.random.default_rng(n).normal(size=(n, 2))
    K = KERNEL(x)
    mean = K.mean(axis=1)
    for seed in range(5):
        leaves = leaves_of(x, 3, seed)
        start = reference.best(K, leaves, mean)
        for rounds in (0, 1, 3):
            expected = reference.refine(K, start, mean, unique=unique, rounds=rounds)
            found = thinning.kernel_thin(
                x, halvings=3, kernel=KERNEL, rng=seed, unique=unique, swap_passes=rounds
            ).indices
            np.testing.assert_array_equal(found, expected)
