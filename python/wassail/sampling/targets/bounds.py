"""Densities in a box: cut off at its walls, or stretched over the whole space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import first_index, real_array, show_index
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, last_axis, refusal, vector
from wassail.sampling.targets.algebra import AnyDensity, Composed, part_dimension
from wassail.sampling.targets.gaussian import Precision, checked_precision, core_gaussian

__all__ = ["Transformed", "Truncated", "TruncatedGaussian"]


def _walls(lower: ArrayLike, upper: ArrayLike, dim: int | None) -> tuple[F64, F64]:
    """Return bounds of one length, −inf and inf for none."""
    walls = [real_array(w, name, ndim=(0, 1)).astype(np.float64) for w, name in ((lower, "lower"), (upper, "upper"))]
    sizes = {w.size for w in walls if w.ndim == 1} | ({dim} if dim is not None else set())
    if len(sizes) != 1:
        known = f", the target has {dim} coordinates" if dim is not None else ": one of them must be a vector"
        raise InputError(f"lower and upper have shapes {walls[0].shape} and {walls[1].shape}{known}")
    low, high = (np.array(np.broadcast_to(w, (next(iter(sizes)),))) for w in walls)
    bad = ~(low < high) | (low == np.inf) | (high == -np.inf)
    if bad.any():
        index = first_index(bad)
        raise InputError(f"lower{show_index(index)} is {low[index]}, upper {high[index]}: lower must be below upper")
    return low, high


def _first_outside(points: F64, low: F64, high: F64) -> NDArray[np.bool_]:
    return ~((points > low) & (points < high))


class _Boxed(Composed):
    """Another density between walls."""

    target: AnyDensity
    lower: ArrayLike
    upper: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy the walls."""
        lower, upper = _walls(self.lower, self.upper, part_dimension(self.target))
        self._keep(lower=lower, upper=upper)

    @property
    def _size(self) -> int:
        return np.size(self.lower)

    def _inside(self) -> Sequence[AnyDensity]:
        return (self.target,)


@dataclass(frozen=True, eq=False)
class Truncated(_Boxed):
    r"""
    A density inside a box, zero outside.

    Parameters
    ----------
    target : Target, callable or C function
        The density inside; a callable may give values only; then ``target(x)``, which returns the gradient too, raises
        an `InputError`: see :class:`Transformed`. It is never called outside: points there are replaced by the nearest
        of the box.
    lower, upper : float or array_like of shape (d,)
        Walls, −inf and inf for none. For a callable or a C function one of them must be an array, which tells d.

    Raises
    ------
    InputError
        Shapes do not fit, or a lower wall is not below the upper.

    Notes
    -----
    Proposals outside are rejected, so that an adjusted sampler stays exact; near a wall much is rejected, and
    :class:`Transformed` has no walls. Unadjusted samplers stay where they are instead of leaving, which is not exact.

    Examples
    --------
    >>> from wassail import sampling
    >>> half = sampling.targets.Truncated(sampling.targets.Gaussian([0.0], [1.0]), 0.0, float("inf"))
    >>> half([[-1.0], [1.0]])[0].tolist()
    [-inf, -0.5]
    """

    target: AnyDensity
    lower: ArrayLike
    upper: ArrayLike

    def _moved(self, points: F64) -> F64:
        return np.clip(points, self.lower, self.upper)

    def _joined(self, parts: list[_core.Target]) -> _core.Target:
        return _core.Target.truncated(parts[0], np.asarray(self.lower), np.asarray(self.upper))

    def _refusal(self, point: F64) -> str:
        return refusal(self.target, point)


@dataclass(frozen=True, eq=False)
class TruncatedGaussian(BuiltIn):
    r"""
    Gaussian :math:`-\tfrac12 (x - m)^\top P (x - m)` inside a box, zero outside.

    Parameters
    ----------
    mean : array_like of shape (d,)
        m, not restricted to the box.
    precision : array_like of shape (d,) or (d, d), or sparse matrix of SciPy
        P, as of :class:`Gaussian`.
    lower, upper : float or array_like of shape (d,)
        Walls, −inf and inf for none.

    Raises
    ------
    InputError
        Shapes do not fit, `precision` is not positive definite, or a lower wall is not below the upper.

    Notes
    -----
    Proposals outside are rejected; ``Transformed(Gaussian(m, P), lower, upper)`` is the same law without walls.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.targets.TruncatedGaussian([0.0], [1.0], -1.0, 2.0)([[-1.5], [1.5]])[0].tolist()
    [-inf, -1.125]
    """

    mean: ArrayLike
    precision: Precision
    lower: ArrayLike
    upper: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy all arrays."""
        mean = vector(self.mean, "mean")
        lower, upper = _walls(self.lower, self.upper, mean.size)
        self._keep(mean=mean, precision=checked_precision(self.precision, mean.size), lower=lower, upper=upper)

    def _build(self) -> _core.Target:
        inner = core_gaussian(np.asarray(self.mean), self.precision)
        return _core.Target.truncated(inner, np.asarray(self.lower), np.asarray(self.upper))


@dataclass(frozen=True, eq=False)
class Transformed(_Boxed):
    r"""
    A density in a box, in coordinates y of the whole space.

    Between two walls :math:`x = a + (b - a) / (1 + e^{-y})`, above one :math:`x = a + e^y`, below one
    :math:`x = b - e^y`, else x = y; the Jacobian belongs to the density:

    .. math::

        \log \pi_y(y) = \log \pi(x(y)) + \sum_i \log |dx_i / dy_i|.

    Parameters
    ----------
    target : Target, callable or C function
        The density of x.
    lower, upper : float or array_like of shape (d,)
        Walls, −inf and inf for none. For a callable or a C function one of them must be an array, which tells d.

    Raises
    ------
    InputError
        Shapes do not fit, or a lower wall is not below the upper.

    Notes
    -----
    Starting points and draws are y: :meth:`unconstrain` and :meth:`constrain` go there and back. The constant
    :math:`\sum \log (b_i - a_i)` is left out. Far out, x rounds to a wall. A callable may give values only:
    then there is no gradient of y either, and :func:`slice_sample`, :func:`stretch_move` and :func:`sample` take it,
    but ``target(y)``, which returns both, raises an `InputError`.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.Transformed(lambda x: (-x[:, 0], 0.0 * x - 1.0), [0.0], [float("inf")])
    >>> target([[0.0]])
    (array([-1.]), array([[0.]]))
    >>> target.constrain(target.unconstrain([[2.0]])).round(12)
    array([[2.]])
    """

    target: AnyDensity
    lower: ArrayLike
    upper: ArrayLike

    def _moved(self, points: F64) -> F64:
        return self.constrain(points)

    def _joined(self, parts: list[_core.Target]) -> _core.Target:
        return _core.Target.transformed(parts[0], np.asarray(self.lower), np.asarray(self.upper))

    def _refusal(self, point: F64) -> str:
        return refusal(self.target, self.constrain(point))

    def _kinds(self) -> tuple[F64, F64, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the walls, and where there are both, the lower only, the upper only."""
        low, high = np.asarray(self.lower), np.asarray(self.upper)
        has_low, has_high = np.isfinite(low), np.isfinite(high)
        return low, high, has_low & has_high, has_low & ~has_high, has_high & ~has_low

    def constrain(self, y: ArrayLike) -> F64:
        """
        Return the points in the box, for instance of draws.

        Parameters
        ----------
        y : array_like of shape (..., d)
            Points of the whole space.

        Returns
        -------
        ndarray of shape (..., d)
            x(y).

        Raises
        ------
        InputError
            The last axis does not have d entries.
        """
        points = last_axis(y, "y", self.dim)
        low, high, both, above, below = self._kinds()
        from scipy.special import expit

        wide = high[both] - low[both]
        inner = points[..., both]
        x = points.copy()
        x[..., both] = np.where(inner < 0.0, low[both] + wide * expit(inner), high[both] - wide * expit(-inner))
        x[..., above] = low[above] + np.exp(points[..., above])
        x[..., below] = high[below] - np.exp(points[..., below])
        return x

    def unconstrain(self, x: ArrayLike) -> F64:
        """
        Return the coordinates y of points strictly inside the box, for instance of starting points.

        Parameters
        ----------
        x : array_like of shape (..., d)
            Points inside.

        Returns
        -------
        ndarray of shape (..., d)
            y(x).

        Raises
        ------
        InputError
            The last axis does not have d entries, or a point is not strictly inside.
        """
        points = last_axis(x, "x", self.dim)
        low, high, both, above, below = self._kinds()
        bad = _first_outside(points, low, high)
        if bad.any():
            index = first_index(bad)
            raise InputError(f"x{show_index(index)} is {points[index]}: it must be strictly inside the box")
        y = points.copy()
        y[..., both] = np.log(points[..., both] - low[both]) - np.log(high[both] - points[..., both])
        y[..., above] = np.log(points[..., above] - low[above])
        y[..., below] = np.log(high[below] - points[..., below])
        return y
