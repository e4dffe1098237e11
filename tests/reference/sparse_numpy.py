"""Sparsity-constrained transport in plain NumPy: the conjugates and duals of Liu, Puigcerver and Blondel (2023).

arXiv:2209.15466. Columns carry at most k nonzeros. Written for reading, not for speed.
"""

import numpy as np
from scipy.optimize import minimize


def largest(s, k):
    """Return a mask of the k largest entries of each column."""
    order = np.argsort(-s, axis=0, kind="stable")
    mask = np.zeros(s.shape, dtype=bool)
    np.put_along_axis(mask, order[:k], values=True, axis=0)
    return mask


def delta(s, gamma, k):
    """δ(s) = 1/2γ Σ_{i ≤ k} [s_[i]]₊² for each column."""
    top = np.where(largest(s, k), np.maximum(s, 0.0), 0.0)
    return 0.5 * (top**2).sum(0) / gamma


def plan(s, gamma, k):
    """∇δ(s): the k largest entries of [s]₊, by γ."""
    return np.where(largest(s, k), np.maximum(s, 0.0), 0.0) / gamma


def dual(f, g, C, a, b, gamma, k):
    """⟨f, a⟩ + ⟨g, b⟩ − Σ_j δ(f + g_j − c_j)."""
    return f @ a + g @ b - delta(f[:, None] + g - C, gamma, k).sum()


def simplex_column(s, mass, gamma, k):
    """Return argmax ⟨s, t⟩ − γ/2 ‖t‖² over t ≥ 0, Σ t = mass, at most k nonzeros, and the maximum."""
    top = np.sort(s)[::-1][:k] / gamma
    levels = (np.cumsum(top) - mass) / np.arange(1, top.size + 1)
    theta = levels[np.nonzero(top > levels)[0][-1]]
    t = np.where(largest(s[:, None], k)[:, 0], np.maximum(s / gamma - theta, 0.0), 0.0)
    return t, s @ t - 0.5 * gamma * t @ t


def semidual(f, C, a, b, gamma, k):
    """⟨f, a⟩ − Σ_j max_t ⟨f − c_j, t⟩ − γ/2 ‖t‖²."""
    return f @ a - sum(simplex_column(f - c, mass, gamma, k)[1] for c, mass in zip(C.T, b, strict=True))


def envelope(t, gamma, k):
    """Return γ/2 of the squared k-support norm of a nonnegative vector (Argyriou et al. 2012, Proposition 2.1)."""
    z = np.append(np.sort(t)[::-1], 0.0)
    if k >= t.size:
        return 0.5 * gamma * (z**2).sum()
    for r in range(k):
        tail = z[k - r - 1 :].sum() / (r + 1)
        above = np.inf if k - r - 2 < 0 else z[k - r - 2]
        if above > tail >= z[k - r - 1]:
            return 0.5 * gamma * ((z[: k - r - 1] ** 2).sum() + (r + 1) * tail**2)
    raise AssertionError("one r fits")


def quadratic(C, a, b, gamma):
    """Solve min ⟨C, T⟩ + γ/2 ‖T‖² by L-BFGS on the dual of small problems."""
    n, k = a.size, a.size

    def negative(z):
        f, g = z[:n], z[n:]
        T = plan(f[:, None] + g - C, gamma, k)
        return -dual(f, g, C, a, b, gamma, k), -np.concatenate([a - T.sum(1), b - T.sum(0)])

    options = {"maxiter": 20_000, "ftol": 0.0, "gtol": 1e-12}
    found = minimize(negative, np.zeros(a.size + b.size), jac=True, method="L-BFGS-B", options=options)
    f, g = found.x[:n], found.x[n:]
    return plan(f[:, None] + g - C, gamma, k), -found.fun
