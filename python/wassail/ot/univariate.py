"""Wasserstein distances on the line, exact, by sorting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wassail._interrupt import interruptible_if_long
from wassail.ot._line import Masses, check_order, in_range, masses, mean_power, monotone_plan, read_points

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["wasserstein_1d"]


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
        their points, the masses differ, p is less than 1, or the distance leaves the range of float64.

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
    order = check_order(p)
    points_x, points_y = read_points(x, "x"), read_points(y, "y")
    weights = masses(points_x.size, points_y.size, a, b)
    return interruptible_if_long(points_x.size + points_y.size, lambda: _distance(points_x, points_y, weights, order))


def _distance(points_x: NDArray[np.float64], points_y: NDArray[np.float64], weights: Masses, order: float) -> float:
    """Couple the atoms in order."""
    mass, weights_a, weights_b, slack = weights
    half = max(np.abs(points_x).max(), np.abs(points_y).max()) > 0.25 * np.finfo(np.float64).max
    if half:  # so that no difference overflows
        points_x, points_y = 0.25 * points_x, 0.25 * points_y
    length, distance = monotone_plan(points_x, points_y, weights_a, weights_b, slack)
    reach = mean_power(length / length.sum(), distance, order) * math.pow(mass, 1.0 / order)
    return in_range(4.0 * reach if half else reach)
