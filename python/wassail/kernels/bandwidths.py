"""Lengthscales from samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.kernels._base import check_points


def subsample(x: NDArray[Any], count: int, rng: Seed) -> NDArray[np.float64]:
    """Return at most `count` points: evenly spaced ones, or with `rng` random ones."""
    if count >= x.shape[0]:
        chosen = np.arange(x.shape[0])
    elif rng is None:
        chosen = np.linspace(0, x.shape[0] - 1, count).astype(np.intp)
    else:
        chosen = np.sort(make_generator(rng).choice(x.shape[0], size=count, replace=False))
    return np.asarray(x[chosen], dtype=np.float64)


def _distances(x: ArrayLike, y: ArrayLike | None, max_points: int, rng: Seed) -> NDArray[np.float64]:
    """Return the distances between points of the pooled sample."""
    from scipy.spatial.distance import pdist

    count = check_integer(max_points, "max_points", minimum=2)
    points = subsample(check_points(x, "x"), count, rng)
    if y is not None:
        other = subsample(check_points(y, "y"), count, rng)
        if other.shape[1] != points.shape[1]:
            raise InputError(f"x has {points.shape[1]} coordinates and y has {other.shape[1]}")
        points = np.concatenate((points, other))
    if points.shape[0] < 2:
        raise InputError("x has one point: distances need two")
    # The largest difference is taken out, so that no square leaves the range of floats.
    scale = float(np.ptp(points / 2.0, axis=0).max()) * 2.0
    if not 0.0 < scale < math.inf:
        raise InputError("all points are equal, or farther apart than floats reach: they give no lengthscale")
    return np.asarray(pdist(points / scale)) * scale


def median_heuristic(x: ArrayLike, y: ArrayLike | None = None, *, max_points: int = 1000, rng: Seed = None) -> float:
    r"""
    Return the median distance between points of a sample, or of two pooled ones: the customary lengthscale.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        Points.
    y : array_like of shape (m, d) or (m,), optional
        More points.
    max_points : int, default: 1000
        Points of each sample to use: evenly spaced in the order given, or random ones if there is an `rng`.
    rng : int, SeedSequence or Generator, optional
        Chooses the points. Without it the result is a function of the points.

    Returns
    -------
    float
        :math:`\ell` of :class:`Gaussian` with :math:`\exp(-r^2/(2\ell^2))`. If more than half of the distances are 0,
        the median of the others.

    Raises
    ------
    InputError
        All points are equal.

    References
    ----------
    .. [1] A. Gretton et al. A kernel two-sample test. JMLR 13 (2012).

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.median_heuristic([0.0, 1.0, 3.0])
    2.0
    """
    distances = _distances(x, y, max_points, rng)
    median = float(np.median(distances))
    return median if median > 0.0 else float(np.median(distances[distances > 0.0]))


def bandwidths(
    x: ArrayLike, y: ArrayLike | None = None, *, count: int = 10, max_points: int = 500, rng: Seed = None
) -> NDArray[np.float64]:
    """
    Return a geometric grid of lengthscales from half the small distances of a sample to twice the largest.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        Points.
    y : array_like of shape (m, d) or (m,), optional
        More points.
    count : int, default: 10
        Lengthscales.
    max_points : int, default: 500
        Points of each sample to use.
    rng : int, SeedSequence or Generator, optional
        Chooses them; evenly spaced ones without it.

    Returns
    -------
    ndarray of shape (count,)
        Ascending, from half the 5 % quantile of the positive distances to twice the largest one.

    References
    ----------
    .. [1] A. Schrab et al. MMD aggregated two-sample test. JMLR 24 (2023). arXiv:2110.15073.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.bandwidths([0.0, 2.0], count=3)
    array([1., 2., 4.])
    """
    number = check_integer(count, "count", minimum=1)
    distances = _distances(x, y, max_points, rng)
    distances = distances[distances > 0.0]
    low, high = 0.5 * float(np.quantile(distances, 0.05)), 2.0 * float(distances.max())
    return np.geomspace(low, high, number) if number > 1 else np.array([math.sqrt(low) * math.sqrt(high)])
