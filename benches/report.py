"""Tables of the bench as Markdown, which also reads well in a terminal."""

from __future__ import annotations

from typing import Any

import machine
import numpy as np
import ours
import tasks

LOADED = "†"  # beside a timing taken while other processes were at work


def table(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a Markdown table in columns of equal width."""
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(header), rule, *(line(row) for row in rows)])


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    if seconds < 1e-3:
        return f"{1e6 * seconds:.0f} µs"
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def label(row: dict[str, Any]) -> str:
    """Name the instance of a row."""
    instance = row["instance"]
    if instance["type"] == "Stored":
        return f"{instance['family']} {instance['n']}"
    if instance["type"] != "Cloud":
        return tasks.from_dict(instance).label
    return f"n={instance['n']} d={instance['d']} {'f32' if instance['float32'] else 'f64'}"


def cell(row: dict[str, Any] | None) -> str:
    """Time (spread) and iterations of a row, or why there is none."""
    if row is None:
        return "–"
    mark = LOADED if row.get("loaded") else ""
    if not row["reached"]:
        note = row.get("note", "not reached")
        if note == "not in time":
            reached = f" ({row['error']:.0e} after {row['iterations']} it)" if "error" in row else ""
            note = f"> {duration(row['limit'])}{reached}"
        return note + mark
    width = row["spread"]["high"] / row["spread"]["low"] - 1
    count = f", {row['iterations']} it" if row["iterations"] > 0 else ""
    return f"{duration(row['seconds'])} (+{100 * width:.0f} %){count}{mark}"


def group(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """Rows of one instance, accuracy and thread count, by method."""
    groups: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        key = (row["threads"], label(row), row["instance"].get("fraction"), row["accuracy"])
        groups.setdefault(key, {})[row["method"]] = row
    return groups


def best_peer(by_method: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Fastest peer that reached the accuracy, or None."""
    reached = [row for name, row in by_method.items() if name != ours.NAME and row["reached"]]
    return min(reached, key=lambda row: row["seconds"]) if reached else None


def ratio(by_method: dict[str, dict[str, Any]]) -> float | None:
    """Time of the best peer over ours."""
    own, peer = by_method.get(ours.NAME), best_peer(by_method)
    return peer["seconds"] / own["seconds"] if own and own["reached"] and peer else None


def _bound(by_method: dict[str, dict[str, Any]]) -> str:
    """Least ratio that follows from the time given to peers which did not reach the accuracy."""
    own = by_method.get(ours.NAME)
    limits = [row["limit"] for name, row in by_method.items() if name != ours.NAME and row.get("note") == "not in time"]
    return (
        f"> {max(limits) / own['seconds']:.0f}"
        if own and own["reached"] and limits and not best_peer(by_method)
        else "–"
    )


def geometric_mean(values: list[float]) -> float:
    """Mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))


def comparison(rows: list[dict[str, Any]]) -> str:
    """Wassail beside the best peer, a row per instance and accuracy, with the geometric mean of the ratios."""
    header = ["threads", "instance", "eps/max", "accuracy", "wassail", "error", "with plan", "best peer", "ratio"]
    body, ratios = [], []
    for (threads, name, fraction, accuracy), by_method in group(rows).items():
        own, peer, gain = by_method.get(ours.NAME), best_peer(by_method), ratio(by_method)
        ratios += [] if gain is None else [(threads, gain)]
        body.append(
            [
                str(threads),
                name,
                "" if fraction is None else f"{fraction:.0e}",
                f"{accuracy:.0e}",
                cell(own),
                f"{own['error']:.0e}" if own and "error" in own else "–",
                duration(own["with_plan"]) if own and "with_plan" in own else "–",
                f"{peer['method']}: {cell(peer)}" if peer else "none reached it",
                f"{gain:.1f}" if gain else _bound(by_method),
            ]
        )
    text = table(header, body)
    for threads in sorted({count for count, _ in ratios}):
        gains = [gain for count, gain in ratios if count == threads]
        mean, least = geometric_mean(gains), min(gains)
        text += f"\n\n{threads} threads, {len(gains)} rows: geometric mean {mean:.1f}, least {least:.1f}"
    return text


def every_peer(rows: list[dict[str, Any]]) -> str:
    """All peers side by side."""
    names = list(dict.fromkeys(row["method"] for row in rows if row["method"] != ours.NAME))
    if not names:
        return "No peers in this run."
    body = []
    for (threads, name, fraction, accuracy), by_method in group(rows).items():
        head = [str(threads), name, "" if fraction is None else f"{fraction:.0e}", f"{accuracy:.0e}"]
        body.append(head + [cell(by_method.get(peer)) for peer in names])
    return table(["threads", "instance", "eps/max", "accuracy", *names], body)


def methods(rows: list[dict[str, Any]]) -> str:
    """Every method on every instance, with its error and value, and its time over that of wassail's fastest."""
    header = ["threads", "instance", "accuracy", "method", "time", "error", "value", "gap", "times wassail"]
    body, gains = [], []
    for (threads, name, _, accuracy), by_method in group(rows).items():
        own = [row["seconds"] for method, row in by_method.items() if tasks.is_own(method) and row["reached"]]
        peers = [row["seconds"] for method, row in by_method.items() if not tasks.is_own(method) and row["reached"]]
        gains += [min(peers) / min(own)] if own and peers else []
        for method, row in by_method.items():
            ratio = f"{row['seconds'] / min(own):.1f}" if own and row["reached"] else "–"
            wanted = "any" if accuracy > 1.0 else f"{accuracy:.0e}"
            figures = [_figure(row.get(key), digits) for key, digits in (("error", 1), ("value", 11), ("gap", 1))]
            body.append([str(threads), name, wanted, method, cell(row), *figures, ratio])
    text = table(header, body)
    if gains:
        mean, least = geometric_mean(gains), min(gains)
        text += f"\n\nBest peer over wassail, {len(gains)} rows: geometric mean {mean:.1f}, least {least:.1f}"
    return text


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


def limits_table(limits: dict[str, float]) -> str:
    """What the machine can do."""
    return table(["limit", "rate", "unit"], machine.lines(limits))


def share_table(rows: list[dict[str, Any]]) -> str:
    """Time of a sweep and its share of the machine's limit."""
    body = []
    for row in rows:
        rate = row.get("bytes_per_second") or row.get("pairs_per_second")
        unit = "GB/s" if "bytes_per_second" in row else "G pairs/s"
        share = "–" if row["share"] is None else f"{100 * row['share']:.0f} %"
        body.append([row["instance"], duration(row["seconds"]), f"{rate / 1e9:.2f} {unit}", share])
    return table(["sweep", "time", "rate", "of the limit"], body)


def start_table(rows: list[dict[str, Any]]) -> str:
    """Print the figures of the first second."""
    body = [
        [
            row["instance"],
            duration(row["seconds"]),
            f"{duration(row['spread']['low'])} – {duration(row['spread']['high'])}",
        ]
        for row in rows
    ]
    return table(["what", "median", "range"], body)


def origin(source: dict[str, Any]) -> str:
    """Where the figures come from."""
    versions = ", ".join(f"{name} {number}" for name, number in source["versions"].items())
    return (
        f"Commit {source['commit']}; {source['cpu']}; {source['isa']}; {source['threads']} threads; "
        f"Python {source['python']}; {versions}."
    )
