"""How many points are left after how many halvings, and what the halvings decide by."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wassail._validate import check_integer, check_real
from wassail.exceptions import InputError
from wassail.kernels import BSpline, GroupAverage, Kernel, LaplaceL1, Product, Sinc, Sum, core_kernel

F64 = NDArray[np.float64]

_LARGEST_OVERSAMPLING = 30


@dataclass(frozen=True)
class Sizes:
    """
    What is to be left of n points.

    Attributes
    ----------
    n : int
        Points.
    halvings : int
        Times that they are halved.
    size : int
        Points wanted in the end; those of a leaf are ``n >> halvings``.
    """

    n: int
    halvings: int
    size: int


def choose_sizes(n: int, size: int | None, halvings: int | None) -> Sizes:
    """Return the sizes asked for, by default n halved to about √n; a size goes with the halvings that come nearest."""
    if size is not None and halvings is not None:
        raise InputError("size and halvings exclude each other: pass one of them")
    if halvings is not None:
        halvings = check_integer(halvings, "halvings", minimum=0)
        if halvings >= n.bit_length():
            raise InputError(f"{halvings} halvings leave nothing of {n} points: at most {n.bit_length() - 1}")
        return Sizes(n, halvings, n >> halvings)
    if size is None:
        halvings = (n.bit_length() - 1) // 2
        return Sizes(n, halvings, n >> halvings)
    size = check_integer(size, "size", minimum=1)
    if size > n:
        raise InputError(f"size is {size}, there are only {n} points")
    below = (n // size).bit_length() - 1  # the most halvings that leave enough
    nearer = size - (n >> below + 1) < (n >> below) - size
    return Sizes(n, below + 1 if nearer and n >> below + 1 else below, size)


def check_delta(value: float) -> float:
    """Return the probability that the guarantee may fail with."""
    delta = check_real(value, "delta")
    if not 0.0 < delta < 1.0:
        raise InputError(f"delta must be in (0, 1), got {value!r}")
    return delta


def check_oversampling(value: int) -> int:
    """Return g."""
    g = check_integer(value, "oversampling", minimum=0)
    if g > _LARGEST_OVERSAMPLING:
        raise InputError(f"oversampling must be at most {_LARGEST_OVERSAMPLING}, got {value!r}: 4 is much already")
    return g


def check_centered(centered: bool, kernel: Kernel) -> None:
    """Refuse to aim at the distribution under which a kernel has mean zero where there is none."""
    if centered and _is_stationary(kernel):
        raise InputError(
            f"centered is for kernels of mean zero, such as Stein kernels: no distribution makes {kernel!r} one"
        )


def too_few_weighted(size: int, n: int) -> str:
    """Say that fewer points have weight than are wanted."""
    return f"size is {size}, only {n} {'point has' if n == 1 else 'points have'} weight"


def _is_stationary(kernel: Kernel) -> bool:
    """Whether values depend on differences: no distribution has a mean of zero then, nor if a term of a sum does."""
    if isinstance(kernel, Sum):
        return any(map(_is_stationary, kernel.kernels))
    if isinstance(kernel, Product):
        return all(map(_is_stationary, kernel.kernels))
    if isinstance(kernel, GroupAverage):
        return _is_stationary(kernel.base)
    return isinstance(kernel, (LaplaceL1, Sinc, BSpline)) or core_kernel(kernel).is_radial


def split_multipliers(n: int, halvings: int, delta: float) -> F64:
    r"""
    Return :math:`2 \log(2 n_l / \delta_l)` of each level l, :math:`n_l` the points of its nodes.

    :math:`\delta_l = \delta 2^l / m` is the share of the level, spent evenly on its nodes: the schedule of `split_K`
    of goodpoints.
    """
    if halvings == 1:
        return np.array([2.0 * math.log(2.0 * n / delta)])  # an odd point counts here
    used = n >> halvings << halvings
    return np.array(
        [2.0 * math.log(2.0 * (used >> level) * halvings / (delta * 2.0**level)) for level in range(halvings)]
    )


def split_uniforms(n: int, halvings: int, rng: np.random.Generator) -> F64:
    """Return the uniform numbers of the halvings, those of each level in a row."""
    return rng.uniform(size=(halvings, n // 2)) if halvings else np.zeros((0, n // 2))


def stratified(weights: F64, rng: np.random.Generator, size: int | None = None) -> NDArray[np.uintp]:
    """Draw points, as many as there are by default, one in each stratum of the weights: each size w_i times up to 2."""
    size = weights.size if size is None else size
    cumulated = np.cumsum(weights)
    places = (np.arange(size) + rng.random(size)) / size * cumulated[-1]
    rows = np.searchsorted(cumulated, places, side="right")
    chosen: NDArray[np.uintp] = np.minimum(rows, weights.size - 1).astype(np.uintp)
    return chosen
