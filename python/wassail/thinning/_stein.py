"""What Stein thinning and its kin share: the sample with its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import real_array
from wassail._validate import check_threads
from wassail.exceptions import InputError
from wassail.kernels import (
    InverseMultiquadric,
    Kernel,
    Stein,
    check_points,
    core_kernel,
    kernel_points,
    median_preconditioner,
)
from wassail.thinning._greedy import unfinished
from wassail.thinning.results import ThinningResult

F64 = NDArray[np.float64]
Points = NDArray[Any]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample as given, and with its scores as the kernel sees it."""

    points: Points
    packed: Points
    kernel: Stein
    n_threads: int

    @property
    def core(self) -> _core.Kernel:
        """Kernel of the core."""
        return core_kernel(self.kernel)

    def diagonal(self) -> F64:
        """k0(x_i, x_i), finite."""
        values: F64 = _core.kernel_diagonal(self.core, self.packed)
        if not np.isfinite(values).all():
            raise unfinished()
        return values

    def result(
        self,
        indices: Indices,
        weights: F64 | None,
        n_evaluations: int,
        *,
        sigma: float | None = None,
        n_recomputed: int = 0,
    ) -> ThinningResult:
        """Return the result: these points stand for the target of the kernel."""
        return ThinningResult(
            indices=indices,
            points=self.points[indices],
            weights=weights,
            kernel=self.kernel,
            centered=True,
            x=self.points,
            input_weights=None,
            sigma=sigma,
            n_evaluations=n_evaluations,
            n_recomputed=n_recomputed,
            n_threads=self.n_threads,
            packed=self.packed,
        )


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
    if standardize:
        scale = _spread(points)
        packed = np.concatenate((points / scale, packed[:, d:] * scale), axis=1)
    if kernel is None:
        kernel = Stein(InverseMultiquadric(), preconditioner=median_preconditioner(packed[:, :d]))
    if kernel is not plain or standardize:
        packed = kernel_points(kernel, np.ascontiguousarray(packed[:, :d]), "x", packed[:, d:])
    return Sample(points, packed, kernel, check_threads(n_threads))


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
