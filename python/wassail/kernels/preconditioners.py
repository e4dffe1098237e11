"""Matrices that measure distances for Stein kernels, from a sample."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.kernels._base import check_points
from wassail.kernels.bandwidths import median_heuristic


def _median_square(x: ArrayLike, max_points: int) -> float:
    """Return the squared median distance between evenly spaced points."""
    median = median_heuristic(x, max_points=max_points)
    square = median * median
    if square == 0.0 or not 0.0 < 1.0 / square < math.inf:
        raise InputError(f"the median distance of x is {median}: its square cannot be inverted")
    return square


def median_preconditioner(x: ArrayLike, *, max_points: int = 1000) -> float:
    r"""
    Return :math:`1 / m^2`, m the median distance between points of a sample.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample, at least two points.
    max_points : int, default: 1000
        Points to use, evenly spaced in the order given.

    Returns
    -------
    float
        Preconditioner of :class:`Stein`.

    References
    ----------
    .. [1] M. Riabiz et al. Optimal thinning of MCMC output. JRSS B 84 (2022). arXiv:2005.03952.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.median_preconditioner([0.0, 2.0])
    0.25
    """
    return 1.0 / _median_square(x, max_points)


def scaled_median_preconditioner(x: ArrayLike, *, size: int, max_points: int = 1000) -> float:
    r"""
    Return :math:`\log(m) / \mathrm{med}^2`, m the number of points that thinning is to leave.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample, at least two points.
    size : int
        m, at least 2.
    max_points : int, default: 1000
        Points to use, evenly spaced in the order given.

    Returns
    -------
    float
        Preconditioner of :class:`Stein`.

    References
    ----------
    .. [1] M. Riabiz et al. Optimal thinning of MCMC output. JRSS B 84 (2022). arXiv:2005.03952.

    Examples
    --------
    >>> from wassail import kernels
    >>> round(kernels.scaled_median_preconditioner([0.0, 2.0], size=10), 6)
    0.575646
    """
    return math.log(check_integer(size, "size", minimum=2)) / _median_square(x, max_points)


def covariance_preconditioner(x: ArrayLike) -> NDArray[np.float64]:
    """
    Return the inverse of the sample covariance.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        The sample, more than d points in general position.

    Returns
    -------
    ndarray of shape (d, d)
        Preconditioner of :class:`Stein`.

    References
    ----------
    .. [1] M. Riabiz et al. Optimal thinning of MCMC output. JRSS B 84 (2022). arXiv:2005.03952.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.covariance_preconditioner([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]]).round(4)
    array([[0.75  , 0.    ],
           [0.    , 0.1875]])
    """
    points = np.asarray(check_points(x, "x"), dtype=np.float64)
    n, d = points.shape
    if n <= d:
        raise InputError(f"x has {n} points of {d} coordinates: their covariance is singular, more than {d} are needed")
    with np.errstate(all="ignore"):
        covariance = np.atleast_2d(np.cov(points, rowvar=False))
        scale = np.sqrt(np.diag(covariance))
        correlation = covariance / np.outer(scale, scale)
    if not np.isfinite(correlation).all() or np.linalg.matrix_rank(correlation, hermitian=True) < d:
        raise InputError("the sample covariance of x is singular: leave out constant and dependent coordinates")
    inverse: NDArray[np.float64] = np.linalg.inv(correlation) / np.outer(scale, scale)
    return np.asarray((inverse + inverse.T) / 2.0)
