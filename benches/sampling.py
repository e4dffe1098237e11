"""Tables of the samplers: ``python benches/sampling.py [--only rates] [--quick] [--no-peers] [--markdown PATH]``.

Rows are kept in ``benches/results/sampling.json``: peers are measured once (``--fresh`` measures them again), ours
every time they are asked for, and ``--tables`` prints what is there. ``--problem`` and ``--method`` narrow a part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import provenance
import report
import sampling_cores
import sampling_errors
import sampling_first_draw
import sampling_gradients
import sampling_memory
import sampling_rates

PARTS = {
    "rates": ("The machine", sampling_rates),
    "gradients": ("Gradients per second", sampling_gradients),
    "first": ("First draw", sampling_first_draw),
    "errors": ("Gradients to an error", sampling_errors),
    "cores": ("Two cores", sampling_cores),
    "memory": ("A million coordinates", sampling_memory),
}
PEERS = ("blackjax", "numpyro", "nutpie", "emcee", "jax", "numba")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="one part (may be repeated)")
    parser.add_argument("--problem", action="append", help="one density of a part (may be repeated)")
    parser.add_argument("--method", action="append", help="one sampler (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="short runs")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--wassail", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--fresh", action="store_true", help="measure the peers again")
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file too")
    return parser.parse_args()


def main() -> None:
    """Measure what was asked for and print it."""
    options = arguments()
    source = provenance.describe(sampling_gradients.threads())
    source["versions"] |= {name: number for name in PEERS if (number := provenance.version(name))}
    sections = [f"# Samplers\n\n{report.origin(source)}"]
    for part in options.only or PARTS:
        title, module = PARTS[part]
        if not options.tables:
            module.measure_all(options)
        sections.append(f"## {title}\n\n{module.tables()}")
    text = "\n\n".join(sections) + "\n"
    print(text)
    if options.markdown is not None:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
