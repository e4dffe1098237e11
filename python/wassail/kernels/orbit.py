"""Kernels that do not tell apart what a symmetry maps onto each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, core_kernel, kernel_points
from wassail.kernels.stein import Stein

_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class GroupAverage(Kernel):
    r"""
    Average of a kernel over a finite group of orthogonal maps.

    .. math:: k_G(x, y) = \frac{1}{|G|} \sum_{g \in G} k(x, g y)

    Discrepancies with it compare distributions that are invariant under G from their orbits: a sample of n points
    counts as one of n |G|. With a Stein kernel the density must be invariant, so that its score turns with the point.

    Parameters
    ----------
    base : Kernel
        Radial, or a Stein kernel without a matrix as preconditioner: :math:`k(g x, g y) = k(x, y)`.
    group : array_like of shape (|G|, d, d)
        Orthogonal matrices: all of the group, the identity among them.

    Raises
    ------
    InputError
        The base is not invariant, a matrix is not orthogonal, or the product of two of them is missing.

    Notes
    -----
    |G| times the cost of the base.

    References
    ----------
    .. [1] B. Haasdonk, H. Burkhardt. Invariant kernel functions for pattern analysis and machine learning. Machine
       Learning 68 (2007). doi:10.1007/s10994-007-5009-7.

    Examples
    --------
    Points and their mirror images:

    >>> import numpy as np
    >>> from wassail import kernels
    >>> kernel = kernels.GroupAverage(kernels.Gaussian(1.0), [[[1.0]], [[-1.0]]])
    >>> kernel([0.0, 1.0, -1.0]).round(6)
    array([[1.      , 0.606531, 0.606531],
           [0.606531, 0.567668, 0.567668],
           [0.606531, 0.567668, 0.567668]])
    """

    base: Kernel
    group: ArrayLike

    def __post_init__(self) -> None:
        """Check that the base is invariant and the group closed."""
        plain = isinstance(self.base, Stein) and not isinstance(self.base.preconditioner, np.ndarray)
        if not (core_kernel(self.base).is_radial or plain):
            raise InputError(f"base must be radial, or a Stein kernel without matrix, got {self.base!r}")
        maps = np.array(real_array(self.group, "group", ndim=(3,)), dtype=np.float64)
        check_finite(maps, "group")
        order, d = maps.shape[:2]
        if maps.shape[2] != d:
            raise InputError(f"group must have shape (|G|, d, d), got {maps.shape}")
        wrong = np.abs(maps @ maps.transpose(0, 2, 1) - np.eye(d)).max(axis=(1, 2)) > _ROUNDING
        if wrong.any():
            raise InputError(f"group[{int(wrong.argmax())}] is not orthogonal")
        first = [index for index in range(order) if np.abs(maps[index] - np.eye(d)).max() <= _ROUNDING]
        if len(first) != 1:
            raise InputError(f"group must hold the identity once, found {len(first)} times")
        maps[[0, first[0]]] = maps[[first[0], 0]]
        for g in range(order):
            # A finite set of invertible maps with all products is a group.
            gaps = np.abs((maps[g] @ maps)[:, None] - maps[None]).max(axis=(2, 3)).min(axis=1)
            if gaps.max() > _ROUNDING:
                raise InputError(f"group is not closed: the product of maps {g} and {int(gaps.argmax())} is missing")
        maps.setflags(write=False)
        object.__setattr__(self, "group", maps)

    def _core_kernel(self) -> _core.Kernel:
        maps = np.asarray(self.group)
        return core_kernel(self.base).orbit(np.ascontiguousarray(maps.reshape(-1, maps.shape[1])))

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        d = np.asarray(self.group).shape[1]
        if x.shape[1] != d:
            raise InputError(f"{name} has {x.shape[1]} coordinates and the maps of the group {d}")
        return kernel_points(self.base, x, name, scores)

    def _key(self) -> tuple[object, ...]:
        maps = np.asarray(self.group)
        return (self.base, maps.shape, maps.tobytes())

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, GroupAverage) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())
