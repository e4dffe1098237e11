"""Convergence in words: what speaks against the draws of a run."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from wassail._user import user_level
from wassail.exceptions import ConvergenceWarning
from wassail.sampling import _diagnostics
from wassail.sampling._interrupts import Interrupts
from wassail.sampling.results import SampleResult

_RHAT = 1.01
_LOOKED_AT = 100  # coordinates that the warning looks at: all of them would take longer than the draws
_DRAWS = 2000  # draws of a chain that it looks at, at least, of more every k-th: enough to tell 100 independent ones
_FEWEST_DRAWS, _FEWEST_COORDINATES = 200, 8  # the same of very many chains, of which
_NUMBERS = 2**20  # numbers, about, take a third of a second
_CHEAP = 2**18  # numbers of which all are looked at
_DOUBT = 1.005  # R-hat of some draws from which on that of all is looked at,
_WORST = 4  # in the worst coordinates
_STUCK = 0.01  # mean acceptance of a chain that does not move
_TRUSTED = 100  # draws a chain below which effective numbers are not judged
_FEWEST = 8  # draws a chain below which nothing is judged
_CHANCE = 0.01  # that independent draws are said to disagree, where there are few
_EDGY = 0.1  # share of steps that leave the support
_ENDLESS = 0.5  # share of the updates of a coordinate that find no end of the density
_SHRINKING = 100  # evaluations an update of slices, which takes five where widths are right
_SEEN = 1e-3  # the same, above which an edge is named where chains do not agree
_SHORT = 0.02  # step over the scales of the density, below which something is wrong where chains do not agree either
_TRAJECTORIES = {"HMC", "MALT", "MAMS"}
_REJECTED = 1e-3  # acceptance of a trajectory that went wrong,
_NECK, _SEVERAL = 0.005, 10  # and the share and number of them from which on they are told
_COARSE = 0.01  # spacing of numbers about the log-density
_SOME = 64  # draws of a chain that are looked at
_ENOUGH = 100  # effective draws of a chain below which its diagnostics mean little


def warn(
    result: SampleResult,
    interrupts: Interrupts,
    *,
    known: tuple[str, ...] = (),
    whole: object = None,
) -> None:
    """
    Say in words when chains do not agree, or the density failed on the way, after what is `known` already.

    The caller returns `whole`, or the result as it is.
    """
    words = [*known, *_coarse(result), *_divergences(result), *_edges(result, _EDGY), *_stuck(result), *_flat(result)]
    # Who pressed Ctrl-C wants no look that takes as long as SciPy does to import; who presses it now keeps the draws.
    if not interrupts.hit:
        interrupts.call(lambda: words.extend(_disagreement(result)))
        words += ["the look at R-hat was interrupted"] * interrupts.hit
    if words:
        say(f"{result.algorithm}: " + "; ".join(words), result if whole is None else whole)


def say(message: str, result: object) -> None:
    """Warn at the user's line; where a filter makes an exception of it, that carries the result."""
    try:
        warnings.warn(message, ConvergenceWarning, stacklevel=user_level())
    except ConvergenceWarning as raised:
        raised.result = result
        raise


def endless(counts: NDArray[np.uint64], updates: float, draws: NDArray[np.float64] | None) -> tuple[str, ...]:
    """
    Say where slices find no end of the density, from how many of the updates of each coordinate did not.

    `draws` are those of updates along other lines, which a coordinate without end takes along.
    """
    bad = np.flatnonzero(counts > _ENDLESS * updates)
    if not bad.size or not updates:
        return ()
    where = f"coordinate {bad[0]}"
    if draws is not None:
        where = "a direction"
        if draws.size:
            where += f", most likely coordinate {np.abs(draws[:, -1]).max(axis=0).argmax()}, which goes farthest"
    words = (
        f"slices find no end of the density along {where}: it is flat there, or falls so slowly that no law has it "
        "(improper), and these draws mean nothing, or it is far wider than warm-up has found; does the target use all "
        "coordinates?"
    )
    return (words,)


def too_wide(updates: int, evaluations: int) -> tuple[str, ...]:
    """Say where the first intervals of slices are so wide that nearly all evaluations shrink them."""
    each = evaluations / max(updates, 1)
    if each < _SHRINKING:
        return ()
    return (f"an update takes {each:.0f} evaluations: step_size is far wider than the density, None adapts it",)


def _coarse(result: SampleResult) -> list[str]:
    """Differences of log-densities that rounding takes are those by which draws are accepted."""
    if not result.log_density.size:
        return []
    first = result.log_density[:, 0]
    near = first[np.abs(first).argmax()]  # a mean may overflow
    kind = np.float32 if _is_single(result.log_density) else np.float64
    spacing = float(np.spacing(kind(abs(near))))
    if not spacing > _COARSE:
        return []
    words = (
        f"log-densities are near {near:.3g}, where numbers of {kind.__name__} are "
        f"{spacing:.2g} apart, too far to tell which draws to accept: subtract a constant inside the target"
    )
    return [words]


def _is_single(values: NDArray[np.float64]) -> bool:
    """Whether all values are numbers of float32, though they came as float64."""
    some = values[:, :: max(1, values.shape[1] // _SOME)]
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((some.astype(np.float32) == some).all())


def _divergences(result: SampleResult) -> list[str]:
    count = int(result.divergences.sum())
    if not count:
        return _necks(result)
    if result.outside.any():
        remedy = (
            "the density ends at an edge beside which it is steep, where draws may be missing. Change variables so "
            "that there is none (targets.Transformed does for a box), use slice_sample, or"
        )
    else:
        remedy = "where the density is steep draws may be missing, use"
    smaller = (
        f"sampling.{result.algorithm.lower()} with a smaller step_size" if result.reason else "a smaller step_size"
    )
    return [f"{count} steps diverged: {remedy} {smaller}, or a density that is finite there"]


def _necks(result: SampleResult) -> list[str]:
    """Trajectories of steps that were adapted are hardly ever so far off where a density has one scale."""
    if result.algorithm not in _TRAJECTORIES or result.thin > 1 or not _adapts(result):
        return []
    low = int((result.acceptance < _REJECTED).sum()) - int(result.outside.sum())
    share = low / max(result.acceptance.size, 1)
    if low < _SEVERAL or share < _NECK:
        return []
    words = (
        f"{share:.1%} of the trajectories are accepted with a probability below {_REJECTED:g}: the density has places "
        "far steeper than most, where draws may be missing. Other coordinates help: logarithms of scales, the "
        "non-centered form of a hierarchical model"
    )
    return [words]


def _outside(result: SampleResult) -> float:
    """Return the share of the steps that left the support."""
    steps = result.log_density.size * result.thin
    return int(result.outside.sum()) / steps if steps else 0.0


def _edges(result: SampleResult, least: float) -> list[str]:
    share = _outside(result)
    if share < least:
        return []
    shown = f"{share:.0%}" if share > _EDGY else f"{share:.2%}"
    words = (
        f"{shown} of the steps leave the support, where the log-density is -inf: at a hard edge shorter "
        "steps hardly help. Change variables so that there is none (targets.Transformed does for a box), or use "
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
        f"that its effective sample sizes mean nothing: {_remedy(result)}"
    )
    return [words]


def _adapts(result: SampleResult) -> bool:
    """Whether warm-up found the step size."""
    return result.state is not None and result.state.plan.step[1] is not None


def _remedy(result: SampleResult) -> str:
    if not _adapts(result):
        return "a smaller step_size, or None to adapt it"
    return "a longer warm-up, other starting points, or a gradient that sampling.check_gradient finds right"


def _short(result: SampleResult) -> list[str]:
    """Name the gradient where steps are far shorter than its density asks for."""
    if not _adapts(result) or not (result.length > 0.0 or result.algorithm == "MALA"):
        return []
    step = float(np.median(result.step_size))
    if step > _SHORT:
        return []
    words = (
        f"warm-up shortened steps to {step:.2g} of the scale of the density, as a wrong gradient makes it: "
        "sampling.check_gradient(target, x0) compares it with differences"
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
    """Return some coordinates, and some draws of them: all there are, where they are few."""
    chains, n, width = draws.shape
    if draws.size <= _CHEAP and width <= _LOOKED_AT:
        return np.arange(width), np.ascontiguousarray(draws)
    rows = min(_DRAWS, max(_FEWEST_DRAWS, _NUMBERS // (_LOOKED_AT * chains)))
    every = max(1, n // rows)
    most = max(_FEWEST_COORDINATES, _NUMBERS // (chains * (n // every)))
    names = _some(width, min(_LOOKED_AT, most))
    return names, np.ascontiguousarray(draws[:, ::every, names])


def _rhat_of(
    draws: NDArray[np.float64], names: NDArray[np.intp], some: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Return R-hat of some draws, of all in the worst coordinates where it may matter, and of which it is."""
    chains, n, _ = draws.shape
    rhat = _diagnostics.rhat(some)
    if some.shape[1] == n:
        return rhat, ""
    if rhat.max() > _DOUBT and _WORST * chains * n <= _NUMBERS:
        worst = np.argsort(rhat)[-_WORST:]
        rhat[worst] = _diagnostics.rhat(np.ascontiguousarray(draws[:, :, names[worst]]))
        if rhat.argmax() in worst:
            return rhat, ""
    return rhat, f" (of {some.shape[1]} of the {n} draws a chain)"


def _limit(chains: int, n: int, looks: int) -> float:
    """Return the R-hat that draws must not exceed: of few draws what independent ones would not, which is larger."""
    from scipy.special import fdtri

    groups, size = 2 * chains, n // 2
    ratio = fdtri(groups - 1, groups * (size - 1), 1.0 - _CHANCE / (2 * looks))
    return max(_RHAT, float(np.sqrt((size - 1 + ratio) / size)))


def _disagreement(result: SampleResult) -> list[str]:
    """Say where chains do not agree, and what else may be the cause."""
    words = _agreement(result)
    if not words:
        return []
    edge = _edges(result, _SEEN) if _outside(result) < _EDGY else []
    return words + edge + _short(result)


def _apart(value: float, limit: float) -> tuple[str, str]:
    """Return two numbers with enough digits to tell them apart."""
    both = (f"{value:.17g}", f"{limit:.17g}")
    for digits in range(4, 17):
        short = (f"{value:.{digits}g}", f"{limit:.{digits}g}")
        if short[0] != short[1]:
            return short
    return both


def _agreement(result: SampleResult) -> list[str]:
    chains, n = result.log_density.shape
    if n < _FEWEST:
        return []
    ess, every = None, ""
    if result.moments is not None:
        names = _some(result.moments.mean.size)
        rhat, ess = result.moments.rhat()[names], result.moments.ess()[names]
        still = (result.moments.chain_variance[:, names] == 0.0).any(axis=0)
    else:
        names, some = _looked_at(result.draws)
        if not np.isfinite(some).all():
            return ["kept values are not finite: R-hat and effective sample sizes mean nothing"]
        rhat, every = _rhat_of(result.draws, names, some)
        if n >= _TRUSTED:
            ess = _diagnostics.bulk_ess(some)
        still = (some.min(axis=1) == some.max(axis=1)).any(axis=0)  # differences may overflow
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
        found, allowed = _apart(float(rhat.max()), limit)
        words.append(
            f"R-hat of coordinate {names[rhat.argmax()]} is {found}{every}, above {allowed}: the chains do not "
            "agree yet, make more draws or start the chains elsewhere"
        )
    elif ess is not None and n >= _TRUSTED and ess.min() < enough * chains:
        words.append(
            f"the {chains * n} draws are worth {ess.min():.3g} independent ones for coordinate {names[ess.argmin()]}, "
            f"below {enough:.0f} a chain: make more draws, or keep every k-th of more with thin=k"
        )
    return words
