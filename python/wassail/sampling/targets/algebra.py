"""Sums of log-densities, and log-densities in affine coordinates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._arrays import check_finite, first_index, real_array, show_index
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, Target, last_axis, refusal, vector

__all__ = ["Affine", "Sum"]

AnyDensity: TypeAlias = Any  # a Target, a callable, a C function: what samplers take


def part_dimension(target: AnyDensity) -> int | None:
    """Return the dimension of a target that knows its own."""
    return target.dim if isinstance(target, Target) else None


class Composed(BuiltIn):
    """A target made of others, of any kind that samplers take; where one gives values only, so does it."""

    @property
    @abstractmethod
    def _size(self) -> int:
        """Dimension, known before the density is built."""

    @abstractmethod
    def _inside(self) -> Sequence[AnyDensity]:
        """Return what it is made of."""

    @abstractmethod
    def _moved(self, points: F64) -> F64:
        """Return where that is evaluated."""

    @abstractmethod
    def _joined(self, parts: list[_core.Target]) -> _core.Target:
        """Return the density of the core, made of those inside."""

    def _build(self, *, gradients: bool = True) -> _core.Target:
        from wassail.sampling._target import as_core  # it imports the targets

        return self._joined([as_core(part, self._size, gradients=gradients) for part in self._inside()])

    def _core_values(self) -> _core.Target:
        return self._build(gradients=False)

    def _gives_gradient(self, points: F64) -> bool:
        from wassail.sampling._target import gives_gradient

        moved = self._moved(points)
        return all(gives_gradient(part, moved) for part in self._inside())


@dataclass(frozen=True, eq=False)
class Sum(Composed):
    r"""
    Sum :math:`\sum_k \log \pi_k(x)` of log-densities: a product of densities, for instance prior and likelihood.

    Parameters
    ----------
    parts : sequence of Target, callable or C function
        At least one, and one that knows its dimension: a :class:`Target`. Callables may give values only; then
        ``target(x)``, which returns the gradient too, raises an `InputError`: see :class:`Transformed`.

    Raises
    ------
    InputError
        There is no part, none knows its dimension, or the dimensions differ.

    Notes
    -----
    A gradient costs those of all parts. With a batched callable among them all chains move in step.

    Examples
    --------
    >>> from wassail import sampling
    >>> prior = sampling.targets.Gaussian([0.0], [1.0])
    >>> target = sampling.targets.Sum([prior, lambda x: (x[:, 0], 0.0 * x + 1.0)])
    >>> target([[2.0]])
    (array([0.]), array([[-1.]]))
    """

    parts: Sequence[AnyDensity]

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        if isinstance(self.parts, Target) or callable(self.parts):
            raise InputError("parts must be a sequence of densities: Sum([first, second])")
        parts = tuple(self.parts)
        dims = {part.dim for part in parts if isinstance(part, Target)}
        if len(dims) != 1:
            words = f"their dimensions are {sorted(dims)}" if dims else "none of them is a Target, which knows its own"
            raise InputError(f"parts must be densities of one dimension: {words}")
        self._keep(parts=parts)

    @property
    def _size(self) -> int:
        return next(part.dim for part in self.parts if isinstance(part, Target))

    def _inside(self) -> Sequence[AnyDensity]:
        return self.parts

    def _moved(self, points: F64) -> F64:
        return points

    def _joined(self, parts: list[_core.Target]) -> _core.Target:
        return _core.Target.sum(parts)

    def _refusal(self, point: F64) -> str:
        return next(filter(None, (refusal(part, point) for part in self.parts)), "")


@dataclass(frozen=True, eq=False)
class Affine(Composed):
    r"""
    A density in coordinates z of :math:`x = m + L z`: :math:`\log \pi_z(z) = \log \pi(m + L z)`.

    Parameters
    ----------
    target : Target, callable or C function
        The density of x; a callable may give values only; then ``target(z)``, which returns the gradient too, raises an
        `InputError`: see :class:`Transformed`.
    shift : array_like of shape (d,)
        m.
    factor : array_like of shape (d,) or (d, d)
        L: a diagonal, or an invertible matrix, for instance a Cholesky factor of the covariance of earlier draws, which
        makes a dense preconditioner of any sampler.

    Raises
    ------
    InputError
        Shapes do not fit, or `factor` is not invertible.

    Notes
    -----
    Starting points and draws are z: :meth:`unconstrain` and :meth:`constrain` go there and back. A gradient takes O(d),
    or O(d²), on top of that of the target. The constant log |det L| is left out.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.Affine(sampling.targets.Gaussian([1.0], [4.0]), [1.0], [0.5])
    >>> target([[2.0]])
    (array([-2.]), array([[-2.]]))
    >>> target.constrain([[2.0]])
    array([[2.]])
    """

    target: AnyDensity
    shift: ArrayLike
    factor: ArrayLike

    def __post_init__(self) -> None:
        """Check and copy both arrays."""
        shift = vector(self.shift, "shift")
        factor = np.array(real_array(self.factor, "factor", ndim=(1, 2)), dtype=np.float64, order="C")
        check_finite(factor, "factor")
        d = part_dimension(self.target) or shift.size
        if shift.size != d or factor.shape not in {(d,), (d, d)}:
            raise InputError(f"shift and factor have shapes {shift.shape} and {factor.shape} for a target of R^{d}")
        if factor.ndim == 1 and (factor == 0.0).any():
            raise InputError(f"factor{show_index(first_index(factor == 0.0))} is 0: it must be invertible")
        if factor.ndim == 2 and np.linalg.matrix_rank(factor) < d:
            raise InputError("factor is not invertible")
        self._keep(shift=shift, factor=factor)

    @property
    def _size(self) -> int:
        return np.size(self.shift)

    def _inside(self) -> Sequence[AnyDensity]:
        return (self.target,)

    def _moved(self, points: F64) -> F64:
        return self.constrain(points)

    def _joined(self, parts: list[_core.Target]) -> _core.Target:
        return _core.Target.affine(parts[0], np.asarray(self.shift), np.asarray(self.factor).ravel())

    def _refusal(self, point: F64) -> str:
        return refusal(self.target, self.constrain(point))

    def constrain(self, z: ArrayLike) -> F64:
        """
        Return x = m + L z, for instance of draws.

        Parameters
        ----------
        z : array_like of shape (..., d)
            Points.

        Returns
        -------
        ndarray of shape (..., d)
            x.

        Raises
        ------
        InputError
            The last axis does not have d entries.
        """
        points, factor = last_axis(z, "z", self.dim), np.asarray(self.factor)
        moved = points * factor if factor.ndim == 1 else points @ factor.T
        return np.asarray(np.asarray(self.shift) + moved)

    def unconstrain(self, x: ArrayLike) -> F64:
        """
        Return z of x = m + L z, for instance of starting points.

        Parameters
        ----------
        x : array_like of shape (..., d)
            Points.

        Returns
        -------
        ndarray of shape (..., d)
            z.

        Raises
        ------
        InputError
            The last axis does not have d entries.
        """
        points, factor = last_axis(x, "x", self.dim) - np.asarray(self.shift), np.asarray(self.factor)
        if factor.ndim == 1:
            return np.asarray(points / factor)
        return np.asarray(np.linalg.solve(factor, points.reshape(-1, self.dim).T).T.reshape(points.shape))
