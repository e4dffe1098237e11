"""Maps, products and sparse parts of a plan: the checked side of `SinkhornResult`'s methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, real_array
from wassail._validate import check_integer, check_real
from wassail.exceptions import InputError
from wassail.ot._plan import PlanOperator
from wassail.ot.geometry import ArrayCost, Cost, PointCloud, as_cost

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

F64 = NDArray[np.float64]


def columns(values: ArrayLike, name: str, size: int) -> F64:
    """Return vectors as columns of a float64 matrix with `size` rows."""
    array = real_array(values, name, ndim=(1, 2))
    if array.shape[0] != size:
        raise InputError(f"{name} has {array.shape[0]} rows, {size} are needed")
    check_finite(array, name)
    return np.ascontiguousarray(array.reshape(size, -1), dtype=np.float64)


def new_sources(cost: Cost, x_new: ArrayLike | None, cost_new: ArrayLike | None) -> Cost:
    """Return the cost from new sources to the targets, or the cost itself."""
    if x_new is None and cost_new is None:
        return cost
    if isinstance(cost, PointCloud):
        if x_new is None or cost_new is not None:
            raise InputError("the cost is a PointCloud: give new points as x_new, not cost_new")
        return _cloud(cost, x_new)
    if cost_new is None or x_new is not None:
        raise InputError(f"the cost is an array: give new sources as cost_new of shape (k, {cost.shape[1]}), not x_new")
    new = as_cost(cost_new, "cost_new")
    if new.shape[1] != cost.shape[1]:
        raise InputError(f"cost_new has {new.shape[1]} columns, the problem has {cost.shape[1]} targets")
    new.scan("cost_new", 0)
    return new


def _cloud(cost: PointCloud, x_new: ArrayLike) -> PointCloud:
    """Return the cloud from new points, in the precision of the old one."""
    points = real_array(x_new, "x_new", ndim=(1, 2))
    if points.ndim == 1 or points.shape[1] != cost.y.shape[1]:
        raise InputError(f"x_new must have shape (k, {cost.y.shape[1]}), got {points.shape}")
    check_finite(points, "x_new")
    return PointCloud(points.astype(cost.y.dtype, copy=False), cost.y, cost=cost.cost)


def target_values(cost: Cost, y: ArrayLike | None) -> NDArray[np.float64]:
    """Return what a barycentric map averages, 1-D or 2-D."""
    if y is None:
        if isinstance(cost, ArrayCost):
            raise InputError("y is needed: the cost is an array, so the target points are not known")
        return np.asarray(cost.y, dtype=np.float64)
    values = columns(y, "y", cost.shape[1])
    return values[:, 0] if np.ndim(y) == 1 else values


def barycentric_map(plan: PlanOperator, cost: Cost, values: F64) -> F64:
    """Average `values` (m,) or (m, q) under the normalized rows of the plan extended to `cost`."""
    matrix = np.ascontiguousarray(values.reshape(values.shape[0], -1))
    softmin, mean = plan.softmin(cost, matrix)
    if not np.isfinite(softmin).all():
        row = int(np.argmin(np.isfinite(softmin)))
        raise InputError(f"source {row} has only forbidden arcs to targets of positive weight: it has no image")
    return mean[:, 0] if values.ndim == 1 else mean


def check_criterion(mass: float | None, k: int | None, threshold: float | None) -> tuple[float, int, float]:
    """Return threshold, count and fraction, of which one says something."""
    if sum(criterion is not None for criterion in (mass, k, threshold)) != 1:
        raise InputError(
            "give exactly one of mass, k and threshold: an entropic plan has no zeros (`plan` is all of it), and "
            "those that have are returned whole if none is given"
        )
    fraction = 1.0 if mass is None else check_real(mass, "mass")
    if not 0.0 < fraction <= 1.0:
        raise InputError(f"mass must be in (0, 1], got {mass!r}")
    count = 0 if k is None else check_integer(k, "k", minimum=1)
    level = 0.0 if threshold is None else check_real(threshold, "threshold")
    if not 0.0 <= level < np.inf:
        raise InputError(f"threshold must be finite and at least 0, got {threshold!r}")
    return level, count, fraction


def sparse_plan(plan: PlanOperator, mass: float | None, k: int | None, threshold: float | None) -> csr_array:
    """Check the one criterion and build the csr_array."""
    from scipy.sparse import csr_array

    level, count, fraction = check_criterion(mass, k, threshold)
    n, m = plan.cost.shape
    indptr, indices, data = plan.sparse(level, min(count, m), fraction)
    return csr_array((data, indices, indptr), shape=(n, m))


def largest_entries(entries: csr_array, level: float, count: int, fraction: float) -> csr_array:
    """Return the entries of a sparse plan that one criterion keeps; a count of 0 is no limit."""
    from scipy.sparse import csr_array

    sizes = np.diff(entries.indptr)
    rows = np.repeat(np.arange(sizes.size), sizes)
    order = np.lexsort((-entries.data, rows))  # largest first in each row
    data, first = entries.data[order], np.repeat(entries.indptr[:-1], sizes)
    kept = data > level
    if count:
        kept &= np.arange(data.size) - first < count
    if fraction < 1.0:
        sums = np.bincount(rows, weights=data, minlength=sizes.size)
        before = np.concatenate([[0.0], np.cumsum(data / np.where(sums > 0.0, sums, 1.0)[rows])])
        kept &= before[:-1] - before[first] < fraction
    at = np.sort(order[kept])
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows[at], minlength=sizes.size))])
    return csr_array((entries.data[at], entries.indices[at], starts), shape=entries.shape)


def linear_operator(plan: PlanOperator) -> LinearOperator:
    """Wrap the products with the plan for SciPy."""
    from scipy.sparse.linalg import LinearOperator

    n, m = plan.cost.shape

    def times(v: F64, *, rows: int, transpose: bool) -> F64:
        matrix = np.asarray(v, dtype=np.float64)
        if matrix.size == 0:
            return np.zeros((rows, *matrix.shape[1:]))
        return plan.apply(matrix.reshape(matrix.shape[0], -1), transpose=transpose).reshape(rows, *matrix.shape[1:])

    product, adjoint = partial(times, rows=n, transpose=False), partial(times, rows=m, transpose=True)
    return LinearOperator(
        shape=(n, m), matvec=product, rmatvec=adjoint, matmat=product, rmatmat=adjoint, dtype=np.float64
    )
