"""Progress of thinning: a tqdm bar or a user's function, fed by the core about ten times a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from wassail.exceptions import InputError

Report: TypeAlias = Callable[[int, int], object]  # (done, total)


@contextmanager
def thinning_reporter(
    progress: bool | Report, total: int, what: str = "kernel thinning", unit: str = "points"
) -> Iterator[Callable[[int, float, float], object] | None]:
    """Yield the function that the core calls with what is done (and two numbers of other solvers), or None."""
    if progress is False:
        yield None
    elif progress is True:
        from tqdm.auto import tqdm

        with tqdm(desc=what, total=total, unit=f" {unit}") as bar:
            yield lambda done, *_: bar.update(done - bar.n)
    elif callable(progress):
        yield lambda done, *_: progress(done, total)
    else:
        raise InputError(f"progress must be True, False or a function (done, total), got {progress!r}")
