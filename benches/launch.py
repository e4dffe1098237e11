"""Runs of :mod:`worker` under a time limit, on a quiet machine, with the peers' results kept in ``.cache``."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import ours
import peers
import provenance
from instances import Cloud, Stored, to_dict

CAP = 60.0  # seconds a peer may take for one solve
GRACE = 90.0  # for imports, building, compilation and the check
CACHE = Path(__file__).resolve().parent / ".cache"
PROTOCOL = 1  # raise when an instance or an adapter changes
BUSY = 0.10  # share of the processor that others may use

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def environment(threads: int) -> dict[str, str]:
    """Environment in which every library sees the same number of threads."""
    result = dict(os.environ)
    result.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    result["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if threads == 1:
        result["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return result


def _jiffies() -> tuple[float, float]:
    """Busy and total processor time since boot, in seconds."""
    fields = [float(v) for v in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    ticks = os.sysconf("SC_CLK_TCK")
    return (sum(fields) - fields[3] - fields[4]) / ticks, sum(fields) / ticks


def wait_until_quiet(longest: float = 60.0) -> float:
    """Wait for other processes to rest; return the busy share that is left."""
    if not Path("/proc/stat").exists():
        return 0.0
    end = time.monotonic() + longest
    while True:
        busy, total = _jiffies()
        time.sleep(0.4)
        busy_now, total_now = _jiffies()
        share = (busy_now - busy) / max(total_now - total, 1e-9)
        if share < BUSY or time.monotonic() > end:
            return share


def run(
    instance: Stored | Cloud,
    method: str,
    accuracies: tuple[float, ...],
    threads: int,
    *,
    limit: float = CAP,
    fresh: bool = False,
) -> list[dict[str, Any]]:
    """One row per accuracy; peers' rows come from the cache where they are there."""
    job = {
        "instance": to_dict(instance),
        "method": method,
        "accuracies": accuracies,
        "threads": threads,
        "limit": limit,
    }
    path = None if method == ours.NAME else CACHE / f"{_key(job)}.json"
    if path is not None and path.exists() and not fresh:
        rows = json.loads(path.read_text())
        if all(row["reached"] or row["limit"] >= limit for row in rows):
            return rows
    rows = _measure(job)
    # Timings taken beside other work are shown, marked, and measured again next time.
    bounds = [BUSY if row["reached"] else 3 * BUSY for row in rows]
    if path is not None and all(row["others"] < bound for row, bound in zip(rows, bounds, strict=True)):
        CACHE.mkdir(exist_ok=True)
        path.write_text(json.dumps(rows))
    return rows


def _key(job: dict[str, Any]) -> str:
    kind = peers.STORED if job["instance"]["type"] == "Stored" else peers.CLOUDS
    package = kind[job["method"]].package
    parts = {k: v for k, v in job.items() if k != "limit"}
    versions = [provenance.version(name) for name in (package, "numpy", "jax", "torch")]
    text = json.dumps([PROTOCOL, provenance.processor(), versions, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    wait_until_quiet()
    counting = Path("/proc/stat").exists()
    busy, total = _jiffies() if counting else (0.0, 1.0)
    own = _children()
    lines, ended = _converse(job)
    results = {line["accuracy"]: line for line in lines if line["kind"] == "result"}
    absent = [line["note"] for line in lines if line["kind"] == "absent"]
    busy_now, total_now = _jiffies() if counting else (0.0, 2.0)
    others = max(0.0, (busy_now - busy) - (_children() - own)) / max(total_now - total, 1e-9)
    rows, missing = [], absent[0] if absent else ended
    for accuracy in job["accuracies"]:
        row = results.get(
            accuracy, {"reached": False, "note": missing, "seconds": job["limit"], "absent": bool(absent)}
        )
        missing = row.get("note", missing)
        rows.append({**job, "accuracy": accuracy, "others": round(others, 3), **row})
    return rows


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _converse(job: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Start a worker and collect its lines; it is stopped when it is silent for too long."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("worker.py"))]
    lines: list[dict[str, Any]] = []
    silence = GRACE + (job["limit"] if job["method"] != ours.NAME else 600.0)
    pipe = subprocess.PIPE
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=quiet, env=environment(job["threads"]), text=True
    ) as process:
        process.stdin.write(json.dumps(job))
        process.stdin.close()
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(timeout=silence):
            line = process.stdout.readline()
            if not line:
                break
            if line.startswith("{"):
                lines.append(json.loads(line))
        else:
            process.kill()
            return lines, "not in time"
        code = process.wait()
    return lines, "" if code == 0 else f"ended with code {code}"
