"""Divergences that are made of the same sums."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wassail.discrepancy._samples import read_pair
from wassail.discrepancy.mmd import mmd
from wassail.discrepancy.results import Discrepancy
from wassail.exceptions import InputError
from wassail.kernels import Energy, Kernel

_SMALL, _LARGE = 1e-15, 1e15  # float32 squares and their sums stay normal between them
_LEAST, _MOST = -1000.0, 700.0  # powers of two that sums of values can be scaled by


def energy_distance(
    x: ArrayLike,
    y: ArrayLike,
    *,
    exponent: float = 1.0,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Discrepancy:
    r"""
    Return the energy distance of two weighted samples, MMD² with the energy kernel.

    .. math::

        \mathcal E = 2 \sum_{ij} a_i b_j |x_i - y_j|^\beta - \sum_{ij} a_i a_j |x_i - x_j|^\beta
        - \sum_{ij} b_i b_j |y_i - y_j|^\beta

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample.
    y : array_like of shape (m, d) or (m,)
        Second sample.
    exponent : float, default 1.0
        β in [0.1, 2).
    a, b : array_like, optional
        Weights, not negative, divided by their sums; equal by default.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Discrepancy
        `biased` is the distance of the samples as above, `unbiased` leaves the zero distances of points to themselves
        out of the means.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    It has no scale to choose. (n + m)² / 2 distances, O((n + m) d) memory. On the line its root is, up to a factor, the
    L² distance of the distribution functions.

    References
    ----------
    G. Székely, M. Rizzo, "Energy statistics: a class of statistics based on distances", Journal of Statistical Planning
    and Inference 143 (2013), doi:10.1016/j.jspi.2013.03.018.

    Examples
    --------
    >>> from wassail import discrepancy
    >>> round(discrepancy.energy_distance([0.0, 1.0], [0.0, 3.0]).biased, 12)
    1.0
    """
    kernel = Energy(exponent)
    left, right = read_pair(x, y, kernel)
    scaled = _unit(max(float(np.abs(p).max()) for p in (left, right)))
    left, right = (np.ldexp(p, -scaled) for p in (left, right))
    # The distance does not depend on the origin, its rounding does.
    center = (left.mean(axis=0, dtype=np.float64) + right.mean(axis=0, dtype=np.float64)) / 2.0
    left, right = ((p - center).astype(p.dtype) for p in (left, right))
    return mmd(left, right, _rescaled(kernel, scaled), a=a, b=b, n_threads=n_threads)


def _unit(largest: float) -> int:
    """Return the power of two to divide points by whose squares would leave the range: mostly 0."""
    return 0 if largest == 0.0 or _SMALL < largest < _LARGE else math.frexp(largest)[1]


def _rescaled(kernel: Energy, scaled: int) -> Kernel:
    """Return the kernel whose values at points that were divided are those of the points themselves."""
    if not scaled:
        return kernel
    if not _LEAST <= scaled * kernel.exponent <= _MOST:
        raise InputError(f"x and y are on a scale of 2^{scaled}: its power {kernel.exponent} is out of range")
    factor: float = 2.0 ** (scaled * kernel.exponent)
    return kernel * factor


def cauchy_schwarz_divergence(
    x: ArrayLike,
    y: ArrayLike,
    kernel: Kernel,
    *,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    n_threads: int | None = None,
) -> float:
    r"""
    Return the Cauchy-Schwarz divergence of two weighted samples.

    .. math::

        D = -\log \frac{\bigl(\sum_{ij} a_i b_j k(x_i, y_j)\bigr)^2}
        {\sum_{ij} a_i a_j k(x_i, x_j)\, \sum_{ij} b_i b_j k(y_i, y_j)}

    It is that of kernel density estimates: with the Gaussian kernel of lengthscale :math:`\sqrt 2 h`, of those with
    bandwidth h.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample.
    y : array_like of shape (m, d) or (m,)
        Second sample.
    kernel : Kernel
        With positive values, such as the Gaussian.
    a, b : array_like, optional
        Weights, not negative, divided by their sums; equal by default.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    float
        At least 0; inf where no point of x is near one of y, so that the values between them underflow.

    Raises
    ------
    InputError
        An argument is unusable, or the kernel's mean is not positive.

    Notes
    -----
    Twice -log of the cosine of the angle between the mean embeddings; MMD is their distance. Costs as much.

    References
    ----------
    R. Jenssen, J. Principe, D. Erdogmus, T. Eltoft, "The Cauchy-Schwarz divergence and Parzen windowing: connections to
    graph theory and Mercer kernels", Journal of the Franklin Institute 343 (2006), doi:10.1016/j.jfranklin.2006.03.018.

    Examples
    --------
    >>> from wassail import discrepancy, kernels
    >>> round(discrepancy.cauchy_schwarz_divergence([0.0], [2.0], kernels.Gaussian(1.0)), 12)
    4.0
    """
    result = mmd(x, y, kernel, a=a, b=b, n_threads=n_threads)
    left, right = (own.mean for own in result.within)
    if left <= 0.0 or right <= 0.0 or result.cross < 0.0:
        raise InputError(f"kernel must have positive means, those of {kernel!r} are {left}, {right}, {result.cross}")
    # Kernels that underflow end at 0 or at the smallest normal number.
    if result.cross <= 4.0 * float(np.finfo(result.source.points.dtype).tiny):
        return math.inf
    return max(0.0, math.log(left) + math.log(right) - 2.0 * math.log(result.cross))
