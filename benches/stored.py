"""Stored costs: wassail against every peer, to the same accuracy, on the same threads."""

from __future__ import annotations

from typing import Any

import launch
import ours
import peers
from instances import ACCURACIES, Stored, single_thread_instances, stored_instances

FACTOR = 4.0  # a peer that has taken this many times the best peer's time is stopped
LEAST = 2.0  # seconds that a peer may take in any case


def rows_of(instance: Stored, threads: int, options: Any) -> list[dict[str, Any]]:
    """All rows of one instance; the best peers are timed in the same minute as wassail."""
    found: list[dict[str, Any]] = []
    best = launch.CAP
    for name in peers.STORED if options.peers else ():
        limit = launch.CAP if not found else min(launch.CAP, max(LEAST, FACTOR * best))
        rows = launch.run(instance, name, ACCURACIES, threads, limit=limit, options=options)
        reached = [row["seconds"] for row in rows if row["reached"]]
        if len(reached) == len(ACCURACIES):
            best = min(best, max(reached))
        found += rows
    if not options.wassail:
        return found
    own = launch.run(instance, ours.NAME, ACCURACIES, threads)
    return own + _again(found, instance, threads)


def _again(rows: list[dict[str, Any]], instance: Stored, threads: int) -> list[dict[str, Any]]:
    """Time the cached best peers once more: machines drift by more than the differences of interest."""
    candidates = [row for row in rows if row["reached"]]
    best = {accuracy: _fastest(candidates, accuracy) for accuracy in ACCURACIES}
    for name in {row["method"] for row in best.values() if row and row.get("cached")}:
        new = launch.run(instance, name, ACCURACIES, threads, again=True)
        replaced = {row["accuracy"]: row for row in new if row["reached"]}
        rows = [replaced.get(row["accuracy"], row) if row["method"] == name else row for row in rows]
    return rows


def _fastest(rows: list[dict[str, Any]], accuracy: float) -> dict[str, Any] | None:
    fitting = [row for row in rows if row["accuracy"] == accuracy]
    return min(fitting, key=lambda row: row["seconds"]) if fitting else None


def measure(options: Any) -> list[dict[str, Any]]:
    """Measure the whole table: all instances on all threads, the smaller set on one."""
    plan = [(instance, options.threads) for instance in stored_instances(quick=options.quick)]
    if options.threads > 1:
        plan += [(instance, 1) for instance in single_thread_instances()]
    rows: list[dict[str, Any]] = []
    for instance, threads in plan:
        found = rows_of(instance, threads, options)
        for row in found:
            state = f"{1e3 * row['seconds']:.1f} ms" if row["reached"] else row["note"]
            print(f"{instance.label} {threads} threads {row['accuracy']:.0e} {row['method']}: {state}", flush=True)
        rows += found
    return rows
