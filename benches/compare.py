"""Rows of an instance: wassail against every peer, to the same accuracy, on the same threads."""

from __future__ import annotations

from typing import Any

import launch
import tasks

FACTOR = 4.0  # a peer that has taken this many times the best peer's time is stopped
LEAST = 2.0  # seconds that a peer may take in any case


def rows_of(
    instance: Any, accuracies: tuple[float, ...], threads: int, options: Any, *, peers: tuple[str, ...] | None = None
) -> list[dict[str, Any]]:
    """All rows of one instance, with all peers or some; the best are timed in the same minute as wassail."""
    kind = tasks.KINDS[type(instance).__name__]
    found: list[dict[str, Any]] = []
    best = launch.CAP
    for name in (kind.peers if peers is None else peers) if options.peers else ():
        limit = launch.CAP if not found else min(launch.CAP, max(LEAST, FACTOR * best))
        rows = launch.run(instance, name, accuracies, threads, limit=limit, options=options)
        reached = [row["seconds"] for row in rows if row["reached"]]
        if len(reached) == len(accuracies):
            best = min(best, max(reached))
        found += rows
    if not options.wassail:
        return found
    own = [row for name in kind.own for row in launch.run(instance, name, accuracies, threads)]
    return own + _again(found, instance, accuracies, threads)


def _again(
    rows: list[dict[str, Any]], instance: Any, accuracies: tuple[float, ...], threads: int
) -> list[dict[str, Any]]:
    """Time the cached best peers once more: machines drift by more than the differences of interest."""
    candidates = [row for row in rows if row["reached"]]
    best = {accuracy: _fastest(candidates, accuracy) for accuracy in accuracies}
    for name in {row["method"] for row in best.values() if row and row.get("cached")}:
        new = launch.run(instance, name, accuracies, threads, again=True)
        replaced = {row["accuracy"]: row for row in new if row["reached"]}
        rows = [replaced.get(row["accuracy"], row) if row["method"] == name else row for row in rows]
    return rows


def _fastest(rows: list[dict[str, Any]], accuracy: float) -> dict[str, Any] | None:
    fitting = [row for row in rows if row["accuracy"] == accuracy]
    return min(fitting, key=lambda row: row["seconds"]) if fitting else None


def tell(instance: Any, threads: int, rows: list[dict[str, Any]]) -> None:
    """Print a line a row as it comes."""
    for row in rows:
        state = f"{1e3 * row['seconds']:.1f} ms" if row["reached"] else row["note"]
        print(f"{instance.label} {threads} threads {row['accuracy']:.0e} {row['method']}: {state}", flush=True)
