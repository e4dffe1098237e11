"""Unbiased estimates from some of the pairs, in less than quadratic time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._validate import check_integer, check_threads
from wassail.discrepancy._samples import F64, check_sums, read_partners, read_stein
from wassail.discrepancy.boundary import Boundary
from wassail.discrepancy.results import Estimate
from wassail.exceptions import InputError
from wassail.kernels import GroupAverage, Kernel, Stein, core_kernel

_BATCHES = 64
_FEWEST_BATCHES = 8  # an error from fewer is a guess
_FEWEST_POINTS = 4


def block_mmd(
    x: ArrayLike, y: ArrayLike, kernel: Kernel, *, block_size: int | None = None, n_threads: int | None = None
) -> Estimate:
    r"""
    Estimate MMD² from the pairs within consecutive blocks.

    .. math::

        \frac{\sum_B \sum_{i \ne j \in B} h_{ij}}{\sum_B s_B (s_B - 1)}, \quad
        h_{ij} = k(x_i, x_j) - k(x_i, y_j) - k(y_i, x_j) + k(y_i, y_j)

    Parameters
    ----------
    x, y : array_like of shape (n, d) or (n,)
        Samples of one size, at least two points each, in an order that means nothing.
    kernel : Kernel
        Of `wassail.kernels`.
    block_size : int, optional
        At least 2; √n by default. The sample is cut into as many blocks of at least this size as fit, whose sizes
        :math:`s_B` differ by one at most: no point is left out. Where they are equal this is the mean of the blocks'
        U-statistics.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        With its standard error from the blocks.

    Raises
    ------
    InputError
        An argument is unusable, or the samples differ in size.

    Notes
    -----
    O(n · block_size) evaluations, O(n d) memory.

    References
    ----------
    W. Zaremba, A. Gretton, M. Blaschko, "B-tests: low variance kernel two-sample tests", NeurIPS 2013, arXiv:1307.1954.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy, kernels
    >>> x = np.random.default_rng(0).normal(size=(2, 10_000))
    >>> estimate = discrepancy.block_mmd(x[0], x[1], kernels.Gaussian(1.0))
    >>> abs(estimate.value) < 4.0 * estimate.standard_error
    True
    """
    left, right = read_partners(x, y, kernel, "block_mmd", "use mmd")
    return _blocks(core_kernel(kernel), left, right, None, block_size, n_threads)


def linear_mmd(x: ArrayLike, y: ArrayLike, kernel: Kernel, *, n_threads: int | None = None) -> Estimate:
    """
    Estimate MMD² from disjoint pairs of consecutive points: :func:`block_mmd` with blocks of two.

    Of an odd number of points the last is left out.

    Parameters
    ----------
    x, y : array_like of shape (n, d) or (n,)
        Samples of one size.
    kernel : Kernel
        Of `wassail.kernels`.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        In O(n) time; the terms are independent, so that the standard error is exact to first order.

    References
    ----------
    A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf, A. Smola, "A kernel two-sample test", JMLR 13 (2012), section 6.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> round(discrepancy.linear_mmd([0.0, 1.0], [2.0, 3.0], kernels.Gaussian(1.0)).value, 6)
    0.595422
    """
    left, right = read_partners(x, y, kernel, "linear_mmd", "use mmd")
    return _pairs(core_kernel(kernel), left, right, None, n_threads)


def incomplete_mmd(
    x: ArrayLike, y: ArrayLike, kernel: Kernel, *, n_bands: int = 200, n_threads: int | None = None
) -> Estimate:
    r"""
    Estimate MMD² from the pairs of points that are at most R places apart.

    .. math::

        \frac{1}{|D|} \sum_{(i, j) \in D} h_{ij}, \quad D = \{(i, j): 1 \le j - i \le R\}

    with h as in :func:`block_mmd`.

    Parameters
    ----------
    x, y : array_like of shape (n, d) or (n,)
        Samples of one size, at least two points each, in an order that means nothing.
    kernel : Kernel
        Of `wassail.kernels`.
    n_bands : int, default 200
        R; from n − 1 on the estimate is the U-statistic.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        With its standard error from eight or more stretches of the sample that are 4 R long, or, of fewer than 32 R
        points, from the sums of each point, which takes twice the time and is up to √2 too large where the
        distributions are equal.

    Raises
    ------
    InputError
        An argument is unusable, or the samples differ in size.

    Notes
    -----
    O(n R) evaluations, O(n d) memory. Of estimates from equally many pairs it has the least variance.

    References
    ----------
    A. Schrab, I. Kim, B. Guedj, A. Gretton, "Efficient aggregated kernel tests using incomplete U-statistics",
    NeurIPS 2022, arXiv:2206.09194.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> x, y, kernel = [0.0, 1.0, 2.0], [0.0, 3.0, 5.0], kernels.Gaussian(1.0)
    >>> estimate = discrepancy.incomplete_mmd(x, y, kernel, n_bands=1)
    >>> estimate.n_pairs, round(estimate.value, 6)
    (2, 0.0675)
    """
    left, right = read_partners(x, y, kernel, "incomplete_mmd", "use mmd")
    return _bands(core_kernel(kernel), left, right, None, n_bands, n_threads)


def block_ksd(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    *,
    scores: ArrayLike | None = None,
    boundary: Boundary | None = None,
    block_size: int | None = None,
    n_threads: int | None = None,
) -> Estimate:
    """
    Estimate KSD² by the mean of the U-statistics of consecutive blocks.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        At least two points, in an order that means nothing.
    kernel : Stein or GroupAverage
        The Stein kernel.
    scores, boundary : optional
        As in :func:`ksd`.
    block_size : int, optional
        At least 2; √n by default.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        With its standard error from the blocks.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy, kernels
    >>> kernel = kernels.Stein(kernels.Gaussian(1.0), lambda x: -x)
    >>> estimate = discrepancy.block_ksd(np.random.default_rng(0).normal(size=10_000), kernel)
    >>> abs(estimate.value) < 4.0 * estimate.standard_error
    True
    """
    sample = read_stein(x, kernel, scores, boundary, least=2)
    return _blocks(core_kernel(kernel), sample.points, None, sample.factors, block_size, n_threads)


def linear_ksd(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    *,
    scores: ArrayLike | None = None,
    boundary: Boundary | None = None,
    n_threads: int | None = None,
) -> Estimate:
    """
    Estimate KSD² from disjoint pairs of consecutive points: :func:`block_ksd` with blocks of two.

    Of an odd number of points the last is left out.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        At least two points.
    kernel : Stein or GroupAverage
        The Stein kernel.
    scores, boundary : optional
        As in :func:`ksd`.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        In O(n) time.

    References
    ----------
    Q. Liu, J. Lee, M. Jordan, "A kernelized Stein discrepancy for goodness-of-fit tests", ICML 2016, arXiv:1602.03253.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> kernel = kernels.Stein(kernels.Gaussian(1.0), lambda x: -x)
    >>> round(discrepancy.linear_ksd([-1.0, 0.5], kernel).value, 6)
    -1.29861
    """
    sample = read_stein(x, kernel, scores, boundary, least=2)
    return _pairs(core_kernel(kernel), sample.points, None, sample.factors, n_threads)


def incomplete_ksd(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    *,
    scores: ArrayLike | None = None,
    boundary: Boundary | None = None,
    n_bands: int = 200,
    n_threads: int | None = None,
) -> Estimate:
    """
    Estimate KSD² from the pairs of points that are at most so many places apart.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        At least two points, in an order that means nothing.
    kernel : Stein or GroupAverage
        The Stein kernel.
    scores, boundary : optional
        As in :func:`ksd`.
    n_bands : int, default 200
        Largest distance in the order; from n − 1 on the estimate is the U-statistic.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Estimate
        With its standard error.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> kernel = kernels.Stein(kernels.Gaussian(1.0), lambda x: -x)
    >>> discrepancy.incomplete_ksd([-1.0, 0.5, 1.0], kernel, n_bands=1).n_pairs
    2
    """
    sample = read_stein(x, kernel, scores, boundary, least=2)
    return _bands(core_kernel(kernel), sample.points, None, sample.factors, n_bands, n_threads)


def _row_sums(
    core: _core.Kernel,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    factors: F64 | None,
    ends: NDArray[np.intp],
    n_threads: int | None,
) -> F64:
    """Return Σ_{i<j<end_i} h_ij for each i."""
    weights = np.ones(x.shape[0]) if factors is None else factors
    return weights * _core.kernel_upper_sums(core, x, y, weights, ends.astype(np.uintp), check_threads(n_threads))


def _pairs(
    core: _core.Kernel, x: NDArray[Any], y: NDArray[Any] | None, factors: F64 | None, n_threads: int | None
) -> Estimate:
    """Estimate from disjoint pairs: the last of an odd number of points is left out."""
    even = x.shape[0] // 2 * 2
    y, factors = (None if part is None else part[:even] for part in (y, factors))
    return _blocks(core, x[:even], y, factors, 2, n_threads)


def _blocks(
    core: _core.Kernel,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    factors: F64 | None,
    block_size: int | None,
    n_threads: int | None,
) -> Estimate:
    n = x.shape[0]
    size = max(2, math.isqrt(n)) if block_size is None else check_integer(block_size, "block_size", minimum=2)
    if size > n:
        raise InputError(f"block_size is {size}, the sample has {n} points")
    count = n // size
    bounds = np.arange(count + 1) * n // count
    sizes = np.diff(bounds)
    if count == 1:
        return _bands(core, x, y, factors, n - 1, n_threads)
    sums = _row_sums(core, x, y, factors, np.repeat(bounds[1:], sizes), n_threads)
    pairs = sizes * (sizes - 1) // 2
    return _estimate(np.add.reduceat(sums, bounds[:-1]), pairs)


def _bands(
    core: _core.Kernel,
    x: NDArray[Any],
    y: NDArray[Any] | None,
    factors: F64 | None,
    n_bands: int,
    n_threads: int | None,
) -> Estimate:
    n = x.shape[0]
    reach = min(check_integer(n_bands, "n_bands", minimum=1), n - 1)
    rows = np.arange(n)
    ends = np.minimum(rows + 1 + reach, n)
    sums = _row_sums(core, x, y, factors, ends, n_threads)
    # Rows further apart than the reach have no pair in common: long stretches are all but independent.
    count = min(_BATCHES, n // (4 * reach))
    if count < _FEWEST_BATCHES:
        back = slice(None, None, -1)
        mirrored = (None if a is None else np.ascontiguousarray(a[back]) for a in (x, y, factors))
        flipped, other, scale = mirrored
        before = _row_sums(core, x if flipped is None else flipped, other, scale, ends, n_threads)[back]
        partners = ends - rows - 1
        return _single(sums, sums + before, partners + partners[back])
    bounds = np.arange(count) * n // count
    return _estimate(np.add.reduceat(sums, bounds), np.add.reduceat(ends - rows - 1, bounds))


def _single(sums: F64, around: F64, partners: NDArray[np.intp]) -> Estimate:
    """
    Combine rows of pairs that all hang together; `around` are the sums over all partners of each point.

    To first order the estimate is θ + Σ c_i a_i / P, point i having c_i of the P pairs; c_i a_i is estimated by what
    its pairs sum up to beyond c_i θ. Their noise comes on top: where h is degenerate the variance is twice what it
    should be.
    """
    check_sums(sums)
    n, total = sums.size, int(partners.sum()) // 2
    value = float(sums.sum()) / total
    if n < _FEWEST_POINTS:
        return Estimate(value, math.inf, total, 1)
    spread = float(((around - value * partners) ** 2).sum()) * n / (n - 1)
    return Estimate(value, math.sqrt(spread) / total, total, 1)


def _estimate(sums: F64, pairs: NDArray[np.intp]) -> Estimate:
    """Combine batches of about the same number of pairs."""
    check_sums(sums)
    total, count = int(pairs.sum()), sums.size
    value = float(sums.sum()) / total
    spread = float(((sums - value * pairs) ** 2).sum()) * count / (count - 1)
    return Estimate(value, math.sqrt(spread) / total, total, count)
