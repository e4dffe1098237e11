"""Many transport problems in one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._arrays import real_array
from wassail._validate import check_epsilon, check_rho, check_threads
from wassail.exceptions import InputError
from wassail.ot._order import cost_first
from wassail.ot._problem import check_options, prepare, warn_unless_converged
from wassail.ot.geometry import ArrayCost, Cost, PointCloud
from wassail.ot.results import SinkhornResult
from wassail.ot.sinkhorn import Rho


@cost_first
def sinkhorn_batch(
    costs: ArrayLike | Sequence[ArrayLike | Cost],
    a: ArrayLike | Sequence[ArrayLike | None] | None = None,
    b: ArrayLike | Sequence[ArrayLike | None] | None = None,
    *,
    epsilon: float | Sequence[float] | None = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    rho: Rho = None,
    anneal: float | Literal["auto"] | None = "auto",
    relaxation: float | Literal["auto"] | None = "auto",
    n_threads: int | None = None,
) -> list[SinkhornResult]:
    r"""
    Solve many entropic transport problems at once, of equal or different sizes.

    Each problem is :math:`\min_P \langle C, P\rangle + \varepsilon\,\mathrm{KL}(P|a\otimes b)` over the plans with
    marginals a and b, as in :func:`sinkhorn`, and its result is the same to the last bit as when it is solved alone.

    Parameters
    ----------
    costs : array_like of shape (k, n, m), or sequence of k costs
        One cost a problem, arrays of shape (n_i, m_i) or PointClouds.
    a : array_like of shape (n,) or (k, n), or sequence of k arrays or None, optional
        Source weights, common or of each problem; uniform by default.
    b : array_like of shape (m,) or (k, m), or sequence of k arrays or None, optional
        Target weights.
    epsilon : float or sequence of k floats
        Regularization strength, common or one a problem.
    tol, max_iter, rho, anneal, relaxation, n_threads
        As in :func:`sinkhorn`, common to all.

    Returns
    -------
    list of SinkhornResult
        In the order of `costs`.

    Raises
    ------
    InputError
        An argument is unusable; the message names the problem, such as ``costs[3]``.

    Warns
    -----
    ConvergenceWarning
        Some problems missed the tolerance; one warning for all of them.

    Notes
    -----
    Small problems run one a thread, large ones one after another with all threads. Prefer it over a loop when the
    problems are small, below about 500 × 500.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> costs = np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]])
    >>> [round(result.transport_cost, 4) for result in ot.sinkhorn_batch(costs, epsilon=1.0)]
    [0.2689, 0.2384]
    """
    options = check_options(tol, max_iter, anneal, relaxation)
    threads, penalties = check_threads(n_threads), check_rho(rho)
    problems_costs = _split_costs(costs)
    k = len(problems_costs)
    sources, targets, strengths = _split(a, "a", k), _split(b, "b", k), _strengths(epsilon, k)
    problems = [
        prepare(cost, sources[i], targets[i], strengths[i], penalties, threads, (f"costs[{i}]", f"a[{i}]", f"b[{i}]"))
        for i, cost in enumerate(problems_costs)
    ]
    weights = [problem.weights for problem in problems]
    solutions = _core.sinkhorn_batch(
        [problem.support.handle for problem in problems],
        [pair[0] for pair in weights],
        [pair[1] for pair in weights],
        strengths,
        options.tol,
        options.max_iter,
        *penalties,
        options.anneal,
        options.relaxation,
        threads,
    )
    results = [problem.result(solution) for problem, solution in zip(problems, solutions, strict=True)]
    warn_unless_converged({f"costs[{i}]": result for i, result in enumerate(results)}, options)
    return results


def _split_costs(costs: Any) -> list[ArrayLike | Cost]:  # noqa: ANN401  (arrays or sequences of anything)
    """Return one cost a problem."""
    if isinstance(costs, PointCloud | ArrayCost):
        raise InputError(
            "costs must be a sequence of costs or an array of shape (k, n, m): use sinkhorn for one problem"
        )
    if isinstance(costs, list | tuple):
        if not costs:
            raise InputError("costs is empty")
        return list(costs)
    if np.ndim(costs) == 1:
        raise InputError("costs is 1-D: the order here is sinkhorn_batch(costs, a, b, epsilon=...), not (a, b, M)")
    stack = real_array(costs, "costs", ndim=(3,))
    return [ArrayCost(matrix) for matrix in stack]


def _split(weights: Any, name: str, k: int) -> list[ArrayLike | None]:  # noqa: ANN401
    """Return one weight vector or None a problem."""
    if weights is None:
        return [None] * k
    if isinstance(weights, list | tuple) and any(part is None or np.ndim(part) for part in weights):
        parts = list(weights)
    else:
        array = real_array(weights, name, ndim=(1, 2))
        parts = [array] * k if array.ndim == 1 else list(array)
    if len(parts) != k:
        raise InputError(f"{name} has {len(parts)} entries, there are {k} costs")
    return parts


def _strengths(epsilon: Any, k: int) -> list[float]:  # noqa: ANN401
    """Return one epsilon a problem."""
    if epsilon is None or np.ndim(epsilon) == 0:
        return [check_epsilon(epsilon)] * k
    values = list(epsilon)
    if len(values) != k:
        raise InputError(f"epsilon has {len(values)} entries, there are {k} costs")
    return [check_epsilon(value, f"epsilon[{i}]") for i, value in enumerate(values)]
