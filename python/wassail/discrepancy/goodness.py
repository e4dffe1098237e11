"""Tests of goodness of fit: whether a sample comes from a density."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_real, check_threads
from wassail.discrepancy._samples import read_stein
from wassail.discrepancy._signs import rademacher, rounding, stein_statistics
from wassail.discrepancy.boundary import Boundary
from wassail.discrepancy.results import MonteCarloTest, compare
from wassail.exceptions import InputError
from wassail.kernels import GroupAverage, Stein, core_kernel


def ksd_test(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    *,
    scores: ArrayLike | None = None,
    boundary: Boundary | None = None,
    flip_probability: float = 0.5,
    n_bootstraps: int = 999,
    rng: Seed = None,
    n_threads: int | None = None,
) -> MonteCarloTest:
    r"""
    Test whether a sample comes from a density p, by the wild bootstrap of KSD².

    .. math::

        T = \frac{1}{n (n - 1)} \sum_{i \ne j} k_0(x_i, x_j), \quad
        T_b = \frac{1}{n (n - 1)} \sum_{i \ne j} \epsilon_i \epsilon_j k_0(x_i, x_j)

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample, at least two points.
    kernel : Stein or GroupAverage
        The Stein kernel of p.
    scores : array_like of shape (n, d), optional
        Scores at the points, by default those that the kernel computes.
    boundary : callable, optional
        For a density on a bounded domain, as in :func:`ksd`.
    flip_probability : float, default 0.5
        Probability that a sign differs from the one before, in (0, 0.5]. The default is for independent points; the
        states of a Markov chain need smaller ones, such as 1 over four times their integrated autocorrelation time
        (``draws / ess``), and many times as many states: with fewer the level is too high. To thin the chain until
        neighbors are uncorrelated is safer.
    n_bootstraps : int, default 999
        Number of simulations.
    rng : int, SeedSequence or Generator, optional
        Source of the signs.
    n_threads : int, optional
        Threads to use; the result is the same to the last bit for every number of them.

    Returns
    -------
    MonteCarloTest
        Statistic, p-value with its Monte Carlo error, simulated statistics.

    Raises
    ------
    InputError
        An argument is unusable, or a point is not inside the domain.
    NumericalError
        Sums overflow.

    Notes
    -----
    The level is right for many points (in contrast to :func:`mmd_test`, whose level is exact). The score sees only one
    mode at a time, so that wrong proportions of separated modes stay unseen: :func:`perturbed_ksd_test` sees them. O(n²
    (d + B / 10)) time, n B / 4 bytes.

    References
    ----------
    K. Chwialkowski, H. Strathmann, A. Gretton, "A kernel test of goodness of fit", ICML 2016, arXiv:1602.02964.
    Q. Liu, J. Lee, M. Jordan, "A kernelized Stein discrepancy for goodness-of-fit tests", ICML 2016, arXiv:1602.03253.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy, kernels
    >>> kernel = kernels.Stein(score=lambda x: -x)
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> discrepancy.ksd_test(1.5 * x, kernel, rng=0).p_value
    0.001
    """
    sample = read_stein(x, kernel, scores, boundary, least=2)
    flip = check_real(flip_probability, "flip_probability")
    if not 0.0 < flip <= 0.5:
        raise InputError(f"flip_probability must be in (0, 0.5], got {flip_probability!r}")
    count, threads = check_integer(n_bootstraps, "n_bootstraps", minimum=1), check_threads(n_threads)
    bits = rademacher(make_generator(rng), count, sample.n, flip)
    statistics = stein_statistics(core_kernel(kernel), sample.points, sample.factors, bits, threads)
    return compare(statistics, rounding(sample.points, float(np.abs(statistics).max())))
