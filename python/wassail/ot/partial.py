"""Exact partial transport: a given part of the mass, from and to where it is cheapest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wassail._progress import progress_reporter
from wassail._validate import Report, blocked_rounding, check_callable, check_positive, check_threads, check_weights
from wassail.exceptions import InputError
from wassail.ot._basis import CoreStart, Start, check_start, extended, solve, warn_unless_proved
from wassail.ot._order import cost_first
from wassail.ot._problem import Problem
from wassail.ot.exact import F64, ExactResult
from wassail.ot.geometry import Cost, as_cost

_ROUNDING = 1e-9  # by how much the mass may exceed what there is
_NEARBY = 0.3  # of the most: potentials for masses that differ by more cost more pivots than they save


@dataclass(frozen=True, eq=False, repr=False)
class PartialResult(ExactResult):
    r"""
    Optimal partial plan with its proof.

    Potentials and price satisfy :math:`f, g \le 0` and :math:`f_i + g_j + \mathrm{price} \le C_{ij}`, so that
    :math:`\langle a, f\rangle + \langle b, g\rangle + \mathrm{price} \cdot \mathrm{mass}` bounds every plan from below.
    `marginal_error` is :math:`\|(P1 - a)_+\|_1 + \|(P^\top 1 - b)_+\|_1 + |\sum P - \mathrm{mass}|`.

    Attributes
    ----------
    mass : float
        The mass that is moved.
    price : float
        Multiplier of the mass: what a little more of it would cost a unit.
    """

    mass: float
    price: float

    @property
    def _price(self) -> float:
        return self.price

    def _deviations(self) -> tuple[F64, ...]:
        rows, columns = self.plan_marginals
        missing = np.array([abs(float(rows.sum()) - self.mass)])
        return np.maximum(rows - self.a, 0.0), np.maximum(columns - self.b, 0.0), missing


@cost_first
def partial(
    cost: ArrayLike | Cost,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    mass: float,
    init: Start | None = None,
    callback: Report | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> PartialResult:
    r"""
    Transport a given mass exactly, leaving the rest where it is.

    .. math::

        \min_{P \ge 0,\; P1 \le a,\; P^\top 1 \le b,\; \sum P = \mathrm{mass}} \langle C, P \rangle

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost, of any sign; ``inf`` forbids an arc.
    a : array_like, shape (n,), optional
        Source weights, finite and at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights; their mass need not be that of `a`.
    mass : float
        Mass to move: positive, and at most the smaller of the two masses.
    init : pair (f, g), or a result that has them, optional
        Potentials of a problem nearby. Those for a mass that differs by more than 0.3 of the most that can be moved,
        such as those of a balanced plan where little moves, are not used: they would cost more than they save.
    callback : callable, optional
        Called as ``callback(n_iter, epsilon, error)``, see :func:`exact`; True stops the run with the best plan
        so far.
    progress : bool or callable, default False
        True draws a tqdm bar; a function is called with the same arguments about ten times a second.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    PartialResult
        Plan, potentials, price of the mass, value and certified gap.

    Raises
    ------
    InputError
        An argument is unusable, `mass` is more than there is, or forbidden arcs leave no plan.
    DeviceError
        An array lives on an accelerator.
    MemoryLimitError
        A copy of the cost without zero weights would not fit.

    Warns
    -----
    ConvergenceWarning
        Costs span so many orders of magnitude that rounding leaves a gap above what is promised.

    Notes
    -----
    A dummy source and a dummy sink take the mass that stays, at no cost (Chapel, Alaya, Gasso 2020); the arc between
    them is forbidden to first order rather than by a large number, so that no digit is lost. Then as :func:`exact`.

    References
    ----------
    Chapel, Alaya, Gasso, "Partial optimal transport with applications on positive-unlabeled learning", NeurIPS 2020,
    arXiv:2002.08276.

    Examples
    --------
    >>> from wassail import ot
    >>> result = ot.partial([[1.0, 5.0], [4.0, 2.0]], [1.0, 1.0], [1.0, 1.0], mass=1.5)
    >>> result.value, result.price
    (2.0, 2.0)
    >>> result.plan
    array([[1. , 0. ],
           [0. , 0.5]])
    """
    stop, threads = check_callable(callback, "callback"), check_threads(n_threads)
    geometry = as_cost(cost)
    n, m = geometry.shape
    source, target = check_weights(a, "a", n), check_weights(b, "b", m)
    moved = _check_mass(mass, float(source.sum()), float(target.sum()))
    geometry.scan("cost", threads)
    rows, columns = np.flatnonzero(source), np.flatnonzero(target)
    whole = rows.size == n and columns.size == m
    support = geometry if whole else geometry.select(rows, columns)
    blockable = blocked_rounding(a, b, n + m)
    problem = Problem(geometry, source, target, 0.0, (0.0, 0.0), 1.0, threads, support, rows, columns, blockable)
    start = check_start(init, problem)
    if start is not None and abs(_moved_by(start, problem) - moved) > _NEARBY * _most(problem):
        start = None
    with progress_reporter(progress, "partial", "pivots") as report:
        basis = solve(problem, moved, start, stop, report)
    warn_unless_proved("partial", basis.status, basis.gap)
    # Without a dummy its potential is free: the largest that keeps the other side's at most 0.
    from_dummy, to_dummy = basis.dummies
    f, g = basis.f[rows], basis.g[columns]
    shift_f = -float(f.max()) if to_dummy is None else to_dummy
    shift_g = -float(g.max()) if from_dummy is None else from_dummy
    price = -(shift_f + shift_g)
    full_f, full_g = basis.f, basis.g
    full_f[rows], full_g[columns] = f + shift_f, g + shift_g
    full_f, full_g = extended(problem, full_f, full_g, price, 0.0)
    sent, received = (np.asarray(basis.entries.sum(axis=axis)).ravel() for axis in (1, 0))
    error = np.maximum(sent - source, 0.0).sum() + np.maximum(received - target, 0.0).sum() + abs(sent.sum() - moved)
    return PartialResult(
        f=full_f,
        g=full_g,
        status=basis.status,
        n_iter=int(basis.trace.pivots.sum()),
        marginal_error=float(error),
        transport_cost=basis.value,
        value=basis.value,
        cost=geometry,
        a=source,
        b=target,
        mass_rescale=1.0,
        entries=basis.entries,
        gap=basis.gap,
        trace=basis.trace,
        mass=moved,
        price=price,
    )


def _most(problem: Problem) -> float:
    """Return the most mass that can be moved."""
    return min(float(side.sum()) for side in problem.weights)


def _moved_by(start: CoreStart, problem: Problem) -> float:
    """Return the mass that potentials are for: all of points below the largest potential, where alone mass stays."""
    sides = zip(start[:2], problem.weights, strict=True)
    return min(_most(problem), max(float(w[v < v.max()].sum()) for v, w in sides))


def _check_mass(value: object, supply: float, demand: float) -> float:
    """Return the mass to move, at most what there is."""
    mass, most = check_positive(value, "mass"), min(supply, demand)
    if mass > most * (1.0 + _ROUNDING):
        raise InputError(
            f"mass is {mass:.10g}, a sums to {supply:.10g} and b to {demand:.10g}: at most {most:.10g} can be moved"
        )
    return min(mass, most)
