"""Optimal transport between Gaussian measures, in closed form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wassail._validate import check_epsilon, check_positive, check_rho
from wassail.exceptions import InputError
from wassail.ot import _gaussian_plan
from wassail.ot._gaussian_bures import gaussian_map, gaussian_wasserstein
from wassail.ot._gaussian_entropic import Side
from wassail.ot._gaussian_input import read_pair
from wassail.ot._gaussian_results import GaussianMap, GaussianPlan, QuadraticForm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "GaussianMap",
    "GaussianPlan",
    "QuadraticForm",
    "gaussian_map",
    "gaussian_sinkhorn",
    "gaussian_sinkhorn_divergence",
    "gaussian_wasserstein",
]


def gaussian_sinkhorn(
    mean_a: ArrayLike,
    cov_a: ArrayLike,
    mean_b: ArrayLike,
    cov_b: ArrayLike,
    *,
    epsilon: float,
    rho: float | tuple[float, float] | None = None,
    mass_a: float = 1.0,
    mass_b: float = 1.0,
) -> GaussianPlan:
    r"""Entropic optimal transport between two Gaussians, balanced or unbalanced, in closed form.

    Solves, for :math:`\alpha` = ``mass_a`` N(mean_a, cov_a) and :math:`\beta` likewise,

    .. math::

        \min_{P \ge 0} \int \|x - y\|^2 \, dP + \varepsilon\, \mathrm{KL}(P \,|\, \alpha\otimes\beta)
        + \rho_a\, \mathrm{KL}(P_1 \,|\, \alpha) + \rho_b\, \mathrm{KL}(P_2 \,|\, \beta),

    where :math:`\mathrm{KL}(P|Q) = \int \log(dP/dQ)\, dP - P(1) + Q(1)`, and an infinite
    :math:`\rho` makes the marginal exact. The same problem, sign for sign, as
    :func:`wassail.ot.sinkhorn` solves on points.

    Parameters
    ----------
    mean_a, mean_b : array_like, shape (d,), or scalar for d = 1
        Means.
    cov_a, cov_b : array_like, shape (d, d), or scalar for d = 1
        Covariances, symmetric and positive semidefinite; singular ones are fine.
    epsilon : float
        Weight of the entropy, positive, in units of the squared distance.
    rho : float or pair of floats, optional
        Weights of the marginal penalties, positive, ``inf`` allowed; by default both are infinite.
    mass_a, mass_b : float
        Total masses, positive; equal when both marginals are exact.

    Returns
    -------
    GaussianPlan
        ``value``, ``mass``, ``mean`` (2d,), ``covariance`` (2d, 2d), ``cross_covariance`` (d, d),
        ``transport_cost``, ``kl``, the potentials ``f`` and ``g``, ``barycentric_map``.

    Raises
    ------
    InputError
        As for :func:`gaussian_wasserstein`, or epsilon, rho or a mass is not positive, or the
        masses differ although both marginals are exact.
    NumericalError
        Epsilon or rho is smaller than about 1e-16 (rho) or 1e-150 (epsilon) times the covariances.

    Notes
    -----
    O(d³) time, O(d²) memory. The value carries the entropy; ``transport_cost`` does not. For the
    distance without entropic bias use :func:`gaussian_sinkhorn_divergence`.

    References
    ----------
    .. [1] H. Janati, B. Muzellec, G. Peyré, M. Cuturi, "Entropic optimal transport between
       unbalanced Gaussian measures has a closed form", NeurIPS 2020, arXiv:2006.02572.

    Examples
    --------
    >>> from wassail.ot import gaussian_sinkhorn
    >>> plan = gaussian_sinkhorn(0.0, 1.0, 2.0, 1.0, epsilon=0.5)
    >>> plan.mass, round(plan.value, 6)
    (1.0, 4.612178)
    >>> soft = gaussian_sinkhorn(0.0, 1.0, 2.0, 1.0, epsilon=0.5, rho=1.0)
    >>> round(soft.mass, 6), soft.mean.round(6).tolist()
    (0.509877, [0.727273, 1.272727])
    """
    alpha, beta = read_pair(mean_a, cov_a, mean_b, cov_b)
    epsilon = check_epsilon(epsilon)
    rho_a, rho_b = check_rho(rho)
    mass_a, mass_b = _read_masses(mass_a, mass_b, hard=math.isinf(rho_a) and math.isinf(rho_b))
    a = Side(mass_a, rho_a, epsilon, alpha)
    return _gaussian_plan.solve(a, Side(mass_b, rho_b, epsilon, beta))


def gaussian_sinkhorn_divergence(
    mean_a: ArrayLike,
    cov_a: ArrayLike,
    mean_b: ArrayLike,
    cov_b: ArrayLike,
    *,
    epsilon: float,
    rho: float | None = None,
    mass_a: float = 1.0,
    mass_b: float = 1.0,
) -> float:
    r"""Sinkhorn divergence between two Gaussians, in closed form.

    .. math::

        S_\varepsilon(\alpha, \beta) = \mathrm{OT}_\varepsilon(\alpha, \beta)
        - \tfrac12 \mathrm{OT}_\varepsilon(\alpha, \alpha)
        - \tfrac12 \mathrm{OT}_\varepsilon(\beta, \beta)
        + \tfrac{\varepsilon}{2} (\alpha(1) - \beta(1))^2

    It is zero when the measures agree, positive otherwise, and tends to :math:`W_2^2` as epsilon
    goes to zero, to :math:`\|m_a - m_b\|^2` as it grows.

    Parameters
    ----------
    mean_a, mean_b : array_like, shape (d,), or scalar for d = 1
        Means.
    cov_a, cov_b : array_like, shape (d, d), or scalar for d = 1
        Covariances, symmetric and positive semidefinite; singular ones are fine.
    epsilon : float
        Weight of the entropy, positive.
    rho : float, optional
        Weight of both marginal penalties; by default the marginals are exact.
    mass_a, mass_b : float
        Total masses, positive; equal when ``rho`` is not given.

    Returns
    -------
    float
        The divergence, in units of the squared distance.

    Raises
    ------
    InputError, NumericalError
        As for :func:`gaussian_sinkhorn`; also when ``rho`` is a pair of different numbers, for
        which the problem of a measure with itself is not symmetric.

    Notes
    -----
    O(d³) time, O(d²) memory.

    References
    ----------
    .. [1] H. Janati, B. Muzellec, G. Peyré, M. Cuturi, "Entropic optimal transport between
       unbalanced Gaussian measures has a closed form", NeurIPS 2020, arXiv:2006.02572.
    .. [2] T. Séjourné, J. Feydy, F.-X. Vialard, A. Trouvé, G. Peyré, "Sinkhorn divergences for
       unbalanced optimal transport", 2019, arXiv:1910.12958.

    Examples
    --------
    >>> from wassail.ot import gaussian_sinkhorn_divergence
    >>> round(gaussian_sinkhorn_divergence(0.0, 1.0, 3.0, 1.0, epsilon=0.1), 12)
    9.0
    """
    rho_a, rho_b = check_rho(rho)
    if rho_a != rho_b:
        raise InputError(f"rho must be one number for a divergence, got {rho!r}")
    epsilon = check_epsilon(epsilon)
    alpha, beta = read_pair(mean_a, cov_a, mean_b, cov_b)
    mass_a, mass_b = _read_masses(mass_a, mass_b, hard=math.isinf(rho_a))
    a, b = Side(mass_a, rho_a, epsilon, alpha), Side(mass_b, rho_b, epsilon, beta)
    cross = _gaussian_plan.solve(a, b).value
    own = 0.5 * _gaussian_plan.solve(a, a).value + 0.5 * _gaussian_plan.solve(b, b).value
    return cross - own + 0.5 * epsilon * (mass_a - mass_b) ** 2


def _read_masses(mass_a: float, mass_b: float, *, hard: bool) -> tuple[float, float]:
    """Check the masses; with hard marginals they must agree, up to float32 rounding."""
    mass_a, mass_b = check_positive(mass_a, "mass_a"), check_positive(mass_b, "mass_b")
    if not hard:
        return mass_a, mass_b
    if abs(mass_a - mass_b) > 1e-6 * max(mass_a, mass_b):
        raise InputError(f"mass_b is {mass_b}, mass_a is {mass_a}: exact marginals need equal masses; or pass rho")
    return mass_a, mass_a
