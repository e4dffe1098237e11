"""Parallel tempering: many modes, and normalizing constants."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._frozen import ReadOnly
from wassail._memory import require_memory
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive, check_threads
from wassail.exceptions import DensityError, InputError
from wassail.sampling import _diagnostics
from wassail.sampling._bar import Report, bar, check_progress
from wassail.sampling._ended import End, raise_failure, told
from wassail.sampling._interrupts import Interrupts
from wassail.sampling._run import Schedule, check_start
from wassail.sampling._session import build
from wassail.sampling._target import AnyTarget, as_core
from wassail.sampling._warn import say, warn
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.targets import Gaussian

F64 = NDArray[np.float64]

_FLOAT64 = 8
_LEAST_WARMUP = 200
_FEWEST_RUNGS = 2
_HARD = 0.9  # rejection of swaps above which hardly any walker arrives


class TemperingKernel(enum.Enum):
    """
    What moves every rung of :func:`temper`.

    Attributes
    ----------
    MALA
        Steps of :func:`mala`.
    BARKER
        Steps of :func:`barker`.
    """

    MALA = "MALA"
    BARKER = "Barker"


_KERNELS = {
    TemperingKernel.MALA: (("mala",), 0.574),
    TemperingKernel.BARKER: (("barker",), 0.4),
}


@dataclass(frozen=True, eq=False, repr=False)
class TemperingResult(ReadOnly):
    """
    Draws of the target with what the ladder says about it.

    Attributes
    ----------
    samples : SampleResult
        Draws at the top, with their diagnostics.
    betas : ndarray of shape (n_rungs,)
        Inverse temperatures of the rungs, from 0 to 1.
    rejection : ndarray of shape (n_rungs - 1,)
        Mean rejection of swaps between neighbors while drawing; equal where the ladder is well adapted.
    round_trips : ndarray of shape (chains,)
        Walks of a ladder's chains from the top to the bottom, each of which brings an independent draw up again.
    log_normalizer : float
        log ∫ exp(target(x)) dx, by stepping stones.
    log_normalizer_error : float
        Its standard error.
    barrier : float
        Communication barrier Λ, the sum of `rejection`.
    """

    samples: SampleResult
    betas: F64
    rejection: F64
    round_trips: NDArray[np.uint64]
    log_normalizer: float
    log_normalizer_error: float

    def __repr__(self) -> str:
        return (
            f"TemperingResult({self.samples!r}, {self.betas.size} rungs, barrier {self.barrier:.3g}, "
            f"{int(self.round_trips.sum())} round trips, log normalizer {self.log_normalizer:.6g} ± "
            f"{self.log_normalizer_error:.2g})"
        )

    @property
    def barrier(self) -> float:
        """Communication barrier Λ, the sum of the rejections: about 2Λ + 1 rungs are the best number."""
        return float(self.rejection.sum())


def _stepping_stones(ratios: F64, betas: F64) -> tuple[float, float]:
    """
    Return log Z₁ / Z₀ and its standard error.

    Each step of the ladder is estimated from below and from above, whose leading biases cancel; the first from below
    only, because the reference may be where the target is not. The error is that of the mean of what each draw adds,
    correlations in time and between rungs included.
    """
    widths = np.diff(betas)
    total, influence = 0.0, np.zeros((ratios.shape[0], ratios.shape[1]))
    for sign, part in ((1.0, ratios[:, :, :-1]), (-1.0, ratios[:, :, 1:])):
        share = np.full(widths.size, 0.5 * sign)
        share[0] = max(sign, 0.0)
        exponents = sign * widths * part
        highest: F64 = exponents.max(axis=(0, 1))
        if not np.all(np.isfinite(highest)):
            return -np.inf, np.inf
        weights = np.exp(exponents - highest)
        means = weights.mean(axis=(0, 1))
        total += float((share * (np.log(means) + highest)).sum())
        influence += (share * weights / means).sum(axis=2)
    if influence.shape[1] < _diagnostics.FEWEST:
        return total, np.inf
    return total, float(_diagnostics.mean_mcse(influence[:, :, None])[0])


def _gaussian(reference: Gaussian) -> tuple[F64, F64, F64, float]:
    """Return mean, factor and marginal deviations of a Gaussian, and the logarithm of its normalizing constant."""
    mean = np.asarray(reference.mean, dtype=np.float64)
    precision = np.asarray(reference.precision, dtype=np.float64)
    if precision.ndim == 1:
        factor = 1.0 / np.sqrt(precision)
        return mean, factor, factor, float(0.5 * mean.size * np.log(2.0 * np.pi) + np.log(factor).sum())
    lower = np.linalg.cholesky(precision)
    factor = np.linalg.inv(lower).T
    log_z = 0.5 * mean.size * np.log(2.0 * np.pi) - np.log(np.diag(lower)).sum()
    return mean, np.ascontiguousarray(factor), np.sqrt((factor**2).sum(axis=1)), float(log_z)


def temper(
    target: AnyTarget,
    reference: Gaussian,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    n_rungs: int = 10,
    n_steps: int = 3,
    kernel: TemperingKernel = TemperingKernel.MALA,
    thin: int = 1,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> TemperingResult:
    r"""
    Sample several modes by non-reversible parallel tempering, and estimate the normalizing constant.

    Every chain is a ladder of densities

    .. math::

        \log \pi_\beta(x) = (1 - \beta) \log \pi_0(x) + \beta \log \pi(x), \qquad 0 = \beta_0 < \dots < \beta_K = 1,

    from a Gaussian, drawn from exactly, to the target. A scan moves every rung by `n_steps` of the kernel, and swaps
    even and odd pairs of neighbors in turn, with probability
    :math:`\min(1, \exp((\beta_k - \beta_{k+1})(U(x_{k+1}) - U(x_k))))`, :math:`U = \log \pi - \log \pi_0`.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density with its gradient, see :func:`mala`. It may be −inf where the reference is not.
    reference : targets.Gaussian
        π_0: as wide as the target with all its modes. Its scales precondition the kernel.
    x0 : array_like of shape (chains, d)
        Starting points of the ladders.
    n_samples : int
        Draws of each ladder.
    n_warmup : int, optional
        Scans before the first draw, which move the rungs to where swaps are rejected equally often; by default as many
        as draws, at least 200. With 0 the rungs are :math:`(k / K)^3`.
    step_size : float, optional
        h of the kernel, on all rungs. A given one is never adapted; by default every rung finds its own.
    n_rungs : int, default 10
        K + 1 ≥ 2; about twice `TemperingResult.barrier` is best.
    n_steps : int, default 3
        Steps of the kernel between swaps.
    kernel : TemperingKernel, default MALA
        What moves the rungs.
    thin : int, default 1
        Scans per draw.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words.
    callback : callable, optional
        Called as ``callback(scan, step_size, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    TemperingResult
        Draws, the ladder, round trips, and the normalizing constant with its error.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        The density or callback raised, or a C function gave up; ``error.result`` has the draws made before.
    MemoryLimitError
        The draws would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, steps diverged, or swaps are nearly always rejected.

    Notes
    -----
    ``(n_rungs - 1) * n_steps + 1`` gradients a scan and ladder; O(chains · n_samples · (d + n_rungs)) memory. Ladders
    go to different threads, and the rungs of one ladder too where gradients take long. A batched callable gets all
    rungs of all chains at once. A tempered run keeps all its draws in memory and cannot be resumed: there is no `keep`,
    `sink` or `resume`.

    References
    ----------
    Syed, Bouchard-Côté, Deligiannidis, Doucet, "Non-reversible parallel tempering: a scalable highly parallel MCMC
    scheme", JRSS B 84 (2022), arXiv:1905.02939.
    Xie, Lewis, Fan, Kuo, Chen, "Improving marginal likelihood estimation for Bayesian phylogenetic model selection",
    Syst. Biol. 60 (2011), doi:10.1093/sysbio/syq085.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> def two_modes(x):  # of equal weight, at -6 and 6
    ...     return np.logaddexp(-0.5 * (x[:, 0] - 6) ** 2, -0.5 * (x[:, 0] + 6) ** 2), 6 * np.tanh(6 * x) - x
    >>> wide = sampling.targets.Gaussian([0.0], [1 / 40])
    >>> result = sampling.temper(two_modes, wide, np.full((4, 1), 6.0), n_samples=1000, rng=0)
    >>> bool(abs((result.samples.draws > 0).mean() - 0.5) < 0.1)
    True
    >>> bool(abs(result.log_normalizer - np.log(2 * np.sqrt(2 * np.pi))) < 4 * result.log_normalizer_error)
    True
    """
    if not isinstance(reference, Gaussian):
        raise InputError(f"reference must be a sampling.targets.Gaussian, which can be drawn from, got {reference!r}")
    if hasattr(reference.precision, "tocsr"):
        raise InputError("reference must have a precision of shape (d,) or (d, d): a sparse one cannot be drawn from")
    if not isinstance(kernel, TemperingKernel):
        raise InputError(f"kernel must be a wassail.sampling.TemperingKernel, got {kernel!r}")
    rungs = check_integer(n_rungs, "n_rungs", minimum=_FEWEST_RUNGS)
    steps = check_integer(n_steps, "n_steps", minimum=1)
    if n_warmup is None:
        n_warmup = max(_LEAST_WARMUP, check_integer(n_samples, "n_samples", minimum=1))
    check_integer(n_samples, "n_samples", minimum=1)
    schedule = Schedule.checked(n_samples, n_warmup, thin, adapts="step_size" if step_size is None else None)
    start = check_start(x0)
    if callback is not None and not callable(callback):
        raise InputError(f"callback must be callable as callback(scan, step_size, acceptance), got {callback!r}")
    chains, d = start.shape
    if reference.dim != d:
        raise InputError(f"x0 has {d} coordinates, the reference has {reference.dim}")
    size = _FLOAT64 * chains * (schedule.n_samples * (d + 2 + rungs) + 12 * d * rungs)
    require_memory(size, f"{schedule.n_samples} draws of {chains} ladders", "draw less, or keep every k-th with thin=k")
    core, (mean, factor, scale, log_z) = as_core(target, d), _gaussian(reference)
    recipe, acceptance = _KERNELS[kernel]
    name = f"tempered {kernel.value}"
    key = int(make_generator(rng).integers(0, 2**64, dtype=np.uint64))
    total = schedule.n_warmup + schedule.n_samples * schedule.thin
    hearing = bar(name, "scans", show=check_progress(progress), n_warmup=schedule.n_warmup, total=total)
    first = (d ** (-1.0 / 3.0), acceptance) if step_size is None else (check_positive(step_size, "step_size"), None)
    made: list[tuple[Any, ...]] = []
    with Interrupts(lambda: None) as interrupts:
        with hearing as report:
            arguments = (
                core,
                (as_core(reference, d), mean, factor.ravel()),
                build(recipe),
                start.ravel(),
                np.ascontiguousarray(scale),
                key,
                (schedule.n_warmup, schedule.n_samples, schedule.thin),
                (rungs, steps),
                first,
                report,
                callback,
                check_threads(n_threads),
            )
            # No line of Python between the core and the list: Ctrl-C may strike at each.
            interrupts.call(made.extend, starmap(_core.run_tempering, [arguments]))
        interrupts.hold()
        if not made:
            raise KeyboardInterrupt
        ended, arrays, (divergences, trips), (betas, rejection, sizes, scans), (raised, other) = made[0]
        code, bad, count = ended
        end = End.COMPLETE if count == schedule.n_samples else told(code, raised)
        draws, log_density, accepted, ratios = (
            part.reshape(chains, schedule.n_samples, -1)[:, :count] for part in arrays
        )
        samples = SampleResult(
            draws=draws,
            log_density=log_density[:, :, 0],
            acceptance=accepted[:, :, 0],
            divergences=divergences,
            outside=np.zeros(chains, dtype=np.uint64),
            step_size=np.full(chains, sizes[-1]),
            scale=scale,
            n_directions=0,
            length=0.0,
            n_gradients=rungs - 1 + scans * ((rungs - 1) * steps + 1),
            n_warmup=schedule.n_warmup,
            thin=schedule.thin,
            algorithm=name,
            reason="",
            key=key,
            status=RunStatus.COMPLETE if end is End.COMPLETE else RunStatus.INTERRUPTED,
            coordinates=None,
            gradients=None,
            moments=None,
            flat=np.zeros(chains, dtype=np.bool_),
            state=None,
        )
        place = f"after {count} draws of each chain"
        if other is not None:
            raise DensityError(f"the callback or the progress bar failed {place}: {other!r}", samples) from other
        raise_failure(end, raised, samples, target=target, start=start, chain=bad, begun=scans > 0, place=place)
        value, error = _stepping_stones(ratios, betas) if count else (-np.inf, np.inf)
        result = TemperingResult(samples, betas, rejection, trips, log_z + value, error)
        warn(samples, interrupts, whole=result)
        _warn_ladder(result)
        return result


def _warn_ladder(result: TemperingResult) -> None:
    """Say in words when walkers hardly climb."""
    worst = int(np.argmax(result.rejection))
    if result.samples.draws.shape[1] and result.rejection[worst] > _HARD:
        say(
            f"{result.samples.algorithm}: {result.rejection[worst]:.0%} of the swaps between rungs {worst} and "
            f"{worst + 1} are rejected: more n_rungs (twice the barrier, {2 * result.barrier:.0f} or more), a longer "
            "warm-up, or a reference closer to the target",
            result,
        )
