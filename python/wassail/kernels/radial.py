"""Kernels of the distance alone."""

from __future__ import annotations

from dataclasses import dataclass

from wassail import _core
from wassail._validate import check_positive
from wassail.kernels._base import Kernel


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
        object.__setattr__(self, "lengthscale", check_positive(self.lengthscale, "lengthscale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.gaussian(self.lengthscale)


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
        :math:`\beta`, positive. Powers of whole or half numbers up to 4 are the fastest.

    Notes
    -----
    With :math:`\beta < 1` its Stein kernel detects samples that do not converge; that of the Gaussian may not [1]_.

    References
    ----------
    .. [1] J. Gorham, L. Mackey. Measuring sample quality with kernels. ICML 2017. arXiv:1703.01717.

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
        for name in ("lengthscale", "offset", "beta"):
            object.__setattr__(self, name, check_positive(getattr(self, name), name))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.multiquadric(self.lengthscale, self.offset, self.beta)
