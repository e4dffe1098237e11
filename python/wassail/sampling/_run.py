"""What all samplers share: checks, the run itself, and a warning in words."""

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._memory import require_memory
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive, check_threads
from wassail.exceptions import ConvergenceWarning, DensityError, InputError
from wassail.sampling import _diagnostics
from wassail.sampling._target import AnyTarget, as_core
from wassail.sampling.preconditioner import Preconditioner, as_preconditioner
from wassail.sampling.results import RunStatus, SampleResult

Report: TypeAlias = Callable[[int, float, float], object]  # (step, step_size, acceptance)

_FLOAT64 = 8
_RHAT = 1.01
_FAILED, _BAD_START = 2, 3
_LOOKED_AT = 100  # coordinates that the warning looks at: all of them would take longer than the draws
_STUCK = 0.01  # mean acceptance of a chain that does not move
_LONGEST = 1024  # steps of a trajectory
_TRUSTED = 100  # draws a chain below which R-hat is not judged


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A transition of the core, and how its step size is found."""

    name: str
    transition: _core.Transition
    acceptance: float  # of the adjusted step that warm-up tunes, or its squared error of the energy a dimension
    kinetic: bool
    tuner: _core.Transition | None = None  # what warm-up runs: MALA if None
    by_energy: bool = False  # whether steps are tuned by the error of the energy
    length: Length | None = None
    reason: str = ""  # why it was chosen, where it was


@dataclass(frozen=True, slots=True)
class Length:
    """Length of trajectories, or until velocities are forgotten."""

    name: str
    value: float | None  # None adapts it
    first: float  # where that starts, once the target has unit variances
    rule: LengthRule
    goal: float


class LengthRule(enum.IntEnum):
    """How lengths are adapted: by the autocorrelation time of squares, or as a share of that of coordinates."""

    MEMORY = 1
    SHARE = 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """Numbers of steps and draws, checked."""

    n_samples: int
    n_warmup: int
    thin: int

    @classmethod
    def checked(cls, n_samples: int, n_warmup: int | None, thin: int, *, adapts: str | None) -> Schedule:
        """Fill in the default of warm-up: as many steps as draws when something is adapted, else none."""
        samples = check_integer(n_samples, "n_samples", minimum=1)
        every = check_integer(thin, "thin", minimum=1)
        if n_warmup is None:
            return cls(samples, max(200, samples) if adapts else 0, every)
        warmup = check_integer(n_warmup, "n_warmup", minimum=0)
        if adapts and warmup == 0:
            raise InputError(f"{adapts} is None, which adapts it during warm-up, but n_warmup is 0: give one of them")
        return cls(samples, warmup, every)


def check_start(x0: ArrayLike) -> NDArray[np.float64]:
    """Return the starting points, (chains, d)."""
    start = real_array(x0, "x0", ndim=(1, 2))
    check_finite(start, "x0")
    if start.ndim == 1:
        raise InputError(f"x0 must have shape (chains, d), got {start.shape}: x0[None, :] starts a single chain")
    return np.ascontiguousarray(start, dtype=np.float64)


def run(
    algorithm: Algorithm,
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None,
    step_size: float | None,
    precondition: Preconditioner | bool | None,
    thin: int,
    rng: Seed,
    progress: bool,
    callback: Report | None,
    n_threads: int | None,
) -> SampleResult:
    """Run the chains of an algorithm and warn in words when they do not agree."""
    length = algorithm.length
    adapts = "step_size" if step_size is None else length.name if length is not None and length.value is None else None
    schedule = Schedule.checked(n_samples, n_warmup, thin, adapts=adapts)
    start = check_start(x0)
    if callback is not None and not callable(callback):
        raise InputError(f"callback must be callable as callback(step, step_size, acceptance), got {callback!r}")
    chains, d = start.shape
    size = _FLOAT64 * chains * schedule.n_samples * (d + 2)
    require_memory(size, f"{schedule.n_samples} draws of {chains} chains", "draw less, or keep every k-th with thin=k")
    density = as_core(target, d)
    first = d ** (-1.0 / 3.0) if step_size is None else check_positive(step_size, "step_size")
    key = int(make_generator(rng).integers(0, 2**64, dtype=np.uint64))
    goal = (algorithm.acceptance, algorithm.by_energy) if step_size is None else None
    with _bar(progress, algorithm.name, schedule) as report:
        outcome = _core.run_chains(
            density,
            algorithm.transition,
            start.ravel(),
            np.ones(d),
            key,
            (schedule.n_warmup, schedule.n_samples, schedule.thin),
            (first, goal, algorithm.kinetic, int(as_preconditioner(precondition, adapts=step_size is None))),
            algorithm.tuner,
            _core_length(length, step_size),
            report,
            callback,
            check_threads(n_threads),
        )
    result = _result(outcome, algorithm, schedule, (chains, d), key)
    _warn(result)
    return result


def _core_length(length: Length | None, step_size: float | None) -> tuple[float, int, float]:
    """Return the value, rule and goal that the core wants; trajectories have a limited number of steps."""
    if length is None:
        return 0.0, 0, 0.0
    if length.value is None:
        return length.first, int(length.rule), length.goal
    value = check_positive(length.value, length.name)
    if length.rule is LengthRule.MEMORY and step_size is not None and value > _LONGEST * step_size:
        raise InputError(f"{length.name} is {value:.3g}, more than {_LONGEST} steps of {step_size:.3g}")
    return value, 0, 0.0


@contextmanager
def _bar(progress: bool, title: str, schedule: Schedule) -> Iterator[Report | None]:
    """Draw a tqdm bar over all steps; what it shows is told by the core, never drawn from its random words."""
    if not isinstance(progress, bool):
        raise InputError(f"progress must be True or False, got {progress!r}")
    if not progress:
        yield None
        return
    from tqdm.auto import tqdm

    total = schedule.n_warmup + schedule.n_samples * schedule.thin
    with tqdm(desc=title, total=total, unit=" steps") as bar:

        def report(step: int, step_size: float, acceptance: float) -> None:
            phase = "warm-up, " if step <= schedule.n_warmup else ""
            bar.set_postfix_str(f"{phase}step size {step_size:.3g}, acceptance {acceptance:.2f}", refresh=False)
            bar.update(step - bar.n)

        yield report


def _result(
    outcome: tuple[Any, ...], algorithm: Algorithm, schedule: Schedule, shape: tuple[int, int], key: int
) -> SampleResult:
    """Cut the arrays to the draws that all chains made, or raise what the density did."""
    end, bad, count, draws, logp, acceptance, divergences, sizes, scale, counts, raised = outcome
    rank, steps, n_gradients = counts
    (chains, d), n = shape, schedule.n_samples
    if end == _BAD_START and raised is None:
        raise InputError(
            f"the log-density or its gradient is not finite at x0[{bad}]: start where the density is positive"
        )
    result = SampleResult(
        draws=draws.reshape(chains, n, d)[:, :count],
        log_density=logp.reshape(chains, n)[:, :count],
        acceptance=acceptance.reshape(chains, n)[:, :count],
        divergences=divergences,
        step_size=sizes,
        scale=scale,
        n_directions=rank,
        length=steps * float(np.mean(sizes)) if algorithm.length is not None else 0.0,
        n_gradients=n_gradients,
        n_warmup=schedule.n_warmup,
        thin=schedule.thin,
        algorithm=algorithm.name,
        reason=algorithm.reason,
        key=key,
        status=RunStatus.COMPLETE if end == 0 else RunStatus.INTERRUPTED,
    )
    if end in {_FAILED, _BAD_START}:
        if isinstance(raised, InputError):
            raise raised
        place = "at the start" if end == _BAD_START else f"after {count} draws, at gradient {n_gradients}"
        raise DensityError(f"the log-density failed {place}: {raised or 'its C function gave up'}", result) from raised
    return result


def _warn(result: SampleResult) -> None:
    """Say in words when chains do not agree, or the density failed on the way."""
    chains, n, d = result.draws.shape
    words = []
    if result.divergences.any():
        words.append(
            f"{int(result.divergences.sum())} steps diverged: a smaller step_size, or a density that is finite there"
        )
    stuck = np.flatnonzero(result.acceptance.mean(axis=1) < _STUCK) if n else np.zeros(0, dtype=np.intp)
    if stuck.size:
        words.append(
            f"chain {stuck[0]} accepts {result.acceptance[stuck[0]].mean():.1e} of its proposals and hardly moves, so "
            "that its effective sample sizes mean nothing: a smaller step_size, or None to adapt it"
        )
    if chains > 1 and n >= _TRUSTED:
        some = np.unique(np.linspace(0, d - 1, min(d, _LOOKED_AT)).astype(np.intp))
        values = _diagnostics.rhat(result.draws[:, :, some])
        worst, value = int(some[np.argmax(values)]), float(values.max())
        if value > _RHAT:
            words.append(
                f"R-hat of coordinate {worst} is {value:.3g}, above {_RHAT}: the chains do not agree yet, make more "
                "draws or start the chains elsewhere"
            )
    if words:
        warnings.warn(f"{result.algorithm}: " + "; ".join(words), ConvergenceWarning, stacklevel=4)
