"""Draws are made until all are there, or something ends it: nothing that was made is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from wassail import _core
from wassail.exceptions import DensityError, InputError
from wassail.sampling._bar import Report
from wassail.sampling._ended import End
from wassail.sampling._interrupts import Interrupts
from wassail.sampling._record import Recorder

Hearing: TypeAlias = tuple[Report | None, Report | None, int]  # progress, callback and threads
_LOOKING = ("the progress bar", "the callback")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why draws ended, and what a function of the user that is not the density raised, which may not miss any."""

    code: int
    chain: int = 0
    step: int = 0
    raised: BaseException | None = None
    who: str = ""
    goes_on: bool = True


def draw(chains: _core.Chains, recorder: Recorder, hearing: Hearing, interrupts: Interrupts) -> Stop:
    """Alternate between the core and what takes up its draws."""
    made, raised = _made(chains, interrupts, chains.prepare, *hearing)
    while made is not None:
        (code, chain, step), count, *arrays = made
        try:
            if arrays[2].size:
                interrupts.take(recorder.take, count, *arrays, hangs=recorder.may_hang)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (raised with the result)
            return _lost(recorder, error)
        finished = 0 < recorder.n <= recorder.count
        if raised is not None:
            who = " or ".join(name for name, heard in zip(_LOOKING, hearing, strict=False) if heard is not None)
            return Stop(End.COMPLETE if finished else End.INTERRUPTED, raised=raised, who=who)
        if code == End.INTERRUPTED and finished:  # after the last draw there was nothing left to stop
            return Stop(End.COMPLETE)
        if code != End.COMPLETE or recorder.count >= recorder.n:
            return Stop(code, chain, step)
        if interrupts.hit:
            break
        made, raised = _made(chains, interrupts, chains.draw, recorder.rows(), *hearing)
    return Stop(End.INTERRUPTED)


def _made(
    chains: _core.Chains, interrupts: Interrupts, function: Callable[..., None], *args: object
) -> tuple[tuple[Any, ...] | None, Exception | None]:
    """Return what a call of the core made, None if it never began, and what a function that looked on raised."""
    try:
        interrupts.call(function, *args)
    except Exception as error:
        made = chains.take()
        if made is None:
            raise
        return made, error
    return chains.take(), None


def _lost(recorder: Recorder, error: BaseException) -> Stop:
    """Return the end by what takes draws up, which misses some."""
    if recorder.missed is None:
        recorder.settle()
        return Stop(
            End.INTERRUPTED, raised=error, who="what keeps the draws (keep.function or the file)", goes_on=False
        )
    finished = 0 < recorder.n <= recorder.count
    chain, draw = recorder.missed
    who = f"the sink at draw {draw} of chain {chain}, from which on it lacks the draws of this result,"
    return Stop(End.COMPLETE if finished else End.INTERRUPTED, raised=error, who=who)


def closed(recorder: Recorder, stop: Stop) -> Stop:
    """Finish what is being written."""
    try:
        recorder.close()
    except Exception as error:  # noqa: BLE001  (raised with the result)
        return stop if stop.raised is not None else _lost(recorder, error)
    return stop


def raise_other(stop: Stop, recorder: Recorder, result: object) -> tuple[str, ...]:
    """Raise what functions besides the density raised; an interrupt of what takes up draws is told in words instead."""
    if stop.raised is None:
        return ()
    if isinstance(stop.raised, KeyboardInterrupt):
        return (f"Ctrl-C ended {stop.who.rstrip(',')}" + "; the run cannot go on" * (not stop.goes_on),)
    begun = recorder.first + recorder.count if recorder.missed is None else sum(recorder.missed)
    if isinstance(stop.raised, InputError) and begun == 0:  # it never fitted
        raise stop.raised
    raise DensityError(f"{stop.who} failed after {recorder.told()}: {stop.raised!r}", result) from stop.raised
