"""Which float type the costs of a point cloud fit into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail._arrays import show_index
from wassail.exceptions import InputError

_COSINE = 3
_PNORM = 4


def fit_precision(x: NDArray[Any], y: NDArray[Any], kind: int, p: float, power: float) -> np.dtype[Any]:
    """
    Return float32 when both clouds have it and their costs are in its range, else float64.

    Raises
    ------
    InputError
        The largest possible cost overflows float64, or a cosine meets a zero vector.
    """
    dtype = np.promote_types(x.dtype, y.dtype)
    if kind == _COSINE:
        return max((_fit_norms(x, "x", dtype), _fit_norms(y, "y", dtype)), key=lambda found: found.itemsize)
    low = np.minimum(x.min(axis=0), y.min(axis=0)).astype(np.longdouble)
    high = np.maximum(x.max(axis=0), y.max(axis=0)).astype(np.longdouble)
    return _fit(_cost_bound(high - low, kind, p, power), dtype, "x and y: their distances")


def _cost_bound(extent: NDArray[np.longdouble], kind: int, p: float, power: float) -> list[np.longdouble]:
    """Return the largest values that occur on the way to a cost of points that far apart in each coordinate."""
    largest = extent.max()
    if largest == 0.0:
        return []
    norm = largest if np.isinf(p) else largest * ((extent / largest) ** p).sum() ** (1.0 / np.longdouble(p))
    # General norms are computed relative to the largest difference, so that only they themselves must fit.
    return [norm if kind == _PNORM else norm ** np.longdouble(p), norm ** np.longdouble(power)]


def _fit_norms(points: NDArray[Any], name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Check that the norms of the points neither vanish nor leave the range."""
    size = np.abs(points).max(axis=1)
    if size.min() == 0.0:
        index = (int(np.argmin(size)),)
        raise InputError(f"{name}{show_index(index)} is the zero vector: the cosine cost is not defined there")
    dimension = points.shape[1]
    extremes = np.array([size.min(), size.max()], dtype=np.longdouble) ** 2
    return _fit([extremes[0], extremes[1] * dimension], dtype, f"{name}: its norms")


def _fit(bounds: list[np.longdouble], dtype: np.dtype[Any], what: str) -> np.dtype[Any]:
    """Choose the first type, from `dtype` up, that holds all bounds with room to spare."""
    for candidate in (dtype, np.dtype(np.float64)):
        limits = np.finfo(candidate)
        room = np.longdouble(2.0) ** (24 if candidate == np.float32 else 53)
        low, high = np.longdouble(limits.tiny) * room, np.longdouble(limits.max) / room
        if all(low <= bound <= high for bound in bounds):
            return candidate
    raise InputError(
        f"{what} leave the range of float64 when they are raised to the power of the cost: rescale the points"
    )
