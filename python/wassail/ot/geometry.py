"""What a transport problem knows about its ground cost: a stored matrix, or points from which it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array, show_index
from wassail._frozen import FieldsOnly
from wassail._memory import require_matrix
from wassail.exceptions import InputError
from wassail.ot._scales import fit_precision
from wassail.ot.costs import CostName, PNorm, cost_code

Rows: TypeAlias = NDArray[np.intp]


class Forbidden(NamedTuple):
    """Where a cost has forbidden arcs: anywhere, and the first row and column that have no others, or -1."""

    row: int
    column: int
    anywhere: bool


@dataclass(frozen=True, eq=False)
class ArrayCost(FieldsOnly):
    """
    Stored ground cost; made by :func:`as_cost` from an array, which is borrowed and not copied.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        float32 or float64, any strides; ``inf`` marks a forbidden arc. Do not change it while results that refer to
        it are in use: their lazy parts read it.
    """

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        n, m = self.values.shape
        return n, m

    @cached_property
    def handle(self) -> _core.Geometry:
        """Compiled geometry that borrows the array."""
        return _core.Geometry.from_array(self.values)

    def scan(self, name: str, n_threads: int) -> Forbidden:
        """Raise InputError at the first NaN or -inf, and return where arcs are forbidden."""
        *_, flat, row, column, anywhere = _core.cost_scan(self.handle, n_threads)
        if flat >= 0:
            index = tuple(int(i) for i in np.unravel_index(flat, self.shape))
            raise InputError(
                f"{name}{show_index(index)} is {self.values[index]}: costs are finite, or +inf for a forbidden arc"
            )
        return Forbidden(row, column, anywhere)

    def select(self, rows: Rows, columns: Rows) -> ArrayCost:
        """Copy the cost of some sources and targets."""
        require_matrix(rows.size, columns.size, "the cost without the points of weight zero", "drop them beforehand")
        return ArrayCost(self.values[np.ix_(rows, columns)])

    def exact(self) -> ArrayCost:
        """Return the cost in the precision of a certificate: stored entries are exact as they are."""
        return self

    def transposed(self) -> ArrayCost:
        """Exchange sources and targets."""
        return ArrayCost(self.values.T)

    def __repr__(self) -> str:
        """Show shape and dtype, not the entries."""
        return f"ArrayCost(shape={self.shape}, dtype={self.values.dtype})"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class PointCloud(FieldsOnly):
    r"""
    Ground cost :math:`C_{ij} = c(x_i, y_j)` that is computed from points and never stored.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Source points, finite.
    y : array_like, shape (m, d)
        Target points, finite.
    cost : {"sqeuclidean", "euclidean", "cityblock", "cosine"} or PNorm, default "sqeuclidean"
        ``"sqeuclidean"`` is :math:`\|x - y\|^2`, not halved; ``"cosine"`` is
        :math:`1 - \langle x, y\rangle / (\|x\| \|y\|)`. Any other cost can be given to the solvers as an array.

    Raises
    ------
    InputError
        A coordinate is not finite, the shapes do not fit, a cost overflows, or ``"cosine"`` meets a zero vector.
    DeviceError
        The points live on an accelerator.

    Notes
    -----
    Memory is :math:`O((n + m) d)`, and a sweep takes :math:`O(n m d)` operations; use it when the :math:`n \times m`
    matrix is large, and an array when it fits into the cache and is swept often. If both clouds are float32, costs and
    exponentials are computed in float32 and potentials in float64; integers become float64. The arrays are referred
    to, not copied: do not change them while results that refer to them are in use.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> cloud = ot.PointCloud(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]]))
    >>> cloud.shape
    (2, 2)
    >>> cloud.to_numpy()
    array([[0., 4.],
           [1., 1.]])
    """

    x: NDArray[Any]
    y: NDArray[Any]
    cost: CostName | PNorm

    def __init__(self, x: ArrayLike, y: ArrayLike, *, cost: CostName | PNorm = "sqeuclidean") -> None:
        kind, p, power = cost_code(cost)
        sources, targets = _points(x, "x"), _points(y, "y")
        if sources.shape[1] != targets.shape[1]:
            raise InputError(f"x has points of dimension {sources.shape[1]}, y of dimension {targets.shape[1]}")
        dtype = fit_precision(sources, targets, kind, p, power)
        object.__setattr__(self, "x", _read_only(np.asarray(sources, dtype=dtype)))
        object.__setattr__(self, "y", _read_only(np.asarray(targets, dtype=dtype)))
        object.__setattr__(self, "cost", cost)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        return self.x.shape[0], self.y.shape[0]

    @cached_property
    def handle(self) -> _core.Geometry:
        """Compiled geometry, with its own copy of the points."""
        kind, p, power = cost_code(self.cost)
        return _core.Geometry.from_points(np.ascontiguousarray(self.x), np.ascontiguousarray(self.y), kind, p, power)

    def scan(self, name: str, n_threads: int) -> Forbidden:  # noqa: ARG002  (as ArrayCost)
        """Return that no arc is forbidden: the points were checked when the cloud was made."""
        return Forbidden(-1, -1, anywhere=False)

    def select(self, rows: Rows, columns: Rows) -> PointCloud:
        """Copy some of the points."""
        return PointCloud(self.x[rows], self.y[columns], cost=self.cost)

    def exact(self) -> PointCloud:
        """Return the cloud in float64, the precision of a certificate."""
        if self.x.dtype == np.float64:
            return self
        return PointCloud(self.x.astype(np.float64), self.y.astype(np.float64), cost=self.cost)

    def transposed(self) -> PointCloud:
        """Exchange sources and targets."""
        return PointCloud(self.y, self.x, cost=self.cost)

    def to_numpy(self) -> NDArray[np.float64]:
        """
        Return the dense (n, m) cost matrix in float64, for small problems and checks.

        Raises
        ------
        MemoryLimitError
            The matrix would not fit into memory; the solvers take the cloud itself and need no matrix.
        """
        require_matrix(*self.shape, "the cost matrix", "pass the PointCloud itself, its costs are computed on the fly")
        from scipy.spatial.distance import cdist

        x, y = self.x.astype(np.float64), self.y.astype(np.float64)
        if isinstance(self.cost, str):
            return np.asarray(cdist(x, y, self.cost))
        norm = np.asarray(cdist(x, y, "chebyshev"))
        if not np.isinf(self.cost.p):
            # Relative to the largest difference: the powers themselves leave the range of floats.
            largest = np.maximum(norm, np.finfo(np.float64).tiny)
            powers = ((np.abs(np.subtract.outer(x[:, k], y[:, k])) / largest) ** self.cost.p for k in range(x.shape[1]))
            norm = norm * sum(powers, np.zeros(self.shape)) ** (1.0 / self.cost.p)
        return norm**self.cost.power

    def __repr__(self) -> str:
        """Show shapes, dtype and cost, not the points."""
        n, m = self.shape
        return f"PointCloud(n={n}, m={m}, d={self.x.shape[1]}, dtype={self.x.dtype}, cost={self.cost!r})"


Cost: TypeAlias = ArrayCost | PointCloud


def as_cost(cost: ArrayLike | Cost, name: str = "cost") -> Cost:
    """
    Return `cost` as a geometry: point clouds pass through, arrays of shape (n, m) are borrowed.

    Parameters
    ----------
    cost : array_like of shape (n, m), PointCloud or ArrayCost
        float32 and float64 arrays of any strides are not copied; integers become float64.
    name : str, default "cost"
        How error messages call it.

    Raises
    ------
    InputError
        Not 2-D, empty, or not real; NaN is found later, by the solver that reads the entries.

    Examples
    --------
    >>> from wassail import ot
    >>> ot.as_cost([[0, 1], [1, 0]])
    ArrayCost(shape=(2, 2), dtype=float64)
    """
    if isinstance(cost, ArrayCost | PointCloud):
        return cost
    if cost is None:
        raise InputError(f"{name} is None: a matrix of shape (n, m) or a PointCloud is wanted")
    values = real_array(cost, name, ndim=(2,), passed=(1, 3))
    if values.ndim == 3:
        raise InputError(
            f"{name} must be a matrix of shape (n, m) or a PointCloud, got shape {values.shape}: sinkhorn_batch solves "
            "a stack of problems"
        )
    if values.ndim == 1:
        raise InputError(
            f"{name} is 1-D, a matrix of shape (n, m) or a PointCloud is needed: the order here is "
            "(cost, a, b), not (a, b, M) as in POT"
        )
    return ArrayCost(values)


def _points(value: object, name: str) -> NDArray[Any]:
    """Check one cloud."""
    points = real_array(value, name, ndim=(1, 2))
    if points.ndim == 1:
        raise InputError(
            f"{name} must have shape (points, dimensions), got {points.shape}: for points on a line use {name}[:, None]"
        )
    check_finite(points, name)
    return points


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written through."""
    view = array.view()
    view.flags.writeable = False
    return view
