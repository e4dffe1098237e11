"""Rows that were measured, kept in a file: a peer is measured once, and tables are made from whatever is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import launch
import provenance
import report

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = Path(__file__).resolve().parent / "results" / "sampling.json"


def load() -> dict[str, dict[str, Any]]:
    """Return all rows by key."""
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def rows(part: str) -> list[dict[str, Any]]:
    """Return the rows of a part, in the order in which they were first measured."""
    return [row for key, row in load().items() if key.split("|")[0] == part]


def keep(part: str, row: dict[str, Any], *names: object) -> dict[str, Any]:
    """Add or replace a row."""
    everything = load()
    everything["|".join([part, *map(str, names)])] = row | {"commit": provenance.commit()}
    STORE.parent.mkdir(exist_ok=True)
    STORE.write_text(json.dumps(everything, indent=1))
    return row


def _used() -> tuple[float, float, float]:
    """Return the seconds that all processes, this one with its children, and the clock have used."""
    if not Path("/proc/stat").exists():
        return 0.0, 0.0, 0.0
    return launch._jiffies()[0], sum(os.times()[:4]), launch._jiffies()[1]  # noqa: SLF001


def watched(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a row that says whether other processes were at work meanwhile."""
    before = _used()
    row = call()
    all_, own, total = (now - then for now, then in zip(_used(), before, strict=True))
    others = max(0.0, all_ - own) / max(total, 1e-9)
    return row | {"others": round(others, 3), "loaded": others > launch.BUSY}


def measured(part: str, call: Callable[[], dict[str, Any]], *names: object, again: bool) -> None:
    """Measure a row unless it is there; what fails becomes a row that says so."""
    if not again and "failed" not in load().get("|".join([part, *map(str, names)]), {"failed": "never"}):
        return
    try:
        row = watched(call)
    except ImportError as error:
        print(f"{part} {names}: skipped, {error}", flush=True)
        return
    except Exception as error:
        row = {"failed": f"{type(error).__name__}: {str(error)[:80]}"}
    print(part, *names, {k: v for k, v in row.items() if not isinstance(v, list)}, flush=True)
    keep(part, row, *names)


def mark(row: dict[str, Any]) -> str:
    """Return the mark of a row that was disturbed."""
    return report.LOADED if row.get("loaded") else ""
