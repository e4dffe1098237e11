"""Quadratic forms of weights on the simplex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_SHRINK = 0.95  # of the step, when the objective rose
_NEGLIGIBLE = 1e-13  # eigenvalues over the largest one


@dataclass(frozen=True, slots=True)
class LowRank:
    """The matrix F Fᵀ + diag(D)."""

    factor: F64
    diagonal: F64

    def __matmul__(self, w: F64) -> F64:
        product: F64 = self.factor @ (w @ self.factor) + self.diagonal * w
        return product


def descend(matrix: LowRank, w: F64, step: float, least_step: float, n_steps: int) -> F64:
    """
    Return weights of a smaller wᵀKw on the simplex: accelerated mirror descent with the entropy.

    Steps that raise the objective start the acceleration anew and shorten the step, down to `least_step`, with which
    the method is known to converge (J.-K. Wang, J. Abernethy, B. Levy, arXiv:2111.11309, as in arXiv:2404.12290).
    """
    start, product = w, matrix @ w
    first = value = float(w @ product)
    v, product_v, turn = w, product, 1
    for _ in range(n_steps):
        beta = 2.0 / (turn + 1)
        gradient = 2.0 * ((1.0 - beta) * product + beta * product_v)
        next_v = _mirror(v, turn * step * gradient)
        next_product_v = matrix @ next_v
        next_w = (1.0 - beta) * w + beta * next_v
        next_product = (1.0 - beta) * product + beta * next_product_v
        next_value = float(next_w @ next_product)
        if next_value < value or (step <= least_step and turn == 1):
            w, product, value = next_w, next_product, next_value
            v, product_v, turn = next_v, next_product_v, turn + 1
        else:
            v, product_v, turn = w, product, 1
            step = max(step * _SHRINK, least_step)
    w = np.maximum(w, 0.0)
    w /= w.sum()
    return w if float(w @ (matrix @ w)) < first else start


def _mirror(v: F64, gradient: F64) -> F64:
    """Return v exp(−gradient), with sum 1."""
    # Where v is 0 the exponent may be positive, and does not matter.
    moved = v * np.exp(np.minimum(gradient[v > 0.0].min() - gradient, 0.0))
    total: F64 = moved / moved.sum()
    return total


def least_square_weights(matrix: F64, v: F64) -> F64:
    """
    Return the weights on the simplex of the least vᵀKv, or `v` where rounding leaves none better.

    With u = v / λ the conditions for an optimum are those of min ½ uᵀKu − Σu over u ≥ 0, a nonnegative least squares
    problem.
    """
    from scipy.optimize import nnls

    values, vectors = np.linalg.eigh(matrix)
    kept = values > _NEGLIGIBLE * values[-1]
    if not kept.any():
        return v
    roots = np.sqrt(values[kept])
    u, _ = nnls((vectors[:, kept] * roots).T, vectors[:, kept].sum(axis=0) / roots)
    total = u.sum()
    if not total > 0.0:
        return v
    best: F64 = u / total
    return best if float(best @ matrix @ best) < float(v @ matrix @ v) else v
