"""What discrepancies and their tests return."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.discrepancy._samples import F64, Within, check_sums, others
from wassail.kernels import Kernel, core_kernel


@dataclass(frozen=True, eq=False)
class Source:
    """The samples of a discrepancy, one below the other, for what is computed on request."""

    kernel: Kernel
    points: NDArray[Any]
    factors: F64 | None
    weights: tuple[F64, ...]  # of each sample, for its own points
    n_threads: int

    def influences(self) -> list[tuple[F64, F64]]:
        """Return for each sample its weights and, for each of its points, the mean of h over the rest."""
        n = self.points.shape[0]
        factors = np.ones(n) if self.factors is None else self.factors
        table = np.zeros((len(self.weights), n))
        starts = np.cumsum([0, *(w.size for w in self.weights)])
        for row, weights, start in zip(table, self.weights, starts, strict=False):
            row[start : start + weights.size] = weights * factors[start : start + weights.size]
        sums = factors * _core.kernel_symmetric_sums(core_kernel(self.kernel), self.points, table, self.n_threads)
        check_sums(sums)
        out = []
        for k, (weights, start) in enumerate(zip(self.weights, starts, strict=False)):
            own = slice(start, start + weights.size)
            # A point's own term is left out, so its sample has the mass of the others.
            mean = sums[k, own] / np.maximum(others(weights), np.finfo(np.float64).tiny)
            across = sums[:, own].sum(axis=0) - sums[k, own]
            out.append((weights, mean - across))
        return out


@dataclass(frozen=True, eq=False, repr=False)
class Discrepancy:
    r"""
    A squared kernel discrepancy, MMD² of two samples or KSD² of one.

    Attributes
    ----------
    biased : float
        The V-statistic: the squared distance itself between the weighted samples, at least 0 up to rounding.
    within : tuple of Within
        Sums over the pairs of each sample.
    cross : float
        Mean of k over pairs of both samples, 0 for KSD.
    """

    biased: float
    within: tuple[Within, ...]
    cross: float
    source: Source = field(repr=False)

    @property
    def distance(self) -> float:
        """Square root of `biased`."""
        return math.sqrt(max(self.biased, 0.0))

    @property
    def unbiased(self) -> float:
        r"""
        The U-statistic, of mean MMD² (KSD²) and possibly negative.

        Points are not paired with themselves: of weights that sum to 1,
        :math:`\sum_{i \ne j} w_i w_j h_{ij} / (1 - \sum_i w_i^2)`.

        Raises
        ------
        InputError
            A sample has only one point of positive weight.
        """
        names = ("x", "y")
        return sum(w.unbiased(name) for w, name in zip(self.within, names, strict=False)) - 2.0 * self.cross

    def standard_error(self) -> float:
        r"""
        Return the standard error of both estimates, to first order.

        :math:`4 \sum_i w_i^2 (g_i - \bar g)^2`, summed over the samples, with :math:`g_i` the mean of h with the i-th
        point fixed. Where the discrepancy is 0 this order vanishes and the number is too small: test with
        :func:`mmd_test` or :func:`ksd_test` instead. Costs one more pass over all pairs.
        """
        total = 0.0
        for weights, means in self.source.influences():
            center = float((weights * means).sum())
            total += 4.0 * float((weights**2 * (means - center) ** 2).sum())
        return math.sqrt(total)

    def __repr__(self) -> str:
        sizes = " and ".join(str(weights.size) for weights in self.source.weights)
        return f"Discrepancy(biased={self.biased:.6g}, {sizes} points)"


@dataclass(frozen=True)
class Estimate:
    """
    An unbiased estimate from some of the pairs.

    Attributes
    ----------
    value : float
        Mean of h over the pairs.
    standard_error : float
        Its standard error, estimated from `n_batches` parts of the sample; with a single one from the points, up to √2
        too large where the distributions are equal, and inf for fewer than four points.
    n_pairs, n_batches : int
        Pairs that were evaluated, and parts that the error is estimated from.
    """

    value: float
    standard_error: float
    n_pairs: int
    n_batches: int


@dataclass(frozen=True, eq=False, repr=False)
class MonteCarloTest:
    r"""
    Result of a test that compares its statistic with simulated ones.

    Attributes
    ----------
    statistic : float
        Of the data.
    p_value : float
        :math:`(1 + \#\{b : T_b \ge T\}) / (B + 1)`; values that differ by rounding count as equal.
    standard_error : float
        Monte Carlo standard error of `p_value`, :math:`\sqrt{p (1 - p) / (B + 1)}`.
    null : ndarray, shape (B,)
        The simulated statistics :math:`T_b`.
    """

    statistic: float
    p_value: float
    standard_error: float
    null: F64

    def __repr__(self) -> str:
        return (
            f"MonteCarloTest(statistic={self.statistic:.6g}, p_value={self.p_value:.4g} ± {self.standard_error:.1g}, "
            f"{self.null.size} simulations)"
        )


def compare(statistics: F64, rounding: float) -> MonteCarloTest:
    """Compare the first statistic with the others."""
    check_sums(statistics)
    observed, null = float(statistics[0]), statistics[1:].copy()
    p_value = (1 + int((null >= observed - rounding).sum())) / statistics.size
    return MonteCarloTest(observed, p_value, p_value_error(p_value, null.size), null)


def p_value_error(p_value: float, simulations: int) -> float:
    """Return the Monte Carlo standard error of a p-value."""
    return math.sqrt(p_value * (1.0 - p_value) / (simulations + 1))
