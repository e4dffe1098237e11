"""Convergence in words: what speaks against the draws of a run."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import ConvergenceWarning
from wassail.sampling import _diagnostics
from wassail.sampling._interrupts import Interrupts
from wassail.sampling.results import SampleResult

_RHAT = 1.01
_LOOKED_AT = 100  # coordinates that the warning looks at: all of them would take longer than the draws
_DRAWS = 2000  # draws of a chain that it looks at, at least, of more every k-th: enough to tell 100 independent ones
_FEWEST_DRAWS, _FEWEST_COORDINATES = 200, 8  # the same of very many chains, of which
_NUMBERS = 2**20  # numbers, about, take a third of a second
_STUCK = 0.01  # mean acceptance of a chain that does not move
_TRUSTED = 100  # draws a chain below which effective numbers are not judged
_FEWEST = 8  # draws a chain below which nothing is judged
_CHANCE = 0.01  # that independent draws are said to disagree, where there are few
_EDGY = 0.1  # share of steps that leave the support
_ENOUGH = 100  # effective draws of a chain below which its diagnostics mean little


def warn(
    result: SampleResult,
    interrupts: Interrupts,
    *,
    stacklevel: int,
    known: tuple[str, ...] = (),
    whole: object = None,
) -> None:
    """
    Say in words when chains do not agree, or the density failed on the way, after what is `known` already.

    The caller returns `whole`, or the result as it is.
    """
    words = [*known, *_divergences(result), *_edges(result), *_stuck(result), *_flat(result)]
    # Who pressed Ctrl-C wants no look that takes as long as SciPy does to import; who presses it now keeps the draws.
    if not interrupts.hit:
        interrupts.call(lambda: words.extend(_agreement(result)))
        words += ["the look at R-hat was interrupted"] * interrupts.hit
    if words:
        message = f"{result.algorithm}: " + "; ".join(words)
        say(message, result if whole is None else whole, stacklevel=stacklevel)


def say(message: str, result: object, *, stacklevel: int) -> None:
    """Warn; where a filter makes an exception of it, that carries the result."""
    try:
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel + 1)
    except ConvergenceWarning as raised:
        raised.result = result
        raise


def _divergences(result: SampleResult) -> list[str]:
    count = int(result.divergences.sum())
    return [f"{count} steps diverged: a smaller step_size, or a density that is finite there"] if count else []


def _edges(result: SampleResult) -> list[str]:
    steps = result.log_density.size * result.thin
    share = int(result.outside.sum()) / steps if steps else 0.0
    if share < _EDGY:
        return []
    words = (
        f"{share:.0%} of the steps leave the support, where the log-density is -inf: at a hard edge shorter steps "
        "hardly help. Change variables so that there is none (targets.Transformed does for a box), or use "
        "slice_sample; targets.Truncated never calls the density outside"
    )
    return [words]


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


def _some(width: int, most: int = _LOOKED_AT) -> NDArray[np.intp]:
    """Choose coordinates: the worst of very many would always look bad."""
    return np.unique(np.linspace(0, width - 1, min(width, most)).astype(np.intp))


def _looked_at(draws: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return some coordinates, and some draws of them."""
    chains, n, width = draws.shape
    rows = min(_DRAWS, max(_FEWEST_DRAWS, _NUMBERS // (_LOOKED_AT * chains)))
    every = max(1, n // rows)
    most = max(_FEWEST_COORDINATES, _NUMBERS // (chains * (n // every)))
    names = _some(width, min(_LOOKED_AT, most))
    return names, np.ascontiguousarray(draws[:, ::every, names])


def _limit(chains: int, n: int, looks: int) -> float:
    """Return the R-hat that draws must not exceed: of few draws what independent ones would not, which is larger."""
    from scipy.special import fdtri

    groups, size = 2 * chains, n // 2
    ratio = fdtri(groups - 1, groups * (size - 1), 1.0 - _CHANCE / (2 * looks))
    return max(_RHAT, float(np.sqrt((size - 1 + ratio) / size)))


def _agreement(result: SampleResult) -> list[str]:
    chains, n = result.log_density.shape
    if n < _FEWEST:
        return []
    ess = None
    if result.moments is not None:
        names = _some(result.moments.mean.size)
        rhat, ess = result.moments.rhat()[names], result.moments.ess()[names]
        still = (result.moments.chain_variance[:, names] == 0.0).any(axis=0)
    else:
        names, some = _looked_at(result.draws)
        if not np.isfinite(some).all():
            return ["kept values are not finite: R-hat and effective sample sizes mean nothing"]
        rhat = _diagnostics.rhat(some)
        if n >= _TRUSTED:
            ess = _diagnostics.bulk_ess(some)
        still = (np.ptp(some, axis=1) == 0.0).any(axis=0)
    if result.coordinates is not None:
        names = result.coordinates[names]
    if not names.size:
        return []
    if still.any():
        where = names[int(still.argmax())]
        return [f"coordinate {where} never moves in a chain, so that its R-hat and effective sample sizes mean nothing"]
    words = []
    enough = min(_ENOUGH, n / 4.0)  # of few draws chance takes a part
    limit = _limit(chains, n, names.size)
    if chains > 1 and rhat.max() > limit:
        words.append(
            f"R-hat of coordinate {names[rhat.argmax()]} is {rhat.max():.4g}, above {limit:.4g}: the chains do not "
            "agree yet, make more draws or start the chains elsewhere"
        )
    elif ess is not None and n >= _TRUSTED and ess.min() < enough * chains:
        words.append(
            f"the {chains * n} draws are worth {ess.min():.3g} independent ones for coordinate {names[ess.argmin()]}, "
            f"below {enough:.0f} a chain: make more draws, or keep every k-th of more with thin=k"
        )
    return words
