"""Kernels that grow: of inner products, and of distances to a center."""

from __future__ import annotations

from dataclasses import dataclass

from wassail import _core
from wassail._validate import check_integer, check_positive, check_real
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel

_MOST_DEGREE = 64
_LEAST_EXPONENT = 0.1  # distances end at 1e-154


@dataclass(frozen=True, slots=True)
class Linear(Kernel):
    r"""
    Linear kernel :math:`k(x, y) = x \cdot y`: its discrepancy is the distance between means.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Linear()([1.0, 2.0])
    array([[1., 2.],
           [2., 4.]])
    """

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.inner(1.0, 0.0, 1)


@dataclass(frozen=True, slots=True)
class Polynomial(Kernel):
    r"""
    Polynomial kernel :math:`k(x, y) = (\gamma\, x \cdot y + c)^p`.

    Parameters
    ----------
    degree : int
        p, 1 to 64: its discrepancy compares moments up to this one.
    offset : float, default: 1
        c, not negative. With 0 only moments of order p are compared.
    scale : float, default: 1
        :math:`\gamma`, positive.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Polynomial(2)([1.0, 2.0])
    array([[ 4.,  9.],
           [ 9., 25.]])
    """

    degree: int
    offset: float = 1.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        degree = check_integer(self.degree, "degree", minimum=1)
        if degree > _MOST_DEGREE:
            raise InputError(f"degree must be at most {_MOST_DEGREE}, got {degree}")
        offset = check_real(self.offset, "offset")
        if offset != 0.0:
            check_positive(offset, "offset")
        object.__setattr__(self, "degree", degree)
        object.__setattr__(self, "offset", offset)
        object.__setattr__(self, "scale", check_positive(self.scale, "scale"))

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.inner(self.scale, self.offset, self.degree)


@dataclass(frozen=True, slots=True)
class Energy(Kernel):
    r"""
    Energy kernel :math:`k(x, y) = |x|^\beta + |y|^\beta - |x - y|^\beta`.

    The Riesz kernel :math:`-|x - y|^\beta` is positive definite for weights that sum to 0 only. The terms added here
    make it positive definite for all, and cancel in discrepancies between samples of equal mass: the squared
    discrepancy is the energy distance :math:`2 E|X - Y|^\beta - E|X - X'|^\beta - E|Y - Y'|^\beta`.

    Parameters
    ----------
    exponent : float, default: 1
        :math:`\beta` in [0.1, 2): below, the least distance that a float can tell from 0 has no small power.

    Notes
    -----
    Values grow with the distance from the origin: where points lie far from it, shift them for the sake of rounding, or
    for kernel thinning, whose decisions do depend on the origin.

    References
    ----------
    .. [1] D. Sejdinovic, B. Sriperumbudur, A. Gretton, K. Fukumizu. Equivalence of distance-based and RKHS-based
       statistics in hypothesis testing. Ann. Statist. 41 (2013). arXiv:1207.6076.

    Examples
    --------
    >>> from wassail import kernels
    >>> kernels.Energy()([1.0, 3.0])
    array([[2., 2.],
           [2., 6.]])
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        """Check the exponent."""
        exponent = check_positive(self.exponent, "exponent")
        if not _LEAST_EXPONENT <= exponent < 2.0:
            raise InputError(f"exponent must lie in [{_LEAST_EXPONENT}, 2), got {self.exponent!r}")
        object.__setattr__(self, "exponent", exponent)

    def _core_kernel(self) -> _core.Kernel:
        return _core.Kernel.riesz(self.exponent)
