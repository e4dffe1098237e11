"""How runs of the core end, and what is raised then."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import DensityError, InputError
from wassail.sampling.pointers import resolve
from wassail.sampling.targets._base import refusal


class End(enum.IntEnum):
    """What the core says."""

    COMPLETE = 0
    INTERRUPTED = 1
    FAILED = 2
    BAD_START = 3
    FAILED_START = 4
    DIFFERS = 5


def told(code: int, raised: BaseException | None) -> End:
    """Return how a run ended; Ctrl-C inside the user's density is one, also at the start."""
    end = End(code)
    return End.INTERRUPTED if end is not End.COMPLETE and isinstance(raised, KeyboardInterrupt) else end


def raise_failure(
    end: End,
    raised: BaseException | None,
    result: object,
    *,
    target: object,
    start: NDArray[np.float64] | None,
    chain: int,
    begun: bool,
    place: str,
) -> None:
    """
    Say what the density did, and where; nothing if it did nothing wrong. What is no error goes its way as it is.

    What it raises before anything has `begun` that can be lost may be that it does not fit: an `InputError`.
    """
    if end in {End.COMPLETE, End.INTERRUPTED}:
        return
    starts = end is not End.FAILED
    if raised is not None and not isinstance(raised, Exception):
        raise raised
    # Warnings that the user turned into errors are not the density's.
    if isinstance(raised, InputError | Warning) and (starts or not begun):
        raise raised
    if end is End.BAD_START:
        words = "" if start is None else refusal(target, start[chain])
        said = (
            f", which says {words!r}"
            if words
            else ", or its C function rejects that point" * (resolve(target) is not None)
        )
        raise InputError(
            f"the log-density or its gradient is not finite at x0[{chain}]{said}: start where the density is positive"
        )
    who = f" of chain {chain}" if raised is None else ""  # a callable is given all chains at once
    where = f"at the start{who}" if starts else place
    what = raised or "its C function gave up, by returning a negative number"
    raise DensityError(f"the log-density failed {where}: {what}", result) from raised
