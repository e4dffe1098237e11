"""What all samplers share: checks, and the plan of a run."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, real_array
from wassail._memory import require_memory
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive
from wassail.exceptions import InputError
from wassail.sampling._bar import Report
from wassail.sampling._record import STATE_BYTES, Wanted, apply
from wassail.sampling._session import Hooks, Plan, Recipe, begin, draws_alone
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Function, Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner, as_preconditioner
from wassail.sampling.results import SampleResult

__all__ = ["Algorithm", "Report", "check_start", "run"]


_LONGEST = 1024  # steps of a trajectory
_ROUNDING = 1e-3  # share of the largest value by which products of matrices may differ with the number of rows


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A transition of the core, and how its step size is found."""

    name: str
    recipe: Recipe  # a constructor of _core.Transition and its arguments
    acceptance: float | None  # of the adjusted step that warm-up tunes, or its squared error of the energy a dimension
    kinetic: bool
    has_scores: bool = True  # whether the last gradient was taken at the draw
    by_energy: bool = False  # whether steps are tuned by the error of the energy
    length: Length | None = None
    reason: str = ""  # why it was chosen, where it was


class LengthRule(enum.IntEnum):
    """How lengths are adapted: to an autocorrelation time in steps, or as a share of it."""

    MEMORY = 1
    SHARE = 2


@dataclass(frozen=True, slots=True)
class Length:
    """Length of trajectories, or until velocities are forgotten."""

    name: str
    value: float | None  # None adapts it
    first: float  # where that starts, once the target has unit variances
    rule: LengthRule
    goal: float

    def checked(self, step_size: float | None) -> tuple[float, int, float]:
        """Return the value, rule and goal that the core wants; trajectories have a limited number of steps."""
        if self.value is None:
            return self.first, int(self.rule), self.goal
        value = check_positive(self.value, self.name)
        if self.rule is LengthRule.MEMORY and step_size is not None and value > _LONGEST * step_size:
            raise InputError(f"{self.name} is {value:.3g}, more than {_LONGEST} steps of {step_size:.3g}")
        return value, 0, 0.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Numbers of steps and draws, checked."""

    n_samples: int
    n_warmup: int
    thin: int

    @classmethod
    def checked(cls, n_samples: int, n_warmup: int | None, thin: int, *, adapts: str | None) -> Schedule:
        """Fill in the default of warm-up: as many steps as draws when something is adapted, else none."""
        samples = check_integer(n_samples, "n_samples", minimum=0)
        every = check_integer(thin, "thin", minimum=1)
        if n_warmup is None:
            return cls(samples, max(200, samples) if adapts else 0, every)
        warmup = check_integer(n_warmup, "n_warmup", minimum=0)
        if adapts and warmup == 0:
            raise InputError(f"{adapts} is None, which adapts it during warm-up, but n_warmup is 0: give one of them")
        return cls(samples, warmup, every)


def check_start(x0: ArrayLike) -> NDArray[np.float64]:
    """Return the starting points, (chains, d); where states of so many chains do not fit, before they are copied."""
    if isinstance(x0, np.ndarray):
        size = STATE_BYTES * x0.size
        require_memory(size, f"x0 of shape {x0.shape}, with gradients and proposals,", "fewer chains or coordinates")
    start = real_array(x0, "x0", ndim=(2,), passed=(1,))
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
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    store_gradients: bool = False,
) -> SampleResult:
    """Run the chains of an algorithm and warn in words when they do not agree."""
    length = algorithm.length
    adapts = "step_size" if step_size is None else length.name if length is not None and length.value is None else None
    schedule = Schedule.checked(n_samples, n_warmup, thin, adapts=adapts)
    start = check_start(x0)
    hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
    dim = start.shape[1]
    first = dim ** (-1.0 / 3.0) if step_size is None else check_positive(step_size, "step_size")
    if store_gradients is True and not algorithm.has_scores:
        raise InputError(f"store_gradients: {algorithm.name} takes its gradients beside its draws, not at them")
    plan = Plan(
        name=algorithm.name,
        recipe=algorithm.recipe,
        key=int(make_generator(rng).integers(0, 2**64, dtype=np.uint64)),
        n_warmup=schedule.n_warmup,
        thin=schedule.thin,
        step=(
            first,
            algorithm.acceptance if step_size is None else None,
            algorithm.by_energy,
            algorithm.kinetic,
            int(as_preconditioner(precondition, adapts=step_size is None)),
        ),
        length=(0.0, 0, 0.0) if length is None else length.checked(step_size),
        has_length=length is not None,
        reason=algorithm.reason,
        has_scores=algorithm.has_scores,
        wanted=check_keep(keep, start, store_gradients=store_gradients),
    )
    return begin(plan, target, start, schedule.n_samples, hooks, draws_alone)


def _width(function: Function, start: NDArray[np.float64]) -> int:
    """Return how many numbers a function keeps of a draw, and refuse one that gives other values to rows alone."""
    values = apply(function, start.copy())
    alone = apply(function, start[:1].copy())
    off = _ROUNDING * np.abs(values[np.isfinite(values)]).max(initial=0.0)
    fits = values.shape[1] == alone.shape[1] and np.allclose(values[:1], alone, _ROUNDING, off, equal_nan=True)
    if not fits and np.array_equal(values, apply(function, start.copy()), equal_nan=True):  # not random ones
        raise InputError(
            "keep.function gives x0[0] other values alone than with the other rows: it must treat rows alone, as how "
            "many come together is not fixed"
        )
    width: int = values.shape[1]
    return width


def check_keep(keep: Keep | Moments | None, start: NDArray[np.float64], *, store_gradients: bool) -> Wanted:
    """Check what is to be kept."""
    keep = Keep() if keep is None else keep
    if not isinstance(keep, Keep | Moments):
        raise InputError(f"keep must be a sampling.Keep, a sampling.Moments or None, got {keep!r}")
    if not isinstance(store_gradients, bool):
        raise InputError(f"store_gradients must be True or False, got {store_gradients!r}")
    chains, dim = start.shape
    coordinates, width = None, dim
    if isinstance(keep, Moments):
        width = 0
    else:
        if keep.file is not None:  # found again from another working directory
            keep = replace(keep, file=Path(keep.file).absolute())
        coordinates = keep.chosen(dim)
        if coordinates is not None:
            width = coordinates.size
        if keep.function is not None:
            width = _width(keep.function, start)
    if store_gradients and (isinstance(keep, Moments) or keep.function is not None):
        raise InputError("store_gradients goes with draws or coordinates that are kept, not with Moments or a function")
    return Wanted(chains, dim, keep, coordinates, store_gradients, width)
