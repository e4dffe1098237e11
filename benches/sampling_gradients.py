"""Gradients per second of many chains, ours and the peers', with the time before the first draw."""

from __future__ import annotations

import statistics
import time
import warnings
from typing import Any

import measure
import numpy as np
import report
import sampling_ours as ours
import sampling_peers as peers
import sampling_problems as problems
import sampling_store as store

from wassail import _core, sampling

CHAINS = (1, 16, 256)
STEPS = {"gauss1000": 1e-2, "diagonal100": 1e-3, "logistic": 1e-3}  # step sizes that are accepted
LENGTHS = {"gauss1000": (0.2, 2.0), "diagonal100": (0.1, 1.6), "logistic": (0.05, 0.5)}  # the same of HMC, with lengths
TARGET_SECONDS = 0.3
CALLABLE_SECONDS = 200e-6


def _rate(run: Any, gradients: int) -> dict[str, Any]:
    run()
    rates = [gradients / measure.clock(run)[1] for _ in range(5)]
    return {"rates": rates, "rate": statistics.median(rates)}


def own(key: str, chains: int, way: str) -> dict[str, Any]:
    """MALA or HMC of a given step; only the last position is kept."""
    problem = problems.RATES[key]()
    x0 = problems.start(problem, chains) * (0.1 if key == "diagonal100" else 1.0)
    begun = time.perf_counter()
    form = way.removesuffix(HMC)
    if form == "NumPy callable":
        density, found = problem.batch, form
    else:
        density, found = ours.target(problem, native=form == "built-in")
    if found != form:
        raise ImportError(f"no {form} form")
    built = time.perf_counter() - begun

    def run(steps: int) -> Any:
        options = {"n_samples": 1, "thin": steps, "n_warmup": 0, "rng": 0}
        if form == way:
            return sampling.mala(density, x0, step_size=STEPS[key], **options)
        step_size, length = LENGTHS[key]
        return sampling.hmc(density, x0, step_size=step_size, trajectory_length=length, **options)

    spent = measure.clock(lambda: run(20))[1] / 20
    steps = int(np.clip(TARGET_SECONDS / spent, 20, 200_000))
    steps = int(np.clip(TARGET_SECONDS * steps / measure.clock(lambda: run(steps))[1], 1, 10) * steps)
    result = run(steps)
    row = _rate(lambda: run(steps), chains * result.n_gradients)
    return row | {"acceptance": result.mean_acceptance, "compile": built}


def peer(key: str, chains: int, name: str) -> dict[str, Any]:
    """MALA of blackjax at the same step, or NUTS."""
    problem = problems.RATES[key]()
    x0 = problems.start(problem, chains) * (0.1 if key == "diagonal100" else 1.0)
    if name == "blackjax MALA":
        steps = max(20, int({"gauss1000": 2e4, "diagonal100": 1e5, "logistic": 2e4}[key] / chains))
        out = peers.blackjax_mala(problem, x0, steps, STEPS[key], 0)
        return {"rate": out.gradients.size / out.seconds, "rates": [], "compile": out.compile_seconds}
    # 256 chains wait for the longest of their trajectories: numpyro takes minutes for a hundred of them.
    draws, warmup = {1: (500, 100), 16: (200, 100), 256: (5, 20) if name.startswith("numpyro") else (20, 100)}[chains]
    out = peers.NUTS[name.split(maxsplit=1)[0]](problem, x0, draws, warmup, 0)
    rate = out.gradients.sum() / out.seconds
    return {"rate": rate, "rates": [], "compile": out.compile_seconds}


def waiting() -> dict[str, Any]:
    """
    What 64 chains take beside a NumPy callable of 200 µs: its own time is measured inside.

    Of 2000 steps 50 draws are kept, so that there is no look at R-hat, or all of them.
    """
    d, chains, spent = 100, 64, []

    def target(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        begun = time.perf_counter()
        answer = -0.5 * np.einsum("ni,ni->n", x, x), -x
        while time.perf_counter() - begun < CALLABLE_SECONDS:
            pass
        spent.append(time.perf_counter() - begun)
        return answer

    x0 = np.random.default_rng(0).normal(size=(chains, d))

    def overheads(thin: int, times: int) -> list[float]:
        found = []
        for _ in range(times):
            spent.clear()
            options = {"n_samples": 2000 // thin, "thin": thin, "n_warmup": 0, "step_size": 0.1, "rng": 0}
            _, total = measure.clock(lambda: sampling.mala(target, x0, **options))  # noqa: B023
            found.append(total / sum(spent) - 1.0)
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, whole = overheads(40, 7), overheads(1, 3)
    return {"overhead": statistics.median(found), "all": found, "whole": statistics.median(whole)}


HMC = ", HMC"
WAYS = ("built-in", "C pointer", "NumPy callable", "built-in, HMC", "C pointer, HMC")
PEERS = ("blackjax MALA", "nutpie NUTS", "numpyro NUTS")


def measure_all(options: Any) -> None:
    """Fill the store."""
    for key in problems.RATES:
        if options.problem and key not in options.problem:
            continue
        for chains in CHAINS[: 2 if options.quick else 3]:
            for way in WAYS if options.wassail else ():
                if options.method and way not in options.method:
                    continue
                store.measured("gradients", lambda: own(key, chains, way), key, chains, way, again=True)  # noqa: B023
            for name in PEERS if options.peers else ():
                if options.method and name not in options.method:
                    continue
                store.measured(
                    "gradients",
                    lambda: peer(key, chains, name),  # noqa: B023
                    key,
                    chains,
                    name,
                    again=options.fresh,
                )
    if options.wassail and (not options.method or "waiting" in options.method):
        store.measured("waiting", waiting, "mala", again=True)


def tables() -> str:
    """Return rates side by side, and ratios to the best peer."""
    found = {tuple(key.split("|")[1:]): row for key, row in store.load().items() if key.startswith("gradients|")}
    body = []
    for key, build in problems.RATES.items():
        for chains in CHAINS:
            by = {name: found.get((key, str(chains), name), {}).get("rate") for name in (*WAYS, *PEERS)}
            best = max((by[name] for name in PEERS if by[name]), default=None)
            marks = {name: store.mark(found.get((key, str(chains), name), {})) for name in by}
            cells = [f"{by[name] / 1e3:.3g}{marks[name]}" if by[name] else "–" for name in (*WAYS, *PEERS)]
            fastest = [max((by[w] for w in (way, way + HMC) if by[w]), default=None) for way in WAYS[:2]]
            ratios = [f"{rate / best:.1f}" if rate and best else "–" for rate in fastest]
            if any(by.values()):
                body.append([build().name, str(chains), *cells, *ratios])
    head = ["density", "chains", *WAYS, *PEERS, "built-in / best peer", "pointer / best peer"]
    text = "Thousands of gradients per second:\n\n" + report.table(head, body)
    compiles = []
    for name in (WAYS[1], *PEERS):
        seconds = [row["compile"] for names, row in found.items() if names[2] == name and "compile" in row]
        if seconds:
            compiles.append([name, report.duration(min(seconds)), report.duration(max(seconds))])
    text += "\n\nCompilation before the first draw:\n\n" + report.table(["what", "least", "most"], compiles)
    for row in store.rows("waiting"):
        if "overhead" in row:
            low, high = min(row["all"]), max(row["all"])
            text += (
                f"\n\nMALA of 64 chains on a NumPy callable of 200 µs takes {100 * row['overhead']:.1f} % "
                f"({100 * low:.1f} to {100 * high:.1f} %) more than the callable itself, and "
                f"{100 * row['whole']:.0f} % with 2000 draws that are kept and looked at by R-hat."
            )
    return text


def threads() -> int:
    """Threads that ours use."""
    return int(_core.get_num_threads())
