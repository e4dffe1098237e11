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


def decay(d, repeats):
    """Return {level: (2, count)}: MMD² to N(0, I) of kernel and of standard thinning of 4^level points to 2^level."""
    kernel, found = kernels.Gaussian(math.sqrt(2 * d)), {}
    for level, count in repeats.items():
        n, size = 4**level, 2**level
        found[level] = np.zeros((2, count))
        for seed in range(count):
            x = np.random.default_rng([seed, level]).normal(size=(n, d))
            result = thinning.kernel_thin(x, size=size, kernel=kernel, rng=seed)
            assert result.gain < 0.0
            both = result.points, x[standard_thinning(n, size)]
            found[level][:, seed] = [mmd_to_normal(points, 2 * d) ** 2 for points in both]
    return found


def slope(squares):
    """Return the slope of log MMD in log n, and its standard error."""
    log_n = math.log(4.0) * np.array(list(squares))
    means = np.array([v.mean() for v in squares.values()])
    errors = np.array([v.std(ddof=1) / math.sqrt(v.size) for v in squares.values()])
    weights = (log_n - log_n.mean()) / ((log_n - log_n.mean()) ** 2).sum()
    return weights @ np.log(means) / 2.0, math.hypot(*(weights * errors / means)) / 2.0


def slopes(found, levels):
    """Return those of both."""
    return [slope({level: found[level][which] for level in levels}) for which in (0, 1)]


def test_decay():
    """MMDs of goodpoints at n = 4096, d = 2: 0.0122 on the mean."""
    found = decay(2, dict.fromkeys(range(3, 7), 10))
    (thinned, _), (standard, error) = slopes(found, range(3, 7))
    assert thinned < -0.40
    assert abs(standard + 0.25) < 4.0 * error
    assert np.sqrt(found[6][0]).mean() < 0.0135


@pytest.mark.study
@pytest.mark.parametrize(("d", "expected"), [(2, -0.42), (10, -0.42), (100, None)])
def test_decay_up_to_65536_points(d, expected):
    """
    The slopes are below those expected, by two standard errors at least.

    In 100 dimensions -0.33 was expected of this range, from slopes of about -0.35 up to n = 4096. Those are seen again,
    but further on the decay is slower: 40 repetitions up to n = 4096, 20 and 12 beyond give -0.359, -0.338, -0.302 and
    -0.281 from one size to the next, -0.3200 ± 0.0009 in all. The mean, of 100 numbers, is balanced first: from n = 256
    to 4096 its part of MMD² falls from 58 to 20 %. That of the covariance, of 5050 numbers, is 66 % then, 0.00110,
    which is next to the 0.00116 of standard thinning: with so few points no choice is much better there.
    """
    found = decay(d, {4: 40, 5: 40, 6: 40, 7: 20, 8: 12})
    (thinned, error), (standard, spread) = slopes(found, range(4, 9))
    assert error < 0.02
    assert abs(standard + 0.25) < 4.0 * spread
    if expected is None:
        assert thinned + 4.0 * error < -0.25
        (thinned, error), _ = slopes(found, range(4, 7))
        expected = -0.33
    assert thinned + 2.0 * error < expected
