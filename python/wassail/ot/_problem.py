"""A checked Sinkhorn problem: what goes into the core, and how its answer becomes a result."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import first_index, float64_vector, show_index
from wassail._user import user_level
from wassail._validate import (
    Report,
    blocked_rounding,
    check_anneal,
    check_integer,
    check_relaxation,
    check_tolerance,
    check_weights,
    match_masses,
)
from wassail.exceptions import ConvergenceWarning, InputError, NumericalError
from wassail.ot._dual import shrinkage, target_marginal
from wassail.ot._penalties import INSTEAD, penalty_advice, strongest
from wassail.ot._plan import PlanOperator
from wassail.ot.epsilon import range_of
from wassail.ot.geometry import ArrayCost, Cost, Forbidden, as_cost
from wassail.ot.results import SinkhornResult, SinkhornTrace, Status

F64 = NDArray[np.float64]
Potentials: TypeAlias = tuple[ArrayLike, ArrayLike]
Solution: TypeAlias = tuple[F64, F64, int, int, float, F64, F64, F64]

_ABOVE = 1.25  # errors of plans come close to the least one, and never below
_LIGHTEST = 1e-290  # masses below lose digits, and the reciprocals of their parts overflow
_OFFSET = 16.0  # costs may be larger by this than their differences, as potentials may
_HIDES = 16.0  # four bits of the differences are lost then
_NEVER = 2.0**53  # times anything, what a penalty must be at least to never matter beside it
_ROUNDED = 2.0**-49  # exponents f / ε, g / ε and C / ε are rounded by a few units in the last place of the largest
_STATUS = (Status.CONVERGED, Status.MAX_ITER, Status.STOPPED, Status.STALLED)
_ADVICE = {
    Status.MAX_ITER: "raise epsilon, raise max_iter, or loosen tol",
    Status.STALLED: "rounding in this precision allows no smaller error: loosen tol, or raise epsilon",
}
_FASTER = "; at low epsilon sinkhorn_newton takes fewer sweeps"
_FINER = ", or pass float64 costs"


@runtime_checkable
class HasPotentials(Protocol):
    """Results of solvers."""

    @property
    def f(self) -> F64: ...
    @property
    def g(self) -> F64: ...


@dataclass(frozen=True)
class Options:
    """Options of the iteration, as the core takes them."""

    tol: float
    max_iter: int
    anneal: float | None
    relaxation: float | None


def check_options(tol: object, max_iter: object, anneal: object, relaxation: object) -> Options:
    """Check the options that every solver of the family shares."""
    return Options(
        tol=check_tolerance(tol),
        max_iter=check_integer(max_iter, "max_iter", minimum=0),
        anneal=check_anneal(anneal),
        relaxation=check_relaxation(relaxation),
    )


@dataclass(frozen=True, eq=False)
class Problem:
    """Cost and weights as given, and their part of positive weight, which is what is solved."""

    cost: Cost
    a: F64
    b: F64
    epsilon: float
    rho: tuple[float, float]
    mass_rescale: float
    n_threads: int
    support: Cost
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    blockable: float
    """Share of the mass that forbidden arcs may keep back, for the weights are rounded."""
    blocked: float = 0.0
    """Mass that forbidden arcs do keep back."""

    def reachable(self, tol: float) -> float:
        """Return the tolerance, or an L1 error by the mass that is close above the least one, if that is larger."""
        return max(tol, _ABOVE * self.least_error / float(self.a.sum()))

    @property
    def least_error(self) -> float:
        """L1 marginal error of every plan at least: what is blocked is missing on both sides."""
        return 2.0 * self.blocked

    @property
    def weights(self) -> tuple[F64, F64]:
        """The positive weights."""
        return self.a[self.rows], self.b[self.columns]

    def solve(
        self,
        options: Options,
        init: tuple[F64, F64] | None = None,
        callback: Report | None = None,
        progress: Report | None = None,
    ) -> SinkhornResult:
        """Run the core."""
        f0, g0 = (None, None) if init is None else (init[0][self.rows], init[1][self.columns])
        return self.result(
            _core.sinkhorn(
                self.support.handle,
                *self.weights,
                self.epsilon,
                self.reachable(options.tol),
                options.max_iter,
                *self.rho,
                options.anneal,
                options.relaxation,
                f0,
                g0,
                self.n_threads,
                callback,
                progress,
            ),
            tol=options.tol,
        )

    def result(
        self, solution: Solution, trace: SinkhornTrace | None = None, *, tol: float = math.inf
    ) -> SinkhornResult:
        """Put the potentials of the support back in place and fill in the others; `tol` is what was asked for."""
        f, g, status, n_iter, error, *history = solution
        if not (np.isfinite(f).all() and np.isfinite(g).all()):
            rho = strongest(self.rho)
            if rho > _NEVER * self.epsilon:
                raise NumericalError(
                    f"the potentials left the range of float64: rho {rho:.3g} is out of scale beside epsilon "
                    f"{self.epsilon:.3g}. Where masses differ, {INSTEAD}"
                )
            raise NumericalError(
                f"the potentials left the range of float64: epsilon {self.epsilon:.3g} is out of scale beside the "
                "cost. Raise it, or take exact, which solves without regularization"
            )
        f, g = self._filled(f, g)
        ending, error = self._judged(_STATUS[status], f, g, error, tol)
        return SinkhornResult(
            f=f,
            g=g,
            epsilon=self.epsilon,
            status=ending,
            n_iter=n_iter,
            marginal_error=error,
            trace=trace or SinkhornTrace(*history),
            cost=self.cost,
            a=self.a,
            b=self.b,
            rho=self.rho,
            mass_rescale=self.mass_rescale,
            n_threads=self.n_threads,
        )

    def status(self, found: Status, error: float, tol: float) -> Status:
        """Return the status, which is not converged where only the error that is reachable was reached."""
        missed = self.reachable(tol) > tol and error > tol * float(self.a.sum())
        return Status.STALLED if found is Status.CONVERGED and missed else found

    def _judged(self, found: Status, f: F64, g: F64, error: float, tol: float) -> tuple[Status, float]:
        """
        Return status and error; of the plan itself where rounding of exponents may decide.

        The solver sums other roundings of the same exponents: its error says little of the plan that users read.
        """
        found = self.status(found, error, tol)
        wanted = [target_marginal(*side) for side in zip((self.a, self.b), (f, g), self.rho, strict=True)]
        mass = max(float(target.sum()) for target in wanted)
        limit = self.reachable(tol) * mass
        size = max(float(np.abs(v[kept]).max()) for v, kept in ((f, self.rows), (g, self.columns)))
        rounding = _ROUNDED * (size / self.epsilon) * mass
        if max(rounding, error + rounding if error <= limit else 0.0) <= limit:
            return found, error
        rows, columns, _ = PlanOperator(self.cost.exact(), f, g, self.a, self.b, self.epsilon, self.n_threads).sums()
        with np.errstate(invalid="ignore"):  # a sum that is no number changes nothing
            error = max(error, float(np.abs(rows - wanted[0]).sum() + np.abs(columns - wanted[1]).sum()))
        return (Status.STALLED if error > limit and found is Status.CONVERGED else found), error

    def _filled(self, f: F64, g: F64) -> tuple[F64, F64]:
        """Extend potentials to the points of weight zero by the optimality condition."""
        n, m = self.cost.shape
        if self.rows.size == n and self.columns.size == m:
            return f, g
        full_f, full_g = np.zeros(n), np.zeros(m)
        full_f[self.rows], full_g[self.columns] = f, g
        handle, epsilon, threads = self.cost.handle, self.epsilon, self.n_threads
        if self.rows.size < n:
            soft, _ = _core.softmin_rows(handle, full_g, self.b, epsilon, None, threads)
            empty = self.a == 0.0
            full_f[empty] = shrinkage(epsilon, self.rho[0]) * soft[empty]
        if self.columns.size < m:
            known = np.where(self.a > 0.0, full_f, 0.0)
            soft = _core.softmin_cols(handle, known, self.a, epsilon, threads)
            empty = self.b == 0.0
            full_g[empty] = shrinkage(epsilon, self.rho[1]) * soft[empty]
        return full_f, full_g


def prepare(
    cost: ArrayLike | Cost,
    a: ArrayLike | None,
    b: ArrayLike | None,
    epsilon: float,
    rho: tuple[float, float],
    n_threads: int,
    names: tuple[str, str, str] = ("cost", "a", "b"),
) -> Problem:
    """Check cost and weights and take out the points of weight zero."""
    geometry = as_cost(cost, names[0])
    n, m = geometry.shape
    source, target = check_weights(a, names[1], n), check_weights(b, names[2], m)
    for name, weights in zip(names[1:], (source, target), strict=True):
        if float(weights.sum()) < _LIGHTEST and epsilon > 0.0:
            raise InputError(
                f"{name} sums to {float(weights.sum()):.6g}, too little for regularized plans in float64: multiply a "
                "and b by a constant"
            )
    factor = 1.0
    if np.isinf(rho[0]) and np.isinf(rho[1]):
        target, factor = match_masses(source, target, names[1:])
    empty = geometry.scan(names[0], n_threads)
    if not empty.anywhere and _is_as_balanced(geometry, (source, target), epsilon, rho):
        rho = (math.inf, math.inf)
        target, factor = match_masses(source, target, names[1:])
    rows, columns = np.flatnonzero(source), np.flatnonzero(target)
    support = geometry
    if rows.size < n or columns.size < m:
        support = geometry.select(rows, columns)
        empty = support.scan(names[0], n_threads)
    _check_arcs(names[0], empty, rows, columns)
    blockable = blocked_rounding(a, b, n + m) + abs(factor - 1.0)  # masses that differ show what rounding there is
    problem = Problem(geometry, source, target, epsilon, rho, factor, n_threads, support, rows, columns, blockable)
    if empty.anywhere and all(map(np.isinf, rho)):
        return replace(problem, blocked=require_feasible(problem, names[0]))
    return problem


def _is_as_balanced(cost: Cost, weights: tuple[F64, F64], epsilon: float, rho: tuple[float, float]) -> bool:
    """
    Say whether penalties of equal masses are so large that marginals deviate by less than rounding.

    They are off by exp(−f/ρ). Iterating would move the pair by ρ times what the masses are rounded by.
    """
    least, (mass, other) = min(rho), (float(w.sum()) for w in weights)
    if math.isinf(least) or least < _NEVER * epsilon or abs(mass - other) > 16.0 * mass / _NEVER:
        return False
    low, high, _ = range_of(cost)
    return least >= _NEVER * max(abs(low), abs(high))


def require_feasible(problem: Problem, name: str) -> float:
    """Refuse a balanced problem whose forbidden arcs leave no plan: a maximum flow along the others decides."""
    a, b = problem.weights
    blocked = _core.blocked_mass(problem.support.handle, a, b, problem.n_threads)
    check_blocked(blocked, float(a.sum()), problem.blockable, name)
    return blocked


def check_blocked(blocked: float, total: float, blockable: float, name: str = "cost") -> None:
    """Refuse a problem that needs forbidden arcs for more than the weights may be rounded by."""
    if blocked > blockable * total:
        raise InputError(
            f"{name} leaves no plan: forbidden arcs (inf) keep at least {blocked:.3g} of the mass {total:.6g} from its "
            "targets; allow more arcs, or let mass stay behind (partial, or sinkhorn with rho)"
        )


def _check_arcs(name: str, empty: Forbidden, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
    """Refuse points of positive weight with forbidden arcs only."""
    for axis, found, kept in (("row", empty.row, rows), ("column", empty.column, columns)):
        if found >= 0:
            raise InputError(
                f"{name} has only forbidden arcs (inf) in {axis} {kept[found]}, whose weight is positive: "
                "allow an arc to a point of positive weight, or set that weight to zero"
            )


def potentials_of(init: object) -> tuple[Any, Any]:
    """Return the pair that was given, or that of a result of any solver."""
    pair = (init.f, init.g) if isinstance(init, HasPotentials) else init
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError("init must be a pair of potentials (f, g), for instance of another result")
    return (pair[0], pair[1])


def check_init(init: object, problem: Problem) -> tuple[F64, F64] | None:
    """Return starting potentials of the right shape, finite where weights are positive."""
    if init is None:
        return None
    pair = potentials_of(init)
    n, m = problem.cost.shape
    f, g = float64_vector(pair[0], "init[0]", n), float64_vector(pair[1], "init[1]", m)
    for name, potential, weights in (("init[0]", f, problem.a), ("init[1]", g, problem.b)):
        bad = ~np.isfinite(potential) & (weights > 0.0)
        if bad.any():
            index = first_index(bad)
            raise InputError(f"{name}{show_index(index)} is {potential[index]}: potentials must be finite")
    return centered(f, g, problem) if all(map(np.isinf, problem.rho)) else (f, g)


def centered(f: F64, g: F64, problem: Problem) -> tuple[F64, F64]:
    """Move a constant from one potential to the other where it hides their differences; else leave the bits."""
    known_f, known_g = f[problem.rows], g[problem.columns]
    shift = 0.5 * (_middle(known_f) - _middle(known_g))
    if _size(known_f, known_g) <= _HIDES * _size(known_f - shift, known_g + shift):
        return f, g
    return f - shift, g + shift


def _size(f: F64, g: F64) -> float:
    return max(float(np.abs(f).max()), float(np.abs(g).max()))


def _middle(potential: F64) -> float:
    return 0.5 * float(potential.min()) + 0.5 * float(potential.max())


def shortfall(result: SinkhornResult, options: Options, advice: str) -> str:
    """Say how far a result is from its tolerance and what to change."""
    goal = options.tol * _mass_to_move(result)
    return (
        f"{result.status} after {result.n_iter} sweeps{_stage(result)} "
        f"with a marginal error of {result.marginal_error:.2e}, "
        f"the tolerance is {goal:.2e}: {advice}{_doubt(result)}"
    )


def _mass_to_move(result: SinkhornResult) -> float:
    """Return the mass that errors are relative to: of the weights, or of what `rho` leaves of them."""
    sides = zip((result.a, result.b), (result.f, result.g), result.rho, strict=True)
    return max(float(target_marginal(*side).sum()) for side in sides)


def _stage(result: SinkhornResult) -> str:
    """Say where a run ended that has stages: at which epsilon of the annealing, and after which kind of step."""
    newton, epsilon = getattr(result.trace, "newton", None), result.trace.epsilon
    if newton is None or not newton.size:
        return ""
    kind = "Newton's steps" if newton[-5:].any() else "Sinkhorn's sweeps"
    return f" ({kind}, epsilon {epsilon[-1]:.3g})"


def _advice(result: SinkhornResult, faster: str) -> str:
    """Say what to change in a call of a solver of the family; Newton's method is no advice for itself, nor with rho."""
    said = _ADVICE[result.status]
    if result.status is Status.MAX_ITER:
        newton = getattr(result.trace, "newton", None) is not None
        return said if newton or not all(map(np.isinf, result.rho)) else said + faster
    if _mass_to_move(result) == 0.0:
        return "rho destroys all of the mass, as far as float64 can tell: raise rho, or subtract a constant from cost"
    cost = result.cost
    said = offset_advice(cost) or penalty_advice(result) or said
    single = (cost.values if isinstance(cost, ArrayCost) else cost.x).dtype != np.float64
    return said + _FINER if single else said


def offset_advice(cost: Cost) -> str:
    """Say what to do where costs are large beside their differences; potentials of that size round away epsilon."""
    low, high, _ = range_of(cost)
    if abs(low) <= _OFFSET * (high - low):
        return ""
    return (
        f"costs differ by {high - low:.2g} but are all near {low:.3g}, and potentials of that size are rounded: "
        "subtract the smallest cost beforehand (the plan stays the same, the value falls by that cost times the mass)"
    )


def _doubt(result: SinkhornResult) -> str:
    """Mention forbidden arcs where they may be the reason."""
    cost = result.cost
    if isinstance(cost, ArrayCost) and all(map(np.isinf, result.rho)) and not np.isfinite(cost.values).all():
        if least := least_error(result):
            return kept_back(least)
        return ". Beside forbidden arcs, those that no plan can use make it slow: forbid them too"
    return ""


def least_error(result: SinkhornResult) -> float:
    """Return the least L1 error of a plan where that is a good part of what a result has; else 0."""
    rows, columns = np.flatnonzero(result.a), np.flatnonzero(result.b)
    support = result.cost.select(rows, columns).handle
    blocked = _core.blocked_mass(support, result.a[rows], result.b[columns], result.n_threads)
    least = 2.0 * blocked
    return least if _ABOVE * least >= 0.5 * result.marginal_error else 0.0


def kept_back(least: float) -> str:
    """Say why no plan has a smaller error."""
    return (
        f". Forbidden arcs (inf) keep {0.5 * least:.2e} of the mass from its targets, about what the weights are "
        f"rounded by, so that no plan has an error below {least:.2e}: give weights in float64, or loosen tol"
    )


def warn_unless_converged(
    results: dict[str, SinkhornResult],
    options: Options,
    *,
    advice: str | None = None,
    faster: str = _FASTER,
) -> None:
    """
    Warn once, naming the first result that missed its tolerance; a stop by the user's callback is no news.

    `advice` replaces that of a solver, and `faster` what it says of one that would take fewer sweeps.
    """
    missed = {name: result for name, result in results.items() if result.status in _ADVICE}
    if missed:
        name, first = next(iter(missed.items()))
        count = "" if len(results) == 1 else f"{len(missed)} of {len(results)} problems did not converge; "
        message = f"{count}{name} {shortfall(first, options, advice or _advice(first, faster))}"
        warnings.warn(message, ConvergenceWarning, stacklevel=user_level())
