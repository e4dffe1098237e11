"""Wasserstein distances on the line, exact, by sorting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wassail._arrays import check_finite, real_array
from wassail._validate import check_real, check_weights, match_masses
from wassail.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["wasserstein_1d"]

_EPS = float(np.finfo(np.float64).eps)


def wasserstein_1d(
    x: ArrayLike, y: ArrayLike, a: ArrayLike | None = None, b: ArrayLike | None = None, *, p: float = 1.0
) -> float:
    r"""Wasserstein distance of order p between two weighted samples on the line.

    .. math::

        W_p = \Bigl( \min_P \sum_{ij} P_{ij} |x_i - y_j|^p \Bigr)^{1/p}
            = \Bigl( \int_0^M |F^{-1}(t) - G^{-1}(t)|^p \, dt \Bigr)^{1/p},

    where :math:`F^{-1}, G^{-1}` are the quantile functions and M the common mass; for p = inf the largest
    distance that any mass travels.

    Parameters
    ----------
    x : array_like, shape (n,)
        Positions, in any order, ties allowed.
    y : array_like, shape (m,)
        Positions of the other sample.
    a : array_like, shape (n,), optional
        Weights of x, non-negative; by default 1/n each.
    b : array_like, shape (m,), optional
        Weights of y; by default 1/m each. Same total mass as `a` up to float32 rounding.
    p : float
        Order, at least 1; ``math.inf`` is allowed.

    Returns
    -------
    float
        :math:`W_p`, not its p-th power. Measures of mass M are taken as they are, which gives :math:`M^{1/p}` times
        the distance of the normalized ones.

    Raises
    ------
    InputError
        An argument is not a vector of finite real numbers, is empty, weights are negative or of another length than
        their points, the masses differ, or p is less than 1.

    Notes
    -----
    O((n + m) log(n + m)) time, O(n + m) memory. Powers are taken of distances relative to the largest one, so that no
    scale overflows or vanishes. Without weights the quantiles are compared in integers; with weights, cumulated masses
    that agree up to rounding count as equal, which matters for large p: a sliver of mass made by rounding would
    otherwise travel far and decide the result. The optimal plan is the same for all p.

    References
    ----------
    .. [1] G. Peyré, M. Cuturi, "Computational Optimal Transport", section 2.6, Foundations and Trends in Machine
       Learning 11 (2019), doi:10.1561/2200000073, arXiv:1803.00567.

    Examples
    --------
    >>> from wassail.ot import wasserstein_1d
    >>> wasserstein_1d([3.0, 0.0, 1.0], [5.0, 6.0, 8.0])
    5.0
    >>> wasserstein_1d([0.0, 1.0], [0.0, 1.0, 4.0], [0.5, 0.5], [0.5, 0.25, 0.25], p=2)
    1.5
    """
    order = check_real(p, "p")
    if not order >= 1.0:
        raise InputError(f"p must be at least 1, got {p!r}")
    points_x, points_y = _read_points(x, "x"), _read_points(y, "y")
    half = max(np.abs(points_x).max(), np.abs(points_y).max()) > 0.25 * np.finfo(np.float64).max
    if half:  # so that no difference overflows
        points_x, points_y = 0.25 * points_x, 0.25 * points_y
    mass, weights_a, weights_b, slack = _masses(points_x.size, points_y.size, a, b)
    length, distance = _monotone_plan(points_x, points_y, weights_a, weights_b, slack)
    reach = _mean_power(length / length.sum(), distance, order) * math.pow(mass, 1.0 / order)
    return 4.0 * reach if half else reach


def _read_points(value: ArrayLike, name: str) -> NDArray[np.float64]:
    points = real_array(value, name, ndim=(1,)).astype(np.float64)
    check_finite(points, name)
    return points


def _masses(
    n: int, m: int, a: ArrayLike | None, b: ArrayLike | None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float]:
    """Total mass, weights up to a common factor, and the rounding of their cumulated sums."""
    if a is None and b is None:
        return 1.0, np.full(n, float(m)), np.full(m, float(n)), 0.0
    weights_a, weights_b = check_weights(a, "a", n), check_weights(b, "b", m)
    scaled_b, factor = match_masses(weights_a, weights_b)
    mass = float(weights_a.sum())
    rounding = max(_rounding(a), _rounding(b), abs(factor - 1.0))
    return mass, weights_a, scaled_b, 4.0 * rounding * mass


def _rounding(weights: ArrayLike | None) -> float:
    """Relative accuracy that weights of this type can have."""
    dtype = np.asarray(weights).dtype
    return float(np.finfo(dtype).eps) if weights is not None and dtype.kind == "f" else _EPS


def _monotone_plan(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    slack: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Masses of the monotone plan and the distance that each travels."""
    x, a = _sorted_atoms(x, a)
    y, b = _sorted_atoms(y, b)
    ends_x, ends_y = _cumulated(a), _cumulated(b)
    ends_y = np.minimum(ends_y, ends_x[-1])
    ends_y[-1] = ends_x[-1]
    if slack > 0.0:
        ends_x[:-1] = _snapped(ends_x, ends_y, a, b, slack)
    ends = np.union1d(ends_x, ends_y)
    i = np.searchsorted(ends_x, ends)
    j = np.searchsorted(ends_y, ends)
    return np.diff(ends, prepend=0.0), np.abs(x[i] - y[j])


def _sorted_atoms(
    points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Atoms in order of position, those of no mass left out."""
    kept = weights > 0.0
    points, weights = points[kept], weights[kept]
    order = np.argsort(points, kind="stable")
    return points[order], weights[order]


def _cumulated(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulated sums, in extended precision where the platform has it."""
    return np.cumsum(weights, dtype=np.longdouble).astype(np.float64)


def _snapped(
    ends_x: NDArray[np.float64],
    ends_y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    slack: float,
) -> NDArray[np.float64]:
    """Inner ends of x, moved onto the nearest end of y where only rounding separates them.

    Moves are shorter than a quarter of the atoms on both sides, so that the order stays.
    """
    inner = ends_x[:-1]
    after = np.searchsorted(ends_y, inner).clip(max=ends_y.size - 1)
    before = (after - 1).clip(min=0)
    nearest = np.where(inner - ends_y[before] < ends_y[after] - inner, before, after)
    beside = np.append(b, b[-1])  # the last end has no atom after it
    smallest = np.minimum(np.minimum(a[:-1], a[1:]), np.minimum(b[nearest], beside[nearest + 1]))
    close = np.abs(ends_y[nearest] - inner) <= np.minimum(slack, 0.25 * smallest)
    return np.where(close, ends_y[nearest], inner)


def _mean_power(share: NDArray[np.float64], distance: NDArray[np.float64], order: float) -> float:
    """(Σ share · distance^order)^(1/order) without overflow."""
    scale = float(distance[share > 0.0].max())
    if math.isinf(order) or scale == 0.0:
        return scale
    return scale * math.pow(float(share @ (distance / scale) ** order), 1.0 / order)
