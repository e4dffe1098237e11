"""Tests that try many kernels and keep the level: no scale needs to be chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_real, check_threads
from wassail.discrepancy._samples import F64, check_sums, read_pair, read_stein, shares
from wassail.discrepancy._signs import paired_statistics, permutations, rademacher, split_statistics, stein_statistics
from wassail.discrepancy.boundary import Boundary
from wassail.discrepancy.results import p_value_error
from wassail.exceptions import InputError
from wassail.kernels import Gaussian, GroupAverage, Kernel, Stein, check_points, core_kernel

_SOME = 500
_GROUPS = 20


@dataclass(frozen=True, eq=False, repr=False)
class AggregatedTest:
    r"""
    Result of an aggregated test.

    Attributes
    ----------
    reject : bool
        Whether the hypothesis is rejected at level `alpha`: some kernel's statistic exceeds its threshold.
    alpha : float
        Level of the test.
    p_value : float
        Smallest level, up to simulation error, at which this data is rejected. Where it is within some standard errors
        of `alpha` the two may disagree: `reject` is the test whose level is `alpha`.
    standard_error : float
        Monte Carlo standard error of `p_value`, of both sets of simulations (of the B₁ by a jackknife over 20 groups).
    statistics, thresholds : ndarray, shape (K,)
        Of each kernel; the threshold is the :math:`1 - u w_k` quantile of its simulations.
    level : float
        u, the largest correction with which simulated data is rejected in a share α of cases.
    kernels : tuple of Kernel
        The collection, in the order of the arrays.
    """

    reject: bool
    alpha: float
    p_value: float
    standard_error: float
    statistics: F64
    thresholds: F64
    level: float
    kernels: tuple[Kernel, ...]

    @property
    def rejecting(self) -> NDArray[np.bool_]:
        """Which kernels exceed their threshold: at what scale the difference is."""
        return self.statistics > self.thresholds

    def __repr__(self) -> str:
        return (
            f"AggregatedTest(reject={self.reject} at alpha={self.alpha:g}, p_value={self.p_value:.4g} ± "
            f"{self.standard_error:.1g}, {int(self.rejecting.sum())} of {len(self.kernels)} kernels)"
        )


def kernel_collection(
    x: ArrayLike,
    y: ArrayLike,
    make: Callable[[float], Kernel] = Gaussian,
    *,
    count: int = 10,
) -> tuple[Kernel, ...]:
    r"""
    Return kernels of several scales, from well below to well above the distances between two samples.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample.
    y : array_like of shape (m, d) or (m,)
        Second sample.
    make : callable, default Gaussian
        ``make(lengthscale)`` returns a kernel.
    count : int, default 10
        Number of kernels, whose scales are in geometric progression.

    Returns
    -------
    tuple of Kernel
        From half the 5 % quantile of the distances between up to 500 points of each sample to twice the largest one,
        both over √2.

    Raises
    ------
    InputError
        All points coincide.

    Notes
    -----
    The scales are those that the reference implementation of the aggregated test takes, up to how the smallest one is
    found. They treat both samples alike but are not invariant under permutation of the pooled sample to the last digit.

    References
    ----------
    A. Schrab et al., "MMD aggregated two-sample test", JMLR 24 (2023), arXiv:2110.15073, section 5.2.

    Examples
    --------
    >>> from wassail import discrepancy
    >>> for kernel in discrepancy.kernel_collection([0.0, 2.0], [1.0, 5.0], count=3):
    ...     print(round(kernel.lengthscale, 3))
    0.354
    1.581
    7.071
    """
    from scipy.spatial.distance import cdist

    number = check_integer(count, "count", minimum=1)
    sides = []
    for value, name in ((x, "x"), (y, "y")):
        points = check_points(value, name)
        chosen = np.linspace(0, points.shape[0] - 1, min(_SOME, points.shape[0])).astype(np.intp)
        sides.append(points[chosen].astype(np.float64))
    if sides[0].shape[1] != sides[1].shape[1]:
        raise InputError(f"x has {sides[0].shape[1]} coordinates and y has {sides[1].shape[1]}")
    distances = cdist(sides[0], sides[1])
    if not 0.0 < distances.max() < math.inf:
        raise InputError(f"the largest distance between x and y is {distances.max()}: no scale follows from it")
    least = float(np.quantile(distances[distances > 0.0], 0.05))
    scales = np.geomspace(least / 2.0, float(distances.max()) * 2.0, number) / math.sqrt(2.0)
    return tuple(make(float(scale)) for scale in scales)


def mmd_agg_test(
    x: ArrayLike,
    y: ArrayLike,
    kernels: Sequence[Kernel] | None = None,
    *,
    weights: ArrayLike | None = None,
    alpha: float = 0.05,
    n_simulations: int = 500,
    n_corrections: int = 500,
    n_bisections: int = 50,
    rng: Seed = None,
    n_threads: int | None = None,
) -> AggregatedTest:
    r"""
    Test whether two samples come from one distribution, with many kernels at once.

    Rejects if for some kernel k the U-statistic exceeds the :math:`1 - u w_k` quantile of its simulations, u being the
    largest number for which that happens under the hypothesis with probability α. Simulations exchange paired
    points where the samples have one size (:func:`mmd_wild_test`) and permute all points otherwise (:func:`mmd_test`).

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample, at least two points. Where both are float32, kernel values are computed in float32.
    y : array_like of shape (m, d) or (m,)
        Second sample, at least two points.
    kernels : sequence of Kernel, optional
        Ten Gaussians by default, :func:`kernel_collection`.
    weights : array_like of shape (K,), optional
        Of the kernels, positive, divided by their sum; equal by default.
    alpha : float, default 0.05
        Level, in (0, 1).
    n_simulations, n_corrections : int, default 500
        Simulations for the quantiles (B₁) and for the correction u (B₂).
    n_bisections : int, default 50
        Steps that u is found in (B₃).
    rng : int, SeedSequence or Generator, optional
        Source of the simulations.
    n_threads : int, optional
        Threads to use; the result is the same to the last bit for every number of them.

    Returns
    -------
    AggregatedTest
        Decision, p-value with its Monte Carlo error, statistics and thresholds.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Sums overflow.

    Notes
    -----
    O(K n² (d + (B₁ + B₂) / 10)) time; kernel values are never stored.

    References
    ----------
    A. Schrab, I. Kim, M. Albert, B. Laurent, B. Guedj, A. Gretton, "MMD aggregated two-sample test", JMLR 24 (2023),
    arXiv:2110.15073, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 2))
    >>> discrepancy.mmd_agg_test(x, 1.6 * rng.normal(size=(200, 2)), rng=0).reject
    True
    """
    if kernels is None:
        kernels = kernel_collection(x, y)
    chosen, shared, level = _collection(kernels, weights, alpha)
    first, second = _counts(n_simulations, n_corrections)
    generator, threads = make_generator(rng), check_threads(n_threads)
    pairs = [read_pair(x, y, kernel, least=2) for kernel in chosen]
    n, m = pairs[0][0].shape[0], pairs[0][1].shape[0]
    rows = []
    if n == m:
        bits = rademacher(generator, first + second, n)
        for kernel, (left, right) in zip(chosen, pairs, strict=True):
            rows.append(paired_statistics(core_kernel(kernel), left, right, bits, threads))
    else:
        bits = permutations(generator, first + second, n, m)
        for kernel, pair in zip(chosen, pairs, strict=True):
            rows.append(split_statistics(core_kernel(kernel), np.concatenate(pair), n, bits, threads)[0])
    return _aggregate(np.stack(rows), first, shared, level, n_bisections, chosen)


def ksd_agg_test(
    x: ArrayLike,
    kernels: Sequence[Stein | GroupAverage],
    *,
    scores: ArrayLike | None = None,
    boundary: Boundary | None = None,
    weights: ArrayLike | None = None,
    alpha: float = 0.05,
    n_simulations: int = 500,
    n_corrections: int = 500,
    n_bisections: int = 50,
    rng: Seed = None,
    n_threads: int | None = None,
) -> AggregatedTest:
    """
    Test whether a sample comes from a density, with many Stein kernels at once.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample, at least two points.
    kernels : sequence of Stein
        Stein kernels of the density.
    scores, boundary : optional
        As in :func:`ksd`.
    weights : array_like of shape (K,), optional
        Of the kernels, positive, divided by their sum; equal by default.
    alpha : float, default 0.05
        Level, in (0, 1).
    n_simulations, n_corrections, n_bisections : int
        As in :func:`mmd_agg_test`.
    rng : int, SeedSequence or Generator, optional
        Source of the signs of the wild bootstrap, as in :func:`ksd_test`.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    AggregatedTest
        Decision, p-value with its Monte Carlo error, statistics and thresholds. The level is right for many points.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Sums overflow.

    References
    ----------
    A. Schrab, B. Guedj, A. Gretton, "KSD aggregated goodness-of-fit test", NeurIPS 2022, arXiv:2202.00824.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy, kernels
    >>> base = [kernels.InverseMultiquadric(scale) for scale in (0.3, 1.0, 3.0)]
    >>> collection = [kernels.Stein(b, lambda x: -x) for b in base]
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> discrepancy.ksd_agg_test(1.5 * x, collection, rng=0).reject
    True
    """
    chosen, shared, level = _collection(kernels, weights, alpha)
    first, second = _counts(n_simulations, n_corrections)
    samples = [read_stein(x, kernel, scores, boundary, least=2) for kernel in chosen]
    bits = rademacher(make_generator(rng), first + second, samples[0].n)
    threads = check_threads(n_threads)
    rows = [
        stein_statistics(core_kernel(kernel), sample.points, sample.factors, bits, threads)
        for kernel, sample in zip(chosen, samples, strict=True)
    ]
    return _aggregate(np.stack(rows), first, shared, level, n_bisections, chosen)


def _counts(first: int, second: int) -> tuple[int, int]:
    return check_integer(first, "n_simulations", minimum=1), check_integer(second, "n_corrections", minimum=1)


def _collection(
    kernels: Sequence[Kernel], weights: ArrayLike | None, alpha: float
) -> tuple[tuple[Kernel, ...], F64, float]:
    level = check_real(alpha, "alpha")
    if not 0.0 < level < 1.0:
        raise InputError(f"alpha must be in (0, 1), got {alpha!r}")
    chosen = (kernels,) if isinstance(kernels, Kernel) else tuple(kernels)
    if not chosen:
        raise InputError("kernels is empty")
    for kernel in chosen:
        core_kernel(kernel)
    shared = shares(weights, "weights", len(chosen))
    if shared.min() <= 0.0:
        raise InputError("weights of kernels must be positive: leave a kernel out instead")
    return chosen, shared, level


def _aggregate(
    statistics: F64, first: int, weights: F64, alpha: float, n_bisections: int, kernels: tuple[Kernel, ...]
) -> AggregatedTest:
    """Columns: the data, B₁ simulations, B₂ simulations (Alg. 1 of arXiv:2110.15073)."""
    check_sums(statistics)
    steps = check_integer(n_bisections, "n_bisections", minimum=1)
    ordered = np.sort(statistics[:, : first + 1], axis=1)
    fresh = statistics[:, first + 1 :]

    def thresholds(u: float) -> F64:
        ranks = np.ceil((first + 1) * np.maximum(1.0 - u * weights, 0.0)).astype(np.intp)
        return np.take_along_axis(ordered, np.maximum(ranks - 1, 0)[:, None], axis=1)[:, 0]

    def rejected(u: float) -> float:
        return float((fresh > thresholds(u)[:, None]).any(axis=0).mean())

    low, high = 0.0, float((1.0 / weights).min())
    for _ in range(steps):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rejected(middle) <= alpha else (low, middle)
    limits, observed = thresholds(low), statistics[:, 0].copy()

    p_value = _smallest_level(ordered, fresh, observed, weights)
    return AggregatedTest(
        bool((observed > limits).any()),
        alpha,
        p_value,
        math.hypot(p_value_error(p_value, fresh.shape[1]), _jackknife(statistics, first, weights, p_value)),
        observed,
        limits,
        low,
        kernels,
    )


def _smallest_level(ordered: F64, fresh: F64, observed: F64, weights: F64) -> float:
    """Return the share of fresh simulations that reach, over the weights, as small a share of a tail as the data."""

    def least_share(values: F64) -> F64:
        tails = [
            ordered.shape[1] - np.searchsorted(row, column, side="left")
            for row, column in zip(ordered, values, strict=True)
        ]
        least: F64 = (np.stack(tails) / ordered.shape[1] / weights[:, None]).min(axis=0)
        return least

    as_extreme = int((least_share(fresh) <= least_share(observed[:, None])).sum())
    return (1 + as_extreme) / float(fresh.shape[1] + 1)


def _jackknife(statistics: F64, first: int, weights: F64, p_value: float) -> float:
    """Return the standard error of the p-value from the B₁ simulations: with groups of them left out in turn."""
    if weights.size == 1:
        return 0.0  # the simulations compare by their statistics, whatever the others are
    used, fresh = statistics[:, : first + 1], statistics[:, first + 1 :]
    groups = np.array_split(np.arange(1, first + 1), min(_GROUPS, first))
    found = [
        _smallest_level(np.sort(np.delete(used, group, axis=1), axis=1), fresh, used[:, 0], weights) for group in groups
    ]
    gaps = np.array(found) - p_value
    return math.sqrt((len(groups) - 1) / len(groups) * float((gaps**2).sum()))
