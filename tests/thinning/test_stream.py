"""Streams: any chunks, saved and resumed, merged, interrupted by bad input, with any number of points."""

import io
import pickle

import numpy as np
import pytest

from wassail import kernels, thinning
from wassail.exceptions import InputError
from wassail.thinning._halving import Tree
from wassail.thinning._stream_state import schedule

KERNEL = kernels.Gaussian(2.0)
X = np.random.default_rng(0).normal(size=(3000, 2))


def stream(seed=0, **options):
    return thinning.ThinningStream(**{"kernel": KERNEL, "oversampling": 1, "rng": seed, **options})


def filled(x, seed=0, **options):
    full = stream(seed, **options)
    full.push(x)
    return full


def assert_same(first, second):
    assert (first.n, first.n_held) == (second.n, second.n_held)
    left, right = first.to_arrays(), second.to_arrays()
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[key], right[key]) for key in left)
    assert np.array_equal(first.result().indices, second.result().indices)


@pytest.mark.parametrize("cuts", [[1500], [1, 5, 16, 700, 701, 2900], list(range(17, 3000, 17))])
def test_chunks_do_not_show(cuts):
    parts = stream()
    for chunk in np.array_split(X, cuts):
        parts.push(chunk)
    assert_same(parts, filled(X))


def test_one_by_one_through_the_sink():
    parts = stream()
    sink = parts.sink()
    for step, point in enumerate(X[:300]):
        sink.push(step % 3, step // 3, point, np.zeros(2))
    result = parts.result()
    assert np.array_equal(result.indices, filled(X[:300]).result().indices)
    origins = parts.origins(result.indices)
    assert np.array_equal(origins, np.column_stack((result.indices % 3, result.indices // 3)))


def test_points_are_those_of_the_stream():
    result = filled(X).result(size=40)
    assert result.size == 40
    assert np.unique(result.indices).size == 40
    assert np.array_equal(result.points, X[result.indices])
    with pytest.raises(InputError, match="stream and is gone"):
        result.mmd()


def test_little_is_held():
    for n in (1, 15, 16, 17, 1000, 16_384, 50_000):
        some = filled(np.random.default_rng(n).normal(size=(n, 1)), oversampling=0)
        assert some.n_held <= 12.0 * np.sqrt(n)
        assert some.result().size <= np.sqrt(n)


def test_a_stream_draws_as_compress_does():
    offsets, total = schedule([1024], 16)
    tree = Tree.grow(1024, 4, 1)
    assert total == tree.n_draws
    for at, level in zip(offsets, tree.levels, strict=True):
        assert np.array_equal(at, level.at)


def test_as_good_as_compress_plus_plus():
    ours, theirs, standard = [], [], []
    for seed in range(8):
        x = np.random.default_rng(seed).normal(size=(2500, 2))
        K = KERNEL(x)
        squared = lambda c, K=K: K[np.ix_(c, c)].mean() - 2.0 * K[c].mean() + K.mean()  # noqa: E731
        ours.append(squared(filled(x, seed, oversampling=2).result().indices))
        theirs.append(squared(thinning.compress_plus_plus(x, kernel=KERNEL, oversampling=2, rng=seed).indices))
        standard.append(squared(np.arange(49, 2500, 50)))
        assert ours[-1] < 0.2 * standard[-1]
    assert np.mean(ours) < 1.5**2 * np.mean(theirs)


def test_pickled_and_saved():
    whole = filled(X)
    for n in (0, 7, 1234):
        first = stream()
        if n:
            first.push(X[:n])
        file = io.BytesIO()
        np.savez(file, **first.to_arrays())
        file.seek(0)
        again = thinning.ThinningStream.from_arrays(np.load(file), kernel=KERNEL)
        for copy in (pickle.loads(pickle.dumps(first)), again):
            copy.push(X[n:])
            assert_same(copy, whole)


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_every_generator_is_saved(bits):
    first = stream(np.random.Generator(bits(3)))
    first.push(X[:100])
    again = thinning.ThinningStream.from_arrays(first.to_arrays(), kernel=KERNEL)
    for copy in (first, again):
        copy.push(X[100:])
    assert_same(first, again)


def test_merge():
    for n, m in [(1000, 2000), (5, 3), (0, 100), (100, 0), (1024, 1024)]:
        first, second = (stream(seed) for seed in (1, 2))
        for part, x in ((first, X[:n]), (second, X[n : n + m])):
            if len(x):
                part.push(x)
        before = first.to_arrays()
        merged = first.merge(second)
        assert merged.n == n + m
        assert_same(merged, first.merge(second))
        assert all(np.array_equal(before[key], first.to_arrays()[key]) for key in before)
        # Of what stands for 2^t points each, all is there.
        arrays = merged.to_arrays()
        held = {int(key.split("_")[1]): len(arrays[key]) for key in arrays if key.startswith("points")}
        assert sum(count << height for height, count in held.items()) == n + m
        assert all(held.get(t, 0) < 4 * (16 << t >> 2) for t in range(1, 9))
        result = merged.result()
        assert np.array_equal(result.points, X[result.indices])


def test_merging_is_as_good_as_one_stream():
    x = np.random.default_rng(5).normal(size=(4096, 2))
    K = KERNEL(x)
    merged = filled(x[:1111], 1).merge(filled(x[1111:], 2)).result().indices
    value = K[np.ix_(merged, merged)].mean() - 2.0 * K[merged].mean() + K.mean()
    every = np.arange(63, 4096, 64)
    assert value < 0.2 * (K[np.ix_(every, every)].mean() - 2.0 * K[every].mean() + K.mean())


def test_a_bad_chunk_changes_nothing():
    some = filled(X[:1000])
    before = some.to_arrays()
    bad = X[:50].copy()
    bad[20, 1] = np.nan
    for chunk, message in [(bad, r"x\[20, 1\] is nan"), (X[:5, :1], "1 coordinates"), (np.zeros((0, 2)), "empty")]:
        with pytest.raises(InputError, match=message):
            some.push(chunk)
    with pytest.raises(InputError, match="one draw"):
        some.sink().push(0, 0, X[:2])
    after = some.to_arrays()
    assert all(np.array_equal(before[key], after[key]) for key in before)


def test_refusals():
    with pytest.raises(InputError, match="nothing was pushed"):
        stream().result()
    with pytest.raises(InputError, match="comes to"):
        filled(X).result(size=3000)
    with pytest.raises(InputError, match="different options"):
        filled(X).merge(stream(oversampling=2))
    with pytest.raises(InputError, match="coordinates"):
        filled(X).merge(filled(X[:, 0]))
    with pytest.raises(InputError, match="ThinningStream"):
        filled(X).merge(X)
    with pytest.raises(InputError, match="not held"):
        filled(X).origins([5000])
    with pytest.raises(InputError, match="to_arrays"):
        thinning.ThinningStream.from_arrays({"x": X}, kernel=KERNEL)
    with pytest.raises(InputError, match="kernel must be"):
        stream(kernel=None)


def test_single_precision_and_threads():
    x = X.astype(np.float32)
    reference = filled(x.astype(np.float64))
    assert np.array_equal(filled(x, n_threads=3).result().indices, reference.result().indices)
    assert filled(x).result().points.dtype == np.float64


def test_a_stein_kernel_with_gradients():
    kernel = kernels.Stein(kernels.InverseMultiquadric(1.0), lambda x: -x)
    plain = thinning.ThinningStream(kernel=kernel, oversampling=0, rng=0)
    plain.push(X[:200])
    pushed = thinning.ThinningStream(kernel=kernel, oversampling=0, rng=0)
    sink = pushed.sink()
    for step, point in enumerate(X[:200]):
        sink.push(0, step, point, -point)
    assert np.array_equal(plain.result().indices, pushed.result().indices)
