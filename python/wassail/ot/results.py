"""What a Sinkhorn solver returns: potentials, how it ended, and everything else on demand."""

from __future__ import annotations

import dataclasses
import enum
import math
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._frozen import ReadOnly
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.ot import _maps
from wassail.ot._dual import marginal_term, shrinkage, unless_nan, weighted_sum
from wassail.ot._plan import operator_of
from wassail.ot.certificate import Certificate, certify
from wassail.ot.epsilon import range_of
from wassail.ot.geometry import ArrayCost, PointCloud

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LinearOperator

F64 = NDArray[np.float64]

_SMALL = 2.0**-17  # exponents whose third powers are as small as what sums of their size lose by cancellation


class Status(enum.Enum):
    """
    How a solver ended; the values are readable.

    Attributes
    ----------
    CONVERGED
        The tolerance was met, checked in float64.
    MAX_ITER
        The iterations were used up.
    STOPPED
        The callback stopped the run.
    STALLED
        No step lowers the error any more, mostly because of rounding.
    TIED
        Of :func:`sparse_transport`: the dual is solved, but entries tie for the last place of a column, and the best
        plan found has a gap above the tolerance, or none was found and the gap is inf.
    """

    CONVERGED = "converged"
    MAX_ITER = "reached max_iter"
    STOPPED = "stopped by the callback"
    STALLED = "stalled"
    TIED = "dual solved, ties leave a gap"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Choice:
    r"""
    Which algorithm ran.

    Attributes
    ----------
    algorithm : str
        Name of the function in `wassail.ot`.
    reason : str
        Why :func:`wassail.ot.solve` took it.
    entropic_term : float or None
        :math:`\varepsilon\,\mathrm{KL}(P\,|\,a\otimes b)` of an exact plan that answers for the entropic one, to add
        to its `value` for that of the regularized problem; else None.
    """

    algorithm: str
    reason: str
    entropic_term: float | None = None


def shown(choice: Choice | None) -> str:
    """Return the end of the line that a result prints: which algorithm :func:`wassail.ot.solve` took, and why."""
    return "" if choice is None else f"; {choice.algorithm}, because {choice.reason}"


@dataclass(frozen=True, eq=False, repr=False)
class SinkhornTrace(ReadOnly):
    """
    History of a run, one entry per sweep, for plots.

    Attributes
    ----------
    error : ndarray, shape (n_iter,)
        L1 marginal error of the pair of potentials that the sweep started from or left.
    epsilon : ndarray, shape (n_iter,)
        Regularization of the sweep; above the final one while annealing.
    relaxation : ndarray, shape (n_iter,)
        Relaxation factor of the sweep; 1 is the plain update, 0 marks sweeps inside a step that was solved for by
        conjugate gradients.
    """

    error: F64
    epsilon: F64
    relaxation: F64

    def __repr__(self) -> str:
        return f"SinkhornTrace(n_iter={self.error.size})"


@dataclass(frozen=True, eq=False, repr=False)
class SinkhornResult(ReadOnly):
    r"""
    Solution of an entropic transport problem: :math:`P_{ij} = a_i b_j \exp((f_i + g_j - C_{ij}) / \varepsilon)`.

    The plan is never stored unless `plan` is asked for; its actions, sums and maps are computed in sweeps over the
    cost, each :math:`O(nm)` operations and :math:`O(n + m)` memory. Results pickle; derived values are recomputed.

    Attributes
    ----------
    f : ndarray, shape (n,)
        Source potential, float64. Where `a` is zero it continues the others (inf if every arc is forbidden).
    g : ndarray, shape (m,)
        Target potential. In a balanced problem (f + t, g − t) is the same solution for every number t.
    epsilon : float
        Regularization strength.
    status : Status
        How the run ended.
    n_iter : int
        Sweeps over the cost, of all annealing stages.
    marginal_error : float
        :math:`\|P1 - a\|_1 + \|P^\top 1 - b\|_1`; with `rho`, against :math:`a e^{-f/\rho_a}` and
        :math:`b e^{-g/\rho_b}`, which is what optimality asks for.
    trace : SinkhornTrace
        History, for plots.
    cost : ArrayCost or PointCloud
        The ground cost.
    a, b : ndarray, shape (n,) and (m,)
        Weights as solved for: `b` after it was rescaled to the mass of `a`.
    rho : tuple of float
        Penalties of the two marginals, inf where the marginal is exact.
    mass_rescale : float
        The factor by which `b` was multiplied; 1.0 with `rho`.
    n_threads : int
        Threads of the lazy parts, 0 for the default.
    choice : Choice or None
        The algorithm and why, if :func:`wassail.ot.solve` chose it.
    """

    f: F64
    g: F64
    epsilon: float
    status: Status
    n_iter: int
    marginal_error: float
    trace: SinkhornTrace
    cost: ArrayCost | PointCloud
    a: F64
    b: F64
    rho: tuple[float, float]
    mass_rescale: float
    n_threads: int = 0
    choice: Choice | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        return self.cost.shape

    @property
    def converged(self) -> bool:
        """Whether the marginal error met the tolerance."""
        return self.status is Status.CONVERGED

    @cached_property
    def _sums(self) -> tuple[F64, F64, float]:
        return operator_of(self).sums()

    @cached_property
    def plan(self) -> F64:
        """
        Dense transport plan, shape (n, m), float64; computed once and kept.

        Raises
        ------
        MemoryLimitError
            It would not fit into memory: use `apply`, `linear_operator`, `barycentric_map` or `sparse_plan`.
        """
        return operator_of(self).dense()

    @property
    def plan_marginals(self) -> tuple[F64, F64]:
        r"""Row and column sums of the plan, :math:`P1` of shape (n,) and :math:`P^\top 1` of shape (m,)."""
        return self._sums[0], self._sums[1]

    @property
    def transport_cost(self) -> float:
        r""":math:`\langle C, P \rangle`, without any entropy term."""
        return unless_nan(self._sums[2], math.inf)

    @cached_property
    def dual_value(self) -> float:
        r"""
        Dual objective at (f, g), a lower bound of the optimal value up to rounding.

        Balanced: :math:`\langle a,f\rangle + \langle b,g\rangle - \varepsilon(\sum P - \sum a\sum b)`. With `rho` the
        first two terms are :math:`-\rho_a\langle a, e^{-f/\rho_a} - 1\rangle - \rho_b\langle b, e^{-g/\rho_b} -
        1\rangle`.
        """
        if self._is_nearly_independent:
            return self._dual_of_small_exponents()
        total = float(self._sums[0].sum()) - float(self.a.sum()) * float(self.b.sum())
        terms = marginal_term(self.a, self.f, self.rho[0]) + marginal_term(self.b, self.g, self.rho[1])
        return unless_nan(terms - self.epsilon * total, -math.inf)

    def _dual_of_small_exponents(self) -> float:
        """
        Return the dual value where ε magnifies what rounding leaves of ΣP − Σa Σb.

        With P = a⊗b e^t and u = εt the ε term is Σ a⊗b ε (e^t − 1) = Σ a⊗b u + Σ (P − a⊗b) u / 2 up to a twelfth of
        Σ a⊗b |u| t². Sums against u = f + g − C are sums over marginals and costs.
        """
        row, col, linear = self._sums
        f, g = (np.where(w > 0.0, v, 0.0) for w, v in ((self.a, self.f), (self.b, self.g)))
        mass = float(self.a.sum()), float(self.b.sum())
        alone = dataclasses.replace(operator_of(self), f=0.0 * f, g=0.0 * g, epsilon=math.inf).sums()[2]
        moved = float((row - mass[1] * self.a) @ f) + float((col - mass[0] * self.b) @ g) - (linear - alone)
        sides = (self.a, f, self.rho[0], mass[1]), (self.b, g, self.rho[1], mass[0])
        return alone - 0.5 * moved + sum(_beyond_linear(*side) for side in sides)

    @property
    def _is_nearly_independent(self) -> bool:
        """Whether all exponents (f + g − C) / ε are small."""
        size = sum(float(np.abs(v[w > 0.0]).max()) for w, v in ((self.a, self.f), (self.b, self.g)))
        if not _SMALL * self.epsilon > size:
            return False
        if isinstance(self.cost, ArrayCost) and not np.isfinite(self.cost.values).all():
            return False
        low, high, _ = range_of(self.cost)
        return _SMALL * self.epsilon >= size + max(abs(low), abs(high))

    @property
    def value(self) -> float:
        r"""
        Value of the regularized problem, :math:`\langle C,P\rangle + \varepsilon\,\mathrm{KL}(P\,|\,a\otimes b)`.

        It is the dual value, whose distance from the optimum is of second order in the marginal error. With `rho`
        the penalties :math:`\rho_a \mathrm{KL}(P1\,|\,a) + \rho_b \mathrm{KL}(P^\top 1\,|\,b)` are part of it.
        """
        return self.dual_value

    @cached_property
    def kl(self) -> float:
        r""":math:`\mathrm{KL}(P\,|\,a\otimes b) = \sum P\log\frac{P}{a\otimes b} - \sum P + \sum a\sum b`."""
        row, _, _ = self._sums
        value = self._log_ratio - float(row.sum()) + float(self.a.sum()) * float(self.b.sum())
        return unless_nan(value, math.inf)

    @cached_property
    def entropy(self) -> float:
        r"""Entropy of the plan, :math:`H(P) = -\sum_{ij} P_{ij}(\log P_{ij} - 1)`, with :math:`0\log 0 = 0`."""
        row, col, _ = self._sums
        logs = [np.log(w, out=np.zeros_like(w), where=w > 0.0) for w in (self.a, self.b)]
        value = float(row.sum()) - self._log_ratio - weighted_sum(row, logs[0]) - weighted_sum(col, logs[1])
        return unless_nan(value, -math.inf)

    @property
    def _log_ratio(self) -> float:
        """Σ P log(P / a⊗b), from the form of the plan: (⟨P1, f⟩ + ⟨Pᵀ1, g⟩ − ⟨C, P⟩) / ε."""
        row, col, linear = self._sums
        return (weighted_sum(row, self.f) + weighted_sum(col, self.g) - linear) / self.epsilon

    def apply(self, v: ArrayLike, axis: Literal[0, 1] = 1) -> F64:
        r"""
        Multiply by the plan without forming it.

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
        if check_integer(axis, "axis", minimum=0) > 1:
            raise InputError(f"axis must be 1 (P v) or 0 (Pᵀ v), got {axis!r}")
        values = _maps.columns(v, "v", self.shape[axis])
        product = operator_of(self).apply(values, transpose=axis == 0)
        return product[:, 0] if np.ndim(v) == 1 else product

    @property
    def linear_operator(self) -> LinearOperator:
        """The plan as a :class:`scipy.sparse.linalg.LinearOperator` of shape (n, m)."""
        return _maps.linear_operator(operator_of(self))

    def barycentric_map(
        self, x_new: ArrayLike | None = None, *, cost_new: ArrayLike | None = None, y: ArrayLike | None = None
    ) -> F64:
        r"""
        Send sources to the mean of their targets under the plan, also sources that were not in the problem.

        :math:`T(x) = \sum_j p_j(x)\,y_j` with :math:`p_j(x) \propto b_j \exp((g_j - c(x, y_j)) / \varepsilon)`.

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
        The mean is the map that is optimal for the squared Euclidean cost. It pulls towards the middle as epsilon
        grows: at epsilon of the size of the cost every point goes near the mean of the targets.

        Examples
        --------
        >>> import numpy as np
        >>> from wassail import ot
        >>> x, y = np.array([[0.0], [1.0]]), np.array([[10.0], [11.0]])
        >>> result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.02)
        >>> result.barycentric_map([[0.2]]).round(6)
        array([[10.]])
        """
        cost = _maps.new_sources(self.cost, x_new, cost_new)
        return _maps.barycentric_map(operator_of(self), cost, _maps.target_values(self.cost, y))

    def potential(self, x_new: ArrayLike | None = None, *, cost_new: ArrayLike | None = None) -> F64:
        r"""
        Evaluate the source potential anywhere, by the optimality condition.

        :math:`f(x) = -\tau\varepsilon\log\sum_j b_j\exp((g_j - c(x, y_j))/\varepsilon)`, with
        :math:`\tau = \rho_a/(\rho_a + \varepsilon)`, or 1 without `rho`.

        Parameters
        ----------
        x_new : array_like, shape (k, d), optional
            New points, for a cost from points. Without it, and without `cost_new`, the sources of the problem.
        cost_new : array_like, shape (k, m), optional
            Costs from new sources to the targets, for a cost given as an array.

        Returns
        -------
        ndarray, shape (k,)
            inf where every arc is forbidden.

        Raises
        ------
        InputError
            The new sources have the wrong shape or kind.
        """
        cost = _maps.new_sources(self.cost, x_new, cost_new)
        return shrinkage(self.epsilon, self.rho[0]) * operator_of(self).softmin(cost, None)[0]

    def sparse_plan(
        self, *, mass: float | None = None, k: int | None = None, threshold: float | None = None
    ) -> csr_array:
        """
        Return the large entries of the plan as a sparse array, without forming the plan.

        Exactly one criterion is given; entries keep their values, nothing is renormalized.

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

        Raises
        ------
        InputError
            Not exactly one criterion, or one out of range.
        MemoryLimitError
            The entries would not fit into memory.
        """
        return _maps.sparse_plan(operator_of(self), mass, k, threshold)

    @cached_property
    def _certificate(self) -> Certificate:
        return certify(operator_of(self), self.rho)

    def certificate(self) -> Certificate:
        """
        Return bounds that enclose the regularized and the unregularized optimum, whatever the status.

        O(n + m) memory, a few sweeps; costs of points are computed in float64. Computed once and kept.
        """
        return self._certificate

    @property
    def _work(self) -> str:
        """Sweeps, and how many of them tried a Newton step, for the line that is printed."""
        steps = getattr(self.trace, "newton", None)
        return f"{self.n_iter} sweeps" + ("" if steps is None else f", {int(steps.sum())} of them Newton steps")

    def __repr__(self) -> str:
        n, m = self.shape
        return (
            f"SinkhornResult(n={n}, m={m}, epsilon={self.epsilon:.4g}, {self.status} after {self._work}, "
            f"marginal error {self.marginal_error:.2e}{shown(self.choice)})"
        )

    def _repr_html_(self) -> str:
        rows = {
            "problem": f"{self.shape[0]} × {self.shape[1]}",
            "epsilon": f"{self.epsilon:.4g}",
            "rho": "balanced" if self.rho == (np.inf, np.inf) else f"{self.rho[0]:.4g}, {self.rho[1]:.4g}",
            "status": str(self.status),
            "work": self._work,
            "marginal error": f"{self.marginal_error:.2e}",
        }
        if self.choice is not None:
            rows["algorithm"] = f"{self.choice.algorithm}: {escape(self.choice.reason)}"
        cells = "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in rows.items())
        return f"<table><caption>SinkhornResult</caption>{cells}</table>"


def _beyond_linear(weights: F64, potential: F64, rho: float, other: float) -> float:
    """Return a marginal's term of the dual less its potential summed against a⊗b; `other` is the other side's mass."""
    if math.isinf(rho):
        return (1.0 - other) * weighted_sum(weights, potential)
    return marginal_term(weights, potential, rho) - other * weighted_sum(weights, potential)
