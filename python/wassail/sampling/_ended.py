"""How runs of the core end, and what is raised then."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import DensityError, InputError
from wassail.sampling.results import SampleResult
from wassail.sampling.targets._base import refusal


class End(enum.IntEnum):
    """What the core says."""

    COMPLETE = 0
    INTERRUPTED = 1
    FAILED = 2
    BAD_START = 3


def told(code: int, raised: BaseException | None) -> End:
    """Return how a run ended; Ctrl-C inside the user's density is one, also at the start."""
    end = End(code)
    return End.INTERRUPTED if end is not End.COMPLETE and isinstance(raised, KeyboardInterrupt) else end


def raise_failure(
    end: End,
    raised: BaseException | None,
    result: SampleResult,
    *,
    target: object,
    start: NDArray[np.float64] | None,
    chain: int,
    place: str,
) -> None:
    """Say what the density did, and where; nothing if it did nothing wrong. What is no error goes its way as it is."""
    if end is End.INTERRUPTED:
        return
    if isinstance(raised, InputError) or not (raised is None or isinstance(raised, Exception)):
        raise raised
    if end is End.BAD_START and raised is None and start is not None:
        words = refusal(target, start[chain])
        said = f", which says {words!r}" if words else ""
        raise InputError(
            f"the log-density or its gradient is not finite at x0[{chain}]{said}: start where the density is positive"
        )
    if end in {End.FAILED, End.BAD_START}:
        where = "at the start" if end is End.BAD_START else place
        raise DensityError(f"the log-density failed {where}: {raised or 'its C function gave up'}", result) from raised
