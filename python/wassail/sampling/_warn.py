"""Convergence in words: what speaks against the draws of a run."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import ConvergenceWarning
from wassail.sampling import _diagnostics
from wassail.sampling.results import SampleResult

_RHAT = 1.01
_LOOKED_AT = 100  # coordinates that the warning looks at: all of them would take longer than the draws
_NUMBERS = 2**20  # their draws, about, for the same reason (a third of a second)
_FEWEST = 10  # coordinates, even so
_DRAWS = 2000  # draws of a chain that it looks at, at least, of more every k-th: enough to tell 100 independent ones
_STUCK = 0.01  # mean acceptance of a chain that does not move
_TRUSTED = 100  # draws a chain below which R-hat and effective numbers are not judged
_ENOUGH = 100  # effective draws of a chain below which its diagnostics mean little


def warn(result: SampleResult, *, stacklevel: int) -> None:
    """Say in words when chains do not agree, or the density failed on the way."""
    words = [*_divergences(result), *_stuck(result), *_flat(result)]
    try:
        words += _agreement(result)
    except KeyboardInterrupt:  # the draws are there: they are not lost for a look at them
        words.append("the look at R-hat was interrupted")
    if words:
        warnings.warn(f"{result.algorithm}: " + "; ".join(words), ConvergenceWarning, stacklevel=stacklevel)


def _divergences(result: SampleResult) -> list[str]:
    count = int(result.divergences.sum())
    return [f"{count} steps diverged: a smaller step_size, or a density that is finite there"] if count else []


def _stuck(result: SampleResult) -> list[str]:
    if not result.acceptance.size:
        return []
    means = result.acceptance.mean(axis=1)
    stuck = np.flatnonzero(means < _STUCK)
    if not stuck.size:
        return []
    words = (
        f"chain {stuck[0]} accepts {means[stuck[0]]:.1e} of its proposals and hardly moves, so "
        "that its effective sample sizes mean nothing: a smaller step_size, or None to adapt it"
    )
    return [words]


def _flat(result: SampleResult) -> list[str]:
    if not result.flat.any() or result.log_density.shape[1] < 2:
        return []
    varied = np.ptp(result.log_density, axis=1) > 0.0
    wrong = np.flatnonzero(result.flat & varied)
    if not wrong.size:
        return []
    return [f"the gradient of chain {wrong[0]} is zero though its log-density varies: does the target return it?"]


def _some(width: int, count: int) -> NDArray[np.intp]:
    """Choose coordinates of so many draws: the worst of very many would always look bad."""
    most = min(width, _LOOKED_AT, max(_FEWEST, _NUMBERS // max(count, 1)))
    return np.unique(np.linspace(0, width - 1, most).astype(np.intp))


def _agreement(result: SampleResult) -> list[str]:
    chains, n = result.log_density.shape
    if n < _TRUSTED:
        return []
    if result.moments is not None:
        names = _some(result.moments.mean.size, 1)
        rhat, ess = result.moments.rhat()[names], result.moments.ess()[names]
        still = (result.moments.chain_variance[:, names] == 0.0).any(axis=0)
    else:
        every = max(1, n // _DRAWS)
        names = _some(result.draws.shape[2], chains * (n // every))
        some = np.ascontiguousarray(result.draws[:, ::every, names])
        if not np.isfinite(some).all():
            return ["kept values are not finite: R-hat and effective sample sizes mean nothing"]
        rhat, ess = _diagnostics.rhat(some), _diagnostics.bulk_ess(some)
        still = (np.ptp(some, axis=1) == 0.0).any(axis=0)
    if result.coordinates is not None:
        names = result.coordinates[names]
    if still.any():
        where = names[int(still.argmax())]
        return [f"coordinate {where} never moves in a chain, so that its R-hat and effective sample sizes mean nothing"]
    words = []
    if chains > 1 and rhat.max() > _RHAT:
        words.append(
            f"R-hat of coordinate {names[rhat.argmax()]} is {rhat.max():.4g}, above {_RHAT}: the chains do not agree "
            "yet, make more draws or start the chains elsewhere"
        )
    elif ess.min() < _ENOUGH * chains:
        words.append(
            f"the {chains * n} draws are worth {ess.min():.3g} independent ones for coordinate {names[ess.argmin()]}, "
            f"below {_ENOUGH} a chain: make more draws, or keep every k-th of more with thin=k"
        )
    return words
