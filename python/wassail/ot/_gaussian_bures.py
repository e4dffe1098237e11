"""Unregularized transport between Gaussians: distance and map of Bures and Wasserstein."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from wassail.exceptions import InputError
from wassail.ot._gaussian_input import read_pair
from wassail.ot._gaussian_results import GaussianMap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def gaussian_wasserstein(mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike) -> float:
    r"""Wasserstein distance of order 2 between two Gaussians (Bures–Wasserstein distance).

    .. math::

        W_2 = \Bigl( \|m_a - m_b\|^2 + \mathrm{tr}\, A + \mathrm{tr}\, B
              - 2\, \mathrm{tr}\, (A^{1/2} B A^{1/2})^{1/2} \Bigr)^{1/2}

    Parameters
    ----------
    mean_a, mean_b : array_like, shape (d,), or scalar for d = 1
        Means.
    cov_a, cov_b : array_like, shape (d, d), or scalar for d = 1
        Covariances, symmetric and positive semidefinite; singular ones are fine.

    Returns
    -------
    float
        :math:`W_2`, not its square; the transport cost :math:`W_2^2` is ``value**2``.

    Raises
    ------
    InputError
        An argument is not finite, has the wrong shape, or a covariance is not symmetric or not
        positive semidefinite beyond rounding (relative defect of the root of its dtype's epsilon).

    Notes
    -----
    O(d³) time, O(d²) memory. Computed as the distance between two square roots of the covariances,
    so that near-equal Gaussians lose no digits.

    References
    ----------
    .. [1] D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal
       distributions", J. Multivariate Analysis 12 (1982), doi:10.1016/0047-259X(82)90077-X.

    Examples
    --------
    >>> from wassail.ot import gaussian_wasserstein
    >>> round(gaussian_wasserstein([0.0, 0.0], [[1.0, 0.0], [0.0, 4.0]], [3.0, 4.0], [[1.0, 0.0], [0.0, 4.0]]), 12)
    5.0
    """
    alpha, beta = read_pair(mean_a, cov_a, mean_b, cov_b)
    root_a, root_b = alpha.function(np.sqrt), beta.function(np.sqrt)
    left, _, right = np.linalg.svd(root_a @ root_b)
    return math.hypot(_norm(alpha.mean - beta.mean), _norm(root_a @ left - root_b @ right.T))


def gaussian_map(mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike) -> GaussianMap:
    r"""Optimal map from one Gaussian onto another for the squared Euclidean cost.

    .. math::

        T(x) = m_b + M (x - m_a), \qquad M = A^{-1/2} (A^{1/2} B A^{1/2})^{1/2} A^{-1/2}

    Parameters
    ----------
    mean_a, mean_b : array_like, shape (d,), or scalar for d = 1
        Means of the source and of the target.
    cov_a, cov_b : array_like, shape (d, d), or scalar for d = 1
        Covariances, symmetric and positive semidefinite. A singular ``cov_a`` is fine as long as its
        rank (up to rounding) is no less than that of ``cov_b``; directions in which the source does
        not vary are then mapped to zero.

    Returns
    -------
    GaussianMap
        ``matrix`` (d, d) and ``offset`` (d,); call it on points of shape ``(..., d)``.

    Raises
    ------
    InputError
        As for :func:`gaussian_wasserstein`, or no map exists because ``cov_b`` has the higher rank.

    Notes
    -----
    O(d³) time, O(d²) memory.

    References
    ----------
    .. [1] M. Knott, C. S. Smith, "On the optimal mapping of distributions", J. Optimization Theory
       and Applications 43 (1984), doi:10.1007/BF00934745.

    Examples
    --------
    >>> from wassail.ot import gaussian_map
    >>> transport = gaussian_map(1.0, 4.0, 5.0, 9.0)
    >>> transport([1.0, 3.0]).round(12).tolist()
    [5.0, 8.0]
    """
    alpha, beta = read_pair(mean_a, cov_a, mean_b, cov_b)
    basis_a, std_a = alpha.range_factors()
    basis_b, std_b = beta.range_factors()
    if std_b.size > std_a.size:
        raise InputError(
            f"cov_b has rank {std_b.size}, cov_a only {std_a.size}: no map spreads the first Gaussian over the second"
        )
    core = std_a[:, np.newaxis] * (basis_a.T @ basis_b) * std_b
    left, _, right = np.linalg.svd(core)
    rotation = right.T @ left[:, : std_b.size].T
    matrix = (basis_b * std_b) @ rotation @ (basis_a / std_a).T
    if std_a.size == alpha.dim:  # then the map is the gradient of a convex function
        matrix = 0.5 * (matrix + matrix.T)
    return GaussianMap(matrix, beta.mean - matrix @ alpha.mean)


def _norm(array: NDArray[np.float64]) -> float:
    """Euclidean norm of all entries, without overflow."""
    scale = float(np.abs(array).max())
    return scale * float(np.linalg.norm(array / scale)) if scale > 0.0 else 0.0
