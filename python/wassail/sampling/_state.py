"""States of chains on disk: numbers and settings, no code."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import InputError
from wassail.sampling._bar import Report
from wassail.sampling._file import check_path
from wassail.sampling._ladder import Ladder
from wassail.sampling._later import Later
from wassail.sampling._record import Wanted
from wassail.sampling._session import Hooks, Plan, State, draws_alone
from wassail.sampling._session import resume as go_on
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Function, Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import SampleResult
from wassail.sampling.targets import Gaussian

_VERSION = 6
_ARRAY = b"\x93NUMPY"  # what .npy files begin with
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06")  # and .npz archives, the second of nothing
_FOREIGN = "is not a state of chains or ladders, which save_state writes"
_DAMAGED = "is a state that was cut short, damaged or changed"


def resume(
    path: str | PathLike[str],
    target: AnyTarget | MinibatchSum,
    n_samples: int,
    *,
    function: Function | None = None,
    file: str | PathLike[str] | None = None,
    sink: Sink | None = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    """
    Go on where :meth:`SampleResult.save_state` left chains, with the bits that a longer run would have had.

    Parameters
    ----------
    path : path
        A file of :meth:`SampleResult.save_state`.
    target : Target, callable or C function
        The log-density, which the file does not hold; in another form too, a C function instead of a callable for
        instance. It is compared with the saved log-densities at the saved points, which takes a gradient of each chain
        that `n_gradients` does not count; not where estimated gradients, ABOBA or UBU leave none of them at the draws.
    n_samples : int
        Draws of each chain to make; 0 only goes on with warm-up.
    function : callable, optional
        That of ``keep``, if the run had one.
    file : path, optional
        Where the file of draws is now, if it was moved, with that of gradients beside it, ``moved.gradients.npy``
        beside ``moved.npy``.
    sink : Sink, optional
        Takes up the new draws, if the run had one; steps are counted on.
    callback, progress, n_threads
        As in the sampler.

    Returns
    -------
    SampleResult
        The new draws. Those kept in a file are all there, with the new ones at the end, and moments are of all draws.

    Raises
    ------
    InputError
        The file is not a state, `target` is not the density of the saved run, or an argument is unusable.
    DensityError, MemoryLimitError
        As in the sampler.

    Notes
    -----
    The file holds arrays and settings in JSON: reading it runs no code of others.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
    >>> first = sampling.mala(target, np.zeros((4, 2)), n_samples=40, step_size=1.0, thin=5, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first.save_state(pathlib.Path(folder) / "state.npz")
    ...     more = sampling.resume(pathlib.Path(folder) / "state.npz", target, 50)
    >>> bool((more.draws == first.resume(50).draws[:, 40:]).all())
    True
    """
    hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
    state = load(path)
    if state.plan.ladder is not None:
        raise InputError(f"{str(path)!r} is the state of ladders: sampling.resume_tempering goes on with them")
    return go_on(state.moved(file), n_samples, hooks, target, function, None, draws_alone)


def save(state: State, path: str | PathLike[str]) -> None:
    """Write a state beside its place, then put it there: there is always a whole one."""
    final = check_path(path)
    plan, wanted = state.plan, state.plan.wanted
    keep = wanted.keep
    settings = {
        "version": _VERSION,
        "name": plan.name,
        "recipe": plan.recipe,
        "length": plan.length,
        "has_length": plan.has_length,
        "reason": plan.reason,
        "key": plan.key,
        "schedule": [plan.n_warmup, plan.thin],
        "step": plan.step,
        "has_scores": plan.has_scores,
        "shape": [wanted.chains, wanted.dim, wanted.width],
        "gradients": wanted.gradients,
        "coordinates": None if wanted.coordinates is None else wanted.coordinates.tolist(),
        "file": None if wanted.files is None else str(wanted.files[0]),
        "quantiles": keep.quantiles if isinstance(keep, Moments) else None,
        "drawn": state.drawn,
        "needs_function": state.needs_function,
        "whole": state.whole,
        "unbegun": state.unbegun,
        "ladder": None if plan.ladder is None else [plan.ladder.rungs, plan.ladder.steps],
    }
    ladder: dict[str, Any] = {}
    if plan.ladder is not None:
        mean, precision = plan.ladder.arrays()
        ladder = {"mean": mean, "precision": precision, "ratios": state.ratios}
    moments, count = (np.zeros(0), 0) if state.moments is None else state.moments()
    beside = final.with_name(final.name + ".part")
    try:
        with beside.open("wb") as file:
            np.savez(
                file,
                settings=np.array(json.dumps(settings)),
                floats=state.floats,
                integers=state.integers,
                moments=moments,
                moments_count=np.array(count, dtype=np.uint64),
                last=np.array(state.last),
                **ladder,
            )
            file.flush()
            os.fsync(file.fileno())
        beside.replace(final)
    finally:
        beside.unlink(missing_ok=True)


def load(path: str | PathLike[str]) -> State:
    """Read a state."""
    arrays = _arrays(path)
    try:
        settings = json.loads(str(arrays["settings"]))
        version = settings["version"]
    except Exception as error:
        raise InputError(f"{str(path)!r} {_DAMAGED}") from error
    if version != _VERSION:
        raise InputError(f"{str(path)!r} is the state of version {version!r}, this one reads {_VERSION}")
    try:
        return _state(settings, arrays)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{str(path)!r} {_DAMAGED}") from error


def _arrays(path: str | PathLike[str]) -> dict[str, Any]:
    """Return what is in the archive of a state, or say what is there instead."""
    given: object = path
    if not isinstance(given, str | PathLike):
        raise InputError(f"path must be the path of a file of save_state, got {given!r}")
    try:
        with Path(path).open("rb") as file:  # np.load leaves damaged archives open
            return _read(file, str(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def _read(file: BinaryIO, name: str) -> dict[str, Any]:
    """Return the arrays of an open archive."""
    begins = file.read(len(_ARRAY))
    if begins == _ARRAY:  # of any size: it is not read
        raise InputError(f"{name!r} {_FOREIGN}: it holds an array, as files of draws do")
    if not begins.startswith(_ARCHIVE):
        raise InputError(f"{name!r} {_FOREIGN}")
    file.seek(0)
    try:
        with np.load(file, allow_pickle=False) as archive:  # whatever it raises, in our words
            arrays = {key: archive[key] for key in archive.files} if "settings" in archive else {}
    except Exception as error:
        raise InputError(f"{name!r} {_DAMAGED}") from error
    if not arrays:
        raise InputError(f"{name!r} {_FOREIGN}")
    return arrays


def _state(settings: dict[str, Any], arrays: dict[str, Any]) -> State:
    chains, dim, width = (int(value) for value in settings["shape"])
    keep: Keep | Moments = Keep(coordinates=settings["coordinates"], file=settings["file"])
    if settings["quantiles"] is not None:
        keep = Moments(tuple(settings["quantiles"]))
    size, goal, by_energy, kinetic, preconditioner = settings["step"]
    time, rule, wished = settings["length"]
    ladder, ratios = _ladder(settings, arrays)
    plan = Plan(
        name=str(settings["name"]),
        recipe=tuple(settings["recipe"]),
        key=int(settings["key"]),
        n_warmup=int(settings["schedule"][0]),
        thin=int(settings["schedule"][1]),
        step=(
            float(size),
            None if goal is None else float(goal),
            bool(by_energy),
            bool(kinetic),
            int(preconditioner),
        ),
        length=(float(time), int(rule), float(wished)),
        has_length=bool(settings["has_length"]),
        reason=str(settings["reason"]),
        has_scores=bool(settings["has_scores"]),
        wanted=Wanted(chains, dim, keep, None, bool(settings["gradients"]), width, ratios.shape[2]),
        ladder=ladder,
    )
    if isinstance(keep, Keep):
        plan = replace(plan, wanted=replace(plan.wanted, coordinates=keep.chosen(dim)))
    moments = Later.known((arrays["moments"], int(arrays["moments_count"]))) if isinstance(keep, Moments) else None
    floats = np.ascontiguousarray(arrays["floats"], dtype=np.float64)
    integers = np.ascontiguousarray(arrays["integers"], dtype=np.uint64)
    return State(
        plan=plan,
        numbers=Later.known((floats, integers)),
        moments=moments,
        drawn=int(settings["drawn"]),
        target=None,
        needs_function=bool(settings["needs_function"]),
        whole=bool(settings["whole"]),
        ratios=ratios,
        last=_last(arrays.get("last"), plan.wanted),
        unbegun=bool(settings.get("unbegun")),  # older versions wrote none
    )


def _last(rows: NDArray[np.float64] | None, wanted: Wanted) -> tuple[NDArray[np.float64], ...]:
    """Return the last rows of files; states without files or draws have none, and those that older versions wrote."""
    if rows is None or not rows.size:
        return ()
    if rows.shape != (1 + wanted.gradients, wanted.chains, wanted.width):
        raise ValueError("the last rows of the files do not fit")
    return tuple(np.ascontiguousarray(rows, dtype=np.float64))


def _ladder(settings: dict[str, Any], arrays: dict[str, Any]) -> tuple[Ladder | None, NDArray[np.float64]]:
    """Return the ladder and the log ratios on its rungs, if there is one."""
    chains, dim, _ = settings["shape"]
    if settings.get("ladder") is None:
        return None, np.zeros((chains, 0, 0))
    rungs, steps = (int(value) for value in settings["ladder"])
    ladder = Ladder(Gaussian(arrays["mean"], arrays["precision"]), rungs, steps)
    ratios = np.ascontiguousarray(arrays["ratios"], dtype=np.float64)
    if ladder.reference.dim != dim or ratios.shape != (chains, int(settings["drawn"]), rungs):
        raise ValueError("the ladder does not fit")
    return ladder, ratios
