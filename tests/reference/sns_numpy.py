"""Sinkhorn-Newton-Sparse in NumPy: Algorithm 1 of Tang et al., ICLR 2024, arXiv:2401.12253.

Notation of the paper: eta = 1/ε, dual (x, y), P = exp(eta (−C + x1ᵀ + 1yᵀ) − 1), and the entropy is that of P alone;
`to_potentials` translates to ours.
"""

import numpy as np


def plan(C, x, y, eta):
    return np.exp(eta * (x[:, None] + y[None, :] - C) - 1.0)


def dual(C, x, y, r, c, eta):
    return -plan(C, x, y, eta).sum() / eta + r @ x + c @ y


def sparsify(P, kept):
    """Zero all but the `kept` largest entries. The diagonal blocks of the Hessian stay exact."""
    if kept >= P.size:
        return P
    return P * (np.partition(P.ravel(), P.size - kept)[P.size - kept] <= P)


def conjugate_gradients(row, col, M, p, q, tol=1e-12, most=5000):
    """Solve [[diag(row), M], [Mᵀ, diag(col)]] z = (p, q), with the diagonal as preconditioner."""
    d, right = np.concatenate([row, col]), np.concatenate([p, q])
    n = row.size
    z, residual = np.zeros(d.size), right.copy()
    s = residual / d
    direction, square = s.copy(), residual @ s
    goal = tol**2 * square
    for _ in range(most):
        if square <= goal or square == 0.0:
            break
        image = d * direction + np.concatenate([M @ direction[n:], M.T @ direction[:n]])
        alpha = square / (direction @ image)
        z += alpha * direction
        residual -= alpha * image
        s = residual / d
        square, before = residual @ s, square
        direction = s + square / before * direction
    return z[:n], z[n:]


def sns(C, r, c, eta, n_sinkhorn, n_newton, share, tol=0.0):
    """Run Algorithm 1; return x, y and the error after each iteration. `share` is λ: ⌈λ n m⌉ entries of P are kept."""
    x, y = np.zeros(r.size), np.zeros(c.size)
    errors = []

    def record():
        P = plan(C, x, y, eta)
        errors.append(np.abs(P.sum(1) - r).sum() + np.abs(P.sum(0) - c).sum())
        return errors[-1] <= tol

    for _ in range(n_sinkhorn):  # Stage 1
        x = x + (np.log(r) - np.log(plan(C, x, y, eta).sum(1))) / eta
        y = y + (np.log(c) - np.log(plan(C, x, y, eta).sum(0))) / eta
        if record():
            return x, y, errors
    shift = (x.sum() - y.sum()) / (x.size + y.size)  # orthogonal to (1, −1)
    x, y = x - shift, y + shift
    for _ in range(n_newton):  # Stage 2
        P = plan(C, x, y, eta)
        row, col = P.sum(1), P.sum(0)
        M = sparsify(P, int(np.ceil(share * P.size)))
        dx, dy = conjugate_gradients(row, col, M, (r - row) / eta, (c - col) / eta)
        slope = (r - row) @ dx + (c - col) @ dy
        value, alpha = dual(C, x, y, r, c, eta) - 1e-14, 1.0
        while alpha > 1e-6 and dual(C, x + alpha * dx, y + alpha * dy, r, c, eta) < value + 1e-4 * alpha * slope:
            alpha /= 2  # Armijo
        x, y = x + alpha * dx, y + alpha * dy
        if record():
            break
    return x, y, errors


def to_potentials(x, y, r, c, eta):
    """Potentials (f, g) of P = r_i c_j exp((f_i + g_j − C_ij)/ε), ε = 1/eta."""
    return x - (np.log(r) + 1.0) / eta, y - np.log(c) / eta
