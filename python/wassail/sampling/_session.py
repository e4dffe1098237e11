"""Chains on their way: warmed up, drawn from, stopped and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._validate import check_integer, check_threads
from wassail.exceptions import InputError
from wassail.sampling._bar import Report, bar, check_progress
from wassail.sampling._drawing import closed, draw, raise_other
from wassail.sampling._ended import End, raise_failure, told
from wassail.sampling._file import check_path
from wassail.sampling._interrupts import Interrupts
from wassail.sampling._ladder import Ladder
from wassail.sampling._later import Later
from wassail.sampling._record import Files, Memory, Recorder, Sums, Wanted, check_size
from wassail.sampling._target import AnyTarget, as_core
from wassail.sampling._warn import endless, too_wide, warn
from wassail.sampling.keep import Function, Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import RunStatus, SampleResult

R = TypeVar("R")
Recipe: TypeAlias = tuple[str | float, ...]  # a constructor of _core.Transition and its arguments
# Makes what a run gives of its draws, its chains and the log ratios on their rungs, with what speaks against it.
Finish: TypeAlias = Callable[[SampleResult, _core.Chains, NDArray[np.float64]], tuple[R, tuple[str, ...]]]

_VALUED = {"slice", "stretch"}  # recipes that know the log-density at draws, but no gradient
_MIXED = "; steps of mixed sizes, as warm-up met places too steep for those that suit the rest"
_ESTIMATED = {"sgld", "psgld", "sghmc"}  # recipes that take estimated gradients


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that a run is made of but the target."""

    name: str
    recipe: Recipe
    key: int
    n_warmup: int
    thin: int
    step: tuple[float, float | None, bool, bool, int]
    length: tuple[float, int, float]
    has_length: bool
    reason: str  # why the sampler was chosen, where it was
    has_scores: bool  # whether gradients are those at the draws
    wanted: Wanted
    ladder: Ladder | None = None

    @property
    def unit(self) -> str:
        """What a run is counted in."""
        return "step" if self.ladder is None else "scan"

    def chains(self, target: AnyTarget, start: NDArray[np.float64], *, whole: bool, points: str = "x0") -> _core.Chains:
        """Return chains at their starting points, which have a name."""
        transition = build(self.recipe)
        core = as_core(target, self.wanted.dim, gradients=transition.uses_gradients, points=points)
        schedule, kept = (self.n_warmup, self.thin), self.wanted.in_core(whole=whole)
        if self.ladder is not None:
            return self.ladder.chains(core, transition, start, self.key, schedule, self.step[:2], kept)
        ones = np.ones(self.wanted.dim)
        return _core.Chains(core, transition, start.ravel(), ones, self.key, schedule, self.step, self.length, kept)


def build(recipe: Recipe) -> _core.Transition:
    """Return the algorithm of a recipe; nothing else of the core can be called by one."""
    kind = str(recipe[0])
    if not isinstance(vars(_core.Transition).get(kind), staticmethod):
        raise InputError(f"there is no algorithm {kind!r}")
    transition: _core.Transition = getattr(_core.Transition, kind)(*recipe[1:])
    return transition


@dataclass(frozen=True, eq=False)
class State:
    """Where chains were left, as numbers; pickles leave out the functions of the user."""

    plan: Plan
    numbers: Later[tuple[NDArray[np.float64], NDArray[np.uint64]]]
    moments: Later[tuple[NDArray[np.float64], int]] | None
    drawn: int
    target: AnyTarget | None
    needs_function: bool
    whole: bool  # whether the core stores whole draws
    ratios: NDArray[np.float64]  # log ratios on the rungs of ladders at all draws, (chains, draws, rungs)
    unverified: bool = False  # whether a look at another density was interrupted
    last: tuple[NDArray[np.float64], ...] = ()  # last rows of the files of draws and gradients, (chains, width)
    unbegun: bool = False  # whether the run failed at its start, and left no files

    @property
    def floats(self) -> NDArray[np.float64]:
        """Positions, gradients, velocities, the preconditioner, step sizes and the like."""
        return self.numbers()[0]

    @property
    def integers(self) -> NDArray[np.uint64]:
        """Counts."""
        return self.numbers()[1]

    def moved(self, file: str | PathLike[str] | None) -> State:
        """Return the state of a run whose draws are in a file that has another place now; None if it has not."""
        wanted = self.plan.wanted
        if file is None:
            return self
        if wanted.files is None or not isinstance(wanted.keep, Keep):
            raise InputError("file is given, but the run kept its draws in none")
        path = check_path(file, "file").absolute()
        if not path.exists():
            raise InputError(f"file {str(file)!r} does not exist: it takes the place where the draws are now")
        return replace(self, plan=replace(self.plan, wanted=replace(wanted, keep=replace(wanted.keep, file=path))))

    def __getstate__(self) -> dict[str, Any]:
        plan = replace(self.plan, wanted=self.plan.wanted.mapping(None))
        return {**self.__dict__, "plan": plan, "target": None}


@dataclass(frozen=True, slots=True)
class Hooks:
    """What may look on, and the threads."""

    progress: bool
    callback: Report | None
    sink: Sink | None
    n_threads: int

    @classmethod
    def checked(cls, *, progress: bool, callback: Report | None, sink: Sink | None, n_threads: int | None) -> Hooks:
        """Check all of them."""
        check_progress(progress)
        if callback is not None and not callable(callback):
            raise InputError(f"callback must be callable as callback(step, step_size, acceptance), got {callback!r}")
        if sink is not None and not callable(getattr(sink, "push", None)):
            raise InputError(f"sink must have a method push(chain, step, x, grad), got {sink!r}")
        if callable(getattr(sink, "sink", None)):
            raise InputError(f"{sink!r} takes points, not draws: pass its .sink()")
        return cls(progress, callback, sink, check_threads(n_threads))


def draws_alone(
    samples: SampleResult, _chains: _core.Chains, _ratios: NDArray[np.float64]
) -> tuple[SampleResult, tuple[str, ...]]:
    """Return the draws as what a run gives."""
    return samples, ()


def begin(plan: Plan, target: AnyTarget, start: NDArray[np.float64], n: int, hooks: Hooks, finish: Finish[R]) -> R:
    """Run chains from their starting points."""
    whole = hooks.sink is not None or plan.wanted.function is not None
    check_size(plan.wanted, n, sink=whole)
    chains = plan.chains(target, start, whole=whole)
    recorder = _recorder(plan, n, 0, hooks, begins=True)
    with _tidy(recorder):
        return _go(plan, target, chains, recorder, hooks, finish, None, start)


def resume(
    state: State,
    n: int,
    hooks: Hooks,
    target: AnyTarget | MinibatchSum | None,
    function: Function | None,
    previous: SampleResult | None,
    finish: Finish[R],
) -> R:
    """Go on where chains were left."""
    plan, wanted = state.plan, state.plan.wanted
    n = check_integer(n, "n_samples", minimum=0)
    # One that is given anew may be another; what is known of some algorithms is not that at their draws.
    verify = (target is not None or state.unverified) and (plan.has_scores or plan.recipe[0] in _VALUED)
    target = state.target if target is None else target
    if target is None:
        raise InputError("target is needed: a state that was saved or pickled does not hold it")
    taken = _taken(target, plan)
    if function is not None:
        if not state.needs_function:
            raise InputError("function is given, but the run kept none")
        plan = replace(plan, wanted=wanted.mapping(function))
    elif state.needs_function and wanted.function is None:
        raise InputError("function is needed: a state that was saved or pickled does not hold that of keep")
    if hooks.sink is not None and not state.whole:
        raise InputError("sink is given, but the run had none: start it with one")
    check_size(plan.wanted, n, sink=state.whole, before=0 if previous is None else previous.draws.shape[1])
    try:
        nowhere = np.zeros((wanted.chains, wanted.dim))
        chains = plan.chains(taken, nowhere, whole=state.whole, points="the state")
    except InputError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # of settings that no run has
        raise InputError(f"the state has settings of no run: it was changed ({error})") from error
    match chains.load(state.floats, state.integers, verify):
        case 1:
            raise InputError(
                "target is called once for all chains, which were stopped at different steps by the run that they come "
                "from: resume it with a density of the kind that it had, for one draw, then with this one"
            )
        case 2:
            raise InputError("the state does not fit its settings: it was changed, or is another version's")
    recorder = _recorder(plan, n, state.drawn, hooks, begins=state.unbegun, state=state, previous=previous)
    with _tidy(recorder):
        return _go(plan, taken, chains, recorder, hooks, finish, previous)


@contextmanager
def _tidy(recorder: Recorder) -> Iterator[None]:
    """Leave no files without draws of a run that fails at its start, or from which nothing can go on."""
    try:
        yield
    except BaseException as error:
        result = getattr(error, "result", None)
        state = getattr(getattr(result, "samples", result), "state", None)
        if not recorder.count and (state is None or state.unbegun):
            recorder.discard()
        raise


def _taken(target: AnyTarget | MinibatchSum, plan: Plan) -> AnyTarget:
    """Return what chains are given: estimated gradients are for samplers that take them."""
    if not isinstance(target, MinibatchSum):
        return target
    if plan.recipe[0] not in _ESTIMATED:
        raise InputError(f"target is a MinibatchSum, whose gradients are estimates: {plan.name} needs exact ones")
    return target._prepare(plan.wanted.dim)  # noqa: SLF001


def _recorder(
    plan: Plan,
    n: int,
    first: int,
    hooks: Hooks,
    *,
    begins: bool,
    state: State | None = None,
    previous: SampleResult | None = None,
) -> Recorder:
    wanted = plan.wanted
    store: Memory | Files | Sums
    if isinstance(wanted.keep, Moments):
        store = Sums(wanted, wanted.keep.quantiles, hooks.n_threads)
        if state is not None and (state.moments is None or not store.core.load(*state.moments())):
            raise InputError("the state has no moments that fit: it was changed, or is another version's")
    elif wanted.files is not None:
        last = () if state is None else state.last
        store = Files(wanted, wanted.files, first, begins=begins, last=last)
    else:
        store = Memory(wanted, n, (None, None) if previous is None else (previous.draws, previous.gradients))
    whole = hooks.sink is not None if state is None else state.whole
    ratios = [] if state is None or not wanted.rungs else [state.ratios]
    whole = whole or wanted.function is not None
    return Recorder(wanted, store, hooks.sink, n, first, plan.has_scores, whole=whole, ratios=ratios)


def _go(
    plan: Plan,
    target: AnyTarget,
    chains: _core.Chains,
    recorder: Recorder,
    hooks: Hooks,
    finish: Finish[R],
    previous: SampleResult | None,
    start: NDArray[np.float64] | None = None,
) -> R:
    """Make draws until all are there, or something ends it; what was made is in the result or the error."""
    total = plan.n_warmup + (recorder.first + recorder.n) * plan.thin
    shown = bar(
        plan.name,
        f"{plan.unit}s",
        show=hooks.progress,
        n_warmup=plan.n_warmup,
        total=total,
        begun=chains.progress()[0],
        diverged=chains.diverged,
    )
    with Interrupts(chains.stop) as interrupts:
        try:
            with shown as report:
                stop = draw(chains, recorder, (report, hooks.callback, hooks.n_threads), interrupts)
            stop = closed(recorder, stop)
        finally:
            recorder.abandon()
        outcome = chains.take_raised()
        end = told(stop.code, outcome)
        if end is End.DIFFERS:
            _raise_other_density(chains, stop.chain)
        samples = _result(plan, target, chains, recorder, end, previous, goes_on=stop.goes_on)
        result, words = finish(samples, chains, recorder.tempered())
        known = raise_other(stop, recorder, result)
        # A callable is given all chains at once.
        who = f"for chain {stop.chain} " if outcome is None else ""
        place = f"{who}at {plan.unit} {stop.step}, after {recorder.told()}"
        raise_failure(
            end, outcome, result, target=target, start=start, chain=stop.chain, begun=stop.step > 0, place=place
        )
        warn(samples, interrupts, known=known + words + _slices(plan, chains, recorder, samples), whole=result)
        return result


def _slices(plan: Plan, chains: _core.Chains, recorder: Recorder, result: SampleResult) -> tuple[str, ...]:
    """Return what slices say about densities without end, counted in this call, and about widths far off."""
    counts = chains.endless()
    updates = recorder.count * plan.thin * plan.wanted.chains / max(counts.size, 1)
    whole = result.draws if plan.wanted.keeps_points else result.draws[:, :, :0]
    given = plan.recipe[0] == "slice" and plan.step[1] is None
    # Ends of intervals that are too wide are where densities overflow, as those without end do.
    wide = too_wide(*chains.progress()) if given else ()
    return wide or endless(counts, updates, None if plan.recipe == ("slice", 0) else whole)


def _raise_other_density(chains: _core.Chains, chain: int) -> None:
    was, now = chains.differing(chain) or (np.nan, np.nan)
    found = "has no finite value" if np.isnan(now) else f"is now {now:.10g}"
    raise InputError(
        f"target is not the density of the saved run: log-density {was:.10g} at the saved point of chain {chain} "
        f"{found}"
    )


def _result(
    plan: Plan,
    target: AnyTarget,
    chains: _core.Chains,
    recorder: Recorder,
    end: End,
    previous: SampleResult | None,
    *,
    goes_on: bool,
) -> SampleResult:
    """Put together what was made, after what was made before."""
    draws, gradients = recorder.arrays()
    log_density, acceptance = recorder.traces()
    divergences, outside, sizes, scale, rank, steps, shortened = chains.settings()
    if previous is not None:
        if draws.shape[2] == 0:
            draws = np.zeros((draws.shape[0], previous.draws.shape[1] + draws.shape[1], 0))
        log_density = np.concatenate([previous.log_density, log_density], axis=1)
        acceptance = np.concatenate([previous.acceptance, acceptance], axis=1)
    state = None
    if goes_on:
        sums = Later(recorder.store.core.save) if isinstance(recorder.store, Sums) else None
        needs_function = recorder.wanted.function is not None
        drawn = recorder.first + recorder.count
        numbers, ratios, unverified = Later(chains.save), recorder.tempered(), chains.is_doubted()
        files = recorder.store if isinstance(recorder.store, Files) else None
        last = () if files is None else files.last()
        unbegun = end is End.FAILED_START and files is not None and files.begins
        state = State(
            plan, numbers, sums, drawn, target, needs_function, recorder.whole, ratios, unverified, last, unbegun
        )
    return SampleResult(
        draws=draws,
        log_density=log_density,
        acceptance=acceptance,
        divergences=divergences,
        outside=outside,
        step_size=sizes,
        shortened=shortened,
        scale=scale,
        n_directions=rank,
        length=steps * float(np.mean(sizes)) if plan.has_length else 0.0,
        n_gradients=chains.progress()[1],
        n_warmup=plan.n_warmup,
        thin=plan.thin,
        algorithm=plan.name,
        reason=plan.reason + (_MIXED if plan.reason and shortened else ""),
        key=plan.key,
        status=RunStatus.COMPLETE if end is End.COMPLETE else RunStatus.INTERRUPTED,
        coordinates=plan.wanted.coordinates,
        gradients=gradients,
        moments=recorder.moments(),
        flat=np.array(chains.flat()),
        state=state,
    )
