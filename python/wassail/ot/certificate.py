"""Bounds that enclose the optimum whatever the solver did: Fenchel duality and a rounded, feasible plan."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.ot._dual import best_translation, divergence, marginal_term, target_marginal, unless_nan, weighted_sum
from wassail.ot._plan import PlanOperator
from wassail.ot.geometry import Cost

F64 = NDArray[np.float64]

_VOID = (-math.inf, math.inf)
_TINY = 2.0**-1000  # sums of numbers below the normal range of float64 lose relative accuracy
_MASSES = (1e-140, 1e140)  # beyond, products of weights leave float64
MISSING = 1e-9  # share of the mass that a plan may miss by rounding
ROUNDING = 2.0**-48  # sixteen units in the last place of every term


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    r"""
    What is known for sure about a result, from its potentials, and from its plan where that is held.

    Attributes
    ----------
    marginal_l1 : float
        :math:`\|P1 - a\|_1 + \|P^\top 1 - b\|_1` (with `rho`, against :math:`a e^{-f/\rho_a}` and
        :math:`b e^{-g/\rho_b}`), in float64 from the costs as given.
    marginal_max : float
        Largest single deviation among them.
    entropic_lower, entropic_upper : float
        Enclose the optimal value of the regularized problem. The lower bound is the dual value at (f, g); the upper
        bound the objective, bounded by convexity, of a feasible plan near P. Of exact solvers, where nothing is
        regularized, the same as the other two.
    dual_bound, primal_bound : float
        Enclose the optimal value of the problem without the :math:`\varepsilon` term. The upper one is inf when the
        feasible plan uses a forbidden arc.

    Notes
    -----
    All bounds are widened by the rounding error that summing in float64 may have left.
    """

    marginal_l1: float
    marginal_max: float
    entropic_lower: float
    entropic_upper: float
    dual_bound: float
    primal_bound: float

    @property
    def entropic_gap(self) -> float:
        """Width of the enclosure of the regularized optimum; inf where a bound is."""
        return self.entropic_upper - self.entropic_lower

    @property
    def gap(self) -> float:
        """Width of the enclosure of the optimum without the regularization."""
        return self.primal_bound - self.dual_bound

    def __repr__(self) -> str:
        return (
            f"Certificate(marginal_l1={self.marginal_l1:.2e}, marginal_max={self.marginal_max:.2e}, "
            f"{self.entropic_lower:.9g} <= entropic optimum <= {self.entropic_upper:.9g}, "
            f"{self.dual_bound:.9g} <= unregularized optimum <= {self.primal_bound:.9g})"
        )


def certify(plan: PlanOperator, rho: tuple[float, float]) -> Certificate:
    """Return the certificate of a plan, balanced or not; O(n + m) memory, four to six sweeps."""
    plan = dataclasses.replace(plan, cost=plan.cost.exact())
    balanced = math.isinf(rho[0]) and math.isinf(rho[1])
    found = _balanced(plan) if balanced else _unbalanced(plan, rho)
    if all(_MASSES[0] < float(w.sum()) < _MASSES[1] for w in (plan.a, plan.b)):
        return found
    lower, upper = _VOID
    return dataclasses.replace(found, entropic_lower=lower, entropic_upper=upper, primal_bound=upper)


def certify_basis(
    value: float, gap: float, deviations: tuple[F64, ...], *, mass: float, terms: float, slope: float
) -> Certificate:
    """
    Return the certificate of an optimal basis, whose regularization is none.

    `terms` bounds Σ P |C|, which tells how the sum may be rounded, and `slope` what moving a unit of the mass that is
    missing changes. A plan that misses more than rounding bounds nothing from above.
    """
    missing = float(sum(d.sum() for d in deviations))
    slack = ROUNDING * terms + 2.0 * missing * slope
    primal = value + slack if missing <= MISSING * mass else math.inf
    bounds = (value - gap - slack, primal)
    return enclosure(deviations, entropic=bounds, plain=bounds)


def _balanced(plan: PlanOperator) -> Certificate:
    """
    Certify with the rounding of Altschuler, Weed and Rigollet (2017), arXiv:1705.09634, Alg. 2.

    The rounded plan is P̃ = P' + R, P' = diag(x) P diag(y) of mass M', R = e_a e_bᵀ / r of mass r. Convexity of
    φ(P) = Σ P log(P/Q), Q = a⊗b, gives φ(P̃) ≤ φ(P') − M' log(M'/M) + φ(R) − r log(r/M), and
    ⟨C, P'⟩ + ε φ(P') = ⟨row', f + ε log x⟩ + ⟨col', g + ε log y⟩: sums over rows and columns only.
    """
    a, b, epsilon = plan.a, plan.b, plan.epsilon
    row, col, x, y, row_in, col_in, linear, extra = plan.rounded()
    mass, kept, product = float(a.sum()), float(row_in.sum()), float(a.sum()) * float(b.sum())
    missing = (np.maximum(a - row_in, 0.0), np.maximum(b - col_in, 0.0))
    inner = weighted_sum(row_in, plan.f + epsilon * _log(x)) + weighted_sum(col_in, plan.g + epsilon * _log(y))
    spread = _rank_one_entropy(missing, (a, b), mass) - _xlog_ratio(kept, mass)
    lower = weighted_sum(a, plan.f) + weighted_sum(b, plan.g) - epsilon * (float(row.sum()) - product)
    upper = inner + extra + epsilon * (spread - mass + product)
    slack = _slack(plan, row, col, linear) + ROUNDING * abs(inner)
    dual, dual_slack = _unregularized_dual(plan, (math.inf, math.inf))
    return enclosure(
        (np.abs(row - a), np.abs(col - b)),
        entropic=(lower - slack, upper + slack),
        plain=(dual - dual_slack, linear + extra + slack),
    )


def _unbalanced(plan: PlanOperator, rho: tuple[float, float]) -> Certificate:
    """
    Certify with the Fenchel pair of the unbalanced problem.

    Every P ≥ 0 is feasible where the marginal is only penalized; on a side that is exact, P is first normalized by
    one half-step. ⟨C, P⟩ + ε φ(P) = ⟨P1, f⟩ + ⟨Pᵀ1, g⟩ makes the upper bound stream.
    """
    deviations = _deviations(plan, rho)
    plan = _normalized(plan, rho)
    a, b, epsilon = plan.a, plan.b, plan.epsilon
    row, col, linear = plan.sums()
    penalties = divergence(row, a, rho[0]) + divergence(col, b, rho[1])
    total = epsilon * (float(row.sum()) - float(a.sum()) * float(b.sum()))
    upper = weighted_sum(row, plan.f) + weighted_sum(col, plan.g) - total + penalties
    slack = _slack(plan, row, col, linear) + ROUNDING * abs(penalties)
    repair = _repair(plan, row, col, rho)
    dual, dual_slack = _unregularized_dual(plan, rho)
    return enclosure(
        deviations,
        entropic=(_translated_dual(plan, plan.f, plan.g, rho) - total - slack, upper + slack + repair),
        plain=(dual - dual_slack, linear + penalties + slack + repair),
    )


def enclosure(deviations: tuple[F64, ...], *, entropic: tuple[float, float], plain: tuple[float, float]) -> Certificate:
    """Gather the bounds; one that overflowed says nothing, and becomes infinite on its side."""
    entropic = (entropic[0] - _TINY, entropic[1] + _TINY)
    plain = (plain[0] - _TINY, plain[1] + _TINY)
    lower, upper = ((bound if math.isfinite(bound) else side) for bound, side in zip(entropic, _VOID, strict=True))
    dual, primal = ((bound if math.isfinite(bound) else side) for bound, side in zip(plain, _VOID, strict=True))
    return Certificate(
        marginal_l1=unless_nan(float(sum(d.sum() for d in deviations)), math.inf),
        marginal_max=unless_nan(float(max(d.max() for d in deviations)), math.inf),
        entropic_lower=float(lower),
        entropic_upper=float(upper),
        dual_bound=float(dual),
        primal_bound=float(primal),
    )


def _repair(plan: PlanOperator, row: F64, col: F64, rho: tuple[float, float]) -> float:
    """
    Bound what it costs to make a side exact that rounding has left off by δ.

    The objective changes by Σ δ_i (f_i + g_j + ρ_b log((Pᵀ1)_j / b_j)) to first order, for rows, alike for columns.
    """
    sides = ((row, plan.a, plan.f, rho[0]), (col, plan.b, plan.g, rho[1]))
    missing = sum(float(np.abs(sums - w).sum()) for sums, w, _, r in sides if math.isinf(r))
    slopes = 0.0
    for sums, w, potential, r in sides:
        kept = (w > 0.0) & (sums > 0.0)
        slope = potential[kept] + (0.0 if math.isinf(r) else r * np.log(sums[kept] / w[kept]))
        slopes += float(np.abs(slope).max(initial=0.0))
    return 2.0 * missing * (slopes + plan.epsilon)


def _deviations(plan: PlanOperator, rho: tuple[float, float]) -> tuple[F64, F64]:
    """Return |P1 − a e^(−f/ρ_a)| and |Pᵀ1 − b e^(−g/ρ_b)|."""
    row, col, _ = plan.sums()
    rows = np.abs(row - target_marginal(plan.a, plan.f, rho[0]))
    return rows, np.abs(col - target_marginal(plan.b, plan.g, rho[1]))


def _normalized(plan: PlanOperator, rho: tuple[float, float]) -> PlanOperator:
    """Make the marginal of an exact side exact."""
    if math.isinf(rho[0]):
        return dataclasses.replace(plan, f=plan.softmin(plan.cost, None)[0])
    if math.isinf(rho[1]):
        f = np.where(plan.a > 0.0, plan.f, 0.0)
        g = _core.softmin_cols(plan.cost.handle, f, plan.a, plan.epsilon, plan.n_threads)
        return dataclasses.replace(plan, g=g)
    return plan


def _translated_dual(plan: PlanOperator, f: F64, g: F64, rho: tuple[float, float]) -> float:
    """Bound the marginal terms of the dual from below, at the best translation of (f, g) or where they are."""
    bounds = []
    for shift in (0.0, best_translation(plan.a, plan.b, f, g, rho)):
        sides = ((plan.a, f + shift, rho[0]), (plan.b, g - shift, rho[1]))
        value = sum(marginal_term(*side) for side in sides)
        bounds.append(value - ROUNDING * sum(_magnitude(*side) for side in sides))
    return max(unless_nan(bound, -math.inf) for bound in bounds)


def _magnitude(weights: F64, potential: F64, rho: float) -> float:
    """Return the sum of the magnitudes of a marginal term's parts, and of what rounded potentials change in them."""
    size = np.abs(potential)
    if math.isinf(rho):
        return weighted_sum(weights, size)
    with np.errstate(over="ignore", invalid="ignore"):
        excess = np.abs(np.expm1(-potential / rho))
        return weighted_sum(weights, rho * excess + size * (1.0 + excess))


def conjugate_pair(cost: Cost, f: F64, weights: tuple[F64, F64], n_threads: int) -> tuple[F64, F64]:
    """Return the c-conjugate pair made from f where weights are positive, for which f + g ≤ C."""
    a, b = weights
    g = _core.c_transform(cost.handle, np.where(a > 0.0, f, -np.inf), 0, n_threads)
    return _core.c_transform(cost.handle, np.where(b > 0.0, g, -np.inf), 1, n_threads), g


def _unregularized_dual(plan: PlanOperator, rho: tuple[float, float]) -> tuple[float, float]:
    """Return the dual value at a c-conjugate pair made from f, which is feasible: f + g ≤ C; and its rounding."""
    f, g = conjugate_pair(plan.cost, plan.f, (plan.a, plan.b), plan.n_threads)
    size = float(np.abs(f[plan.a > 0.0]).max() + np.abs(g[plan.b > 0.0]).max())
    value = _translated_dual(plan, f, g, rho)
    return value, ROUNDING * (abs(value) + size * (float(plan.a.sum()) + float(plan.b.sum())))


def _rank_one_entropy(missing: tuple[F64, F64], weights: tuple[F64, F64], mass: float) -> float:
    """Return φ(R) − r log(r/M) for R = e_a e_bᵀ / r."""
    r = float(missing[0].sum())
    other = float(missing[1].sum())
    if r <= 0.0 or other <= 0.0:
        return 0.0
    logs = [_relative_entropy(e, w) for e, w in zip(missing, weights, strict=True)]
    return logs[0] * (other / r) + logs[1] - other * math.log(r) - _xlog_ratio(r, mass)


def _relative_entropy(part: F64, whole: F64) -> float:
    """Return Σ p log(p/q) over p > 0."""
    kept = part > 0.0
    return float(np.dot(part[kept], np.log(part[kept] / whole[kept])))


def _log(x: F64) -> F64:
    """Return log x, 0 where x is 0 (the sums leave those entries out)."""
    return np.log(x, out=np.zeros_like(x), where=x > 0.0)


def _xlog_ratio(x: float, y: float) -> float:
    """Return x log(x / y), 0 at x = 0; the ratio itself may underflow."""
    return x * (math.log(x) - math.log(y)) if x > 0.0 else 0.0


def _slack(plan: PlanOperator, row: F64, col: F64, linear: float) -> float:
    """Bound the rounding error of the sums: proportional to the sum of the magnitudes of their terms."""
    terms = weighted_sum(plan.a + row, np.abs(plan.f)) + weighted_sum(plan.b + col, np.abs(plan.g))
    entropies = plan.epsilon * (float(plan.a.sum()) * float(plan.b.sum()) + float(row.sum()) + float(plan.a.sum()))
    return ROUNDING * (terms + abs(linear) + entropies)
