"""What the theory promises, seen over seeds: sub-Gaussian errors, and MMDs that decay faster than those of samples."""

import math

import numpy as np
import pytest

from wassail import _core, kernels, thinning
from wassail.thinning._plan import split_multipliers, split_uniforms
from wassail.thinning.results import standard_thinning

SEEDS = 4000


@pytest.fixture(scope="module", params=[1, 2])
def errors(request):
    """Errors n (P_in − P_leaf) f of the first leaf over seeds for functions with |f|_k = 1, and σ² of each seed."""
    halvings, n = request.param, 64
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2))
    kernel = kernels.Gaussian(1.0)
    K = kernel(x)
    f = [K @ a / math.sqrt(a @ K @ a) for a in (*rng.normal(size=(3, n)), np.eye(n)[0], np.ones(n))]
    values, variances = [], []
    multipliers, core = split_multipliers(n, halvings, 0.5), kernel._core_kernel()
    for seed in range(SEEDS):
        uniforms = split_uniforms(n, halvings, np.random.default_rng(seed))
        leaves, sigma, *_ = _core.kernel_split(core, x, multipliers, uniforms, False, 1)
        values.append([n * (g.mean() - g[leaves[0]].mean()) for g in f])
        variances.append(n**2 * sigma[0])
    return np.array(values), np.array(variances)


def test_errors_have_mean_zero(errors):
    values, _ = errors
    z = values.mean(axis=0) / (values.std(axis=0) / math.sqrt(SEEDS))
    assert np.abs(z).max() < 4.5


def test_variances_are_below_sigma(errors):
    """A variance estimated from 4000 values is off by 1 / √2000 of itself, 4 times which is 9 %."""
    values, variances = errors
    assert (values.var(axis=0) <= 1.09 * variances.mean()).all()


def test_errors_are_sub_gaussian(errors):
    values, variances = errors
    for scale in (0.5, 1.0, 1.5):
        exponent = scale * values / np.sqrt(variances)[:, None]
        moment, spread = np.exp(exponent).mean(axis=0), np.exp(exponent).std(axis=0) / math.sqrt(SEEDS)
        assert (moment <= math.exp(scale**2 / 2) + 4.5 * spread).all()


def mmd_to_normal(x, variance):
    """MMD of points to N(0, I) by the closed form, for exp(-r² / (2 variance))."""
    d = x.shape[1]
    own = kernels.Gaussian(math.sqrt(variance))(x).mean()
    cross = (variance / (variance + 1)) ** (d / 2) * np.exp(-(x**2).sum(axis=1) / (2 * (variance + 1))).mean()
    return math.sqrt(own - 2 * cross + (variance / (variance + 2)) ** (d / 2))


def decay(d, levels, repeats):
    """Return the slopes of log MMD in log n of kernel and standard thinning to √n points, and the last MMDs."""
    kernel = kernels.Gaussian(math.sqrt(2 * d))
    thinned, standard = [], []
    for level in levels:
        n, size = 4**level, 2**level
        found = []
        for seed in range(repeats):
            x = np.random.default_rng([seed, level]).normal(size=(n, d))
            result = thinning.kernel_thin(x, size=size, kernel=kernel, rng=seed)
            assert result.gain < 0.0
            found.append([mmd_to_normal(points, 2 * d) for points in (result.points, x[standard_thinning(n, size)])])
        for values, mmd in zip((thinned, standard), np.mean(found, axis=0), strict=True):
            values.append(mmd)
    log_n = np.log(4.0) * np.array(levels)
    slopes = [np.polyfit(log_n, np.log(values), 1)[0] for values in (thinned, standard)]
    return *slopes, thinned[-1]


def test_decay():
    """MMDs of goodpoints at n = 4096, d = 2: 0.0122 on the mean."""
    slope, standard, last = decay(2, range(3, 7), 10)
    assert slope < -0.40
    assert -0.33 < standard < -0.17
    assert last < 0.0135


@pytest.mark.study
@pytest.mark.parametrize(("d", "steepest"), [(2, -0.42), (10, -0.42), (100, -0.33)])
def test_decay_up_to_65536_points(d, steepest):
    slope, standard, _ = decay(d, range(4, 9), 3)
    assert slope <= steepest
    assert -0.30 < standard < -0.20
