"""Kernels of the distance alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wassail import _core
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, check_length


@dataclass(frozen=True, slots=True)
class Gaussian(Kernel):
    r"""
    Gaussian kernel :math:`k(x, y) = \exp(-|x - y|^2 / (2 \ell^2))`.

    Parameters
    ----------
    lengthscale : float
        :math:`\ell`, positive, in units of the points.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Gaussian(1.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.135335],
           [0.135335, 1.      ]])
    """

    lengthscale: float

    def __post_init__(self) -> None:
        """Check the length."""
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.gaussian(self.lengthscale)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        del dimension
        return Gaussian(math.sqrt(alpha) * self.lengthscale)


@dataclass(frozen=True, slots=True)
class InverseMultiquadric(Kernel):
    r"""
    Inverse multiquadric kernel :math:`k(x, y) = (c^2 + |x - y|^2 / \ell^2)^{-\beta}`.

    Parameters
    ----------
    lengthscale : float, default: 1
        :math:`\ell`, positive, in units of the points.
    offset : float, default: 1
        :math:`c`, positive.
    beta : float, default: 0.5
        :math:`\beta`, positive. Whole and half numbers up to 4 are the fastest.

    Notes
    -----
    With :math:`\beta < 1` its Stein kernel detects samples that do not converge; that of the Gaussian may not [1]_.

    Its powers are no inverse multiquadrics. :meth:`root` returns the one with :math:`\beta' = d/4 + \beta/2`, whose
    transform has the root's singularity at 0, as the experiments of generalized kernel thinning do [2]_.

    References
    ----------
    .. [1] J. Gorham, L. Mackey. Measuring sample quality with kernels. ICML 2017. arXiv:1703.01717.
    .. [2] R. Dwivedi, L. Mackey. Generalized kernel thinning. ICLR 2022. arXiv:2110.01593.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.InverseMultiquadric(2.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.707107],
           [0.707107, 1.      ]])
    """

    lengthscale: float = 1.0
    offset: float = 1.0
    beta: float = 0.5

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))
        for name in (
            "offset",
            "beta",
        ):
            object.__setattr__(self, name, check_positive(getattr(self, name), name))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.multiquadric(self.lengthscale, self.offset, self.beta)

    def _power(self, alpha: float, dimension: int) -> Kernel:
        if alpha == 1.0:
            return self
        if alpha != 0.5:
            raise InputError(f"{self!r} has a stand-in for its root (alpha=0.5) only, got alpha={alpha}")
        return InverseMultiquadric(self.lengthscale, self.offset, dimension / 4.0 + self.beta / 2.0)


@dataclass(frozen=True, slots=True)
class RationalQuadratic(Kernel):
    r"""
    Rational quadratic kernel :math:`k(x, y) = (1 + |x - y|^2 / (2 \alpha \ell^2))^{-\alpha}`.

    A mixture of Gaussian kernels, and that of length :math:`\ell` for large :math:`\alpha`.

    Parameters
    ----------
    lengthscale : float
        :math:`\ell`, positive, in units of the points.
    alpha : float, default: 1
        :math:`\alpha`, positive. Whole and half numbers up to 4 are the fastest.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.RationalQuadratic(1.0)([0.0, 2.0]).round(6)
    array([[1.      , 0.333333],
           [0.333333, 1.      ]])
    """

    lengthscale: float
    alpha: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        object.__setattr__(self, "lengthscale", check_length(self.lengthscale, "lengthscale"))
        object.__setattr__(self, "alpha", check_positive(self.alpha, "alpha"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.rational(self.lengthscale, self.alpha)
