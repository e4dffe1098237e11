"""The monotone plan of two weighted samples on the line, for distances on the line, on the circle and sliced."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wassail._arrays import check_finite, real_array
from wassail._validate import check_real, check_weights, match_masses
from wassail.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Masses: TypeAlias = "tuple[float, NDArray[np.float64], NDArray[np.float64], float]"
"""Total mass, weights up to a common factor, and the rounding of their cumulated sums."""

_PIECE = 1 << 18  # numbers cumulated at once
_EPS = float(np.finfo(np.float64).eps)


def check_order(p: object) -> float:
    """Return the order of a Wasserstein distance, at least 1, infinity included."""
    order = check_real(p, "p")
    if not order >= 1.0:
        raise InputError(f"p must be at least 1, got {p!r}")
    return order


def read_points(value: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return a private float64 vector of positions."""
    points = real_array(value, name, ndim=(1,)).astype(np.float64)
    check_finite(points, name)
    return points


def masses(n: int, m: int, a: ArrayLike | None, b: ArrayLike | None) -> Masses:
    """Check the weights, and make their masses equal."""
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


def monotone_plan(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    slack: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Masses of the monotone plan and the distance that each travels."""
    x, a = sorted_atoms(x, a)
    y, b = sorted_atoms(y, b)
    ends_x, ends_y = cumulated(a), cumulated(b)
    ends_y = np.minimum(ends_y, ends_x[-1])
    ends_y[-1] = ends_x[-1]
    if slack > 0.0:
        ends_x[:-1] = _snapped(ends_x, ends_y, a, b, slack)
    ends = np.union1d(ends_x, ends_y)
    i = np.searchsorted(ends_x, ends)
    j = np.searchsorted(ends_y, ends)
    return np.diff(ends, prepend=0.0), np.abs(x[i] - y[j])


def sorted_atoms(
    points: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Atoms in order of position, those of no mass left out."""
    kept = weights > 0.0
    points, weights = points[kept], weights[kept]
    order = np.argsort(points, kind="stable")
    return points[order], weights[order]


def cumulated(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulated sums, in extended precision where the platform has it.

    In pieces: NumPy holds the interpreter while it cumulates in another type, and Ctrl-C would have to wait.
    """
    sums = np.empty(weights.size)
    before = np.longdouble(0.0)
    for start in range(0, weights.size, _PIECE):
        piece = weights[start : start + _PIECE].astype(np.longdouble)
        piece[0] += before
        np.cumsum(piece, out=piece)
        sums[start : start + _PIECE], before = piece, piece[-1]
    return sums


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


def in_range(distance: float) -> float:
    """Return a finite distance."""
    if math.isinf(distance):
        raise InputError("x and y: their distance leaves the range of float64: rescale the points")
    return distance


def mean_power(share: NDArray[np.float64], distance: NDArray[np.float64], order: float) -> float:
    """(Σ share · distance^order)^(1/order) without overflow."""
    scale = float(distance[share > 0.0].max())
    if math.isinf(order) or scale == 0.0:
        return scale
    return scale * math.pow(float(share @ (distance / scale) ** order), 1.0 / order)
