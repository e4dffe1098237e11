"""Heavy tails and kinks: Student's t and Laplace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._validate import check_positive
from wassail.sampling.targets._base import BuiltIn, positive, sized, vector
from wassail.sampling.targets.gaussian import Precision, checked_precision, core_gaussian

__all__ = ["Laplace", "StudentT", "StudentTProduct"]


@dataclass(frozen=True, eq=False)
class StudentT(BuiltIn):
    r"""
    Multivariate t :math:`\log \pi(x) = -\tfrac{\nu + d}{2} \log\bigl(1 + (x - m)^\top P (x - m) / \nu\bigr)`.

    Parameters
    ----------
    location : array_like of shape (d,)
        m.
    precision : array_like of shape (d,) or (d, d), or sparse matrix of SciPy
        P, as of :class:`Gaussian`. The covariance is :math:`\tfrac{\nu}{\nu - 2} P^{-1}` where ν > 2.
    df : float
        ν, positive.

    Raises
    ------
    InputError
        Shapes do not fit, `precision` is not positive definite, or `df` is not positive.

    Notes
    -----
    A gradient costs that of the Gaussian. Constants are left out. Squares beyond the range of float64 give −inf.

    Examples
    --------
    >>> from wassail import sampling
    >>> logp, grad = sampling.targets.StudentT([0.0], [1.0], 3.0)([[3.0]])
    >>> round(float(logp[0]), 6), float(grad[0, 0])
    (-2.772589, -1.0)
    """

    location: ArrayLike
    precision: Precision
    df: float

    def __post_init__(self) -> None:
        """Check and copy all parameters."""
        location = vector(self.location, "location")
        precision = checked_precision(self.precision, location.size)
        self._keep(location=location, precision=precision, df=check_positive(self.df, "df"))

    def _build(self) -> _core.Target:
        return _core.Target.student(core_gaussian(np.asarray(self.location), self.precision), self.df)


@dataclass(frozen=True, eq=False)
class StudentTProduct(BuiltIn):
    r"""
    Independent t variables, :math:`-\tfrac{\nu + 1}{2} \sum_i \log\bigl(1 + (x_i - m_i)^2 / (\nu s_i^2)\bigr)`.

    Parameters
    ----------
    location : array_like of shape (d,)
        m.
    scale : float or array_like of shape (d,)
        s, positive.
    df : float
        ν, positive.

    Raises
    ------
    InputError
        Shapes do not fit, or `scale` or `df` is not positive.

    Notes
    -----
    A gradient takes O(d), one logarithm a coordinate. Constants are left out.

    Examples
    --------
    >>> from wassail import sampling
    >>> logp, grad = sampling.targets.StudentTProduct([0.0, 0.0], 1.0, 1.0)([[1.0, 0.0]])
    >>> round(float(logp[0]), 6), grad[0].tolist()
    (-0.693147, [-1.0, -0.0])
    """

    location: ArrayLike
    scale: ArrayLike
    df: float

    def __post_init__(self) -> None:
        """Check and copy all parameters."""
        location = vector(self.location, "location")
        scale = positive(sized(self.scale, "scale", location.size), "scale")
        self._keep(location=location, scale=scale, df=check_positive(self.df, "df"))

    def _build(self) -> _core.Target:
        return _core.Target.student_product(np.asarray(self.location), 1.0 / np.asarray(self.scale), self.df)


@dataclass(frozen=True, eq=False)
class Laplace(BuiltIn):
    r"""
    Independent Laplace variables, :math:`\log \pi(x) = -\sum_i |x_i - m_i| / s_i`.

    Parameters
    ----------
    location : array_like of shape (d,)
        m.
    scale : float or array_like of shape (d,)
        s, positive.

    Raises
    ------
    InputError
        Shapes do not fit, or `scale` is not positive.

    Notes
    -----
    The gradient jumps at m, where it is given as 0. The missing constant is :math:`-\sum_i \log 2 s_i`.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.targets.Laplace([0.0, 0.0], [1.0, 0.5])([[1.0, -1.0]])
    (array([-3.]), array([[-1.,  2.]]))
    """

    location: ArrayLike
    scale: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy both arrays."""
        location = vector(self.location, "location")
        self._keep(location=location, scale=positive(sized(self.scale, "scale", location.size), "scale"))

    def _build(self) -> _core.Target:
        location = np.asarray(self.location)
        return _core.Target.elastic_net(location, 1.0 / np.asarray(self.scale), np.zeros_like(location))
