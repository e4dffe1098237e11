"""Formulas of the entropic dual, balanced and unbalanced, that need vectors only."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


def weighted_sum(weights: F64, values: F64) -> float:
    """Return Σ w_i v_i over the positive weights, so that 0 · inf counts as 0."""
    kept = weights > 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # judged by `unless_nan`
        return float(np.dot(weights[kept], values[kept]))


def unless_nan(value: float, otherwise: float) -> float:
    """Return the value, or what is still true of it where terms too large for float64 cancelled."""
    return otherwise if math.isnan(value) else value


def marginal_term(weights: F64, potential: F64, rho: float) -> float:
    """Return ⟨a, f⟩ when the marginal is exact, else −ρ⟨a, e^(−f/ρ) − 1⟩."""
    if math.isinf(rho):
        return weighted_sum(weights, potential)
    with np.errstate(over="ignore"):  # a useless but valid bound of −inf
        return -rho * weighted_sum(weights, np.expm1(-potential / rho))


def target_marginal(weights: F64, potential: F64, rho: float) -> F64:
    """Return the marginal that an optimal plan has: a, or a e^(−f/ρ)."""
    if math.isinf(rho):
        return weights
    kept = weights > 0.0
    target = np.zeros_like(weights)
    with np.errstate(over="ignore"):
        target[kept] = weights[kept] * np.exp(-potential[kept] / rho)
    return target


def shrinkage(epsilon: float, rho: float) -> float:
    """Return the factor ρ / (ρ + ε) of the unbalanced update, 1 when the marginal is exact."""
    return 1.0 if math.isinf(rho) else rho / (rho + epsilon)


def divergence(marginal: F64, weights: F64, rho: float) -> float:
    """Return ρ KL(p | a) with KL(p | q) = Σ p log(p/q) − p + q; 0 when the marginal is held exactly."""
    if math.isinf(rho):
        return 0.0
    kept = weights > 0.0
    excess = marginal[kept] / weights[kept] - 1.0
    # (1 + δ) log(1 + δ) − δ loses nothing for small δ, which a large ρ makes visible.
    logs = np.log1p(excess, out=np.zeros_like(excess), where=excess > -1.0)
    return rho * float(np.dot(weights[kept], (1.0 + excess) * logs - excess))


def best_translation(a: F64, b: F64, f: F64, g: F64, rho: tuple[float, float]) -> float:
    """
    Return the t for which (f + t, g − t) has the largest unbalanced dual value.

    Translation leaves the plan as it is, so only the marginal terms count; t = log(A/B) / (1/ρ_a + 1/ρ_b) with
    A = ⟨a, e^(−f/ρ_a)⟩ and B = ⟨b, e^(−g/ρ_b)⟩ (Séjourné, Vialard, Peyré 2022, arXiv:2201.00730).
    """
    if math.isinf(rho[0]) and math.isinf(rho[1]):
        return 0.0
    logs = log_mass(a, f, rho[0]) - log_mass(b, g, rho[1])
    return logs / (1.0 / rho[0] + 1.0 / rho[1])


def log_mass(weights: F64, potential: F64, rho: float) -> float:
    """Return log⟨a, e^(−f/ρ)⟩ without overflow."""
    kept = weights > 0.0
    exponents = np.log(weights[kept]) - (0.0 if math.isinf(rho) else potential[kept] / rho)
    top = float(exponents.max())
    return top + math.log(float(np.exp(exponents - top).sum()))
