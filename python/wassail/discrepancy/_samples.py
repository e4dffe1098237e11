"""Samples as the core reads them, and the sums of kernel values that everything here is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._validate import check_weights
from wassail.discrepancy.boundary import Boundary, boundary_values
from wassail.exceptions import InputError, NumericalError
from wassail.kernels import GroupAverage, Kernel, check_points, core_kernel, kernel_points
from wassail.kernels import Stein as SteinKernel

F64: TypeAlias = NDArray[np.float64]

_LOOKED_AT = 64
_TURNED = 1e-6


def check_sums(*values: float | F64) -> None:
    """Refuse sums that left the range of float64, as scores of 1e200 make them."""
    if not all(np.isfinite(value).all() for value in values):
        raise NumericalError("the sums of kernel values overflow: bring points and scores to a common scale")


def shares(weights: ArrayLike | None, name: str, n: int) -> F64:
    """Return weights divided by their sum."""
    checked = check_weights(weights, name, n)
    shared: F64 = checked / checked.sum()
    return shared


def read_points(value: ArrayLike, name: str, kernel: Kernel, *, least: int = 1) -> NDArray[Any]:
    """Return at least so many points, packed for the kernel."""
    points = check_points(value, name)
    if points.shape[0] < least:
        raise InputError(f"{name} has {points.shape[0]} points, at least {least} are needed")
    return kernel_points(kernel, points, name)


def read_pair(x: ArrayLike, y: ArrayLike, kernel: Kernel, *, least: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two samples of one dimension, packed for the kernel."""
    core_kernel(kernel)
    left, right = read_points(x, "x", kernel, least=least), read_points(y, "y", kernel, least=least)
    if left.shape[1] != right.shape[1]:
        raise InputError(f"x has points of {left.shape[1]} coordinates and y of {right.shape[1]}: they must agree")
    return left, right


def read_partners(
    x: ArrayLike, y: ArrayLike, kernel: Kernel, what: str, instead: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two samples whose points are paired, at least two of each."""
    left, right = read_pair(x, y, kernel, least=2)
    if left.shape[0] != right.shape[0]:
        raise InputError(f"{what} pairs x with y, which have {left.shape[0]} and {right.shape[0]} points: {instead}")
    return left, right


@dataclass(frozen=True, eq=False)
class SteinSample:
    """Points with scores, and the factors that a boundary gives them."""

    points: NDArray[Any]
    factors: F64 | None

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.points.shape[0])

    def scaled(self, weights: F64) -> F64:
        """Return weights times factors."""
        return weights if self.factors is None else weights * self.factors


def read_stein(
    x: ArrayLike, kernel: Kernel, scores: ArrayLike | None, boundary: Boundary | None, *, least: int = 1
) -> SteinSample:
    """Return points with their scores; a boundary w replaces the score s by s + ∇ log w and scales the kernel by w."""
    inner = kernel.base if isinstance(kernel, GroupAverage) else kernel
    if not isinstance(inner, SteinKernel):
        raise InputError(f"kernel must be a Stein kernel, such as kernels.Stein(base, score), got {kernel!r}")
    points = check_points(x, "x")
    if points.shape[0] < least:
        raise InputError(f"x has {points.shape[0]} points, at least {least} are needed")
    packed = kernel_points(kernel, points, "x", scores)
    if boundary is None:
        return SteinSample(packed, None)
    factors, slopes = boundary_values(boundary, points)
    if isinstance(kernel, GroupAverage):
        _check_turns(boundary, np.asarray(kernel.group), points[:_LOOKED_AT], factors[:_LOOKED_AT])
    packed = packed.astype(np.float64)
    packed[:, points.shape[1] :] += slopes / factors[:, None]
    return SteinSample(packed, factors)


def _check_turns(boundary: Boundary, maps: F64, points: NDArray[Any], factors: F64) -> None:
    """Refuse a domain that a map of the group changes, as seen at some points."""
    for index, turn in enumerate(maps):
        try:
            turned, _ = boundary_values(boundary, points @ turn.T)
        except InputError as error:
            raise InputError(f"group[{index}] takes points out of the boundary: the domain is not invariant") from error
        if not np.allclose(turned, factors, rtol=_TURNED, atol=_TURNED * factors.max()):
            raise InputError(f"group[{index}] changes the boundary: the domain is not invariant")


@dataclass(frozen=True)
class Within:
    """Sums over the pairs of one weighted sample."""

    between: float  # Σ_{i≠j} w_i w_j h_ij
    diagonal: float  # Σ_i w_i² h_ii
    apart: float  # Σ_{i≠j} w_i w_j

    @property
    def mean(self) -> float:
        """The mean over all pairs."""
        return self.between + self.diagonal

    def unbiased(self, name: str) -> float:
        """Return the mean over pairs of two different points."""
        if self.apart <= 0.0:
            raise InputError(f"{name} has one point of positive weight: the unbiased estimate needs two")
        return self.between / self.apart


def others(weights: F64) -> F64:
    """Return the sum of all weights but the own, exact to rounding where one weight is nearly all."""
    before = np.concatenate(([0.0], np.cumsum(weights)[:-1]))
    after = np.concatenate((np.cumsum(weights[::-1])[::-1][1:], [0.0]))
    rest: F64 = before + after
    return rest


def within(core: _core.Kernel, points: NDArray[Any], weights: F64, factors: F64 | None, n_threads: int) -> Within:
    """Sum over the pairs of a sample, each pair once."""
    n = weights.size
    scaled = weights if factors is None else weights * factors
    upper = _core.kernel_upper_sums(core, points, None, scaled, np.full(n, n, dtype=np.uintp), n_threads)
    between = 2.0 * float((scaled * upper).sum())
    diagonal = float((scaled**2 * _core.kernel_diagonal(core, points)).sum())
    check_sums(between, diagonal)
    return Within(between, diagonal, float((weights * others(weights)).sum()))
