"""Progress display: a tqdm bar or a user's function, fed by the core about ten times a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wassail._validate import Report
from wassail.exceptions import InputError


@contextmanager
def progress_reporter(
    progress: bool | Report, title: str, unit: str = "sweeps", strength: str = "epsilon"
) -> Iterator[Report | None]:
    """
    Yield the function that the core calls with (n_iter, epsilon, marginal_error), or None.

    `strength` names the second number. Where it is 0 nothing is regularized, and the third is the duality gap. The bar
    has no total: how many steps a tolerance takes is not known ahead.
    """
    if progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif progress is True:
        with _bar(title, unit, strength) as report:
            yield report
    else:
        raise InputError(
            f"progress must be True, False or a function (n_iter, epsilon, marginal_error), got {progress!r}"
        )


@contextmanager
def _bar(title: str, unit: str, strength: str) -> Iterator[Report]:
    """Draw a tqdm bar; tqdm is imported here so that importing wassail stays fast."""
    from tqdm.auto import tqdm

    with tqdm(desc=title, unit=f" {unit}") as bar:

        def report(n_iter: int, epsilon: float, error: float) -> None:
            state = f"{strength}={epsilon:.3g}, marginal error" if epsilon > 0.0 else "gap"
            bar.set_postfix_str(f"{state}={error:.2e}", refresh=False)
            bar.update(n_iter - bar.n)

        yield report
