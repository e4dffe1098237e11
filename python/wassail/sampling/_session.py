"""Chains on their way: warmed up, drawn from, stopped and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._validate import check_integer, check_threads
from wassail.exceptions import DensityError, InputError
from wassail.sampling._interrupts import Interrupts
from wassail.sampling._record import Files, Memory, Recorder, Sums, Wanted, check_size
from wassail.sampling._target import AnyTarget, as_core
from wassail.sampling._warn import warn
from wassail.sampling.keep import Moments, Sink
from wassail.sampling.results import RunStatus, SampleResult

Report: TypeAlias = Callable[[int, float, float], object]  # (step, step_size, acceptance)
Recipe: TypeAlias = tuple[str | float, ...]  # a constructor of _core.Transition and its arguments

_COMPLETE, _INTERRUPTED, _FAILED, _BAD_START = range(4)


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that a run is made of but the target."""

    name: str
    recipe: Recipe
    key: int
    n_warmup: int
    thin: int
    step: tuple[float, float | None, bool, bool]
    has_scores: bool  # whether gradients are those at the draws
    wanted: Wanted

    def chains(self, target: _core.Target, start: NDArray[np.float64], *, whole: bool) -> _core.Chains:
        """Return chains at their starting points."""
        return _core.Chains(
            target,
            build(self.recipe),
            start.ravel(),
            np.ones(self.wanted.dim),
            self.key,
            (self.n_warmup, self.thin),
            self.step,
            self.wanted.in_core(whole=whole),
        )


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
    floats: NDArray[np.float64]
    integers: NDArray[np.uint64]
    moments: tuple[NDArray[np.float64], int] | None
    drawn: int
    target: AnyTarget | None
    needs_function: bool
    whole: bool  # whether the core stores whole draws

    def __getstate__(self) -> dict[str, Any]:
        wanted = self.plan.wanted
        keep = replace(wanted.keep, function=None) if wanted.function is not None else wanted.keep
        plan = replace(self.plan, wanted=replace(wanted, keep=keep))
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
        if not isinstance(progress, bool):
            raise InputError(f"progress must be True or False, got {progress!r}")
        if callback is not None and not callable(callback):
            raise InputError(f"callback must be callable as callback(step, step_size, acceptance), got {callback!r}")
        if sink is not None and not callable(getattr(sink, "push", None)):
            raise InputError(f"sink must have a method push(chain, step, x, grad), got {sink!r}")
        return cls(progress, callback, sink, check_threads(n_threads))


def begin(plan: Plan, target: AnyTarget, start: NDArray[np.float64], n: int, hooks: Hooks) -> SampleResult:
    """Run chains from their starting points."""
    density = as_core(target, plan.wanted.dim)
    whole = hooks.sink is not None or plan.wanted.function is not None
    check_size(plan.wanted, n, sink=whole)
    chains = plan.chains(density, start, whole=whole)
    return _go(plan, target, chains, _recorder(plan, n, 0, None, hooks), hooks, None)


def resume(
    state: State, n: int, hooks: Hooks, target: AnyTarget | None, function: object, previous: SampleResult | None
) -> SampleResult:
    """Go on where chains were left."""
    plan, wanted = state.plan, state.plan.wanted
    n = check_integer(n, "n_samples", minimum=1)
    target = state.target if target is None else target
    if target is None:
        raise InputError("target is needed: a state that was saved or pickled does not hold it")
    if function is not None:
        if not state.needs_function:
            raise InputError("function is given, but the run kept none")
        plan = replace(plan, wanted=replace(wanted, keep=replace(wanted.keep, function=function)))
    elif state.needs_function and wanted.function is None:
        raise InputError("function is needed: a state that was saved or pickled does not hold that of keep")
    if hooks.sink is not None and not state.whole:
        raise InputError("sink is given, but the run had none: start it with one")
    check_size(plan.wanted, n, sink=state.whole)
    chains = plan.chains(as_core(target, wanted.dim), np.zeros((wanted.chains, wanted.dim)), whole=state.whole)
    if not chains.load(state.floats, state.integers):
        raise InputError("the state does not fit its settings: it was changed, or is another version's")
    return _go(plan, target, chains, _recorder(plan, n, state.drawn, state, hooks), hooks, previous)


def _recorder(plan: Plan, n: int, first: int, state: State | None, hooks: Hooks) -> Recorder:
    wanted = plan.wanted
    store: Memory | Files | Sums
    if isinstance(wanted.keep, Moments):
        store = Sums(wanted, wanted.keep.quantiles, hooks.n_threads)
        if state is not None and (state.moments is None or not store.core.load(*state.moments)):
            raise InputError("the state has no moments that fit: it was changed, or is another version's")
    elif wanted.files is not None:
        store = Files(wanted, wanted.files, first)
    else:
        store = Memory(wanted, n)
    whole = hooks.sink is not None if state is None else state.whole
    return Recorder(wanted, store, hooks.sink, n, first, plan.has_scores, whole=whole or wanted.function is not None)


class _Broken(Exception):  # noqa: N818  (never leaves this file)
    """What takes up draws raised."""


def _go(
    plan: Plan,
    target: AnyTarget,
    chains: _core.Chains,
    recorder: Recorder,
    hooks: Hooks,
    previous: SampleResult | None,
) -> SampleResult:
    """Make draws until all are there, or something ends it; what was made is in the result or the error."""
    broken: BaseException | None = None
    with Interrupts() as interrupts, _bar(plan, chains, recorder, show=hooks.progress) as report:
        try:
            ended = _draw(chains, recorder, hooks, interrupts, report)
            recorder.close()
        except _Broken as error:
            broken, ended = error.__cause__, (_FAILED, 0, 0)
        finally:
            recorder.abandon()
    outcome = chains.take_raised()
    if ended[0] == _FAILED and isinstance(outcome, KeyboardInterrupt):
        ended = (_INTERRUPTED, 0, 0)  # Ctrl-C inside the user's density
    result = _result(plan, target, chains, recorder, ended[0], previous, broken=broken is not None)
    if isinstance(broken or outcome, InputError):
        raise broken or outcome
    if broken is not None:
        raise DensityError(
            f"what takes up the draws failed after {recorder.count} of each chain: {broken!r}", result
        ) from broken
    _raise(ended, outcome, recorder, result)
    warn(result, stacklevel=6)
    return result


def _draw(
    chains: _core.Chains, recorder: Recorder, hooks: Hooks, interrupts: Interrupts, report: Report | None
) -> tuple[int, int, int]:
    """Alternate between the core and what takes up its draws."""
    with interrupts.core():
        ended = chains.prepare(report, hooks.callback, hooks.n_threads)
    while ended[0] == _COMPLETE and recorder.count < recorder.n:
        if interrupts.hit:
            return (_INTERRUPTED, 0, 0)
        with interrupts.core():
            ended, count, *arrays = chains.draw(recorder.rows(), report, hooks.callback, hooks.n_threads)
        try:
            recorder.take(count, *arrays)
        except Exception as error:
            raise _Broken from error
    return ended


def _raise(ended: tuple[int, int, int], raised: BaseException | None, recorder: Recorder, result: SampleResult) -> None:
    """Say what the density did, and where."""
    code, chain, step = ended
    if code not in {_FAILED, _BAD_START}:
        return
    if code == _BAD_START and raised is None:
        raise InputError(
            f"the log-density or its gradient is not finite at x0[{chain}]: start where the density is positive"
        )
    # A callable is given all chains at once.
    who = f" for chain {chain}" if raised is None else ""
    place = (
        " at the start" if code == _BAD_START else f"{who} at step {step}, after {recorder.count} draws of each chain"
    )
    raise DensityError(f"the log-density failed{place}: {raised or 'its C function gave up'}", result) from raised


def _result(
    plan: Plan,
    target: AnyTarget,
    chains: _core.Chains,
    recorder: Recorder,
    code: int,
    previous: SampleResult | None,
    *,
    broken: bool,
) -> SampleResult:
    """Put together what was made, after what was made before."""
    draws, gradients = recorder.arrays()
    log_density, acceptance = recorder.traces()
    divergences, sizes, scale = chains.settings()
    if previous is not None:
        if recorder.is_in_memory:
            draws = np.concatenate([previous.draws, draws], axis=1)
            if gradients is not None and previous.gradients is not None:
                gradients = np.concatenate([previous.gradients, gradients], axis=1)
        elif draws.shape[2] == 0:
            draws = np.zeros((draws.shape[0], previous.draws.shape[1] + draws.shape[1], 0))
        log_density = np.concatenate([previous.log_density, log_density], axis=1)
        acceptance = np.concatenate([previous.acceptance, acceptance], axis=1)
    state = None
    if not broken and code != _BAD_START:
        floats, integers = chains.save()
        sums = recorder.store.core.save() if isinstance(recorder.store, Sums) else None
        needs_function = recorder.wanted.function is not None
        drawn = recorder.first + recorder.count
        state = State(plan, floats, integers, sums, drawn, target, needs_function, recorder.whole)
    return SampleResult(
        draws=draws,
        log_density=log_density,
        acceptance=acceptance,
        divergences=divergences,
        step_size=sizes,
        scale=scale,
        n_gradients=chains.progress()[1],
        n_warmup=plan.n_warmup,
        thin=plan.thin,
        algorithm=plan.name,
        key=plan.key,
        status=RunStatus.COMPLETE if code == _COMPLETE else RunStatus.INTERRUPTED,
        coordinates=plan.wanted.coordinates,
        gradients=gradients,
        moments=recorder.store.result() if isinstance(recorder.store, Sums) else None,
        flat=np.array(chains.flat()),
        state=state,
    )


@contextmanager
def _bar(plan: Plan, chains: _core.Chains, recorder: Recorder, *, show: bool) -> Iterator[Report | None]:
    """Draw a tqdm bar over all steps; what it shows is told by the core, never drawn from its random words."""
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    begun = chains.progress()[0]
    total = plan.n_warmup + (recorder.first + recorder.n) * plan.thin
    with tqdm(desc=plan.name, total=total, initial=begun, unit=" steps") as bar:

        def report(step: int, step_size: float, acceptance: float) -> None:
            phase = "warm-up, " if step <= plan.n_warmup else ""
            words = f"{phase}step size {step_size:.3g}, acceptance {acceptance:.2f}, {chains.diverged()} divergences"
            bar.set_postfix_str(words, refresh=False)
            bar.update(step - bar.n)

        yield report
