"""The maximum mean discrepancy of two samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._validate import check_threads
from wassail.discrepancy._samples import check_sums, read_pair, shares, within
from wassail.discrepancy.results import Discrepancy, Source
from wassail.kernels import Kernel, core_kernel


def mmd(
    x: ArrayLike,
    y: ArrayLike,
    kernel: Kernel,
    *,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Discrepancy:
    r"""
    Return the squared maximum mean discrepancy of two weighted samples.

    .. math::

        \mathrm{MMD}^2 = \sum_{ij} a_i a_j k(x_i, x_j) + \sum_{ij} b_i b_j k(y_i, y_j) - 2 \sum_{ij} a_i b_j k(x_i, y_j)

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample. Where both are float32, kernel values are computed in float32; sums are float64 always.
    y : array_like of shape (m, d) or (m,)
        Second sample.
    kernel : Kernel
        Of `wassail.kernels`.
    a : array_like of shape (n,), optional
        Weights, not negative, divided by their sum; equal by default.
    b : array_like of shape (m,), optional
        Weights of `y`.
    n_threads : int, optional
        Threads to use; the result is the same to the last bit for every number of them.

    Returns
    -------
    Discrepancy
        The V-statistic `biased`, the U-statistic `unbiased`, `distance`, and on request the standard error.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Sums overflow.

    Notes
    -----
    (n + m)² / 2 evaluations of the kernel, O((n + m) d) memory. :func:`block_mmd` and :func:`incomplete_mmd` take fewer,
    at more variance.

    References
    ----------
    A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf, A. Smola, "A kernel two-sample test", JMLR 13 (2012) 723-773.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> result = discrepancy.mmd([0.0, 1.0], [0.0, 3.0], kernels.Gaussian(1.0))
    >>> round(result.biased, 6), round(result.unbiased, 6)
    (0.432332, -0.258848)
    """
    left, right = read_pair(x, y, kernel)
    core, threads = core_kernel(kernel), check_threads(n_threads)
    a, b = shares(a, "a", left.shape[0]), shares(b, "b", right.shape[0])
    own = within(core, left, a, None, threads), within(core, right, b, None, threads)
    cross = float((a * _core.kernel_row_sums(core, left, right, b, threads)).sum())
    check_sums(cross)
    source = Source(kernel, np.concatenate((left, right)), None, (a, b), threads)
    return Discrepancy(own[0].mean + own[1].mean - 2.0 * cross, own, cross, source)
