"""
Transport of a measure onto itself: one potential, f = g, by the averaged fixed-point iteration.

f ← (f + τ S(f)) / 2, where S is the softmin of C − f. The derivative of S is −P normalized by rows, whose eigenvalues
are in [0, 1] for kernels exp(−C/ε) that are positive definite, so the error halves with every sweep at any ε, where
the alternating iteration would need thousands (Feydy et al. 2019, arXiv:1810.08278, §3.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.ot._dual import shrinkage, target_marginal
from wassail.ot._problem import Options, Problem
from wassail.ot.results import SinkhornResult

_CONVERGED, _MAX_ITER, _STALLED = 0, 1, 3
_PATIENCE = 100  # sweeps without a new best error


def solve_symmetric(problem: Problem, options: Options) -> SinkhornResult:
    """Solve a problem whose two sides are the same; the error is that of both marginals."""
    weights, _ = problem.weights
    goal = options.tol * float(weights.sum())
    f = np.zeros_like(weights)
    error, update = _step(problem, weights, f)
    errors: list[float] = []
    best, best_at = error, 0
    while error > goal and len(errors) < options.max_iter and len(errors) - best_at < _PATIENCE:
        f = 0.5 * (f + update)
        error, update = _step(problem, weights, f)
        errors.append(error)
        if error < best:
            best, best_at = error, len(errors)
    sweeps = len(errors)
    status = _CONVERGED if error <= goal else _MAX_ITER if sweeps == options.max_iter else _STALLED
    trace = (np.array(errors), np.full(sweeps, problem.epsilon), np.ones(sweeps))
    return problem.result((f, f.copy(), status, sweeps, error, *trace))


def _step(problem: Problem, weights: NDArray[np.float64], f: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the marginal error at f and τ S(f), from one sweep: (P1)_i = a_i exp((f_i − S_i) / ε)."""
    epsilon, rho = problem.epsilon, problem.rho[0]
    soft, _ = _core.softmin_rows(problem.support.handle, f, weights, epsilon, None, problem.n_threads)
    with np.errstate(over="ignore"):  # far from the solution the error may be infinite
        row = weights * np.exp((f - soft) / epsilon)
    error = 2.0 * float(np.abs(row - target_marginal(weights, f, rho)).sum())
    return error, shrinkage(epsilon, rho) * soft
