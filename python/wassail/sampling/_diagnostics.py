"""Convergence diagnostics of draws of shape (chains, draws, d), vectorized over d.

Formulas of Vehtari, Gelman, Simpson, Carpenter, Bürkner, "Rank-normalization, folding, and localization: an improved
R-hat", Bayesian Analysis 16 (2021), doi:10.1214/20-BA1221; autocorrelation sums as in Geyer (1992),
doi:10.1214/ss/1177011137.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps

import numpy as np
from numpy.typing import NDArray

from wassail import _core

Draws = NDArray[np.float64]
Values = NDArray[np.float64]

FEWEST = 4
_LARGE = 1e140  # whose square, summed over draws, is finite
_BLOCK = 2**19  # numbers of a block of coordinates: some arrays of this size, for each thread, stay near the processor


def blockwise(function: Callable[[Draws], Values]) -> Callable[[Draws], Values]:
    """
    Apply a function to blocks of coordinates, on all threads, with memory that does not grow with d.

    Coordinates with a NaN give NaN.
    """

    def known(draws: Draws) -> Values:
        missing = np.isnan(draws.min(axis=(0, 1), initial=np.inf))
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(missing, np.nan, function(draws))

    @wraps(function)
    def whole(draws: Draws) -> Values:
        chains, n, d = draws.shape
        width = max(1, _BLOCK // (chains * n))
        if width >= d:
            return known(draws)

        def part(start: int) -> Values:
            return known(np.ascontiguousarray(draws[:, :, start : start + width]))

        with ThreadPoolExecutor(_core.get_num_threads(), thread_name_prefix="wassail") as pool:
            return np.concatenate(list(pool.map(part, range(0, d, width))))

    return whole


def split(draws: Draws) -> Draws:
    """Return the halves of every chain as chains of their own; the middle draw of an odd number is dropped."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, draws.shape[1] - half :]])


def rank_normalize(draws: Draws) -> Draws:
    """Replace values by normal quantiles of their ranks among all chains (ties share their mean rank)."""
    from scipy.special import ndtri

    chains, n, d = draws.shape
    size = chains * n
    table = ndtri((0.5 * np.arange(2, 2 * size + 1) - 0.375) / (size + 0.25))
    return _core.replace_by_rank(np.ascontiguousarray(draws).ravel(), d, table).reshape(draws.shape)


def fold(draws: Draws) -> Draws:
    """Return distances from the median, which tell differences of scale."""
    return np.abs(draws - np.median(draws, axis=(0, 1)))


def basic_rhat(draws: Draws) -> Values:
    """Return √(var⁺ / W), eq. (4): the variance of all draws over that within chains."""
    n = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean(axis=0)
    between = n * draws.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt((between / within + n - 1) / n)
    # Constant coordinates have converged, chains stuck at different constants never will.
    return np.where(within > 0.0, ratio, np.where(between > 0.0, np.inf, 1.0))


@blockwise
def rhat(draws: Draws) -> Values:
    """Return the larger of the rank-normalized split R-hat and its folded form."""
    halves = split(draws)
    bulk, tail = basic_rhat(rank_normalize(halves)), basic_rhat(rank_normalize(fold(halves)))
    return np.maximum(bulk, tail)


def autocovariance(draws: Draws) -> Draws:
    """Return the biased autocovariance of each chain at all lags, by FFT."""
    from scipy.fft import irfft, next_fast_len, rfft

    n = draws.shape[1]
    size = next_fast_len(2 * n, real=True)
    spectrum = rfft(draws - draws.mean(axis=1, keepdims=True), size, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    covariance: Draws = irfft(power, size, axis=1)[:, :n] / n
    return covariance


def autocorrelation(draws: Draws) -> tuple[Draws, NDArray[np.bool_]]:
    """Return eq. (10) at all lags, (draws, d), and which coordinates have any spread."""
    chains, n, _ = draws.shape
    covariance = autocovariance(draws).mean(axis=0)
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + (draws.mean(axis=1).var(axis=0, ddof=1) if chains > 1 else 0.0)
    spread = np.ptp(draws, axis=(0, 1)) > np.finfo(float).resolution
    rho = 1.0 - (within - covariance) / np.where(spread, total, 1.0)
    rho[0] = 1.0
    return rho, spread


def relaxation_time(rho: Draws) -> Values:
    """
    Return −1 + 2 Σ ρ over Geyer's initial positive and monotone sequence of sums of neighbors.

    The first even lag past the sequence counts once when it is positive.
    """
    n = rho.shape[0]
    pairs = max(1, (n - 1) // 2)
    even, odd = rho[0 : 2 * pairs : 2], rho[1 : 2 * pairs : 2]
    sums = even + odd
    # Pairs 0..last are those before the first that is not positive.
    bad = sums <= 0.0
    bad[0] = False
    any_bad = bad.any(axis=0)
    count = np.where(any_bad, bad.argmax(axis=0), pairs - 1)
    inside = np.arange(pairs)[:, None] < count
    monotone = np.minimum.accumulate(np.where(inside, sums, np.inf), axis=0)
    total = np.where(inside, monotone, 0.0).sum(axis=0)
    last = np.take_along_axis(even, count[None], axis=0)[0]
    time: Values = -1.0 + 2.0 * total + np.maximum(last, 0.0)
    return time


def basic_ess(draws: Draws) -> Values:
    """Return the effective number of draws, eq. (11); coordinates without spread count all of them."""
    chains, n, _ = draws.shape
    size = float(chains * n)
    rho, spread = autocorrelation(draws)
    # Antithetic chains may not claim more than this.
    time = np.maximum(relaxation_time(rho), 1.0 / np.log10(size))
    return np.where(spread, size / time, size)


@blockwise
def bulk_ess(draws: Draws) -> Values:
    """Return the effective number of draws for the center of the law."""
    return basic_ess(rank_normalize(split(draws)))


def quantile(draws: Draws, probability: float) -> Values:
    """Return quantiles interpolated between order statistics, rounded as SciPy's and ArviZ's `mquantiles` are."""
    chains, n, d = draws.shape
    size = chains * n
    position = size * probability + (1.0 - probability)
    k = int(np.clip(position, 1, size - 1))
    share = min(max(position - k, 0.0), 1.0)
    ordered = np.partition(draws.reshape(size, d), (k - 1, k), axis=0)
    values: Values = (1.0 - share) * ordered[k - 1] + share * ordered[k]
    return values


def quantile_ess(draws: Draws, probability: float) -> Values:
    """Return the effective number of draws for a quantile."""
    return basic_ess(split((draws <= quantile(draws, probability)).astype(np.float64)))


@blockwise
def tail_ess(draws: Draws) -> Values:
    """Return the smaller of the effective numbers for the 5 % and 95 % quantiles."""
    return np.minimum(quantile_ess(draws, 0.05), quantile_ess(draws, 0.95))


def mean_ess(draws: Draws) -> Values:
    """Return the effective number of draws for the mean."""
    return basic_ess(split(draws))


@blockwise
def mean(draws: Draws) -> Values:
    """Return the mean of all draws."""
    draws, factor = rescaled(draws)
    values: Values = draws.reshape(-1, draws.shape[2]).mean(axis=0) * factor
    return values


def rescaled(draws: Draws) -> tuple[Draws, Values]:
    """Return draws whose squares neither overflow nor vanish, and the powers of two that they were divided by."""
    size = np.abs(draws).max(axis=(0, 1), initial=0.0)
    extreme = (size > _LARGE) | ((size < 1.0 / _LARGE) & (size > 0.0))
    exponents = np.where(extreme, np.frexp(size)[1], 0)
    factor = np.ldexp(1.0, np.clip(exponents, -1021, 1023))
    return (draws / factor if extreme.any() else draws), factor


@blockwise
def deviation(draws: Draws) -> Values:
    """Return the standard deviation of all draws."""
    draws, factor = rescaled(draws)
    values: Values = draws.reshape(-1, draws.shape[2]).std(axis=0, ddof=1) * factor
    return values


@blockwise
def low(draws: Draws) -> Values:
    """Return the 5 % quantile."""
    return quantile(draws, 0.05)


@blockwise
def high(draws: Draws) -> Values:
    """Return the 95 % quantile."""
    return quantile(draws, 0.95)


@blockwise
def mean_mcse(draws: Draws) -> Values:
    """Return the standard error of the mean."""
    chains, n, d = draws.shape
    draws, factor = rescaled(draws)
    error: Values = draws.reshape(chains * n, d).std(axis=0, ddof=1) / np.sqrt(mean_ess(draws)) * factor
    return error
