"""Gaussians on a grid and entropic transport between them by the plain log-domain iteration.

The trapezoidal rule is exact for Gaussians up to exp(−2π²·variance/spacing²), so a grid of a few hundred points
reproduces a closed form to rounding.
"""

import math
from dataclasses import dataclass

import numpy as np


def covariance(dim, seed, spread=1.0):
    root = np.random.default_rng((dim, seed)).normal(size=(dim, dim + 2))
    return spread * root @ root.T / dim


def pair(dim):
    rng = np.random.default_rng((7, dim))
    return rng.normal(size=dim), covariance(dim, 1), rng.normal(size=dim), covariance(dim, 2, 0.6)


def grid(mean, variance, n=300, width=9.0):
    return mean + math.sqrt(variance) * np.linspace(-width, width, n)


def weights(points, mean, variance, mass=1.0):
    density = np.exp(-((points - mean) ** 2) / (2.0 * variance))
    return mass * density / density.sum()


def log_sum_exp(values, axis):
    top = values.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - top).sum(axis)) + top.squeeze(axis)


def shrink(rho, epsilon):
    return 1.0 / (1.0 + epsilon / rho)


def log_sinkhorn(cost, a, b, epsilon, rho_a=math.inf, rho_b=math.inf, n_iter=2000):
    """Alternate the two softmins; with penalties each is damped by ρ/(ρ+ε)."""
    f, g = np.zeros(a.size), np.zeros(b.size)
    log_a, log_b = np.log(a), np.log(b)
    for _ in range(n_iter):
        before = f
        f = -shrink(rho_a, epsilon) * epsilon * log_sum_exp((g - cost) / epsilon + log_b, 1)
        g = -shrink(rho_b, epsilon) * epsilon * log_sum_exp((f[:, None] - cost) / epsilon + log_a[:, None], 0)
        if np.abs(f - before).max() < 1e-14:
            break
    return f, g


def generalized_kl(p, q):
    return float(np.sum(np.where(p > 0.0, p * np.log(np.where(p > 0.0, p, 1.0) / q), 0.0) - p + q))


@dataclass
class Measured:
    """Everything that a closed form claims about a plan, measured on the discrete one."""

    value: float
    mass: float
    transport_cost: float
    kl: float
    mean: np.ndarray
    covariance: np.ndarray


def measure(x, y, a, b, plan, epsilon, rho_a=math.inf, rho_b=math.inf):
    """Sums over a plan on the line."""
    rows, columns, mass = plan.sum(1), plan.sum(0), plan.sum()
    cost = float((plan * (x[:, None] - y) ** 2).sum())
    kl = generalized_kl(plan, a[:, None] * b)
    penalties = [
        rho * generalized_kl(marginal, given)
        for rho, marginal, given in ((rho_a, rows, a), (rho_b, columns, b))
        if not math.isinf(rho)
    ]
    mean = np.array([rows @ x, columns @ y]) / mass
    u, v = x - mean[0], y - mean[1]
    covariance = np.array([[rows @ u**2, u @ plan @ v], [u @ plan @ v, columns @ v**2]]) / mass
    return Measured(cost + epsilon * kl + sum(penalties), mass, cost, kl, mean, covariance)
