"""What the solvers whose plan is sparse have in common: the plan is held, as a `csr_array`, and read from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._frozen import ReadOnly
from wassail._memory import require_matrix
from wassail.exceptions import InputError
from wassail.ot import _maps
from wassail.ot._plan import PlanOperator
from wassail.ot.geometry import ArrayCost, Cost, PointCloud
from wassail.ot.results import Choice, Status

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

F64 = NDArray[np.float64]

_RESOLVED = 2.0**-36  # of the largest potential: below, differences of costs are rounding


def dense_plan(entries: csr_array) -> F64:
    """Return the plan as an array, if it fits into memory."""
    require_matrix(*entries.shape, "the dense plan", "use sparse_plan()")
    dense: F64 = entries.toarray()
    return dense


@dataclass(frozen=True, eq=False, repr=False)
class SparsePlanResult(ReadOnly):
    r"""
    Potentials and a sparse transport plan.

    Attributes
    ----------
    f : ndarray, shape (n,)
        Source potential, float64.
    g : ndarray, shape (m,)
        Target potential. (f + t, g − t) is the same solution for every number t.
    status : Status
        How the run ended.
    n_iter : int
        Iterations, in the unit of the algorithm.
    marginal_error : float
        :math:`\|P1 - a\|_1 + \|P^\top 1 - b\|_1` of the plan that is returned.
    transport_cost : float
        :math:`\langle C, P \rangle`, without any regularization.
    value : float
        Value of the problem that was solved, regularization included.
    cost : ArrayCost or PointCloud
        The ground cost.
    a, b : ndarray, shape (n,) and (m,)
        Weights as solved for: `b` after it was rescaled to the mass of `a`.
    mass_rescale : float
        The factor by which `b` was multiplied.
    entries : csr_array, shape (n, m)
        The plan.
    choice : Choice or None
        The algorithm and why, if :func:`wassail.ot.solve` chose it.
    """

    f: F64
    g: F64
    status: Status
    n_iter: int
    marginal_error: float
    transport_cost: float
    value: float
    cost: ArrayCost | PointCloud
    a: F64
    b: F64
    mass_rescale: float
    entries: csr_array
    choice: Choice | None = field(default=None, kw_only=True)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        return self.cost.shape

    @property
    def converged(self) -> bool:
        """Whether the tolerance was met."""
        return self.status is Status.CONVERGED

    def sparse_plan(
        self, *, mass: float | None = None, k: int | None = None, threshold: float | None = None
    ) -> csr_array:
        """
        Return the plan as a sparse array, all of its entries or the large ones.

        At most one criterion is given; entries keep their values, nothing is renormalized.

        Parameters
        ----------
        mass : float in (0, 1], optional
            Keep in each row the fewest entries that hold this fraction of the row's mass.
        k : int, optional
            Keep at most the `k` largest entries of each row.
        threshold : float, optional
            Keep entries above this value, at least 0.

        Returns
        -------
        scipy.sparse.csr_array, shape (n, m)
            A copy, which may be changed.

        Raises
        ------
        InputError
            More than one criterion, or one out of range.
        """
        if mass is None and k is None and threshold is None:
            return self.entries.copy()
        return _maps.largest_entries(self.entries, *_maps.check_criterion(mass, k, threshold))

    @property
    def plan(self) -> F64:
        """
        Dense transport plan, shape (n, m), float64; made anew at each access.

        Raises
        ------
        MemoryLimitError
            It would not fit into memory: use `sparse_plan`.
        """
        return dense_plan(self.entries)

    @property
    def plan_marginals(self) -> tuple[F64, F64]:
        r"""Row and column sums of the plan, :math:`P1` of shape (n,) and :math:`P^\top 1` of shape (m,)."""
        rows: F64 = np.asarray(self.entries.sum(axis=1), dtype=np.float64)
        columns: F64 = np.asarray(self.entries.sum(axis=0), dtype=np.float64)
        return rows.ravel(), columns.ravel()

    def apply(self, v: ArrayLike, axis: Literal[0, 1] = 1) -> F64:
        r"""
        Multiply by the plan.

        Parameters
        ----------
        v : array_like, shape (m,) or (m, k) for ``axis=1``, (n,) or (n, k) for ``axis=0``
            Finite values on the side that is summed over.
        axis : {1, 0}, default 1
            The axis of the plan that is summed over: 1 gives :math:`P v`, 0 gives :math:`P^\top v`.

        Returns
        -------
        ndarray, shape (n,), (n, k), (m,) or (m, k)

        Raises
        ------
        InputError
            `v` has the wrong length or is not finite.
        """
        if axis not in (0, 1):
            raise InputError(f"axis must be 1 (P v) or 0 (Pᵀ v), got {axis!r}")
        values = _maps.columns(v, "v", self.shape[axis])
        product: F64 = (self.entries if axis == 1 else self.entries.T) @ values
        return product[:, 0] if np.ndim(v) == 1 else product

    @property
    def linear_operator(self) -> LinearOperator:
        """The plan as a :class:`scipy.sparse.linalg.LinearOperator` of shape (n, m)."""
        from scipy.sparse.linalg import aslinearoperator

        return aslinearoperator(self.entries)

    def barycentric_map(
        self, x_new: ArrayLike | None = None, *, cost_new: ArrayLike | None = None, y: ArrayLike | None = None
    ) -> F64:
        r"""
        Send each source to the mean of its targets under the plan, :math:`T(x_i) = \sum_j P_{ij} y_j / \sum_j P_{ij}`.

        Sources without mass in the plan, and new ones, go to the target that a little mass there would go to, by the
        potentials: :math:`y_j` with the least :math:`c(x, y_j) - g_j`, the limit of entropic maps. Ties are averaged.

        Parameters
        ----------
        x_new : array_like, shape (k, d), optional
            New points, for a cost from points. Without it, and without `cost_new`, the sources of the problem.
        cost_new : array_like, shape (k, m), optional
            Costs from new sources to the targets, for a cost given as an array.
        y : array_like, shape (m,) or (m, q), optional
            What is averaged. The target points by default; needed when the cost was an array.

        Returns
        -------
        ndarray, shape (k, q), or (k,) if `y` is 1-D

        Raises
        ------
        InputError
            `y` or the right kind of new source is missing, or a source has only forbidden arcs.

        Notes
        -----
        The map of new sources is piecewise constant: for one that is smooth, give :func:`wassail.ot.solve` an epsilon
        of the size of the detail.
        """
        values = _maps.target_values(self.cost, y)
        if x_new is not None or cost_new is not None:
            return self._cheapest(_maps.new_sources(self.cost, x_new, cost_new), values)
        rows = self.plan_marginals[0]
        sent: F64 = self.entries @ values
        idle = np.flatnonzero(~(rows > 0.0))
        rows[idle] = 1.0
        image = sent / (rows[:, None] if sent.ndim > 1 else rows)
        if idle.size:
            image[idle] = self._cheapest(self.cost.select(idle, np.arange(self.shape[1])), values)
        return image

    def _cheapest(self, cost: Cost, values: F64) -> F64:
        """Average `values` over the targets of positive weight with the least cost − g, up to rounding."""
        used = self.b > 0.0
        scale = max(float(np.abs(side[weights > 0.0]).max()) for side, weights in ((self.f, self.a), (self.g, self.b)))
        blur = _RESOLVED * scale if scale > 0.0 else _RESOLVED
        plan = PlanOperator(self.cost, self.f, self.g, self.a, used.astype(np.float64), blur, 0)
        return _maps.barycentric_map(plan, cost, values)
