"""The entropic plan as an operator: P_ij = a_i b_j exp((f_i + g_j − C_ij) / ε), read in sweeps and never stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._memory import require_matrix, require_memory
from wassail.ot.geometry import Cost

if TYPE_CHECKING:
    from wassail.ot.results import SinkhornResult

F64: TypeAlias = NDArray[np.float64]
Sparse: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], F64]

_LAZY = "use apply, linear_operator, barycentric_map or sparse_plan, which never hold the whole plan"
_ENTRY_BYTES = 16  # float64 value and int64 index


@dataclass(frozen=True, eq=False)
class PlanOperator:
    """
    Potentials, weights and cost that define a plan, with one method for each sweep of the core.

    Potentials may be infinite where the weight is zero: the plan is zero there.
    """

    cost: Cost
    f: F64
    g: F64
    a: F64
    b: F64
    epsilon: float
    n_threads: int

    @property
    def _arguments(self) -> tuple[_core.Geometry, F64, F64, F64, F64, float]:
        f = np.where(self.a > 0.0, self.f, 0.0)
        g = np.where(self.b > 0.0, self.g, 0.0)
        return self.cost.handle, f, g, self.a, self.b, self.epsilon

    def sums(self) -> tuple[F64, F64, float]:
        """Return P1, Pᵀ1 and ⟨C, P⟩."""
        return _core.plan_sums(*self._arguments, self.n_threads)

    def dense(self) -> F64:
        """Return the plan as a matrix, if it fits."""
        require_matrix(*self.cost.shape, "the dense plan", _LAZY)
        return _core.plan_dense(*self._arguments, self.n_threads)

    def apply(self, v: F64, *, transpose: bool) -> F64:
        """Return P v or Pᵀ v for a matrix v."""
        return _core.plan_apply(*self._arguments, np.ascontiguousarray(v), transpose, self.n_threads)

    def sparse(self, threshold: float, k: int, mass: float) -> Sparse:
        """Return the entries that one criterion keeps, as CSR arrays."""
        n, _ = self.cost.shape
        require_memory(_ENTRY_BYTES * n * max(k, 1), f"a sparse plan with {n} rows", "ask for fewer entries per row")
        return _core.plan_sparse(*self._arguments, threshold, k, mass, self.n_threads)

    def gradient(self) -> F64:
        """Return Σ_j P_ij ∇ₓ c(x_i, y_j), shape (n, d), for a point cloud."""
        return _core.plan_gradient(*self._arguments, self.n_threads)

    def rounded(self) -> tuple[F64, F64, F64, F64, F64, F64, float, float]:
        """Return the sums of the rounded plan that a certificate needs."""
        return _core.certificate_sums(*self._arguments, self.n_threads)

    def softmin(self, cost: Cost, values: F64 | None) -> tuple[F64, F64]:
        """Return the row softmin of `cost` − g over the targets, and the mean of `values` under its weights."""
        _, _, g, _, b, epsilon = self._arguments
        return _core.softmin_rows(cost.handle, g, b, epsilon, values, self.n_threads)

    def transposed(self) -> PlanOperator:
        """Exchange sources and targets."""
        return PlanOperator(self.cost.transposed(), self.g, self.f, self.b, self.a, self.epsilon, self.n_threads)


def operator_of(result: SinkhornResult) -> PlanOperator:
    """Return the plan that a result stands for."""
    return PlanOperator(result.cost, result.f, result.g, result.a, result.b, result.epsilon, result.n_threads)
