"""Matérn kernels, the Laplace kernel among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, check_length

_MOST_CLOSED = 8.5
_MOST_NU = 100.0
_SERIES_NU = 4.0


def _near_zero(nu: float, z: NDArray[np.float64]) -> NDArray[np.float64] | float:
    """Return the first terms of the kernel's series in z²; below order 4 K overflows only where z² is 0."""
    if nu < _SERIES_NU:
        return 1.0
    square = z * z / 4.0
    return 1.0 - square / (nu - 1.0) * (1.0 - square / (2.0 * (nu - 2.0)) * (1.0 - square / (3.0 * (nu - 3.0))))


@dataclass(frozen=True, slots=True)
class _General:
    """Matérn kernel of any order, by SciPy's Bessel function."""

    nu: float
    lengthscale: float

    def __call__(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        from scipy.spatial.distance import cdist
        from scipy.special import gammaln, kve

        with np.errstate(all="ignore"):
            z = np.minimum(math.sqrt(2.0 * self.nu) * cdist(x / self.lengthscale, y / self.lengthscale), 2000.0)
            bessel = kve(self.nu, z)
            # 2^(1-nu) / Gamma(nu) z^nu K_nu(z); where K overflows, the series at 0.
            power = (1.0 - self.nu) * math.log(2.0) - gammaln(self.nu) + self.nu * np.log(z) + np.log(bessel) - z
            values = np.where(np.isfinite(bessel) & (z > 0.0), np.exp(power), _near_zero(self.nu, z))
        return np.minimum(values, 1.0)


@dataclass(frozen=True, slots=True)
class Matern(Kernel):
    r"""
    Matérn kernel of order :math:`\nu`.

    .. math::
        k(x, y) = \frac{2^{1-\nu}}{\Gamma(\nu)} z^\nu K_\nu(z), \qquad z = \sqrt{2\nu}\, |x - y| / \ell,

    with :math:`K_\nu` the modified Bessel function. For half-integer :math:`\nu = p + \tfrac12` it is an exponential
    times a polynomial of degree p in z: :math:`\nu = \tfrac12` is the Laplace kernel, :math:`\nu \to \infty` the
    Gaussian kernel.

    Parameters
    ----------
    nu : float
        :math:`\nu`, positive, at most 100. Half-integers up to 8.5 are fast; others take some 100 ns a value by
        SciPy's ``kve``, on one thread.
    lengthscale : float, default: 1
        :math:`\ell`, positive, in units of the points.

    Notes
    -----
    Stein kernels can be built upon half-integer orders from 3/2 to 8.5. The power :math:`\alpha` is the kernel of
    order :math:`\alpha (\nu + d/2) - d/2`, for :math:`\alpha > d / (2\nu + d)`.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Matern(1.5, 2.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.483358],
           [0.483358, 1.      ]])
    """

    nu: float
    lengthscale: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "nu", check_positive(self.nu, "nu"))
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))
        if self.nu > _MOST_NU:
            raise InputError(f"nu must be at most {_MOST_NU:g}, got {self.nu}: Gaussian is the limit")

    def _core_kernel(self) -> _core.Kernel:
        if self.nu % 1.0 == 0.5 and self.nu <= _MOST_CLOSED:
            return _core.Kernel.matern(self.lengthscale, int(self.nu))
        return _core.Kernel.callable(_General(self.nu, self.lengthscale))

    def _power(self, alpha: float, dimension: int) -> Kernel:
        # The transform is (2 nu / l^2 + |w|^2)^-(nu + d/2).
        nu = alpha * (self.nu + dimension / 2.0) - dimension / 2.0
        if nu <= 0.0:
            least = dimension / (2.0 * self.nu + dimension)
            raise InputError(f"the power of {self!r} needs alpha > {least:.6g} in dimension {dimension}, got {alpha}")
        return Matern(nu, self.lengthscale * math.sqrt(nu / self.nu))


@dataclass(frozen=True, slots=True)
class Laplace(Kernel):
    r"""
    Laplace kernel :math:`k(x, y) = \exp(-|x - y| / \ell)` of the Euclidean distance.

    It is the Matérn kernel of order 1/2. That of the city-block distance is :class:`LaplaceL1`.

    Parameters
    ----------
    lengthscale : float
        :math:`\ell`, positive, in units of the points.

    Notes
    -----
    The power :math:`\alpha` is the Matérn kernel of order :math:`(\alpha (d + 1) - d) / 2`, for
    :math:`\alpha > d / (d + 1)`.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Laplace(2.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.367879],
           [0.367879, 1.      ]])
    """

    lengthscale: float

    def __post_init__(self) -> None:
        """Check the length."""
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.matern(self.lengthscale, 0)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        if alpha == 1.0:
            return self
        if alpha <= dimension / (dimension + 1):
            least = f"{dimension}/{dimension + 1}"
            raise InputError(f"the power of {self!r} needs alpha > {least} in dimension {dimension}, got {alpha}")
        return Matern(0.5, self.lengthscale).power(alpha, dimension=dimension)
