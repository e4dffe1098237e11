"""What the Gaussian closed forms return: an affine map, a quadratic potential, a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class GaussianMap:
    r"""Affine map :math:`T(x) = M x + o`.

    Attributes
    ----------
    matrix : ndarray, shape (d, d)
        The linear part :math:`M`.
    offset : ndarray, shape (d,)
        The constant part :math:`o`.
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Map one point ``(d,)`` or many ``(..., d)``; for d = 1 every entry is a point."""
        points = _read_points(x, self.offset.size)
        mapped: NDArray[np.float64] = points @ self.matrix.T + self.offset
        return mapped.reshape(np.shape(x))

    def __repr__(self) -> str:
        return f"GaussianMap(d={self.offset.size})"


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    r"""Quadratic function :math:`q(x) = (x-c)^\top M (x-c) + \langle l, x-c\rangle + k`.

    Attributes
    ----------
    matrix : ndarray, shape (d, d)
        The symmetric matrix :math:`M`.
    linear : ndarray, shape (d,)
        The linear part :math:`l`.
    constant : float
        The value :math:`k` at the center.
    center : ndarray, shape (d,)
        The point :math:`c`.
    """

    matrix: NDArray[np.float64]
    linear: NDArray[np.float64]
    constant: float
    center: NDArray[np.float64]

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """Values ``(...)`` at one point ``(d,)`` or many ``(..., d)``; for d = 1 at each entry."""
        shifted = _read_points(x, self.center.size) - self.center
        values: NDArray[np.float64] = np.sum((shifted @ self.matrix + self.linear) * shifted, axis=-1) + self.constant
        return values

    def __repr__(self) -> str:
        return f"QuadraticForm(d={self.center.size}, constant={self.constant:.6g})"


@dataclass(frozen=True, eq=False)
class GaussianPlan:
    r"""Entropic plan between two Gaussians: ``mass`` times the normal law of the pair (x, y).

    Attributes
    ----------
    value : float
        Optimal value of the problem that :func:`gaussian_sinkhorn` solves.
    mass : float
        Total mass of the plan.
    mean : ndarray, shape (2d,)
        Mean of the pair.
    covariance : ndarray, shape (2d, 2d)
        Covariance of the pair.
    transport_cost : float
        :math:`\int \|x-y\|^2 \, dP`, entropy not included.
    kl : float
        :math:`\mathrm{KL}(P \,|\, \alpha\otimes\beta)`, with its mass terms.
    f, g : QuadraticForm
        Dual potentials, :math:`dP = e^{(f(x)+g(y)-\|x-y\|^2)/\varepsilon} d\alpha\, d\beta`.
        Without ``rho`` they are known up to a constant, chosen so that the constants agree.
    barycentric_map : GaussianMap
        :math:`x \mapsto E[y \,|\, x]` under the plan.
    epsilon : float
        Weight of the entropy.
    rho : tuple of float
        Weights of the marginal penalties of a and b; ``inf`` where the marginal is exact.
    """

    value: float
    mass: float
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    transport_cost: float
    kl: float
    f: QuadraticForm
    g: QuadraticForm
    barycentric_map: GaussianMap
    epsilon: float
    rho: tuple[float, float]

    @property
    def cross_covariance(self) -> NDArray[np.float64]:
        """Covariance of x with y, shape (d, d)."""
        dim = self.mean.size // 2
        return self.covariance[:dim, dim:]

    def __repr__(self) -> str:
        return (
            f"GaussianPlan(d={self.mean.size // 2}, value={self.value:.6g}, "
            f"mass={self.mass:.6g}, epsilon={self.epsilon:g}, rho={self.rho})"
        )


def _read_points(x: ArrayLike, dim: int) -> NDArray[np.float64]:
    """Points as (..., dim); for dim = 1 the last axis may be left out."""
    points = real_array(x, "x", ndim=(0, 1, 2, 3)).astype(np.float64)
    check_finite(points, "x")
    if points.ndim > 0 and points.shape[-1] == dim:
        return points
    if dim == 1:
        return points[..., np.newaxis]
    raise InputError(f"x must have shape (..., {dim}), got {points.shape}")
