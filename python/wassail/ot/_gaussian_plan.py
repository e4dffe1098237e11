"""From the diagonalized coupling of two Gaussians to the plan, its mass, cost and potentials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wassail.exceptions import NumericalError
from wassail.ot._gaussian_entropic import Link, Shift, Side, link, shift
from wassail.ot._gaussian_results import GaussianMap, GaussianPlan, QuadraticForm

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Relative differences below it are rounding: their squares, times a huge ρ, must not reach the value.
_NOISE = 64.0 * float(np.finfo(np.float64).eps)


class Constants(NamedTuple):
    """Constant parts of f and g at the means, and the logarithm of the plan's mass."""

    f: float
    g: float
    log_mass: float


class Sums(NamedTuple):
    """Value of the problem and its parts."""

    value: float
    cost: float
    kl: float


def solve(a: Side, b: Side) -> GaussianPlan:
    """Optimal plan between two sides that share one epsilon."""
    k = link(a, b)
    moved = shift(a, b, k)
    constants = _constants(a, b, k, moved)
    sums = _sums(a, b, k, moved, constants.log_mass)
    if not math.isfinite(sums.value):
        raise NumericalError("the value is out of the range of float64: rescale means and covariances")
    f, g = _potentials(a, b, k, moved, constants)
    return GaussianPlan(
        value=sums.value,
        mass=math.exp(constants.log_mass),
        mean=np.concatenate([a.gaussian.mean + moved.move_a, b.gaussian.mean + moved.move_b]),
        covariance=_covariance(a.epsilon, k),
        transport_cost=sums.cost,
        kl=sums.kl,
        f=f,
        g=g,
        barycentric_map=_barycentric_map(a, b, k, moved),
        epsilon=a.epsilon,
        rho=(a.rho, b.rho),
    )


def _sums(a: Side, b: Side, k: Link, moved: Shift, log_mass: float) -> Sums:
    mass = math.exp(log_mass)
    cost = mass * _mean_cost(a.epsilon, k, moved)
    kl_x = _normal_kl(a, k.white_left, k.y / k.w, moved.white_a)
    kl_y = _normal_kl(b, k.white_right, k.x / k.w, moved.white_b)
    information = 0.5 * float(np.log1p(k.s * k.s / k.w).sum())
    log_a, log_b = math.log(a.mass), math.log(b.mass)
    kl = mass * (information + kl_x + kl_y) + _mass_kl(log_mass, log_a + log_b)
    value = cost + a.epsilon * kl
    for side, kl_side, log_side in ((a, kl_x, log_a), (b, kl_y, log_b)):
        if not math.isinf(side.rho):
            value += side.rho * (mass * kl_side + _mass_kl(log_mass, log_side))
    return Sums(value, cost, kl)


def _constants(a: Side, b: Side, k: Link, moved: Shift) -> Constants:
    """Solve c_f = τ_a (E_b − c_g), c_g = τ_b (E_a − c_f); E is what a softmin adds."""
    epsilon = a.epsilon
    distance = float(moved.delta @ moved.delta)
    quad_a = float(np.sum((k.left.T @ moved.p) ** 2 / k.x))
    quad_b = float(np.sum((k.right.T @ moved.q) ** 2 / k.y))
    log_x, log_y = float(np.log(k.x).sum()), float(np.log(k.y).sum())
    log_a, log_b = math.log(a.mass), math.log(b.mass)
    e_a = -quad_a / epsilon + 0.5 * (a.log_det + log_x) - log_a  # (E_a − |δ|²) / ε
    e_b = -quad_b / epsilon + 0.5 * (b.log_det + log_y) - log_b
    weight_a, weight_b, rest = _weights(a, b)
    total = weight_b * e_b + weight_a * e_a
    sum_fg = epsilon * total + (weight_a + weight_b) * distance
    loss = a.kappa + b.kappa - a.kappa * b.kappa
    if loss == 0.0:
        return Constants(0.5 * sum_fg, 0.5 * sum_fg, log_a)
    ratio = float(np.log1p(k.s * k.s * (a.kappa - b.kappa) / k.x).sum())  # log(y/x)
    gap = quad_a - quad_b + 0.5 * epsilon * (b.log_det - a.log_det + ratio) + epsilon * (log_a - log_b)
    middle = distance + 0.5 * epsilon * (e_a + e_b)
    difference = (middle * (b.kappa - a.kappa) + 0.5 * gap * (a.tau + b.tau + 2.0 * a.tau * b.tau)) / loss
    spread = 0.5 * float(moved.q @ moved.move_b - moved.p @ moved.move_a) / (0.5 * epsilon)
    volume = 0.5 * (a.log_det + b.log_det + float(np.log(k.w).sum()))
    log_mass = log_a + log_b + total - rest * distance - volume + spread
    return Constants(0.5 * (sum_fg + difference), 0.5 * (sum_fg - difference), log_mass)


def _weights(a: Side, b: Side) -> tuple[float, float, float]:
    """Return ρ_b/(ρ_a+ρ_b+ε), ρ_a/(ρ_a+ρ_b+ε) and 1/(ρ_a+ρ_b+ε), by limits where ρ is inf."""
    hard_a, hard_b = math.isinf(a.rho), math.isinf(b.rho)
    if hard_a or hard_b:
        return hard_b / (hard_a + hard_b), hard_a / (hard_a + hard_b), 0.0
    total = a.rho + b.rho + a.epsilon
    return b.rho / total, a.rho / total, 1.0 / total


def _covariance(epsilon: float, k: Link) -> NDArray[np.float64]:
    cross = (k.left * (k.s / k.w)) @ k.right.T
    xx = (k.left * (k.y / k.w)) @ k.left.T
    yy = (k.right * (k.x / k.w)) @ k.right.T
    joint: NDArray[np.float64] = 0.5 * epsilon * np.block([[xx, cross], [cross.T, yy]])
    return 0.5 * (joint + joint.T)


def _mean_cost(epsilon: float, k: Link, moved: Shift) -> float:
    """E ‖x − y‖² under the plan, as a sum of squares."""
    root = np.sqrt(k.y)
    apart = (k.left * root - k.right * (k.s / root)) ** 2 / k.w + k.right**2 / k.y
    gap = moved.delta + moved.move_a - moved.move_b
    return 0.5 * epsilon * float(apart.sum()) + float(gap @ gap)


def _normal_kl(
    side: Side,
    white: NDArray[np.float64],
    diagonal: NDArray[np.float64],
    move: NDArray[np.float64],
) -> float:
    """KL of the plan's normalized marginal from the side's Gaussian; 0 for a hard marginal."""
    if math.isinf(side.rho):
        return 0.0
    whitened = 0.5 * side.epsilon * (white * diagonal) @ white.T
    excess = np.linalg.eigvalsh(whitened - np.eye(move.size))
    excess = np.where(np.abs(excess) > _NOISE * move.size, excess, 0.0)
    return 0.5 * float(np.sum(excess - np.log1p(excess)) + move @ move)


def _mass_kl(log_mass: float, log_reference: float) -> float:
    """KL of two point masses, m log(m/r) − m + r."""
    ratio = log_mass - log_reference
    if abs(ratio) <= _NOISE:
        return 0.0
    return math.exp(log_mass) * ratio - math.exp(log_reference) * math.expm1(ratio)


def _potentials(a: Side, b: Side, k: Link, moved: Shift, constants: Constants) -> tuple[QuadraticForm, QuadraticForm]:
    identity = np.eye(moved.delta.size)
    curved_f = a.tau * (identity - (k.right / k.y) @ k.right.T)
    curved_g = b.tau * (identity - (k.left / k.x) @ k.left.T)
    return (
        QuadraticForm(curved_f, 2.0 * (moved.delta - moved.p), constants.f, a.gaussian.mean),
        QuadraticForm(curved_g, -2.0 * (moved.delta - moved.q), constants.g, b.gaussian.mean),
    )


def _barycentric_map(a: Side, b: Side, k: Link, moved: Shift) -> GaussianMap:
    """E[y | x] = m_b + Y⁻¹ (x − m_a + q)."""
    matrix = (k.right / k.y) @ k.right.T
    return GaussianMap(matrix, b.gaussian.mean + matrix @ (moved.q - a.gaussian.mean))
