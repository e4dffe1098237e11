"""Kernels that are products over the coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from wassail import _core
from wassail._validate import check_integer, check_positive
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, check_length

_MOST_SPLINE = 7
_MOST_SMOOTHNESS = 3


@dataclass(frozen=True, slots=True)
class LaplaceL1(Kernel):
    r"""
    Laplace kernel of the city-block distance, :math:`k(x, y) = \exp(-|x - y|_1 / \ell)`.

    It is the product over the coordinates of one-dimensional Laplace kernels.

    Parameters
    ----------
    lengthscale : float
        :math:`\ell`, positive, in units of the points.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.LaplaceL1(2.0)([[0.0, 0.0], [1.0, 1.0]]).round(6)
    array([[1.      , 0.367879],
           [0.367879, 1.      ]])
    """

    lengthscale: float

    def __post_init__(self) -> None:
        """Check the length."""
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.manhattan(self.lengthscale)


@dataclass(frozen=True, slots=True)
class Sinc(Kernel):
    r"""
    Sinc kernel :math:`k(x, y) = \prod_k \sin(\theta (x_k - y_k)) / (\theta (x_k - y_k))`.

    Its functions are band-limited; all its powers are itself.

    Parameters
    ----------
    theta : float
        Largest frequency, positive, in radians per unit of the points.

    Examples
    --------
    >>> import math
    >>> from wassail import kernels
    >>> kernels.Sinc(math.pi)([0.0, 0.5]).round(6)
    array([[1.      , 0.63662],
           [0.63662, 1.     ]])
    """

    theta: float

    def __post_init__(self) -> None:
        """Check the frequency."""
        object.__setattr__(self, "theta", check_positive(self.theta, "theta"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.sinc(self.theta)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        del alpha, dimension
        return self


@dataclass(frozen=True, slots=True)
class BSpline(Kernel):
    r"""
    B-spline kernel :math:`k(x, y) = \prod_k B(\gamma (x_k - y_k)) / B(0)`, B the B-spline of odd degree.

    B is the indicator of :math:`[-\tfrac12, \tfrac12]` convolved degree + 1 times: k is 0 where a coordinate differs by
    more than :math:`(\mathrm{degree} + 1) / (2 \gamma)`.

    Parameters
    ----------
    degree : int, default: 3
        1, 3, 5 or 7.
    scale : float, default: 1
        :math:`\gamma`, positive, in inverse units of the points.

    References
    ----------
    .. [1] R. Dwivedi, L. Mackey. Generalized kernel thinning. ICLR 2022. arXiv:2110.01593.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.BSpline()([0.0, 1.0])
    array([[1.  , 0.25],
           [0.25, 1.  ]])
    """

    degree: int = 3
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        degree = check_integer(self.degree, "degree", minimum=1)
        if degree > _MOST_SPLINE or degree % 2 == 0:
            raise InputError(f"degree must be 1, 3, 5 or 7, got {self.degree!r}")
        object.__setattr__(self, "degree", degree)
        object.__setattr__(self, "scale", check_positive(self.scale, "scale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.spline((self.degree - 1) // 2, self.scale)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        del dimension
        # The transform is a product of sinc^(degree + 1).
        order = round(alpha * (self.degree + 1), 9)
        if order % 2.0 == 0.0 and order <= _MOST_SPLINE + 1:
            return BSpline(int(order) - 1, self.scale)
        steps = ", ".join(f"{k}/{self.degree + 1}" for k in range(2, _MOST_SPLINE + 2, 2))
        raise InputError(f"powers of {self!r} are B-splines of odd degree for alpha in {steps} only, got {alpha}")


@dataclass(frozen=True, slots=True)
class Sobolev(Kernel):
    r"""
    Centered Sobolev kernel of periodic functions.

    .. math::
        k(x, y) = \prod_k \Bigl(1 + \frac{(-1)^{s+1} (2\pi)^{2s}}{(2s)!} B_{2s}(\{x_k - y_k\})\Bigr) - 1,

    :math:`B_{2s}` the Bernoulli polynomial and {.} the fractional part. Its mean under the uniform distribution of a
    period is 0 in either argument, so that the squared discrepancy of points to it is the mean of all their values.

    Parameters
    ----------
    smoothness : int, default: 1
        s: 1, 2 or 3 square-integrable derivatives.
    period : float, default: 1
        Length of the period in every coordinate, positive.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Sobolev()([0.0, 0.25]).round(6)
    array([[ 3.289868, -0.411234],
           [-0.411234,  3.289868]])
    """

    smoothness: int = 1
    period: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        smoothness = check_integer(self.smoothness, "smoothness", minimum=1)
        if smoothness > _MOST_SMOOTHNESS:
            raise InputError(f"smoothness must be 1, 2 or 3, got {self.smoothness!r}")
        object.__setattr__(self, "smoothness", smoothness)
        object.__setattr__(self, "period", check_positive(self.period, "period"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.sobolev(self.smoothness, self.period)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        del dimension
        # Fourier coefficients are products of |m|^(-2s).
        order = round(alpha * self.smoothness, 9)
        if order in {1.0, 2.0, 3.0}:
            return Sobolev(int(order), self.period)
        steps = ", ".join(f"{k}/{self.smoothness}" for k in (1, 2, 3))
        raise InputError(f"powers of {self!r} are Sobolev kernels for alpha in {steps} only, got {alpha}")
