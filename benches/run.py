"""Print the tables of the bench: ``python benches/run.py [--only stored] [--quick] [--markdown PATH]``."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import bandwidth
import clouds
import kernels
import machine
import plans
import provenance
import report
import start_up
import stored

PARTS = ("stored", "clouds", "bandwidth", "startup", "kernels", *plans.PARTS)
RESULTS = Path(__file__).resolve().parent / "results"
FOOT = (
    "Times are medians of whole calls, with the spread of the repeats; the accuracy is ‖P1 − a‖₁ + ‖Pᵀ1 − b‖₁, "
    "checked in float64 by NumPy. A peer's stopping rule is tuned to the loosest value that reaches the accuracy, "
    "compilation is not timed, and a peer stops after 60 s or four times the best peer's time. POT's times hold "
    f"its dense plan, ours are in the column “with plan” for that. {report.LOADED}: other processes were at work. "
    "Of exact plans the value is their cost, of sparse ones the dual value, both computed again by NumPy; the gap is "
    "what the solver itself certifies."
)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="one part (may be repeated)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--wassail", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--fresh", action="store_true", help="measure the peers again, whatever is cached")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file too")
    return parser.parse_args()


def main() -> None:
    """Measure what was asked for and print it."""
    options = arguments()
    chosen = options.only or PARTS
    source = provenance.describe(options.threads)
    data: dict[str, Any] = {"source": source}
    sections = [f"# Benches\n\n{report.origin(source)}\n\n{FOOT}"]
    if options.wassail and {"clouds", "bandwidth", "kernels"} & set(chosen):
        data["limits"] = machine.measure(options.threads)
        sections.append("## Limits of the machine\n\n" + report.limits_table(data["limits"]))
    if "stored" in chosen:
        data["stored"] = stored.measure(options)
        sections.append("## Stored costs\n\n" + report.comparison(data["stored"]))
        sections.append("### Every peer\n\n" + report.every_peer(data["stored"]))
    if "clouds" in chosen:
        if options.wassail:
            data["sweeps"] = clouds.sweeps(options, data["limits"])
            sections.append("## Sweeps of point clouds\n\n" + report.share_table(data["sweeps"]))
        data["clouds"] = clouds.measure(options)
        sections.append("## Point clouds\n\n" + report.comparison(data["clouds"]))
        sections.append("### Every peer on clouds\n\n" + report.every_peer(data["clouds"]))
    if "bandwidth" in chosen and options.wassail:
        data["bandwidth"] = bandwidth.measure(options, data["limits"])
        sections.append("## Bandwidth of the scaling form\n\n" + report.share_table(data["bandwidth"]))
    if "kernels" in chosen and options.wassail:
        data["kernels"] = kernels.measure(options, data["limits"])
        sections.append("## Kernel values\n\n" + report.share_table(data["kernels"]))
    if "startup" in chosen and options.wassail:
        data["startup"] = start_up.measure(options)
        sections.append("## Start\n\n" + report.start_table(data["startup"]))
    for part in plans.PARTS:
        if part in chosen:
            data[part] = plans.measure(part, options)
            sections.append(f"## {plans.PARTS[part][0]}\n\n" + report.methods(data[part]))
    finish(options, data, "\n\n".join(sections) + "\n")


def finish(options: argparse.Namespace, data: dict[str, Any], text: str) -> None:
    """Print the tables and keep the rows; every row carries where it comes from."""
    for rows in data.values():
        for row in rows if isinstance(rows, list) else ():
            row["source"] = data["source"]
    RESULTS.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    (RESULTS / f"{stamp}.json").write_text(json.dumps(data, indent=1))
    (RESULTS / f"{stamp}.md").write_text(text)
    print("\n" + text)
    if options.markdown is not None:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
