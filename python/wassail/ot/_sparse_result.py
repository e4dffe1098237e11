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
from wassail.ot.geometry import ArrayCost, PointCloud
from wassail.ot.results import Choice, Status

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

F64 = NDArray[np.float64]


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

    def sparse_plan(self) -> csr_array:
        """Return the plan, all of its entries, as a :class:`scipy.sparse.csr_array` of shape (n, m)."""
        return self.entries

    @property
    def plan(self) -> F64:
        """
        Dense transport plan, shape (n, m), float64; made anew at each access.

        Raises
        ------
        MemoryLimitError
            It would not fit into memory: use `sparse_plan`.
        """
        require_matrix(*self.shape, "the dense plan", "use sparse_plan()")
        dense: F64 = self.entries.toarray()
        return dense

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

    def barycentric_map(self, *, y: ArrayLike | None = None) -> F64:
        r"""
        Send each source to the mean of its targets under the plan, :math:`T(x_i) = \sum_j P_{ij} y_j / \sum_j P_{ij}`.

        Parameters
        ----------
        y : array_like, shape (m,) or (m, q), optional
            What is averaged. The target points by default; needed when the cost was an array.

        Returns
        -------
        ndarray, shape (n, q), or (n,) if `y` is 1-D
            NaN-free: a source without mass in the plan has no image and raises.

        Raises
        ------
        InputError
            `y` is missing or has the wrong length, or a source sends no mass.
        """
        values = _maps.target_values(self.cost, y)
        rows = self.plan_marginals[0]
        if not (rows > 0.0).all():
            raise InputError(f"source {int(np.argmin(rows > 0.0))} sends no mass: it has no image")
        image: F64 = self.entries @ values
        return image / (rows[:, None] if image.ndim > 1 else rows)
