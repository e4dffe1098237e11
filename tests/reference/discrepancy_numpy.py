"""Plain NumPy transcriptions of kernel discrepancies and their tests, from the papers' formulas."""

import numpy as np


def paired(kernel, x, y):
    """h(i, j) of Gretton et al. 2012, lemma 6."""
    return kernel(x) - kernel(x, y) - kernel(y, x) + kernel(y)


def off_diagonal(h):
    """Return the table with a zero diagonal."""
    return h - np.diag(np.diag(h))


def stein(base, d_base, dd_base, x, s):
    """Stein kernel of φ(|x − y|²) from φ, φ′, φ″, pair by pair (Oates, Girolami & Chopin 2017)."""
    n, d = x.shape
    h = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            delta = x[i] - x[j]
            q = delta @ delta
            gradient = 2 * d_base(q) * delta  # ∇_x k = −∇_y k
            trace = -2 * d * d_base(q) - 4 * dd_base(q) * q
            h[i, j] = trace - s[i] @ gradient + s[j] @ gradient + base(q) * (s[i] @ s[j])
    return h


def u_statistic(h):
    """Mean off the diagonal."""
    n = len(h)
    return off_diagonal(h).sum() / (n * (n - 1))


def two_sample_u(k, n):
    """MMD² U-statistic of a pooled kernel matrix whose first n points are x."""
    x, y = slice(0, n), slice(n, len(k))
    return u_statistic(k[x, x]) + u_statistic(k[y, y]) - 2 * k[x, y].mean()


def aggregated(statistics, first, weights, alpha, steps):
    """Alg. 1 of Schrab et al. 2023 for given statistics: data, B1 and B2 simulations in the columns."""
    kernels = range(len(statistics))
    ordered = [sorted(row[: first + 1]) for row in statistics]
    fresh = statistics[:, first + 1 :]

    def quantile(k, u):
        rank = int(np.ceil((first + 1) * max(1 - u * weights[k], 0)))
        return ordered[k][max(rank - 1, 0)]

    low, high = 0.0, min(1 / w for w in weights)
    for _ in range(steps):
        u = (low + high) / 2
        share = np.mean([any(fresh[k, b] > quantile(k, u) for k in kernels) for b in range(fresh.shape[1])])
        low, high = (u, high) if share <= alpha else (low, u)
    return any(statistics[k, 0] > quantile(k, low) for k in kernels), low
