"""Point clouds without a matrix: time to 1e-3, time of a sweep, and its share of what the machine allows."""

from __future__ import annotations

from typing import Any

import launch
import machine
import ours
import peers
from instances import CLOUD_ACCURACY, Cloud, cloud_instances

SWEEP_SIZE = 10_000


def _peer_rows(instance: Cloud, options: Any) -> list[dict[str, Any]]:
    """Peers at n = 10 000 in float64; what larger clouds would take follows from the measured iteration."""
    rows: list[dict[str, Any]] = []
    for name in peers.CLOUDS:
        small = Cloud(SWEEP_SIZE, instance.d)
        found = launch.run(small, name, (CLOUD_ACCURACY,), options.threads, options=options)
        if instance.n > SWEEP_SIZE:
            scale = (instance.n / SWEEP_SIZE) ** 2
            found = [_scaled(row, instance, scale) for row in found]
        rows += found
    return rows


def _scaled(row: dict[str, Any], instance: Cloud, scale: float) -> dict[str, Any]:
    if row.get("absent"):
        return row
    count = max(int(row.get("iterations", 0)), 1)
    note = f"about {scale * row['seconds'] / count:.1f} s an iteration" if count > 1 else row.get("note", "")
    data = {**row["instance"], "n": instance.n}
    return {**row, "instance": data, "reached": False, "note": note, "extrapolated": True}


def measure(options: Any) -> list[dict[str, Any]]:
    """Measure all clouds; float32 rows are wassail's alone."""
    rows: list[dict[str, Any]] = []
    for instance in cloud_instances(quick=options.quick):
        found: list[dict[str, Any]] = []
        if options.wassail:
            found += launch.run(instance, ours.NAME, (CLOUD_ACCURACY,), options.threads)
        if options.peers and not instance.float32:
            found += _peer_rows(instance, options)
        for row in found:
            state = f"{row['seconds']:.2f} s" if row["reached"] else row.get("note", "not reached")
            print(f"{instance.label} {row['method']}: {state}", flush=True)
        rows += found
    return rows


def sweeps(options: Any, limits: dict[str, float]) -> list[dict[str, Any]]:
    """Time of one sweep against the bound made of the machine's own rates."""
    from wassail import ot  # type: ignore[import-not-found]

    rows = []
    for instance in cloud_instances(quick=True):
        problem = instance.build()
        seconds = ours.sweep_seconds(ot.PointCloud(problem.x, problem.y), problem.epsilon, options.threads)
        bound = machine.pair_bound(limits, instance.d, float32=instance.float32)
        rows.append(
            {
                "instance": instance.label,
                "seconds": seconds,
                "pairs_per_second": instance.n**2 / seconds,
                "share": None if bound is None else bound * instance.n**2 / seconds,
            }
        )
    return rows
