"""Stored costs: wassail against every peer, to the same accuracy, on the same threads."""

from __future__ import annotations

from typing import Any

import compare
from instances import ACCURACIES, single_thread_instances, stored_instances


def measure(options: Any) -> list[dict[str, Any]]:
    """Measure the whole table: all instances on all threads, the smaller set on one."""
    plan = [(instance, options.threads) for instance in stored_instances(quick=options.quick)]
    if options.threads > 1:
        plan += [(instance, 1) for instance in single_thread_instances()]
    rows: list[dict[str, Any]] = []
    for instance, threads in plan:
        found = compare.rows_of(instance, ACCURACIES, threads, options)
        compare.tell(instance, threads, found)
        rows += found
    return rows
