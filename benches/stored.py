"""Stored costs: wassail against every peer, to the same accuracy, on the same threads."""

from __future__ import annotations

from typing import Any

import launch
import ours
import peers
from instances import ACCURACIES, Stored, single_thread_instances, stored_instances

FACTOR = 10.0  # a peer that has taken this many times the best peer's time is stopped
LEAST = 2.0  # seconds that a peer may take in any case


def rows_of(instance: Stored, threads: int, *, with_peers: bool, with_ours: bool, fresh: bool) -> list[dict[str, Any]]:
    """All rows of one instance, the usual best peer first so that it bounds the others."""
    rows: list[dict[str, Any]] = []
    if with_ours:
        rows += launch.run(instance, ours.NAME, ACCURACIES, threads)
    if not with_peers:
        return rows
    best = launch.CAP / FACTOR
    for name in peers.STORED:
        limit = launch.CAP if name == next(iter(peers.STORED)) else min(launch.CAP, max(LEAST, FACTOR * best))
        found = launch.run(instance, name, ACCURACIES, threads, limit=limit, fresh=fresh)
        rows += found
        reached = [row["seconds"] for row in found if row["reached"]]
        if reached:
            best = min(best, max(reached))
    return rows


def measure(options: Any) -> list[dict[str, Any]]:
    """Measure the whole table: all instances on all threads, the smaller set on one."""
    plan = [(instance, options.threads) for instance in stored_instances(quick=options.quick)]
    if options.threads > 1:
        plan += [(instance, 1) for instance in single_thread_instances()]
    rows: list[dict[str, Any]] = []
    for instance, threads in plan:
        found = rows_of(instance, threads, with_peers=options.peers, with_ours=options.wassail, fresh=options.fresh)
        for row in found:
            state = f"{1e3 * row['seconds']:.1f} ms" if row["reached"] else row["note"]
            print(f"{instance.label} {threads} threads {row['accuracy']:.0e} {row['method']}: {state}", flush=True)
        rows += found
    return rows
