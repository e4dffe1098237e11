"""Kernels that do not tell apart what a symmetry maps onto each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError
from wassail.kernels._base import Kernel, core_kernel, kernel_layout, kernel_points
from wassail.kernels.stein import Stein

_ROUNDING = 1e-10
_SCORE_ROUNDING = 1e-3  # scores may come from float32


def _check_closed(maps: NDArray[np.float64]) -> None:
    """Refuse maps, the first of them the identity, that repeat each other or do not form a group."""
    order, d = maps.shape[:2]
    # Told apart by where they send a generic point.
    images = maps @ np.sin(np.arange(1.0, d + 1.0) ** 2)
    keys = images @ np.cos(np.arange(1.0, d + 1.0) ** 2 + 1.0)
    by_key = np.argsort(keys)
    same = np.flatnonzero(np.abs(np.diff(keys[by_key])) <= _ROUNDING)
    for first, second in zip(by_key[same], by_key[same + 1], strict=True):
        if np.abs(maps[first] - maps[second]).max() <= _ROUNDING:
            raise InputError(f"group holds a map twice: {min(first, second)} and {max(first, second)}")
    # A finite set of invertible maps that some of them generate, and that those map into itself, is a group.
    reached, steps = np.zeros(order, dtype=bool), []
    reached[0] = True
    while not reached.all():
        generator = int(np.argmin(reached))
        products = maps[generator] @ maps
        steps.append(_places(products, maps, keys, by_key, generator))
        fresh = np.flatnonzero(reached)
        while fresh.size:
            fresh = np.unique(np.concatenate([step[fresh] for step in steps]))
            fresh = fresh[~reached[fresh]]
            reached[fresh] = True


def _places(
    products: NDArray[np.float64],
    maps: NDArray[np.float64],
    keys: NDArray[np.float64],
    by_key: NDArray[np.intp],
    generator: int,
) -> NDArray[np.intp]:
    """Return where the products of one map with all others are among them."""
    order, d = maps.shape[:2]
    wanted = products @ np.sin(np.arange(1.0, d + 1.0) ** 2) @ np.cos(np.arange(1.0, d + 1.0) ** 2 + 1.0)
    at = np.searchsorted(keys[by_key], wanted)
    # The nearest key may stand on either side.
    near = by_key[np.clip(at[:, None] + np.arange(-1, 2), 0, order - 1)]
    gaps = np.abs(maps[near] - products[:, None]).max(axis=(2, 3))
    missing = gaps.min(axis=1) > _ROUNDING
    if missing.any():
        raise InputError(f"group is not closed: the product of maps {generator} and {int(missing.argmax())} is missing")
    places: NDArray[np.intp] = near[np.arange(order), gaps.argmin(axis=1)]
    return places


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
        The base is not invariant, a matrix is not orthogonal or there twice, or the product of two of them is missing;
        later, the score does not turn with a point.

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
        _check_closed(maps)
        maps.setflags(write=False)
        object.__setattr__(self, "group", maps)

    def _core_kernel(self) -> _core.Kernel:
        maps = np.asarray(self.group)
        return core_kernel(self.base).orbit(np.ascontiguousarray(maps.reshape(-1, maps.shape[1])))

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        d = np.asarray(self.group).shape[1]
        if x.shape[1] != d:
            raise InputError(f"{name} has {x.shape[1]} coordinates and the maps of the group {d}")
        packed = kernel_points(self.base, x, name, scores)
        if isinstance(self.base, Stein) and scores is None:
            steepest = int(np.abs(packed[:, d:]).max(axis=1).argmax())
            self._check_score(x[steepest].astype(np.float64), packed[steepest, d:])
        return packed

    def _check_score(self, point: NDArray[np.float64], score: NDArray[Any]) -> None:
        """Refuse a density that a map changes, as seen at one point."""
        maps = np.asarray(self.group)
        found = kernel_points(self.base, np.ascontiguousarray(maps @ point), "g x")[:, maps.shape[1] :]
        gaps = np.abs(found - maps @ score.astype(np.float64)).max(axis=1)
        if gaps.max() > _SCORE_ROUNDING * np.abs(found).max() + _ROUNDING:
            raise InputError(
                f"the score of the kernel does not turn with group[{int(gaps.argmax())}]: p is not invariant"
            )

    def _layout(self) -> object:
        return kernel_layout(self.base)

    def __repr__(self) -> str:
        order, d = np.asarray(self.group).shape[:2]
        return f"GroupAverage(base={self.base!r}, group of {order} maps of R^{d})"

    def _key(self) -> tuple[object, ...]:
        maps = np.asarray(self.group)
        return (self.base, maps.shape, maps.tobytes())

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, GroupAverage) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())
