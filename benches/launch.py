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

import provenance
import tasks

CAP = 60.0  # seconds a peer may take for one solve
GRACE = 90.0  # for imports, building, compilation and the check
CACHE = Path(__file__).resolve().parent / ".cache"
PROTOCOL = 1  # raise when an instance or an adapter changes
BUSY = 0.10  # share of the processor that others may use where all of it is wanted

_patience = [60.0]  # seconds of waiting for a quiet machine
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


def allowed(threads: int) -> float:
    """Share of the processor that others may use beside a run on ``threads`` threads."""
    return BUSY + max(0.0, 1.0 - threads / (os.cpu_count() or threads))


def wait_until_quiet(threads: int) -> None:
    """Wait for other processes to rest; where they do not, later calls have less patience."""
    if not Path("/proc/stat").exists():
        return
    end = time.monotonic() + _patience[-1]
    while True:
        busy, total = _jiffies()
        time.sleep(0.4)
        busy_now, total_now = _jiffies()
        share = (busy_now - busy) / max(total_now - total, 1e-9)
        if share < allowed(threads):
            return
        if time.monotonic() > end:
            _patience.append(max(_patience[-1] / 4, 1.0))
            return


def run(
    instance: Any,
    method: str,
    accuracies: tuple[float, ...],
    threads: int,
    *,
    limit: float = CAP,
    options: Any = None,
    again: bool = False,
) -> list[dict[str, Any]]:
    """One row per accuracy; peers' rows come from the cache where they are there.

    A cached row that was timed beside other work, or any row with ``again``, still tells which stopping rule
    reaches the accuracy: that one is timed without a new search.
    """
    job: dict[str, Any] = {
        "instance": tasks.to_dict(instance),
        "method": method,
        "accuracies": accuracies,
        "threads": threads,
        "limit": limit,
        "settings": {},
        "hopeless": {},
    }
    if tasks.is_own(method):
        return _measure(job)
    rows = _read(job)
    if options and options.fresh:
        rows = []
    elif rows and not again and not any(row["loaded"] for row in rows):
        return [{**row, "cached": True} for row in rows]
    for row in rows:
        if row["reached"]:
            job["settings"][str(row["accuracy"])] = row["setting"]
        elif not row["loaded"]:
            job["hopeless"][str(row["accuracy"])] = row["note"]
    rows = _measure(job)
    CACHE.mkdir(exist_ok=True)
    (CACHE / f"{_key(job)}.json").write_text(json.dumps(rows))
    return rows


def _read(job: dict[str, Any]) -> list[dict[str, Any]]:
    path = CACHE / f"{_key(job)}.json"
    return json.loads(path.read_text()) if path.exists() else []


def _key(job: dict[str, Any]) -> str:
    package = tasks.kind_of(job).peers[job["method"]].package
    parts = {k: job[k] for k in ("instance", "method", "accuracies", "threads")}
    versions = [provenance.version(name) for name in (package, "numpy", "jax", "torch")]
    text = json.dumps([PROTOCOL, provenance.processor(), versions, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _measure(job: dict[str, Any]) -> list[dict[str, Any]]:
    wait_until_quiet(job["threads"])
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
        none = {"reached": False, "note": missing, "seconds": job["limit"], "absent": bool(absent)}
        row = results.get(accuracy, none)
        missing = row.get("note", missing)
        load = {"others": round(others, 3), "loaded": others > allowed(job["threads"])}
        rows.append({**job, "accuracy": accuracy, **load, **row})
    return rows


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _converse(job: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Start a worker and collect its lines; it is stopped when it is silent for too long."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("worker.py"))]
    lines: list[dict[str, Any]] = []
    silence = GRACE + (600.0 if tasks.is_own(job["method"]) else job["limit"])
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
