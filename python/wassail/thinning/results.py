"""What every thinning algorithm returns: the chosen points, and how good they are on demand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wassail._frozen import ReadOnly
from wassail.exceptions import InputError
from wassail.kernels import Kernel, kernel_points
from wassail.thinning._sums import pair_sum

F64 = NDArray[np.float64]
Points = NDArray[np.float32] | NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class ThinningResult(ReadOnly):
    r"""
    Points that stand for many.

    Attributes
    ----------
    indices : ndarray of int, shape (size,)
        Rows of the input that were chosen.
    points : ndarray, shape (size, d)
        The chosen points.
    weights : ndarray, shape (size,) or None
        Their weights with sum 1; None where all are equal.
    kernel : Kernel
        The kernel of the discrepancy.
    centered : bool
        Whether the discrepancy is to the measure that `kernel` sends to zero (the target of a Stein kernel) and not to
        the input.
    x : ndarray, shape (n, d) or None
        The input; referred to, not copied. None if it was a stream that is gone.
    input_weights : ndarray, shape (n,) or None
        Weights of the input with sum 1; None where all are equal.
    sigma : float or None
        Sub-Gaussian constant: :math:`\int f\,dP_{in} - \int f\,dP_{out}` has mean zero and is
        :math:`\sigma |f|_k`-sub-Gaussian over the random choices. Of the random part of an algorithm, before anything
        is improved greedily; None where no bound is known: of Compress and what is built on it, of greedy choices, of
        low-rank halving, and where standard thinning was the better start.
    n_evaluations : int
        Kernel values that were used.
    n_recomputed : int
        Decisions taken in float32 that were in doubt and were taken again in float64.
    n_threads : int
        Threads of the lazy parts, 0 for the default.
    packed : ndarray or None
        The input as the core's kernel reads it; None where it is `x` itself.
    """

    indices: Indices
    points: Points
    weights: F64 | None
    kernel: Kernel
    centered: bool
    x: Points | None
    input_weights: F64 | None
    sigma: float | None
    n_evaluations: int
    n_recomputed: int
    n_threads: int
    packed: Points | None = None

    def __post_init__(self) -> None:
        """Lock a view of the input, not the caller's own array."""
        if self.x is not None:
            object.__setattr__(self, "x", self.x.view())
        super().__post_init__()

    @property
    def size(self) -> int:
        """Number of chosen points."""
        return int(self.indices.size)

    @cached_property
    def gain(self) -> float:
        r"""
        :math:`\mathrm{MMD}^2(in, out) - \mathrm{MMD}^2(in, \text{standard thinning})`: negative is better.

        Standard thinning takes every t-th point counted from the end, or the quantiles of weighted input. The terms of
        the input alone cancel: O(n · size) kernel values. Computed once and kept. The quantiles repeat heavy points:
        an output without repeats may be worse than them where its size comes near that of the input.
        """
        baseline = standard_thinning(len(self._input), self.size, self.input_weights)
        return self._relative(self._output, self.weights) - self._relative(self._input[baseline], None)

    def mmd(self) -> float:
        r"""
        Maximum mean discrepancy between the input and the chosen points, in full: O(n²) kernel values, O(n) memory.

        With `centered`, the one between the chosen points and the target of the kernel: O(size²).

        Returns
        -------
        float
            :math:`\sqrt{\sum_{ij} (w_i - v_i)(w_j - v_j) k(x_i, x_j)}` with the weights w of the input and v of the
            output.
        """
        return math.sqrt(max(self._squared, 0.0))

    @cached_property
    def _squared(self) -> float:
        relative = self._relative(self._output, self.weights)
        if self.centered:
            return relative
        w = self.input_weights
        return relative + pair_sum(self.kernel, self._input, self._input, w, w, self.n_threads)

    def _relative(self, points: Points, weights: F64 | None) -> float:
        """MMD² to the input (or the target of the kernel) without the term of the input alone."""
        own = pair_sum(self.kernel, points, points, weights, weights, self.n_threads)
        if self.centered:
            return own
        cross = pair_sum(self.kernel, points, self._input, weights, self.input_weights, self.n_threads)
        return own - 2.0 * cross

    @property
    def _input(self) -> Points:
        """The input as the core reads it."""
        if self.x is None:
            raise InputError("the input was a stream and is gone: compare with points of your own")
        return kernel_points(self.kernel, self.x, "x") if self.packed is None else self.packed

    @property
    def _output(self) -> Points:
        """The chosen points as the core reads them."""
        if self.packed is None:
            return kernel_points(self.kernel, self.points, "points")
        return self.packed[self.indices]

    def __repr__(self) -> str:
        what = f"{self.size} points of a stream" if self.x is None else f"{self.size} of {len(self.x)} points"
        return f"ThinningResult({what}, d={self.points.shape[1]}, kernel={self.kernel!r})"


def standard_thinning(n: int, size: int, weights: F64 | None = None) -> Indices:
    """Every t-th index from the end, t = n // size, or evenly where t or more were left out; quantiles if weighted."""
    if weights is None:
        step, rest = divmod(n, size)
        if rest < step:
            return np.arange(n - 1 - (size - 1) * step, n, step, dtype=np.intp)
        return np.arange(1, size + 1, dtype=np.intp) * n // size - 1
    cumulated = np.cumsum(weights)
    # A point that ends at a quantile up to rounding has reached it.
    quantiles = (np.arange(1, size + 1) / size - n * np.finfo(float).eps) * cumulated[-1]
    indices: Indices = np.searchsorted(cumulated, quantiles, side="left")
    return indices
