"""Moments of draws that were not kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail._frozen import FieldsOnly
from wassail.exceptions import InputError
from wassail.sampling._later import Later

_FEWEST = 4  # draws of a chain that say something of it

F64: TypeAlias = NDArray[np.float64]
Table: TypeAlias = tuple[int, list[F64], F64, F64]  # of `_core.Moments.table`


@dataclass(frozen=True, eq=False, repr=False)
class StreamedMoments(FieldsOnly):
    """
    Moments of draws that were not kept, with what tells whether to believe them.

    Arrays are made when they are first asked for: until then the result of a run holds the sums of the core.

    Attributes
    ----------
    n : int
        Draws of each chain.
    chains, dim : int
        Number of chains and of coordinates.
    first : int
        Draws of the first of the two parts of each chain that are compared: the power of two between n / 3 and 2 n / 3.
    batch : int
        Draws of a batch, the largest power of two up to √n. Parts and batches are cut by the number of draws alone:
        runs that are resumed have the moments of one that was not.
    batches : int
        Batches of each chain; the first draws are in none, nearly 2/3 of all or more are.
    probabilities : tuple of float
        Of the quantiles.
    """

    n: int
    chains: int
    dim: int
    first: int
    batch: int
    batches: int
    probabilities: tuple[float, ...]
    _table: Later[Table]

    def __repr__(self) -> str:
        return f"StreamedMoments({self.chains} chains of {self.n} draws in {self.dim} dimensions)"

    @cached_property
    def chain_mean(self) -> F64:
        """Mean of each chain, (chains, d); NaN before the first draw."""
        mean = self._table()[1][0]
        return _locked(mean if self.n else np.full_like(mean, np.nan))

    @cached_property
    def chain_variance(self) -> F64:
        """Sample variance of each chain, (chains, d)."""
        return _locked(self._table()[1][1] / max(self.n - 1, 1))

    @cached_property
    def _halves(self) -> tuple[F64, F64]:
        mean, square, half_mean, half_square = self._table()[1]
        n, first = self.n, self.first
        rest = n - first
        if rest == 0:  # there are no two parts
            both = square / max(n - 1, 1)
            return _locked(np.stack([mean, mean])), _locked(np.stack([both, both]))
        other = mean + (mean - half_mean) * (first / rest)
        other_square = np.maximum(square - half_square - (first * rest / n) * (other - half_mean) ** 2, 0.0)
        variances = [half_square / max(first - 1, 1), other_square / max(rest - 1, 1)]
        return _locked(np.stack([half_mean, other])), _locked(np.stack(variances))

    @property
    def half_mean(self) -> F64:
        """Mean of the two parts of each chain, (2, chains, d)."""
        return self._halves[0]

    @property
    def half_variance(self) -> F64:
        """Sample variance of the two parts of each chain, (2, chains, d)."""
        return self._halves[1]

    @cached_property
    def batch_variance(self) -> F64:
        """Variance of the means of batches of `batch` successive draws, (d,)."""
        return _locked(self._table()[2] / max(self.chains * self.batches - 1, 1))

    @property
    def quantiles(self) -> F64:
        """Quantiles of all draws by P², (number of them, d); see :class:`Moments`."""
        return _locked(self._table()[3])

    @property
    def mean(self) -> F64:
        """Mean of all draws, (d,)."""
        mean: F64 = self.chain_mean.mean(axis=0)
        return mean

    @property
    def variance(self) -> F64:
        """Sample variance of all draws, (d,)."""
        chains, n = self.chains, self.n
        within = (n - 1) * self.chain_variance.sum(axis=0)
        between = n * ((self.chain_mean - self.mean) ** 2).sum(axis=0)
        variance: F64 = (within + between) / max(chains * n - 1, 1)
        return variance

    @property
    def sd(self) -> F64:
        """Standard deviation of all draws, (d,)."""
        return np.sqrt(self.variance)

    def _require_some(self) -> None:
        if self.n < _FEWEST:
            raise InputError(f"there are {self.n} draws of each chain: at least {_FEWEST} are needed")

    def mcse(self) -> F64:
        """
        Return the Monte Carlo standard error of every mean, from the means of batches.

        Returns
        -------
        ndarray of shape (d,)
            Too small where chains remember more than a batch, of √n draws: look at `rhat()` too.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        self._require_some()
        total = self.chains * self.n
        error: F64 = np.sqrt(self.batch * self.batch_variance / total)
        return error

    def ess(self) -> F64:
        """
        Return the effective number of draws for every mean: variance over the squared standard error.

        Returns
        -------
        ndarray of shape (d,)
            All draws for coordinates without spread.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        self._require_some()
        total = float(self.chains * self.n)
        spread = self.batch * self.batch_variance
        ess: F64 = np.where(spread > 0.0, total * self.variance / np.where(spread > 0.0, spread, 1.0), total)
        return ess

    def rhat(self) -> F64:
        r"""
        Return the split R-hat of every coordinate, from the moments of both parts of all chains, without ranks.

        Returns
        -------
        ndarray of shape (d,)
            Near 1 where chains agree.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        self._require_some()
        length = self.n / 2
        weights = np.array([self.first, self.n - self.first])[:, None, None] / length
        within = _pooled(self.half_variance, np.maximum(weights - 1.0 / length, 0.0))
        between = (weights * (self.half_mean - _pooled(self.half_mean, weights)) ** 2).sum(axis=(0, 1))
        between /= 2 * self.chains - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.sqrt(1.0 - 1.0 / length + between / within)
        return np.where(within > 0.0, ratio, np.where(between > 0.0, np.inf, 1.0))


def _pooled(values: F64, weights: F64) -> F64:
    """Return means over parts and chains."""
    mean: F64 = (weights * values).mean(axis=1).sum(axis=0) / weights.sum()
    return mean


def _locked(values: F64) -> F64:
    values.flags.writeable = False
    return values
