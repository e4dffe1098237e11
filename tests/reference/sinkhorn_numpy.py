"""Plain log-domain Sinkhorn in NumPy, balanced and unbalanced: slow, obvious, the oracle of the compiled core.

Notation of Peyré and Cuturi, "Computational Optimal Transport" (2019), arXiv:1803.00567, §4.4, with the entropy taken
relative to a⊗b: P_ij = a_i b_j exp((f_i + g_j − C_ij) / ε). `rho` is a pair; inf keeps that marginal exact.
"""

import numpy as np

BALANCED = (np.inf, np.inf)


def log(w):
    with np.errstate(divide="ignore"):
        return np.log(w)


def logsumexp(z, axis):
    top = np.max(z, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    return log(np.sum(np.exp(z - top), axis=axis)) + np.squeeze(top, axis=axis)


def softmin_rows(C, g, b, epsilon):
    """S_i = −ε log Σ_j b_j exp((g_j − C_ij) / ε)."""
    return -epsilon * logsumexp((g - C) / epsilon + log(b), axis=1)


def softmin_cols(C, f, a, epsilon):
    return softmin_rows(C.T, f, a, epsilon)


def shrinkage(epsilon, rho):
    return 1.0 if np.isinf(rho) else rho / (rho + epsilon)


def sinkhorn(C, a, b, epsilon, rho=BALANCED, n_iter=10_000, tol=1e-13):
    """Alternate the two updates from f = g = 0; return (f, g)."""
    C = np.asarray(C, dtype=np.float64)
    g = np.zeros(C.shape[1])
    tau = [shrinkage(epsilon, side) for side in rho]
    for _ in range(n_iter):
        f = tau[0] * softmin_rows(C, g, b, epsilon)
        g = tau[1] * softmin_cols(C, f, a, epsilon)
        if marginal_error(C, f, g, a, b, epsilon, rho) <= tol * max(a.sum(), b.sum()):
            break
    return f, g


def plan(C, f, g, a, b, epsilon):
    C = np.asarray(C, dtype=np.float64)
    f, g = np.where(a > 0, f, 0.0), np.where(b > 0, g, 0.0)
    return np.exp((f[:, None] + g[None, :] - C) / epsilon + log(a)[:, None] + log(b)[None, :])


def targets(f, g, a, b, rho):
    """Return the marginals that an optimal plan has."""
    sides = []
    for w, h, r in ((a, f, rho[0]), (b, g, rho[1])):
        sides.append(w if np.isinf(r) else w * np.exp(-np.where(w > 0, h, 0.0) / r))
    return sides


def marginal_error(C, f, g, a, b, epsilon, rho=BALANCED):
    P = plan(C, f, g, a, b, epsilon)
    row, col = targets(f, g, a, b, rho)
    return np.abs(P.sum(1) - row).sum() + np.abs(P.sum(0) - col).sum()


def kl(p, q):
    """KL(p | q) = Σ p log(p/q) − p + q."""
    p, q = np.ravel(p), np.ravel(q)
    kept = p > 0
    return float(np.sum(p[kept] * np.log(p[kept] / q[kept])) - p.sum() + q.sum())


def linear_cost(C, P):
    kept = P > 0
    return float(np.sum(np.asarray(C, dtype=np.float64)[kept] * P[kept]))


def objective(C, P, a, b, epsilon, rho=BALANCED):
    """Return ⟨C, P⟩ + ε KL(P | a⊗b) + Σ ρ KL(marginal | weights) over the penalized marginals."""
    value = linear_cost(C, P) + epsilon * kl(P, np.outer(a, b))
    for r, marginal, w in ((rho[0], P.sum(1), a), (rho[1], P.sum(0), b)):
        if not np.isinf(r):
            value += r * kl(marginal, w)
    return value


def dual(C, f, g, a, b, epsilon, rho=BALANCED):
    value = -epsilon * (plan(C, f, g, a, b, epsilon).sum() - a.sum() * b.sum())
    for r, potential, w in ((rho[0], f, a), (rho[1], g, b)):
        h = np.where(w > 0, potential, 0.0)
        value += w @ h if np.isinf(r) else -r * (w @ np.expm1(-h / r))
    return float(value)


def round_plan(P, a, b):
    """Return a plan with marginals a and b: Altschuler, Weed, Rigollet (2017), arXiv:1705.09634, Alg. 2."""
    row = P.sum(1)
    P = P * np.minimum(np.divide(a, row, out=np.ones_like(a), where=row > 0), 1.0)[:, None]  # line 2
    col = P.sum(0)
    P = P * np.minimum(np.divide(b, col, out=np.ones_like(b), where=col > 0), 1.0)[None, :]  # line 4
    e_a, e_b = np.maximum(a - P.sum(1), 0.0), np.maximum(b - P.sum(0), 0.0)  # line 5
    return P if e_a.sum() == 0 else P + np.outer(e_a, e_b) / e_a.sum()  # line 6
