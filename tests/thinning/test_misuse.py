"""Streams, options and progress as users get them wrong, and at the edges of what is right."""

import io
import json
import math

import numpy as np
import pytest

from wassail import kernels, sampling, thinning
from wassail.exceptions import InputError, NumericalError

GAUSSIAN = kernels.Gaussian(1.0)
STEIN = kernels.Stein(score=lambda x: -x)
POINTS = np.random.default_rng(0).normal(size=(500, 2))


def stream(kernel=GAUSSIAN, **options):
    made = thinning.ThinningStream(kernel=kernel, oversampling=1, rng=0, **options)
    made.push(POINTS)
    return made


def reread(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    buffer.seek(0)
    return np.load(buffer)


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_a_saved_stream_goes_on_with_any_generator(bits):
    first = thinning.ThinningStream(kernel=GAUSSIAN, oversampling=1, rng=np.random.Generator(bits(3)))
    first.push(POINTS)
    second = thinning.ThinningStream.from_arrays(reread(first.to_arrays()), kernel=GAUSSIAN)
    for one in (first, second):
        one.push(POINTS[::-1])
    assert np.array_equal(first.result().indices, second.result().indices)


ARRAYS = stream().to_arrays()


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_were_lost_or_cut(name):
    for damaged in (
        {k: v for k, v in ARRAYS.items() if k != name},
        {**ARRAYS, name: ARRAYS[name][:-1]},
        {**ARRAYS, name: np.concatenate((ARRAYS[name], ARRAYS[name]))},
    ):
        with pytest.raises(InputError):
            thinning.ThinningStream.from_arrays(damaged, kernel=GAUSSIAN)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 9},
        {"rule": [1, 0.5]},
        {"rule": [-1, 0.5, 1]},
        {"rule": [1, 7.0, 1]},
        {"rule": [1, 0.5, -1]},
        {"state": [0, 999, 2, 0]},
        {"state": [0, "500", 2, 0]},
        {"made": [0]},
        {"made": "abc"},
        {"rng": {"bit_generator": "seed"}},
    ],
)
def test_options_that_no_stream_has(changes):
    options = json.loads(bytes(ARRAYS["options"]).decode()) | changes
    damaged = {**ARRAYS, "options": np.frombuffer(json.dumps(options).encode(), dtype=np.uint8)}
    with pytest.raises(InputError):
        thinning.ThinningStream.from_arrays(damaged, kernel=GAUSSIAN)


def test_arrays_of_other_points_and_kernels():
    for name, value in (("points_0", ARRAYS["points_0"] * np.nan), ("points_0", np.tile(ARRAYS["points_0"], 2))):
        with pytest.raises(InputError):
            thinning.ThinningStream.from_arrays({**ARRAYS, name: value}, kernel=GAUSSIAN)
    with pytest.raises(InputError, match="the kernel needs 2 times"):
        thinning.ThinningStream.from_arrays(ARRAYS, kernel=STEIN)
    with_scores = stream(STEIN).to_arrays()
    assert thinning.ThinningStream.from_arrays(with_scores, kernel=STEIN).n == 500
    with pytest.raises(InputError, match="the kernel needs 1 times"):
        thinning.ThinningStream.from_arrays(with_scores, kernel=GAUSSIAN)


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.Stein(),
        kernels.Stein() + kernels.Stein(kernels.Gaussian(2.0)),
        kernels.GroupAverage(kernels.Stein(), [[[1.0]], [[-1.0]]]),
    ],
)
def test_a_sink_hands_gradients_to_every_stein_kernel(kernel):
    one = thinning.ThinningStream(kernel=kernel, rng=0)
    sink = one.sink()
    for step in range(4):
        sink.push(0, step, [float(step)], [-float(step)])
    assert one.result(size=2).size == 2
    with pytest.raises(InputError, match="no score"):
        sink.push(0, 4, [0.0])
    assert one.n == 4


@pytest.mark.parametrize(("places", "message"), [("a", "integers"), ([0.5], "integers"), ([-1], "not held")])
def test_origins_of_what_is_no_place(places, message):
    with pytest.raises(InputError, match=message):
        stream().origins(places)


@pytest.mark.parametrize(
    "kernel", [GAUSSIAN, kernels.Laplace(1.0) + GAUSSIAN, 2.0 * kernels.InverseMultiquadric(), kernels.Energy()]
)
def test_centered_is_for_kernels_of_mean_zero(kernel):
    run = (thinning.kernel_thin, thinning.compress_plus_plus)
    for function in run:
        if isinstance(kernel, kernels.Energy):  # may have it, for some weights
            assert function(POINTS, kernel=kernel, size=5, centered=True, rng=0).size == 5
            continue
        with pytest.raises(InputError, match="centered is for kernels of mean zero"):
            function(POINTS, kernel=kernel, size=5, centered=True, rng=0)


def test_curvatures_are_positive_parts():
    with pytest.raises(InputError, match=r"curvature\[3\] is -1"):
        thinning.stein_thin(POINTS, -POINTS, size=5, curvature=np.where(np.arange(500) == 3, -1.0, 0.0))


@pytest.mark.parametrize("scale", [1e-70, 1e70])
def test_stein_thinning_at_any_scale(scale):
    expected = thinning.stein_thin(POINTS, -POINTS, size=10).indices
    found = thinning.stein_thin(POINTS * scale, -POINTS / scale, size=10).indices
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scale", [1e-150, 1e-77, 1e77, 1e150])
def test_scales_that_stein_kernels_do_not_reach(scale):
    """Squares of 1 / length² leave the range of float64: the values would lose a term without a word."""
    with pytest.raises(NumericalError, match="rescale the points and the scores"):
        thinning.stein_thin(POINTS * scale, -POINTS / scale, size=10)
    with pytest.raises(NumericalError, match="rescale the points and the scores"):
        kernels.Stein(kernels.Gaussian(scale), lambda x: -x / scale / scale)(POINTS * scale)
    expected = thinning.stein_thin(POINTS, -POINTS, size=10, standardize=True).indices
    found = thinning.stein_thin(POINTS * scale, -POINTS / scale, size=10, standardize=True).indices
    np.testing.assert_array_equal(found, expected)


CALLS = {
    "herding": (lambda p: thinning.kernel_herding(POINTS, size=7, kernel=GAUSSIAN, progress=p).indices, 7),
    "passes": (
        lambda p: thinning.kernel_herding(POINTS, size=7, kernel=GAUSSIAN, n_passes=3, progress=p).indices,
        21,
    ),
    "stein_thin": (lambda p: thinning.stein_thin(POINTS, -POINTS, size=9, progress=p).indices, 9),
    "support_points": (
        lambda p: thinning.support_points(POINTS, size=4, tol=0.05, max_iter=50, rng=0, progress=p).points,
        50,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_progress(name, capsys):
    call, total = CALLS[name]
    seen = []
    found = call(lambda *at: seen.append(at))
    assert np.array_equal(found, call(False))
    assert np.array_equal(found, call(True))
    assert str(total) in capsys.readouterr().err
    assert seen
    assert all(done <= of == total for done, of in seen)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    with pytest.raises(InputError, match="progress"):
        call("yes")


def test_what_a_progress_function_raises_comes_out():
    def stop(*_):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        thinning.kernel_herding(POINTS, size=7, kernel=GAUSSIAN, progress=stop)


@pytest.mark.parametrize(
    ("n", "g", "heavy"), [(1500, 0, "one"), (5000, 0, "tail"), (5000, 4, "tail"), (3000, 1, "one")]
)
def test_compress_plus_plus_chooses_weighted_points_once(n, g, heavy):
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(n, 2)), np.ones(n)
    w = rng.pareto(0.5, size=n) if heavy == "tail" else np.where(np.arange(n) == 7, float(n) ** 2, w)
    result = thinning.compress_plus_plus(x, kernel=kernels.Gaussian(1.0), oversampling=g, weights=w, rng=0)
    assert np.unique(result.indices).size == result.size == math.isqrt(n)
    few = np.zeros(n)
    few[:20] = 1.0
    with pytest.raises(InputError, match="only 20 points have weight"):
        thinning.compress_plus_plus(x, kernel=kernels.Gaussian(1.0), oversampling=0, weights=few, rng=0)


@pytest.mark.parametrize(("n", "size"), [(300, 7), (300, 17), (300, 150), (300, 151), (299, 298), (11, 2), (10, 10)])
def test_standard_thinning_is_what_gains_are_measured_against(n, size):
    x = np.random.default_rng(0).normal(size=(n, 2))
    result = thinning.standard_thin(x, size=size, kernel=kernels.Gaussian(1.0))
    assert result.gain == 0.0
    gaps = np.diff(np.concatenate(([-1], result.indices, [n])))
    assert result.indices[-1] == n - 1
    assert gaps.max() <= 2 * math.ceil(n / size)


def test_scores_reach_split_kernels_and_herding():
    x = np.random.default_rng(0).normal(size=(64, 2))
    base = kernels.Gaussian(1.0)
    given, own = kernels.Stein(base), kernels.Stein(base, lambda x: -x)
    for kernel, split in ((given, own), (given, given), (base, given)):
        found = thinning.kernel_thin(x, kernel=kernel, split_kernel=split, scores=-x, rng=0)
        plain = base if kernel is base else own
        expected = thinning.kernel_thin(x, kernel=plain, split_kernel=own, rng=0)
        assert np.array_equal(found.indices, expected.indices)
    herded = thinning.kernel_herding(x, size=5, kernel=given, scores=-x)
    assert np.array_equal(herded.indices, thinning.kernel_herding(x, size=5, kernel=own).indices)
    assert thinning.standard_thin(x, size=5, kernel=given, scores=-x).mmd() > 0.0


@pytest.mark.parametrize(
    "kernel",
    [
        kernels.LaplaceL1(1.0),
        kernels.BSpline(3),
        kernels.Gaussian(1.0) * kernels.Gaussian(2.0),
        kernels.Gaussian(1.0) + kernels.Linear(),
        kernels.GroupAverage(kernels.Gaussian(1.0), [[[1.0]], [[-1.0]]]),
    ],
)
def test_stationary_kernels_are_not_centered(kernel):
    with pytest.raises(InputError, match="centered is for kernels of mean zero"):
        thinning.kernel_thin(np.linspace(0.0, 1.0, 16), kernel=kernel, centered=True)


@pytest.mark.parametrize("n", [1, 2, 10, 300, 1000])
def test_the_root_of_their_number_is_kept_by_default(n):
    x = np.random.default_rng(0).normal(size=(n, 2))
    assert thinning.kernel_thin(x, kernel=kernels.Gaussian(1.0), rng=0).size == math.isqrt(n)


def test_what_is_often_passed_wrongly_is_named():
    x, kernel = np.zeros((4, 100, 2)), kernels.Gaussian(1.0)
    with pytest.raises(InputError, match=r"draws of chains are points after reshape\(-1, 2\)"):
        thinning.kernel_thin(x, kernel=kernel)
    with pytest.raises(InputError, match="divide each coordinate by its own scale"):
        kernels.Gaussian([1.0, 2.0])
    stream = thinning.ThinningStream(kernel=kernel)
    with pytest.raises(InputError, match=r"pass its \.sink\(\)"):
        sampling.mala(sampling.targets.Gaussian([0.0], [1.0]), [[0.0]], n_samples=9, sink=stream)
