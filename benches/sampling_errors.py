"""Gradients and seconds to b² < 0.01: the squared error of the second moments over the variance of the squares.

Every chain is judged by its own draws, averaged over coordinates; b² of a number of draws is the median over chains,
and gradients are counted after warm-up, as the sampler benchmarks of the literature do. Seconds are those of the whole
call, warm-up included, up to the draw at which b² falls below 0.01, for all chains together.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import report
import sampling_ours as ours
import sampling_peers as peers
import sampling_problems as problems
import sampling_store as store

from wassail.sampling import _diagnostics

if TYPE_CHECKING:
    from sampling_problems import Problem

CHAINS = 16
WARMUP = (2000, 1000)  # steps; trajectories
THRESHOLD = 0.01
FEWEST = 10  # draws before b² is believed
DRAWS = {  # after it
    "kappa2": (20_000, 1000),
    "kappa5": (100_000, 400),
    "cancer": (30_000, 500),
    "rosenbrock": (100_000, 2000),
    "funnel": (50_000, 1000),
    "phi4": (20_000, 1000),
}
PEERS = {name: (run, f"NUTS ({name})") for name, run in peers.NUTS.items()}
PEERS["emcee"] = (peers.emcee, "stretch moves (emcee), densities")
TRAJECTORIES = ("MALT", "HMC", "MAMS", "sample")  # of ours
SHORTER = 10  # times fewer trajectories than steps
KEPT = 20_000  # draws of a chain that are kept at most


def moments(key: str, problem: Problem, *, again: bool) -> tuple[np.ndarray, np.ndarray, str]:
    """Return E x² and Var x²: exact, or of a long run of nutpie, or where that is missing of MALA."""
    if problem.second is not None:
        return *problem.second, "exact"
    if again or f"moments|{key}" not in store.load():
        x0 = problems.start(problem, 32, 9)
        try:
            draws, source = peers.nutpie(problem, x0, 3000, 1000, 99).draws, "nutpie, 32 chains of 3000 draws"
        except ImportError:
            density = ours.target(problem)[0]
            draws, source = ours.run("MALA", density, x0, 20_000, 4000, 99, thin=10).draws, "MALA"
        squares = (draws**2).reshape(-1, problem.dim)
        store.keep(
            "moments",
            {"mean": squares.mean(axis=0).tolist(), "variance": squares.var(axis=0).tolist(), "source": source},
            key,
        )
    row = store.load()[f"moments|{key}"]
    mean, variance = np.array(row["mean"]), np.array(row["variance"])
    if problem.scalar == "phi4":  # all sites are alike
        mean, variance = np.full_like(mean, mean.mean()), np.full_like(variance, variance.mean())
    return mean, variance, row["source"]


def reached(
    draws: np.ndarray, gradients: np.ndarray, mean: np.ndarray, variance: np.ndarray, judged: slice
) -> dict[str, Any]:
    """Return the gradients a chain until b² stays at hand: median over chains, with quartiles of the chains' own."""
    count = np.arange(1, draws.shape[1] + 1)[:, None]
    error = np.empty(draws.shape[:2])
    for own, chain in zip(error, draws, strict=True):
        off = np.cumsum(chain[:, judged] ** 2, axis=0) / count - mean[judged]
        own[:] = (off * off / variance[judged]).mean(axis=1)
    error[:, :FEWEST] = np.inf
    spent = np.cumsum(gradients, axis=1)
    middle = np.median(error, axis=0)
    below = np.flatnonzero(middle < THRESHOLD)
    out = {"b2": float(middle[-1]), "total": float(spent[:, -1].mean())}
    if below.size == 0:
        return out
    firsts = [
        spent[c, np.argmax(error[c] < THRESHOLD)] if error[c].min() < THRESHOLD else np.inf for c in range(len(error))
    ]
    low, high = np.quantile(firsts, (0.25, 0.75), method="nearest")
    return out | {"gradients": float(spent[:, below[0]].mean()), "low": float(low), "high": float(high)}


def _judge(
    key: str, problem: Problem, draws: np.ndarray, gradients: np.ndarray, warm: float, seconds: float, again: bool
) -> Any:
    mean, variance, _ = moments(key, problem, again=again)
    row = reached(draws, gradients, mean, variance, problem.judged)
    thin = draws[:, :: max(1, draws.shape[1] // 5000), problem.judged]
    bulk, rhat = _diagnostics.bulk_ess(thin), _diagnostics.rhat(thin)
    whole = warm + row["total"]
    if "gradients" in row:
        row["seconds"] = seconds * (warm + row["gradients"]) / whole
    return row | {
        "warmup": warm,
        "ess_per_second": float(bulk.min()) / seconds,
        "ess_per_gradient": float(bulk.min()) / (len(draws) * whole),
        "rhat": float(rhat.max()),
        "wall": seconds,
    }


def own(key: str, name: str, *, quick: bool) -> dict[str, Any]:
    """Run one of ours with its defaults."""
    problem = problems.ERRORS[key]()
    density, way = ours.target(problem)
    x0 = problems.start(problem, CHAINS)
    follows = name in TRAJECTORIES
    steps = DRAWS[key][0] // (20 if quick else 1) // (SHORTER if follows else 1)
    options = {"thin": max(1, steps // KEPT)}
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = ours.run(name, density, x0, steps // options["thin"], WARMUP[follows], 1, **options)
        seconds = time.perf_counter() - begun
        # Warm-up is the same with one draw, and counted apart: trajectories change their lengths in it.
        warm = float(ours.run(name, density, x0, 1, WARMUP[follows], 1).n_gradients)
    draws = np.asarray(result.draws)
    gradients = np.full(draws.shape[:2], (result.n_gradients - warm) / max(draws.shape[1] - 1, 1))
    row = _judge(key, problem, draws, gradients, warm, seconds, again=False)
    return row | {"way": way, "step_size": float(np.median(result.step_size)), "acceptance": result.mean_acceptance}


def peer(key: str, name: str, *, quick: bool) -> dict[str, Any]:
    """Run a peer with its defaults."""
    problem = problems.ERRORS[key]()
    draws = DRAWS[key][1] if name in peers.NUTS else DRAWS[key][0] // 10
    draws //= 20 if quick else 1
    out = PEERS[name][0](problem, problems.start(problem, CHAINS), draws, WARMUP[1], 1)
    seconds = out.seconds + out.warmup_seconds
    row = _judge(key, problem, out.draws, out.gradients, out.warmup_gradients, seconds, again=False)
    return row | {"compile": out.compile_seconds}


def measure_all(options: Any) -> None:
    """Fill the store."""
    for key in problems.ERRORS:
        if options.problem and key not in options.problem:
            continue
        for name in ours.available() if options.wassail else ():
            if not options.method or name in options.method:
                store.measured("errors", lambda: own(key, name, quick=options.quick), key, name, again=True)  # noqa: B023
        for name in PEERS if options.peers else ():
            if not options.method or name in options.method:
                store.measured(
                    "errors",
                    lambda: peer(key, name, quick=options.quick),  # noqa: B023
                    key,
                    PEERS[name][1],
                    again=options.fresh,
                )


def _line(name: str, row: dict[str, Any], nuts: float | None) -> list[str]:
    if "failed" in row:
        return [name, row["failed"][:40], *["–"] * 7]
    got = "gradients" in row
    spread = f" ({row['low']:.3g} – {row['high']:.3g})" if got else ""
    return [
        name,
        f"{row['gradients']:.4g}{spread}" if got else f"> {row['total']:.3g} (b² = {row['b2']:.2g})",
        f"{row['gradients'] / nuts:.3g}" if got and nuts else "–",
        f"{row['warmup']:.3g}",
        report.duration(row["seconds"]) + store.mark(row) if got else "–",
        f"{row['ess_per_second']:.3g}",
        f"{1e3 * row['ess_per_gradient']:.3g}",
        f"{row['rhat']:.3f}",
    ]


def tables() -> str:
    """Return a table for each problem; the ratio is to NUTS with the fewest gradients."""
    found = {tuple(key.split("|")[1:]): row for key, row in store.load().items() if key.startswith("errors|")}
    head = [
        "sampler",
        "gradients to b² < 0.01 (quartiles)",
        "over NUTS",
        "of warm-up",
        "seconds",
        "min ESS/s",
        "min ESS per 1000 gradients",
        "R-hat",
    ]
    text = []
    for key, build in problems.ERRORS.items():
        mine = {names[1]: row for names, row in found.items() if names[0] == key}
        if not mine:
            continue
        counts = [row["gradients"] for name, row in mine.items() if name.startswith("NUTS") and "gradients" in row]
        nuts = min(counts, default=None)
        lines = [_line(name, row, nuts) for name, row in mine.items()]
        text.append(f"### {build().name}\n\n" + report.table(head, lines))
    return "\n\n".join(text)
