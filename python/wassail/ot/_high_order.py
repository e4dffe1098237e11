"""Transport at orders whose powers of distances leave what one float64 resolves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wassail._memory import require_matrix
from wassail.ot._line import mean_power
from wassail.ot._problem import prepare
from wassail.ot.exact import ExactResult, solved
from wassail.ot.geometry import as_cost

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    F64 = NDArray[np.float64]
    Weights = tuple[ArrayLike | None, ArrayLike | None]

LOW = 16.0  # the lowest order that is worth a matrix of costs
_TOP = 2.0**46  # from here on W_p is the longest way of its plan, up to rounding
_CAP = 2.0**40  # of costs relative to that of the distance known so far
_RESOLVED = 1e-10  # rounding of the distance
_REPEATS = 30
_BLOCK = 1 << 20  # distances computed together


class Reached(NamedTuple):
    """A distance that a plan has, and one that no plan is below."""

    distance: float
    below: float


def reach_of(result: ExactResult, x: F64, y: F64, order: float) -> float:
    """Return the distance that the plan has, from differences of coordinates; of mass 1."""
    plan = result.sparse_plan().tocoo()
    share = np.asarray(plan.data, dtype=np.float64)
    return mean_power(share / share.sum(), _norms(x[plan.row] - y[plan.col]), order)


def climb(first: ExactResult, x: F64, y: F64, weights: Weights, p: float, n_threads: int) -> Reached:
    r"""
    Refine the plan of order LOW until it is one of order p.

    Costs are min((d/u)^q, 2^40), where u is the distance that the plan before has at this order: the optimum is below
    1, so that mass on capped arcs is below 2^-40, and no cost that matters vanishes. If P is optimal at order q,
    its least mass t bounds what it costs at order 2q: max d^q <= W_q^q / t, hence (d/u)^2q of the optimum is at
    least t. Orders therefore double.
    """
    require_matrix(len(x), len(y), f"the costs of p = {p:g}, a matrix", "lower p, or thin the samples")
    reach, below, order = reach_of(first, x, y, LOW), 0.0, LOW
    result = first
    while reach > 0.0:
        for _ in range(_REPEATS):
            reach = reach_of(result, x, y, order)
            result, floor = _at(reach, x, y, weights, order, n_threads)
            found = reach_of(result, x, y, order)
            below = reach * floor ** (1.0 / order)
            if found <= below * (1.0 + _RESOLVED) or not found < reach:
                reach = min(found, reach)
                break
        if order >= min(p, _TOP):
            break
        order = min(2.0 * order, p, _TOP)
    if p > order:  # W_q <= W_p <= longest way of its plan
        return Reached(reach_of(result, x, y, p), below)
    return Reached(reach, below)


def _at(unit: float, x: F64, y: F64, weights: Weights, order: float, n_threads: int) -> tuple[ExactResult, float]:
    """Return the optimum with capped costs relative to a distance, and what no plan costs less than."""
    costs = np.empty((len(x), len(y)))
    height = max(1, _BLOCK // y.size)
    for start in range(0, len(x), height):
        with np.errstate(divide="ignore"):
            logs = np.log(_norms(x[start : start + height, None] - y) / unit)
        costs[start : start + height] = np.exp(np.minimum(order * logs, math.log(_CAP)))
    result = solved(prepare(as_cost(costs), *weights, 0.0, (math.inf, math.inf), n_threads))
    mass = float(result.a.sum())
    return result, max(0.0, (result.value - result.gap) / mass)


def _norms(differences: F64) -> F64:
    norms: F64 = np.sqrt((differences**2).sum(axis=-1))
    return norms
