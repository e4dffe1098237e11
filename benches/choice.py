"""What `ot.solve` loses against the better of Sinkhorn and Newton: ``python benches/choice.py``."""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from instances import GRID_SIDE, Stored, clouds

from wassail import ot
from wassail.exceptions import ConvergenceWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRACTIONS = (1e-2, 3e-3, 1e-3, 3e-4, 2e-4)
FAMILIES = ("gauss2", "gauss10", "uniform", "grid_l1", "grid_sql2", "cloud2", "cloud10")
HEAD = ("instance", "weights", "epsilon / max", "/ mean", "newton", "sinkhorn", "solve", "took", "solve / better")
TOL = 1e-9
MOST_SWEEPS = 1500  # beyond, Newton has won by far


def uneven(n: int, seed: int) -> Any:
    """Random weights."""
    weights = np.random.default_rng([seed, n]).random(n) + 0.01
    return weights / weights.sum()


def problems(families: list[str], n: int) -> Iterator[tuple[str, str, Any, Any, Any, float]]:
    """Name, kind of weights, cost, weights, and the largest cost; points where the name is of a cloud."""
    for family in families:
        if family.startswith("cloud"):
            cost: Any = ot.PointCloud(*clouds(n, int(family.removeprefix("cloud"))))
            largest, given = float(cost.to_numpy().max()), (None, None)
        else:
            built = Stored(family, n, 1.0).build()
            cost, largest, given = built.cost, built.epsilon, (built.a, built.b)
        grid = family.startswith("grid")
        size = GRID_SIDE**2 if grid else n
        yield f"{family}, n = {size}", "image" if grid else "even", cost, *given, largest
        if not grid:
            yield f"{family}, n = {size}", "uneven", cost, uneven(n, 1), uneven(n, 2), largest


def timed(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Run it and give the least processor time with the last result; long runs go once."""
    best, result = np.inf, None
    for _ in range(repeats):
        begin = time.process_time()
        result = solve()
        best = min(best, time.process_time() - begin)
        if best > 1.0:
            break
    return best, result


def row(problem: tuple[Any, ...], fraction: float, repeats: int) -> list[str]:
    """Measure one line of the table."""
    name, weights, cost, a, b, largest = problem
    values = cost.to_numpy() if isinstance(cost, ot.PointCloud) else cost
    epsilon = fraction * largest
    run: Any = {"epsilon": epsilon, "tol": TOL, "n_threads": 1}
    newton, first = timed(partial(ot.sinkhorn_newton, cost, a, b, **run), repeats)
    sweeps, second = timed(partial(ot.sinkhorn, cost, a, b, max_iter=MOST_SWEEPS, **run), repeats)
    chosen, result = timed(partial(ot.solve, cost, a, b, **run), repeats)
    better = min(newton, sweeps if second.converged else np.inf)
    share = epsilon / float(values.mean() - values.min())
    times = [
        f"{1e3 * newton:.1f} ms, {first.n_iter}",
        f"{1e3 * sweeps:.1f} ms, {second.n_iter}" if second.converged else f"not in {MOST_SWEEPS} sweeps",
        f"{1e3 * chosen:.1f} ms, {result.n_iter}",
    ]
    return [name, weights, f"{fraction:.0e}", f"{share:.4f}", *times, result.choice.algorithm, f"{chosen / better:.2f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS, help="epsilon by the largest cost")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| " + " | ".join(HEAD) + " |")
    print("|" + " --- |" * len(HEAD))
    for problem in problems(options.families, options.size):
        for fraction in options.fractions:
            print("| " + " | ".join(row(problem, fraction, options.repeats)) + " |", flush=True)


if __name__ == "__main__":
    main()
