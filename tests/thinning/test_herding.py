"""Kernel herding and standard thinning."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.greedy_numpy import herding, herding_passes
from wassail import kernels, thinning
from wassail.exceptions import InputError

GAUSSIAN = kernels.Gaussian(1.0)


def squared(K, indices):
    """MMD² between equal weights on all points and on the chosen ones."""
    return K.mean() - 2.0 * K[:, indices].mean() + K[np.ix_(indices, indices)].mean()


def test_hand_case():
    """coreax's analytical example: row means .97782386, .99069141, .97679674."""
    x = np.array([[0.3, 0.25], [0.4, 0.2], [0.5, 0.125]])
    kernel = kernels.Gaussian(0.5**0.5)
    assert kernel(x).mean(axis=1) == pytest.approx([0.97782386, 0.99069141, 0.97679674], abs=1e-8)
    assert thinning.kernel_herding(x, size=2, kernel=kernel, unique=True).indices.tolist() == [1, 2]
    assert thinning.kernel_herding(x, size=1, kernel=kernel).indices.tolist() == [1]


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize(("n", "d", "size"), [(1, 1, 1), (7, 1, 7), (33, 2, 20), (300, 3, 40), (70, 1000, 10)])
def test_reference(n, d, size, unique):
    x = np.random.default_rng(n).normal(size=(n, d))
    kernel = kernels.Gaussian(np.sqrt(d))
    found = thinning.kernel_herding(x, size=size, kernel=kernel, unique=unique)
    assert found.indices.tolist() == herding(kernel(x), size, unique=unique)
    assert np.array_equal(found.points, x[found.indices])
    assert len(set(found.indices.tolist())) == size or not unique


def test_weights():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(60, 2)), rng.random(60)
    w[::3] = 0.0
    found = thinning.kernel_herding(x, w, size=15, kernel=GAUSSIAN)
    positive = w > 0.0
    expected = herding(GAUSSIAN(x[positive]), 15, w[positive] / w.sum())
    assert found.indices.tolist() == np.flatnonzero(positive)[expected].tolist()
    assert found.input_weights == pytest.approx(w / w.sum())


@pytest.mark.parametrize("unique", [False, True])
def test_passes(unique):
    x = np.random.default_rng(1).normal(size=(200, 2))
    found = thinning.kernel_herding(x, size=12, kernel=GAUSSIAN, n_passes=4, temperature=0.1, unique=unique, rng=3)
    temperatures = 0.1 * np.array([1.0, (2 / 3) ** 3, (1 / 3) ** 3, 0.0])
    uniforms = np.random.default_rng(3).random(36)
    assert found.indices.tolist() == herding_passes(GAUSSIAN(x), 12, temperatures, uniforms, unique=unique)


@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_passes_never_worsen(temperature):
    x = np.random.default_rng(2).normal(size=(500, 2))
    K = GAUSSIAN(x)
    options = {"size": 16, "kernel": GAUSSIAN, "rng": 0}
    one = thinning.kernel_herding(x, **options)
    values = [squared(K, one.indices)]
    if temperature == 0.0:
        results = [thinning.kernel_herding(x, n_passes=n_passes, **options) for n_passes in (2, 3, 6)]
        values.extend(squared(K, result.indices) for result in results)
        assert (np.diff(values) <= 1e-15).all()
    many = thinning.kernel_herding(x, n_passes=10, temperature=temperature, **options)
    assert squared(K, many.indices) < 0.5 * values[0]


def test_coldest_draws_are_greedy():
    x = np.random.default_rng(5).normal(size=(50, 2))
    options = {"size": 8, "kernel": GAUSSIAN}
    greedy = thinning.kernel_herding(x, **options).indices
    for temperature in (1e-18, 5e-324):
        cold = thinning.kernel_herding(x, temperature=temperature, rng=0, **options).indices
        assert np.array_equal(cold, greedy)


def test_draws_follow_the_probabilities():
    x = np.array([[0.0], [1.0], [3.0]])
    mean = GAUSSIAN(x).mean(axis=1)
    p = np.exp(mean / 0.3)
    p /= p.sum()
    options = {"size": 1, "kernel": GAUSSIAN, "temperature": 0.3}
    draws = [thinning.kernel_herding(x, rng=seed, **options).indices[0] for seed in range(2000)]
    counts = np.bincount(draws, minlength=3)
    assert (np.abs(counts - 2000 * p) < 4.5 * np.sqrt(2000 * p * (1 - p))).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 3), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_better_than_its_points_at_random(n, d, size, seed):
    """No pick is worse than the mean pick: greedy minimizes over all points."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    K = GAUSSIAN(x)
    found = thinning.kernel_herding(x, size=size, kernel=GAUSSIAN).indices
    chosen = []
    for t, pick in enumerate(found):
        score = K.mean(axis=1) - K[:, chosen].sum(axis=1) / (t + 1)
        assert score[pick] >= score.max() - 1e-12
        chosen.append(pick)


def test_threads_and_precision():
    x = np.random.default_rng(4).normal(size=(30_000, 2)).astype(np.float32)
    results = [
        thinning.kernel_herding(
            x, size=20, kernel=GAUSSIAN, n_passes=2, temperature=0.01, rng=0, n_threads=n_threads
        ).indices
        for n_threads in (1, 2, 3)
    ]
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])
    wide = thinning.kernel_herding(x[:3000].astype(np.float64), size=20, kernel=GAUSSIAN)
    small = thinning.kernel_herding(x[:3000], size=20, kernel=GAUSSIAN)
    assert np.array_equal(wide.indices, small.indices)
    assert small.points.dtype == np.float32


def test_degenerate_points():
    same = thinning.kernel_herding(np.ones((10, 2)), size=3, kernel=GAUSSIAN)
    assert same.indices.tolist() == [0, 0, 0]  # ties go to the first
    assert thinning.kernel_herding(np.ones((10, 2)), size=3, kernel=GAUSSIAN, unique=True).indices.tolist() == [0, 1, 2]
    assert same.mmd() < 1e-7
    assert thinning.kernel_herding([5.0], size=4, kernel=GAUSSIAN).indices.tolist() == [0, 0, 0, 0]
    for scale in (1e150, 1e-150):
        x = scale * np.random.default_rng(0).normal(size=(20, 2))
        found = thinning.kernel_herding(x, size=5, kernel=kernels.Gaussian(scale)).indices
        assert np.array_equal(found, thinning.kernel_herding(x / scale, size=5, kernel=GAUSSIAN).indices)
    strided = np.random.default_rng(0).normal(size=(20, 6))[::2, ::3]
    found = thinning.kernel_herding(strided, size=5, kernel=GAUSSIAN).indices
    assert np.array_equal(found, thinning.kernel_herding(strided.copy(), size=5, kernel=GAUSSIAN).indices)


BAD = [
    ({"x": [[0.0], [np.nan]]}, r"x\[1, 0\] is nan"),
    ({"x": []}, "x is empty"),
    ({"x": [1.0 + 1j]}, "x has complex"),
    ({"weights": [1.0, -1.0, 1.0]}, r"weights\[1\] is -1"),
    ({"weights": [0.0, 0.0, 0.0]}, "weights sums to 0"),
    ({"weights": [1.0, 1.0]}, "weights has 2 entries"),
    ({"size": 0}, "size must be at least 1"),
    ({"size": 2.0}, "size must be an integer"),
    ({"size": 4, "unique": True}, "size is 4 and 3 points"),
    ({"size": 3, "unique": True, "weights": [1.0, 0.0, 1.0]}, "size is 3 and 2 points"),
    ({"kernel": "gaussian"}, "kernel must be one of"),
    ({"n_passes": 0}, "n_passes must be at least 1"),
    ({"temperature": -1.0}, "temperature must be finite"),
    ({"temperature": np.inf}, "temperature must be finite"),
    ({"temperature": 1.0, "rng": "seed"}, "rng must be"),
    ({"n_threads": 0}, "n_threads must be at least 1"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {"x": [0.0, 1.0, 2.0], "weights": None, "size": 2, "kernel": GAUSSIAN} | change
    with pytest.raises(InputError, match=message):
        thinning.kernel_herding(arguments.pop("x"), arguments.pop("weights"), **arguments)


def test_standard():
    x = np.arange(10.0)
    found = thinning.standard_thin(x, size=5, kernel=GAUSSIAN)
    assert found.indices.tolist() == [1, 3, 5, 7, 9]
    assert found.gain == 0.0
    assert thinning.standard_thin(x, size=6, kernel=GAUSSIAN).indices.tolist() == [0, 2, 4, 5, 7, 9]
    assert thinning.standard_thin(x, size=10, kernel=GAUSSIAN).indices.tolist() == list(range(10))
    weighted = thinning.standard_thin(x, np.arange(10.0), size=3, kernel=GAUSSIAN)
    assert weighted.indices.tolist() == [5, 8, 9]
    with pytest.raises(InputError, match="size is 11"):
        thinning.standard_thin(x, size=11, kernel=GAUSSIAN)


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        thinning.kernel_herding(np.full((5, 1), 1e200), size=2, kernel=GAUSSIAN)
