"""Ladders from a Gaussian to a target: what tempered runs are made of beside their chains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.exceptions import InputError
from wassail.sampling import _diagnostics
from wassail.sampling.targets import Gaussian

F64 = NDArray[np.float64]

_TINY = 1e-300
_ITERATIONS = 5000  # enough for bisection over all numbers
_FEWEST_WEIGHTS = 10.0  # effective number of draws that a mean of weights rests on, below which its error is a guess


@dataclass(frozen=True, eq=False)
class Ladder:
    """Where ladders begin, and how they are climbed."""

    reference: Gaussian
    rungs: int
    steps: int  # of the kernel, between swaps

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if not isinstance(self.reference, Gaussian):
            raise InputError(
                f"reference must be a sampling.targets.Gaussian, which can be drawn from, got {self.reference!r}"
            )
        if hasattr(self.reference.precision, "tocsr"):
            raise InputError(
                "reference must have a precision of shape (d,) or (d, d): a sparse one cannot be drawn from"
            )

    def arrays(self) -> tuple[F64, F64]:
        """Return mean and precision of the reference."""
        return np.asarray(self.reference.mean, dtype=np.float64), np.asarray(self.reference.precision, dtype=np.float64)

    def gaussian(self) -> tuple[F64, F64, F64, float]:
        """Return mean, factor and marginal deviations, and the logarithm of the normalizing constant."""
        mean, precision = self.arrays()
        if precision.ndim == 1:
            factor = 1.0 / np.sqrt(precision)
            return mean, factor, factor, float(0.5 * mean.size * np.log(2.0 * np.pi) + np.log(factor).sum())
        lower = np.linalg.cholesky(precision)
        factor = np.linalg.inv(lower).T
        log_z = 0.5 * mean.size * np.log(2.0 * np.pi) - np.log(np.diag(lower)).sum()
        return mean, np.ascontiguousarray(factor), np.sqrt((factor**2).sum(axis=1)), float(log_z)

    def chains(
        self,
        target: _core.Target,
        transition: _core.Transition,
        start: F64,
        key: int,
        schedule: tuple[int, int],
        step: tuple[float, float | None],
        kept: tuple[list[int] | None, bool],
    ) -> _core.Chains:
        """Return ladders at their starting points."""
        mean, factor, scale, _ = self.gaussian()
        return _core.Chains.ladders(
            target,
            (self.reference._core_target(), mean, factor.ravel()),  # noqa: SLF001
            transition,
            start.ravel(),
            np.ascontiguousarray(scale),
            key,
            schedule,
            (self.rungs, self.steps),
            step,
            kept,
        )


def acceptance_ratios(ratios: F64, betas: F64) -> tuple[float, float]:
    """
    Return log Z₁ / Z₀ and its standard error, from log ratios (chains, draws, rungs).

    The sum over the steps of the ladder of Bennett's acceptance ratio, the c with Σ σ(a − c) = Σ σ(c − b), σ the
    logistic function, a and b the log ratios of the step at the draws below and above it (Bennett 1976,
    doi:10.1016/0021-9991(76)90078-4, eq. (12)): weights are bounded, while those from above alone may have no
    variance. The error is that of the mean of what each draw adds, correlations in time and between rungs included;
    infinite where a few draws outweigh all others, as between rungs that have nothing in common, where nobody knows
    how far off the value is.
    """
    from scipy.special import expit

    total, influence, fewest = 0.0, np.zeros((ratios.shape[0], ratios.shape[1])), np.inf
    for rung, width in enumerate(np.diff(betas)):
        below, above = width * ratios[:, :, rung], width * ratios[:, :, rung + 1]
        if not (np.isfinite(below.max()) and np.isfinite(above).all()):
            return -np.inf, np.inf
        found = _bennett(below, above)
        parts = expit(below - found), expit(found - above)
        slope = sum(float((part * (1.0 - part)).sum()) for part in parts)
        fewest = min(fewest, *(_effective(part) for part in parts))
        total += found
        influence += (parts[0] - parts[1]) * (below.size / max(slope, _TINY))
    if influence.shape[1] < _diagnostics.FEWEST or fewest < _FEWEST_WEIGHTS:
        return float(total), np.inf
    return float(total), float(_diagnostics.mean_mcse(influence[:, :, None])[0])


def _bennett(below: F64, above: F64) -> float:
    """Return the root, between the largest ratio below and the least above, give or take the log of their number."""
    from scipy.optimize import brentq
    from scipy.special import expit

    def excess(c: float) -> float:
        return float(expit(below - c).sum() - expit(c - above).sum())

    # There one side is at least a half for its extreme draw alone, and the other below that.
    ends, room = sorted((float(below.max()), float(above.min()))), np.log(2.0 * below.size) + 1.0
    return float(brentq(excess, ends[0] - room, ends[1] + room, xtol=1e-12, rtol=1e-14, maxiter=_ITERATIONS))


def _effective(weights: F64) -> float:
    """Return the effective number of draws that a mean of weights rests on."""
    return float(weights.sum() ** 2 / max(float((weights**2).sum()), _TINY))
