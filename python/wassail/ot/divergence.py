"""The debiased Sinkhorn divergence between weighted point clouds, with gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._frozen import FieldsOnly
from wassail._validate import check_epsilon, check_rho, check_threads
from wassail.exceptions import InputError
from wassail.ot._dual import weighted_sum
from wassail.ot._plan import operator_of
from wassail.ot._problem import check_options, prepare, warn_unless_converged
from wassail.ot._symmetric import solve_symmetric
from wassail.ot.costs import CostName, PNorm
from wassail.ot.geometry import PointCloud
from wassail.ot.results import SinkhornResult

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class DivergenceResult(FieldsOnly):
    r"""
    Sinkhorn divergence with its gradients, which are computed on demand, in sweeps.

    Attributes
    ----------
    value : float
        :math:`S_\varepsilon`; at least 0 up to the tolerance of the three solves.
    xy, xx, yy : SinkhornResult
        The three entropic problems.
    """

    value: float
    xy: SinkhornResult
    xx: SinkhornResult
    yy: SinkhornResult

    @property
    def converged(self) -> bool:
        """Whether all three problems met the tolerance."""
        return self.xy.converged and self.xx.converged and self.yy.converged

    @cached_property
    def grad_x(self) -> F64:
        r"""Gradient with respect to the points x, shape (n, d): :math:`\sum_j P_{ij}\nabla_1 c(x_i, y_j)`, debiased."""
        return operator_of(self.xy).gradient() - operator_of(self.xx).gradient()

    @cached_property
    def grad_y(self) -> F64:
        """Gradient with respect to the points y, shape (m, d)."""
        return operator_of(self.xy).transposed().gradient() - operator_of(self.yy).gradient()

    @cached_property
    def grad_a(self) -> F64:
        r"""
        Gradient with respect to the weights a, shape (n,): :math:`f_{xy} - f_{xx}`.

        For balanced problems it is defined up to a constant, because the mass cannot change, and centered so that
        ⟨a, grad_a⟩ = 0. With `rho` it is :math:`(\rho + \varepsilon)(e^{-f_{xx}/\rho} - e^{-f_{xy}/\rho})`.
        """
        return _weight_gradient(self.xy.f, self.xx)

    @cached_property
    def grad_b(self) -> F64:
        """Gradient with respect to the weights b, shape (m,), as `grad_a`; b is taken at the mass of a."""
        return _weight_gradient(self.xy.g, self.yy)

    def __repr__(self) -> str:
        n, m = self.xy.shape
        state = "converged" if self.converged else "not converged"
        return f"DivergenceResult(value={self.value:.6g}, n={n}, m={m}, epsilon={self.xy.epsilon:.4g}, {state})"


def sinkhorn_divergence(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    cost: CostName | PNorm = "sqeuclidean",
    epsilon: float | None = None,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    rho: float | None = None,
    anneal: float | Literal["auto"] | None = "auto",
    relaxation: float | Literal["auto"] | None = "auto",
    n_threads: int | None = None,
) -> DivergenceResult:
    r"""
    Compute the Sinkhorn divergence between two weighted point clouds.

    .. math::

        S_\varepsilon = \mathrm{OT}_\varepsilon(\alpha, \beta) - \tfrac12 \mathrm{OT}_\varepsilon(\alpha, \alpha)
        - \tfrac12 \mathrm{OT}_\varepsilon(\beta, \beta) + \tfrac{\varepsilon}{2} \Bigl(\sum a - \sum b\Bigr)^2

    It is zero for equal measures, and positive otherwise where :math:`e^{-c/\varepsilon}` is a positive definite kernel
    (squared Euclidean and Euclidean costs, cityblock); the last term is zero for equal masses.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Source points.
    y : array_like, shape (m, d)
        Target points.
    a : array_like, shape (n,), optional
        Source weights, at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights.
    cost : {"sqeuclidean", "euclidean", "cityblock", "cosine"} or PNorm, default "sqeuclidean"
        Ground cost between points.
    epsilon : float
        Regularization strength, required; large values give a kernel distance (MMD), small ones transport.
    tol, max_iter, n_threads
        As in :func:`sinkhorn`, for each of the three problems.
    anneal, relaxation
        As in :func:`sinkhorn`, for the problem between x and y; the other two have one potential, and an iteration
        that halves their error with every sweep.
    rho : float, optional
        Penalty of both marginals, positive; None or inf for balanced transport.

    Returns
    -------
    DivergenceResult
        The value; gradients with respect to points and weights on demand.

    Raises
    ------
    InputError
        An argument is unusable.
    DeviceError
        An array lives on an accelerator.

    Warns
    -----
    ConvergenceWarning
        One of the three problems missed the tolerance.

    Notes
    -----
    Three solves of O(n m d), O(n² d) and O(m² d) operations a sweep and O((n + m) d) memory; each gradient is one
    sweep more. The value is accurate to second order in the tolerance, gradients to first order: lower `tol` for
    them. Use it as a loss between samples; for a plan or a map use :func:`sinkhorn`.

    References
    ----------
    Feydy, Séjourné, Vialard, Amari, Trouvé, Peyré, "Interpolating between optimal transport and MMD using Sinkhorn
    divergences", AISTATS 2019, arXiv:1810.08278.
    Séjourné, Feydy, Vialard, Trouvé, Peyré, "Sinkhorn divergences for unbalanced optimal transport", 2019,
    arXiv:1910.12958.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> x = np.array([[0.0], [1.0]])
    >>> result = ot.sinkhorn_divergence(x, x + 3.0, epsilon=0.1, tol=1e-9)
    >>> round(result.value, 6)  # a translation by t costs |t|²
    9.0
    >>> result.grad_x.round(6)
    array([[-3.],
           [-3.]])
    """
    options = check_options(tol, max_iter, anneal, relaxation)
    threads, penalties, strength = check_threads(n_threads), check_rho(rho), check_epsilon(epsilon)
    if penalties[0] != penalties[1]:
        raise InputError(f"rho must be one number here, the same for both marginals, got {rho!r}")
    cloud = PointCloud(x, y, cost=cost)
    xy = prepare(cloud, a, b, strength, penalties, threads)
    xx = prepare(PointCloud(cloud.x, cloud.x, cost=cost), xy.a, xy.a, strength, penalties, threads)
    yy = prepare(PointCloud(cloud.y, cloud.y, cost=cost), xy.b, xy.b, strength, penalties, threads)
    results = {
        "xy": xy.solve(options),
        "xx": solve_symmetric(xx, options),
        "yy": solve_symmetric(yy, options),
    }
    warn_unless_converged(results, options, faster="")
    masses = float(xy.a.sum()) - float(xy.b.sum())
    value = results["xy"].value - 0.5 * (results["xx"].value + results["yy"].value) + 0.5 * strength * masses**2
    return DivergenceResult(value=value, xy=results["xy"], xx=results["xx"], yy=results["yy"])


def _weight_gradient(potential: F64, symmetric: SinkhornResult) -> F64:
    """Return the gradient with respect to the weights of one side; the symmetric problem has f = g."""
    rho = symmetric.rho[0]
    if math.isinf(rho):
        gradient = potential - symmetric.f
        return gradient - weighted_sum(symmetric.a, gradient) / float(symmetric.a.sum())
    return (rho + symmetric.epsilon) * (np.exp(-symmetric.f / rho) - np.exp(-potential / rho))
