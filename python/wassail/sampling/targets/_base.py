"""What all targets share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, first_index, real_array, show_index
from wassail._frozen import FieldsOnly
from wassail.exceptions import InputError

F64 = NDArray[np.float64]

_PAIR = 2
_AXES = 9


class Target(ABC):
    """
    A log-density of the core, with its gradient.

    Calling it evaluates it, so that it can stand wherever a batched callable ``X -> (logp, grad)`` can.
    """

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension."""

    @abstractmethod
    def _core_target(self) -> _core.Target:
        """Return the density of the core."""

    def _core_values(self) -> _core.Target:
        """Return the density for samplers that read no gradient."""
        return self._core_target()

    def _gives_gradient(self, points: F64) -> bool:  # noqa: ARG002
        """Whether there is a gradient; callables inside are asked at these points."""
        return True

    def __call__(self, points: ArrayLike) -> tuple[F64, F64]:
        """
        Evaluate the log-density and its gradient.

        Parameters
        ----------
        points : array_like of shape (n, d)
            Where.

        Returns
        -------
        logp : ndarray of shape (n,)
            −inf outside the support, NaN where the density failed.
        grad : ndarray of shape (n, d)
            Of no meaning where `logp` is not finite.

        Raises
        ------
        InputError
            `points` does not have the dimension of the target.
        """
        checked = real_array(points, "points", ndim=(_PAIR,)).astype(np.float64, order="C", copy=False)
        if checked.shape[1] != self.dim:
            raise InputError(f"points must have shape (n, {self.dim}), got {checked.shape}")
        return self._core_target().evaluate(checked, 0)

    def _refusal(self, point: F64) -> str:  # noqa: ARG002
        """Return what the density itself says against a point where it has no value, if it does."""
        return ""


def refusal(target: object, point: F64) -> str:
    """Return what a density of any kind says against a point."""
    return target._refusal(point) if isinstance(target, Target) else ""  # noqa: SLF001


class BuiltIn(FieldsOnly, Target):
    """A target whose density is built once, and again after unpickling."""

    @abstractmethod
    def _build(self) -> _core.Target:
        """Build the density of the core from checked fields."""

    @cached_property
    def _built(self) -> _core.Target:
        return self._build()

    def _core_target(self) -> _core.Target:
        return self._built

    @property
    def dim(self) -> int:
        """Dimension."""
        return self._built.dim

    def _keep(self, **checked: object) -> None:
        """Replace fields by what was checked, lock them, and build the density."""
        for name, value in checked.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)  # the instance is frozen
        self._built  # noqa: B018


def vector(value: ArrayLike, name: str) -> F64:
    """Return a private finite vector."""
    checked = np.array(real_array(value, name, ndim=(1,)), dtype=np.float64)
    check_finite(checked, name)
    return checked


def sized(value: ArrayLike, name: str, size: int) -> F64:
    """Return a private finite vector of known length; a number stands for a constant one."""
    checked = real_array(value, name, ndim=(0, 1))
    if checked.ndim == 1 and checked.size != size:
        raise InputError(f"{name} has {checked.size} entries, {size} are needed")
    full = np.array(np.broadcast_to(checked, (size,)), dtype=np.float64)
    check_finite(full, name)
    return full


def positive(array: F64, name: str) -> F64:
    """Refuse entries that are not positive, or whose inverse is not finite."""
    with np.errstate(divide="ignore", over="ignore"):
        bad = ~(array > 0.0) | ~np.isfinite(1.0 / array)
    if bad.any():
        index = first_index(bad)
        raise InputError(f"{name}{show_index(index)} is {array[index]}: it must be positive")
    return array


def last_axis(value: ArrayLike, name: str, size: int) -> F64:
    """Return finite points of shape (..., size)."""
    array = real_array(value, name, ndim=tuple(range(1, _AXES))).astype(np.float64)
    if array.shape[-1] != size:
        raise InputError(f"{name} must have shape (..., {size}), got {array.shape}")
    check_finite(array, name)
    return array
