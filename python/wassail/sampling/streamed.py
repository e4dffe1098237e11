"""Moments of draws that were not kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wassail._frozen import ReadOnly

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class StreamedMoments(ReadOnly):
    """
    Moments of draws that were not kept, with what tells whether to believe them.

    Attributes
    ----------
    n : int
        Draws of each chain.
    chain_mean, chain_variance : ndarray of shape (chains, d)
        Mean and sample variance of each chain.
    half_mean, half_variance : ndarray of shape (2, chains, d)
        The same of the two halves of each chain.
    batch_variance : ndarray of shape (d,)
        Variance of the means of batches of `batch` successive draws.
    batch : int
        About √n.
    probabilities : tuple of float
        Of the quantiles.
    quantiles : ndarray of shape (number of them, d)
        Quantiles of all draws by P²; see :class:`Moments`.
    """

    n: int
    chain_mean: F64
    chain_variance: F64
    half_mean: F64
    half_variance: F64
    batch_variance: F64
    batch: int
    probabilities: tuple[float, ...]
    quantiles: F64

    def __repr__(self) -> str:
        chains, d = self.chain_mean.shape
        return f"StreamedMoments({chains} chains of {self.n} draws in {d} dimensions)"

    @property
    def mean(self) -> F64:
        """Mean of all draws, (d,)."""
        mean: F64 = self.chain_mean.mean(axis=0)
        return mean

    @property
    def variance(self) -> F64:
        """Sample variance of all draws, (d,)."""
        chains, n = self.chain_mean.shape[0], self.n
        within = (n - 1) * self.chain_variance.sum(axis=0)
        between = n * ((self.chain_mean - self.mean) ** 2).sum(axis=0)
        variance: F64 = (within + between) / max(chains * n - 1, 1)
        return variance

    @property
    def sd(self) -> F64:
        """Standard deviation of all draws, (d,)."""
        return np.sqrt(self.variance)

    def mcse(self) -> F64:
        """
        Return the Monte Carlo standard error of every mean, from the means of batches.

        Returns
        -------
        ndarray of shape (d,)
            Too small where chains remember more than a batch, of √n draws: look at `rhat()` too.
        """
        total = self.chain_mean.shape[0] * self.n
        return np.sqrt(self.batch * self.batch_variance / total)

    def ess(self) -> F64:
        """
        Return the effective number of draws for every mean: variance over the squared standard error.

        Returns
        -------
        ndarray of shape (d,)
            All draws for coordinates without spread.
        """
        total = float(self.chain_mean.shape[0] * self.n)
        spread = self.batch * self.batch_variance
        return np.where(spread > 0.0, total * self.variance / np.where(spread > 0.0, spread, 1.0), total)

    def rhat(self) -> F64:
        r"""
        Return the split R-hat of every coordinate, from the moments of the halves of all chains, without ranks.

        Returns
        -------
        ndarray of shape (d,)
            Near 1 where chains agree.
        """
        within = self.half_variance.mean(axis=(0, 1))
        means = self.half_mean.reshape(-1, self.half_mean.shape[-1])
        between = means.var(axis=0, ddof=1)
        length = self.n / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt(1.0 - 1.0 / length + between / within)
        return np.where(within > 0.0, ratio, np.where(between > 0.0, np.inf, 1.0))


def from_table(
    table: tuple[int, list[F64], F64, F64], half: int, batch: int, probabilities: tuple[float, ...]
) -> StreamedMoments:
    """Return the moments that sums of the core mean."""
    n, (mean, square, half_mean, half_square), batch_square, quantiles = table
    chains = mean.shape[0]
    first, rest = min(half, n), max(n - half, 0)
    if rest == 0:  # the first half is not over
        half_mean, half_square, first = mean, square, n
    other_mean = mean + (mean - half_mean) * (first / rest) if rest else mean
    other_square = np.maximum(square - half_square - (first * rest / max(n, 1)) * (other_mean - half_mean) ** 2, 0.0)
    halves = [half_square / max(first - 1, 1), other_square / max(rest - 1, 1) if rest else half_square]
    return StreamedMoments(
        n=n,
        chain_mean=mean,
        chain_variance=square / max(n - 1, 1),
        half_mean=np.stack([half_mean, other_mean]),
        half_variance=np.stack(halves),
        batch_variance=batch_square / max(chains * (n // batch) - 1, 1),
        batch=batch,
        probabilities=probabilities,
        quantiles=quantiles,
    )
