"""What Stein thinning and its kin share: the sample with its scores, and their result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import real_array
from wassail._frozen import ReadOnly
from wassail._validate import check_threads
from wassail.exceptions import InputError
from wassail.kernels import InverseMultiquadric, Kernel, Stein, check_points, core_kernel, kernel_points
from wassail.kernels import median_preconditioner
from wassail.thinning._greedy import unfinished

F64 = NDArray[np.float64]
Points = NDArray[Any]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class SteinThinningResult(ReadOnly):
    """
    Points that stand for the target density of a Stein kernel.

    Attributes
    ----------
    indices : ndarray of int, shape (m,)
        Rows of the input that were chosen.
    points : ndarray, shape (m, d)
        The chosen points.
    scores : ndarray, shape (m, d)
        Their scores.
    weights : ndarray, shape (m,) or None
        Their weights with sum 1; None where all are equal.
    kernel : Stein
        The kernel; its points are the standardized ones where that was asked for.
    ksd : float
        Kernel Stein discrepancy between the weighted points and the target, of this kernel.
    n_evaluations : int
        Kernel values that were used.
    """

    indices: Indices
    points: Points
    scores: Points
    weights: F64 | None
    kernel: Stein
    ksd: float
    n_evaluations: int

    @property
    def size(self) -> int:
        """Number of chosen points."""
        return int(self.indices.size)

    def __repr__(self) -> str:
        weighted = "" if self.weights is None else "weighted, "
        d = self.points.shape[1]
        return f"SteinThinningResult({self.size} points, {weighted}d={d}, ksd={self.ksd:.4g}, kernel={self.kernel!r})"


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample with its scores as given, and as the kernel sees it."""

    points: Points
    scores: Points
    packed: Points
    kernel: Stein
    n_threads: int

    @property
    def core(self) -> _core.Kernel:
        """Kernel of the core."""
        return core_kernel(self.kernel)

    def diagonal(self) -> F64:
        """k0(x_i, x_i), finite."""
        values = _core.kernel_diagonal(self.core, self.packed)
        if not np.isfinite(values).all():
            raise unfinished()
        return values

    def result(self, indices: Indices, weights: F64 | None, squared: float, n_evaluations: int) -> SteinThinningResult:
        """Return the result with the discrepancy of this square."""
        chosen = self.points[indices], self.scores[indices]
        return SteinThinningResult(indices, *chosen, weights, self.kernel, math.sqrt(max(squared, 0.0)), n_evaluations)


def read_sample(
    x: ArrayLike, scores: ArrayLike | None, kernel: Kernel | None, *, standardize: bool, n_threads: int | None
) -> Sample:
    """Check the sample; the default kernel has the median distance as its length."""
    points = check_points(x, "x")
    if kernel is not None and not isinstance(kernel, Stein):
        raise InputError(f"kernel must be a kernels.Stein, got {kernel!r}")
    if kernel is None and scores is None:
        raise InputError("scores are required: the gradients of the log density at x, or a kernel that computes them")
    plain = Stein() if kernel is None else kernel
    packed = kernel_points(plain, points, "x", scores)
    d = points.shape[1]
    own = packed[:, d:]
    if standardize:
        scale = _spread(points)
        packed = np.concatenate((points / scale, own * scale), axis=1)
    if kernel is None:
        kernel = Stein(InverseMultiquadric(), preconditioner=median_preconditioner(packed[:, :d]))
    return Sample(points, own, packed, kernel, check_threads(n_threads))


def _spread(points: Points) -> F64:
    """Return the mean absolute deviation of each coordinate."""
    wide = points.astype(np.float64)
    scale: F64 = np.abs(wide - wide.mean(axis=0)).mean(axis=0)
    if not scale.min() > 0.0:
        raise InputError(f"x[:, {int(np.argmin(scale))}] is constant: it cannot be standardized")
    return scale


def vector(value: ArrayLike, name: str, size: int) -> F64:
    """Return a finite vector with an entry for each point."""
    array = real_array(value, name, ndim=(1, 2))
    if array.shape not in {(size,), (size, 1)}:
        raise InputError(f"{name} must have shape ({size},), got {array.shape}")
    flat = np.array(array.reshape(-1), dtype=np.float64)
    if not np.isfinite(flat).all():
        index = int(np.argmin(np.isfinite(flat)))
        raise InputError(f"{name}[{index}] is {flat[index]}: every entry must be finite")
    return flat
