"""The kernel Stein discrepancy of a sample to a density."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._validate import check_threads
from wassail.discrepancy._samples import read_stein, shares, within
from wassail.discrepancy.boundary import Boundary
from wassail.discrepancy.results import Discrepancy, Source
from wassail.kernels import GroupAverage, Stein, core_kernel


def ksd(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    *,
    scores: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    boundary: Boundary | None = None,
    n_threads: int | None = None,
) -> Discrepancy:
    r"""
    Return the squared kernel Stein discrepancy of a weighted sample to a density p.

    .. math::

        \mathrm{KSD}^2 = \sum_{ij} w_i w_j k_0(x_i, x_j)

    with the Stein kernel :math:`k_0` of p, which is known by its score :math:`\nabla \log p` only.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample.
    kernel : Stein or GroupAverage
        The Stein kernel, :class:`wassail.kernels.Stein`.
    scores : array_like of shape (n, d), optional
        Scores at the points, by default those that the kernel computes.
    weights : array_like of shape (n,), optional
        Not negative, divided by their sum; equal by default.
    boundary : callable, optional
        For a density on a bounded domain that does not vanish at its boundary: ``boundary(X)`` returns w (n,) and its
        gradient (n, d), w positive inside and 0 on the boundary, such as :class:`BoxBoundary` and
        :class:`BallBoundary`. The base kernel k becomes :math:`w(x) k(x, y) w(y)`, for which Stein's identity holds
        without boundary terms.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Discrepancy
        The V-statistic `biased`, the U-statistic `unbiased`, `distance`, and on request the standard error.

    Raises
    ------
    InputError
        An argument is unusable, or a point is not inside the domain.
    NumericalError
        Sums overflow.

    Notes
    -----
    n²/2 evaluations, O(n d) memory. With a boundary, :math:`k_0(x, y) = w(x)\, \tilde k_0(x, y)\, w(y)`, where
    :math:`\tilde k_0` is the Stein kernel of k with the score :math:`\nabla \log p + \nabla \log w`.

    References
    ----------
    Q. Liu, J. Lee, M. Jordan, "A kernelized Stein discrepancy for goodness-of-fit tests", ICML 2016, arXiv:1602.03253.
    K. Chwialkowski, H. Strathmann, A. Gretton, "A kernel test of goodness of fit", ICML 2016, arXiv:1602.02964.
    Boundaries: S. Liu, T. Kanamori, D. Williams, "Estimating density models with truncation boundaries using score
    matching", JMLR 23 (2022), arXiv:1910.03834.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> kernel = kernels.Stein(kernels.Gaussian(1.0), lambda x: -x)
    >>> result = discrepancy.ksd([-1.0, 0.5], kernel)
    >>> round(result.biased, 6), round(result.unbiased, 6)
    (0.163195, -1.29861)
    """
    sample = read_stein(x, kernel, scores, boundary)
    core, threads = core_kernel(kernel), check_threads(n_threads)
    shared = shares(weights, "weights", sample.n)
    own = within(core, sample.points, shared, sample.factors, threads)
    return Discrepancy(own.mean, (own,), 0.0, Source(kernel, sample.points, sample.factors, (shared,), threads))
