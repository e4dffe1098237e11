"""The progress bar of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from wassail.exceptions import InputError

Report: TypeAlias = Callable[[int, float, float], object]  # (step, step_size, acceptance)


def check_progress(progress: object) -> bool:
    """Return whether a bar is wanted."""
    if not isinstance(progress, bool):
        raise InputError(f"progress must be True or False, got {progress!r}")
    return progress


@contextmanager
def bar(
    title: str,
    unit: str,
    *,
    show: bool,
    n_warmup: int,
    total: int,
    begun: int = 0,
    diverged: Callable[[], int] | None = None,
) -> Iterator[Report | None]:
    """Draw a tqdm bar over all steps; what it shows is told by the core, never drawn from its random words."""
    if not show:
        yield None
        return
    from tqdm.auto import tqdm

    drawn = tqdm(desc=title, total=total, initial=begun, unit=f" {unit}")

    def report(step: int, step_size: float, acceptance: float) -> None:
        words = f"step size {step_size:.3g}, acceptance {acceptance:.2f}"
        if step <= n_warmup:
            words = f"warm-up, {words}"
        if diverged is not None:
            words += f", {diverged()} divergences"
        drawn.set_postfix_str(words, refresh=False)
        drawn.update(step - drawn.n)

    try:
        yield report
    finally:
        with suppress(Exception):  # what cannot be drawn any more, as to a closed stream, costs no draws
            drawn.close()
