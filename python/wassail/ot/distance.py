"""The Wasserstein distance between two samples, exact, in any dimension."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from wassail._arrays import check_finite, real_array
from wassail._user import user_level
from wassail._validate import check_threads
from wassail.exceptions import ConvergenceWarning, InputError
from wassail.ot._high_order import LOW, Reached, climb, reach_of
from wassail.ot._line import check_order, in_range, masses
from wassail.ot._problem import prepare
from wassail.ot.costs import PNorm
from wassail.ot.exact import solved
from wassail.ot.geometry import PointCloud
from wassail.ot.univariate import wasserstein_1d

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from wassail.ot.costs import CostName

__all__ = ["wasserstein_distance"]

_ROUNDING = 1e-14  # of costs between points of a box of side 1
_PROVED = 1e-9  # rounding of distances of high order
_NAMED: dict[float, CostName] = {1.0: "euclidean", 2.0: "sqeuclidean"}


def wasserstein_distance(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    p: float = 2.0,
    n_threads: int | None = None,
) -> float:
    r"""Wasserstein distance of order p between two weighted samples.

    .. math::

        W_p = \Bigl( \min_{P \ge 0,\; P1 = a,\; P^\top 1 = b} \sum_{ij} P_{ij} \|x_i - y_j\|_2^p \Bigr)^{1/p}

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points; a vector holds points on the line.
    y : array_like, shape (m, d) or (m,)
        Points of the other sample, of the same dimension.
    a : array_like, shape (n,), optional
        Weights of x, non-negative; by default 1/n each.
    b : array_like, shape (m,), optional
        Weights of y; by default 1/m each. Same total mass as `a` up to float32 rounding.
    p : float, default 2.0
        Order, at least 1; ``math.inf`` is allowed on the line.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    float
        :math:`W_p`, not its p-th power. Measures of mass M are taken as they are, which gives :math:`M^{1/p}` times
        the distance of the normalized ones.

    Raises
    ------
    InputError
        An argument is unusable.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        p is above 16, and the costs of all pairs would not fit.

    Warns
    -----
    ConvergenceWarning
        The exact solver could not certify its plan.

    Notes
    -----
    On the line it is :func:`wasserstein_1d`, O((n + m) log(n + m)). Otherwise :func:`exact` solves the linear program
    without storing its costs. Points are centered and scaled by a power of two first, so that no scale overflows or
    vanishes, and the distances of the optimal plan are taken from differences of coordinates, so that small distances
    are as accurate as large ones. The plan is proved to be optimal up to the rounding of costs: distances below about
    :math:`10^{-14/p}` of the extent of the points are upper bounds.

    From p = 16 on, where powers of distances leave what one float64 resolves, plans of the orders 16, 32, 64, ..., p
    are found in turn, each with costs relative to the distance that the one before has, so that the result is proved
    to ten digits. That takes the memory of a matrix of shape (n, m) and up to 43 solves.

    Use :func:`sinkhorn_divergence` for a loss with gradients, :func:`sliced_wasserstein` for very many points,
    :func:`exact` for the plan, the potentials and the certificate.

    References
    ----------
    G. Peyré, M. Cuturi, "Computational Optimal Transport", Foundations and Trends in Machine Learning 11 (2019),
    doi:10.1561/2200000073, arXiv:1803.00567.

    Examples
    --------
    >>> from wassail import ot
    >>> ot.wasserstein_distance([[0.0, 0.0], [1.0, 0.0]], [[1.0, 4.0], [0.0, 4.0]])
    4.0
    >>> ot.wasserstein_distance([0.0, 1.0], [3.0, 5.0], p=1)
    3.5
    """
    order = check_order(p)
    points_x, points_y = real_array(x, "x", ndim=(1, 2)), real_array(y, "y", ndim=(1, 2))
    if points_x.ndim != points_y.ndim or points_x.shape[1:] != points_y.shape[1:]:
        raise InputError(
            f"x has shape {points_x.shape}, y has shape {points_y.shape}: their points differ in dimension"
        )
    if points_x.size == len(points_x):
        return wasserstein_1d(points_x.ravel(), points_y.ravel(), a, b, p=order)
    if math.isinf(order):
        raise InputError("p must be finite for points in more than one dimension")
    check_finite(points_x, "x")
    check_finite(points_y, "y")
    mass = masses(len(points_x), len(points_y), a, b)[0]
    threads = check_threads(n_threads)
    points_x, points_y, exponent = _centered(points_x, points_y)
    start = min(order, LOW)
    cloud = PointCloud(points_x, points_y, cost=_NAMED.get(start, PNorm(2.0, power=start)))
    result = solved(prepare(cloud, a, b, 0.0, (math.inf, math.inf), threads))
    if order > LOW:
        distance = _of_high_order(climb(result, points_x, points_y, (a, b), order, threads))
    else:
        distance = reach_of(result, points_x, points_y, order)
        if not result.converged and result.gap > _ROUNDING * mass:
            _warn_unproved(
                f"the p-th power of the distance may be {result.gap:.1e} less, relative to a box of side 1 around the "
                "points"
            )
    with np.errstate(over="ignore"):
        return in_range(float(np.ldexp(distance * math.pow(mass, 1.0 / order), exponent)))


def _of_high_order(found: Reached) -> float:
    """Return the distance, with a warning if it is not proved to be the least one."""
    if found.below < found.distance * (1.0 - _PROVED):
        _warn_unproved(f"the distance may be {1.0 - found.below / found.distance:.1e} less, relative to itself")
    return found.distance


def _warn_unproved(what: str) -> None:
    warnings.warn(f"the plan is not proved to be optimal: {what}", ConvergenceWarning, stacklevel=user_level())


def _centered(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return points within a box of side 1 around the origin, and the power of two that the side was."""
    x, y = 0.5 * x.astype(np.float64), 0.5 * y.astype(np.float64)  # so that no difference overflows
    low = np.minimum(x.min(axis=0), y.min(axis=0))
    high = np.maximum(x.max(axis=0), y.max(axis=0))
    center = 0.5 * (low + high)
    _, exponent = math.frexp(float((high - low).max()))
    x, y = np.ldexp(x - center, -exponent), np.ldexp(y - center, -exponent)
    return x, y, exponent + 1
