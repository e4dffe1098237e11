"""Stein thinning and Stein kernel thinning."""

import numpy as np
import pytest

from tests.reference.greedy_numpy import stein_thinning
from wassail import kernels, thinning
from wassail.exceptions import InputError, NumericalError

NORMAL = kernels.Stein(kernels.InverseMultiquadric(), lambda x: -x)


def normal_ksd(mean, sd, d, lengthscale):
    """KSD of N(mean, sd² I) to N(0, I) in the Gaussian Stein kernel, mean of equal entries."""
    c = lengthscale**2 + 2.0 * sd**2
    factor = (lengthscale**2 / c) ** (d / 2)
    return np.sqrt(factor * (d * mean**2 + d * (sd**2 - 1.0) ** 2 / c))


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize(("n", "d", "size"), [(1, 1, 1), (9, 1, 9), (33, 2, 20), (400, 5, 40), (70, 1000, 10)])
def test_reference(n, d, size, unique):
    x = np.random.default_rng(n).normal(size=(n, d))
    found = thinning.stein_thin(x, size=size, kernel=NORMAL, unique=unique)
    assert found.indices.tolist() == stein_thinning(NORMAL(x), size, unique=unique)
    chosen = x[found.indices]
    assert np.array_equal(found.points, chosen)
    assert found.mmd() == pytest.approx(np.sqrt(NORMAL(chosen).mean()), rel=1e-10)
    assert found.centered
    given = thinning.stein_thin(x, -x, size=size, kernel=kernels.Stein(kernels.InverseMultiquadric()), unique=unique)
    assert np.array_equal(given.indices, found.indices)
    assert given.mmd() == found.mmd()


@pytest.mark.parametrize("regularization", [None, 0.0, 0.7])
def test_regularized(regularization):
    """Two modes: log p and its curvature enter as in Bénard et al., Section 3.1."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1)) + np.where(rng.random(200) < 0.5, -3.0, 3.0)[:, None]
    wave = np.tanh(3.0 * x)
    scores, log_density = 3.0 * wave - x, (np.log(np.cosh(3.0 * x)) - x**2 / 2.0)[:, 0]
    curvature = np.maximum(9.0 * (1.0 - wave**2) - 1.0, 0.0)[:, 0]
    kernel = kernels.Stein(kernels.InverseMultiquadric())
    K = kernels.Stein(kernels.InverseMultiquadric(), lambda z: 3.0 * np.tanh(3.0 * z) - z)(x)
    found = thinning.stein_thin(
        x, scores, size=30, kernel=kernel, log_density=log_density, curvature=curvature, regularization=regularization
    )
    strength = 1.0 / 30 if regularization is None else regularization
    expected = stein_thinning(K, 30, log_density=log_density, curvature=curvature, strength=strength)
    assert found.indices.tolist() == expected


def test_regularization_sees_proportions():
    """Far modes of weight 0.2 and 0.8, sampled evenly: scores alone do not tell which is which."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 1)) + np.where(rng.random(600) < 0.5, -3.0, 3.0)[:, None]
    left, right = np.log(0.2) - 0.5 * (x + 3.0) ** 2, np.log(0.8) - 0.5 * (x - 3.0) ** 2
    log_density = np.logaddexp(left, right)
    share = np.exp(left - log_density)
    scores = -x - 3.0 * share + 3.0 * (1.0 - share)
    curvature = np.maximum(36.0 * share * (1.0 - share) - 1.0, 0.0)
    options = {"size": 60, "kernel": kernels.Stein()}
    plain = thinning.stein_thin(x, scores, **options)
    careful = thinning.stein_thin(x, scores, log_density=log_density, curvature=curvature, **options)
    assert (plain.points < 0.0).mean() > 0.5
    assert (careful.points < 0.0).mean() < 0.3


def test_it_takes_out_bias():
    """Closed form: the input keeps the discrepancy of its distribution, the output falls below that of true draws."""
    d, n, size, lengthscale = 2, 4000, 100, 1.5
    x = 0.7 + 1.6 * np.random.default_rng(0).normal(size=(n, d))
    kernel = kernels.Stein(kernels.Gaussian(lengthscale), lambda x: -x)
    mean_diagonal = d * 1.6**2 + d * 0.7**2 + d / lengthscale**2
    squared = normal_ksd(0.7, 1.6, d, lengthscale) ** 2
    expected = np.sqrt(squared * (n - 1) / n + mean_diagonal / n)
    assert np.sqrt(kernel(x).mean()) == pytest.approx(expected, rel=0.05)
    # size true draws: E[k0(x, x)] / size.
    draws = np.sqrt((d + d / lengthscale**2) / size)
    found = thinning.stein_thin(x, size=size, kernel=kernel)
    assert found.mmd() < 0.5 * draws < 0.5 * expected
    assert found.gain < 0.0
    further = thinning.stein_kernel_thin(x, size=size, kernel=kernel, rng=0)
    assert further.mmd() < 0.5 * draws
    assert further.sigma > 0.0
    low_rank = thinning.stein_kernel_thin(x, size=size, kernel=kernel, rank=60, rng=0)
    assert low_rank.mmd() < draws


@pytest.mark.parametrize(("n", "size"), [(100, 25), (101, 25), (7, 7), (5, 9), (1, 1), (64, 1)])
def test_stein_kernel_thin_sizes(n, size):
    x = 1.5 * np.random.default_rng(n).normal(size=(n, 2)) + 0.5
    found = thinning.stein_kernel_thin(x, size=size, kernel=NORMAL, rng=0)
    assert found.size == size
    again = thinning.stein_kernel_thin(x, size=size, kernel=NORMAL, rng=0, n_threads=1)
    assert np.array_equal(found.indices, again.indices)
    if size <= n:
        only = thinning.stein_kernel_thin(x, size=size, kernel=NORMAL, rng=0, unique=True)
        assert len(set(only.indices.tolist())) == size
    # A swap never worsens.
    fewer = thinning.stein_kernel_thin(x, size=size, kernel=NORMAL, rng=0, swap_passes=0)
    assert found.mmd() <= fewer.mmd() * (1.0 + 1e-12)


def test_preconditioners_and_scales():
    """A linear map of the space, with its preconditioner, does not change what is chosen by standardized points."""
    x = np.random.default_rng(2).normal(size=(300, 2))
    plain = thinning.stein_thin(x, -x, size=20, kernel=kernels.Stein(), standardize=True)
    scale = np.array([1e3, 1e-4])
    stretched = thinning.stein_thin(x * scale, -x / scale, size=20, kernel=kernels.Stein(), standardize=True)
    assert np.array_equal(plain.indices, stretched.indices)
    assert stretched.mmd() == pytest.approx(plain.mmd(), rel=1e-9)
    median = kernels.median_preconditioner(x)
    default = thinning.stein_thin(x, -x, size=20)
    assert default.kernel == kernels.Stein(preconditioner=median)
    angle = np.array([[0.6, -0.8], [0.8, 0.6]])
    matrix = np.diag([2.0, 0.5])
    turned = kernels.Stein(preconditioner=angle @ matrix @ angle.T)
    straight = thinning.stein_thin(x, -x, size=20, kernel=kernels.Stein(preconditioner=matrix))
    rotated = thinning.stein_thin(x @ angle.T, -x @ angle.T, size=20, kernel=turned)
    assert np.array_equal(straight.indices, rotated.indices)


def test_threads_and_precision():
    x = np.random.default_rng(3).normal(size=(40_000, 3)).astype(np.float32)
    options = {"size": 30, "kernel": kernels.Stein()}
    indices = [thinning.stein_thin(x, -x, n_threads=n, **options).indices for n in (1, 2, 3)]
    assert np.array_equal(indices[0], indices[1])
    assert np.array_equal(indices[0], indices[2])
    assert np.array_equal(indices[0], thinning.stein_thin(x.astype(float), -x.astype(float), **options).indices)


def test_degenerate_points():
    same = np.full((10, 2), 0.5)
    assert thinning.stein_thin(same, size=3, kernel=NORMAL).indices.tolist() == [0, 0, 0]
    assert thinning.stein_thin(same, size=3, kernel=NORMAL, unique=True).indices.tolist() == [0, 1, 2]
    twice = np.repeat(np.random.default_rng(4).normal(size=(30, 2)), 2, axis=0)
    single = thinning.stein_thin(twice[::2], size=12, kernel=NORMAL).indices
    assert np.array_equal(thinning.stein_thin(twice, size=12, kernel=NORMAL).indices, 2 * single)
    strided = np.random.default_rng(5).normal(size=(40, 6))[::2, ::3]
    strided.setflags(write=False)
    assert thinning.stein_thin(strided, -strided, size=5, kernel=kernels.Stein()).size == 5
    with pytest.raises(NumericalError, match="leave the range"):
        thinning.stein_thin([[1.0], [2.0]], [[1e200], [1e200]], size=1, kernel=kernels.Stein())
    far = thinning.stein_thin([[1e40], [0.0]], [[1.0], [0.0]], size=2, kernel=kernels.Stein())
    assert far.indices.tolist() == [1, 0]
    with pytest.raises(NumericalError, match="rescale"):
        thinning.stein_thin([[1e150], [0.0]], [[1.0], [0.0]], size=2, kernel=kernels.Stein())


BAD = [
    ({"x": [[np.nan]], "scores": [[1.0]]}, r"x\[0, 0\] is nan"),
    ({"scores": [[0.0], [np.inf], [0.0]]}, r"scores\[1, 0\] is inf"),
    ({"scores": [[0.0, 1.0]]}, "scores must have the shape of the points"),
    ({"scores": None}, "scores are required"),
    ({"scores": None, "kernel": kernels.Stein()}, "the kernel has no score"),
    ({"kernel": kernels.Gaussian(1.0)}, "kernel must be a kernels.Stein"),
    ({"size": 0}, "size must be at least 1"),
    ({"size": 4, "unique": True}, "size is 4 and 3 points"),
    ({"log_density": [0.0, 0.0]}, "log_density must have shape"),
    ({"log_density": [0.0, np.nan, 0.0]}, r"log_density\[1\] is nan"),
    ({"curvature": [0.0]}, "curvature must have shape"),
    ({"regularization": 1.0}, "regularization needs log_density"),
    ({"regularization": -1.0, "log_density": [0.0] * 3}, "regularization must be finite"),
    ({"x": [[1.0], [1.0], [1.0]], "standardize": True}, r"x\[:, 0\] is constant"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {"x": [[0.0], [1.0], [2.0]], "scores": [[0.0], [-1.0], [-2.0]], "size": 2} | change
    with pytest.raises(InputError, match=message):
        thinning.stein_thin(arguments.pop("x"), arguments.pop("scores"), **arguments)


@pytest.mark.parametrize("rank", [None, 20])
def test_choices_without_repeats_have_their_size(rank):
    """A biased sample, of which the debiased one repeats a few points many times."""
    x = np.random.default_rng(3).normal(size=(200, 2)) + 3.0
    result = thinning.stein_kernel_thin(x, -x, size=20, unique=True, rank=rank, rng=0)
    assert len(set(result.indices.tolist())) == result.size == 20


def test_tiny_scales_are_refused():
    x = 1e-200 * np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(InputError, match="median distance"):
        thinning.stein_thin(x, -x, size=3)
