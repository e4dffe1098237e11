"""One solver on one instance, in a process of its own; reads a job on stdin, prints a line of JSON per result."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import ours
import tasks
from measure import TUNE, Attempt, OverLimitError, attempt, clock, repeat, spread, time_limit

ROUNDING = 1e-13  # of the independent evaluation itself


def emit(kind: str, **fields: Any) -> None:
    """Tell the parent, which restarts its clock at every line."""
    print(json.dumps({"kind": kind, **fields}), flush=True)


def describe(made: Attempt) -> dict[str, Any]:
    """What a row of the table keeps of an attempt."""
    return {"error": made.error, "iterations": made.iterations, "setting": made.setting, "value": made.value}


def solve_peer(job: dict[str, Any], accuracy: float, solve: Any, error: Any) -> dict[str, Any]:
    """Tune the stopping rule, then repeat the best run."""
    tune = TUNE[tasks.kind_of(job).peers[job["method"]].tuning]
    if str(accuracy) in job["hopeless"]:
        return {"reached": False, "note": job["hopeless"][str(accuracy)], "seconds": 0.0}
    deadline = time.monotonic() + job["limit"]

    def limited(setting: float) -> Any:
        emit("begin", setting=setting)
        with time_limit(max(deadline - time.monotonic(), 0.01)):
            return solve(setting)

    known = job["settings"].get(str(accuracy))
    if known is None:
        best, last = tune(limited, error, accuracy)
    else:
        last = attempt(limited, error, known)
        best = last if last.error <= accuracy else None
    if best is None:
        note = "not in time" if time.monotonic() > deadline - job["limit"] / 4 else f"stops at {last.error:.0e}"
        return {"reached": False, "note": note, "seconds": last.seconds, **describe(last)}
    seconds = repeat(lambda: solve(best.setting), best.seconds)
    return {"reached": True, "seconds": spread(seconds)["median"], "spread": spread(seconds), **describe(best)}


def solve_ours(job: dict[str, Any], accuracy: float, solve: Any, error: Any) -> dict[str, Any]:
    """Run wassail at ``tol = accuracy``, as long as a peer may, and check what it says."""
    with time_limit(job["limit"]):
        solution, first = clock(lambda: solve(accuracy))
    reached = error(solution)
    seconds = repeat(lambda: solve(accuracy), first)
    allowed = tasks.kind_of(job).slack * accuracy + ROUNDING
    return {
        "reached": bool(solution.converged) and reached <= allowed,
        "seconds": spread(seconds)["median"],
        "spread": spread(seconds),
        "error": reached,
        "iterations": solution.iterations,
        "setting": accuracy,
        "value": solution.value,
        "gap": solution.gap,
    }


def prepare(job: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Build the problem: (problem, solve, error of a solution)."""
    kind = tasks.kind_of(job)
    problem = tasks.from_dict(job["instance"]).build()
    if tasks.is_own(job["method"]):
        solve = kind.own[job["method"]](problem, job["threads"])
    else:
        solve = kind.peers[job["method"]].prepare(problem, job["limit"])
    return problem, solve, lambda solution: kind.error(problem, solution)


def main() -> None:
    """Run the job that stands on stdin."""
    job = json.loads(sys.stdin.read())
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[: job["threads"]]
        os.sched_setaffinity(0, cores)
    try:
        problem, solve, error = prepare(job)
    except ImportError as absent:
        emit("absent", note=f"not installed: {absent.name}")
        return
    is_ours = tasks.is_own(job["method"])
    for accuracy in job["accuracies"]:
        emit("begin", accuracy=accuracy)
        try:
            row = (solve_ours if is_ours else solve_peer)(job, accuracy, solve, error)
        except OverLimitError:
            row = {"reached": False, "note": "not in time", "seconds": job["limit"]}
        except Exception as problem_met:
            row = {"reached": False, "note": f"{type(problem_met).__name__}: {problem_met}"[:80], "seconds": 0.0}
        if row["reached"] and job["method"] == ours.NAME and job["instance"]["type"] == "Stored":
            row["with_plan"] = ours.plan_seconds(problem, accuracy, job["threads"])
        emit("result", accuracy=accuracy, **row)
        if not row["reached"]:
            break


if __name__ == "__main__":
    main()
