"""Densities on which samplers are tried: a funnel, a bent valley, a field on a lattice."""

from __future__ import annotations

from dataclasses import dataclass

from wassail import _core
from wassail._validate import check_integer, check_positive, check_real
from wassail.exceptions import InputError
from wassail.sampling.targets._base import BuiltIn

__all__ = ["Funnel", "Phi4", "Rosenbrock"]

_PAIR = 2
_LARGEST = 1e300


@dataclass(frozen=True, eq=False)
class Funnel(BuiltIn):
    r"""
    Neal's funnel: :math:`v \sim N(0, s^2)` and :math:`x_i \mid v \sim N(0, e^v)`; v is the first coordinate.

    Parameters
    ----------
    d : int
        Dimension, at least 2: v and d − 1 others.
    scale : float, default 3
        s.

    Raises
    ------
    InputError
        `d` is below 2, or `scale` is not positive.

    Notes
    -----
    :math:`\log \pi = -v^2 / (2 s^2) - \tfrac{d - 1}{2} v - \tfrac12 e^{-v} |x|^2`, constants left out. No fixed step
    size suits the neck and the mouth at once: draws of gradient samplers miss the neck, and the law of v shows it.

    References
    ----------
    Neal, "Slice sampling", Ann. Statist. 31 (2003), doi:10.1214/aos/1056562461.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.targets.Funnel(3)([[0.0, 1.0, 2.0]])
    (array([-2.5]), array([[ 1.5, -1. , -2. ]]))
    """

    d: int
    scale: float = 3.0

    def __post_init__(self) -> None:
        """Check both numbers."""
        self._keep(d=check_integer(self.d, "d", minimum=2), scale=check_positive(self.scale, "scale"))

    def _build(self) -> _core.Target:
        return _core.Target.funnel(self.d, self.scale)


@dataclass(frozen=True, eq=False)
class Rosenbrock(BuiltIn):
    r"""
    Independent pairs in a bent valley: :math:`u \sim N(1, 1)` and :math:`v \mid u \sim N(u^2, q)`.

    Parameters
    ----------
    d : int
        Dimension, even: the first half of the coordinates are the u, the second half the v.
    variance : float, default 0.1
        q.

    Raises
    ------
    InputError
        `d` is not even, or `variance` is not positive.

    Notes
    -----
    :math:`\log \pi = -\tfrac12 \sum \bigl[(u - 1)^2 + (v - u^2)^2 / q\bigr]`, constants left out. E v = 2 and
    Var v = 6 + q.

    References
    ----------
    Goodman, Weare, "Ensemble samplers with affine invariance", CAMCoS 5 (2010), doi:10.2140/camcos.2010.5.65.

    Examples
    --------
    >>> from wassail import sampling
    >>> logp, grad = sampling.targets.Rosenbrock(2)([[1.0, 2.0]])
    >>> round(float(logp[0]), 12), grad.round(12).tolist()
    (-5.0, [[20.0, -10.0]])
    """

    d: int
    variance: float = 0.1

    def __post_init__(self) -> None:
        """Check both numbers."""
        d = check_integer(self.d, "d", minimum=2)
        if d % _PAIR:
            raise InputError(f"d must be even, got {d}")
        self._keep(d=d, variance=check_positive(self.variance, "variance"))

    def _build(self) -> _core.Target:
        return _core.Target.rosenbrock(self.d, self.variance)


@dataclass(frozen=True, eq=False)
class Phi4(BuiltIn):
    r"""
    The φ⁴ field on a periodic lattice in two dimensions.

    .. math::

        \log \pi(\varphi) = -\sum_x \Bigl[ \sum_{\mu=1}^2 (\varphi_{x+\mu} - \varphi_x)^2 + m^2 \varphi_x^2
        + \lambda \varphi_x^4 \Bigr].

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the lattice; a point has their product as coordinates, row by row.
    mass_squared : float
        m², of any sign.
    coupling : float
        λ, positive.

    Raises
    ------
    InputError
        A side is not positive, or `coupling` is not positive.

    Notes
    -----
    A gradient takes O(rows · columns). With m² negative and λ small the field orders: the modes ±φ
    part, and short chains stay in one.

    References
    ----------
    Albergo, Kanwar, Shanahan, "Flow-based generative models for Markov chain Monte Carlo in lattice field theory",
    Phys. Rev. D 100 (2019), arXiv:1904.12072.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> logp, grad = sampling.targets.Phi4((4, 4), -4.0, 6.0)(np.ones((1, 16)))
    >>> float(logp[0]), float(grad[0, 0])
    (-32.0, -16.0)
    """

    shape: tuple[int, int]
    mass_squared: float
    coupling: float

    def __post_init__(self) -> None:
        """Check all numbers."""
        given: object = self.shape
        if not isinstance(given, tuple | list) or len(given) != _PAIR:
            raise InputError(f"shape must be a pair of integers, got {given!r}")
        shape = tuple(check_integer(side, "shape", minimum=1) for side in given)
        mass = check_real(self.mass_squared, "mass_squared")
        if not abs(mass) < _LARGEST:
            raise InputError(f"mass_squared must be finite, got {mass}")
        self._keep(shape=shape, mass_squared=mass, coupling=check_positive(self.coupling, "coupling"))

    def _build(self) -> _core.Target:
        return _core.Target.phi4(self.shape, self.mass_squared, self.coupling)
