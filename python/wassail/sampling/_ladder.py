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


def stepping_stones(ratios: F64, betas: F64) -> tuple[float, float]:
    """
    Return log Z₁ / Z₀ and its standard error, from log ratios (chains, draws, rungs).

    Each step of the ladder is estimated from below and from above, whose leading biases cancel; the first from below
    only, because the reference may be where the target is not. The error is that of the mean of what each draw adds,
    correlations in time and between rungs included; infinite where a few draws outweigh all others, as between rungs
    that have nothing in common, where nobody knows how far off the value is.
    """
    total, influence, fewest = 0.0, np.zeros((ratios.shape[0], ratios.shape[1])), np.inf
    for rung, width in enumerate(np.diff(betas)):
        for sign in (1.0, -1.0):
            share = max(sign, 0.0) if rung == 0 else 0.5 * sign
            if not share:
                continue
            exponents = sign * width * ratios[:, :, rung + (sign < 0)]
            highest = float(exponents.max())
            if not np.isfinite(highest):
                return -np.inf, np.inf
            weights = np.exp(exponents - highest)
            mean = float(weights.mean())
            fewest = min(fewest, float(weights.sum() ** 2 / (weights**2).sum()))
            total += share * (np.log(mean) + highest)
            influence += share / mean * weights
    if influence.shape[1] < _diagnostics.FEWEST or fewest < _FEWEST_WEIGHTS:
        return float(total), np.inf
    return float(total), float(_diagnostics.mean_mcse(influence[:, :, None])[0])
