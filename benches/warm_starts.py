"""Second solves of slightly changed problems, cold and warm: ``python benches/warm_starts.py [--n 1000] [--repeats 5]``."""

from __future__ import annotations

import argparse
import statistics
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from instances import Stored
from measure import clock

from wassail import ot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = ("solver", "instance", "epsilon/max", "change", "cold", "warm", "ratio", "iterations", "error at the start")
FAMILIES = ("gauss2", "gauss10", "uniform", "grid_l1", "grid_sql2")
NOISE = 1e-2  # of the costs, by epsilon
UNEVEN = 1e-2  # of the weights

# solver, instance, fraction, change, solve(init)
Case = tuple[str, str, float, str, "Callable[[Any], Any]"]


def entropic(name: str, fractions: tuple[float, ...], n: int) -> Iterator[Case]:
    """Noise on the costs, or on the weights."""
    solve = getattr(ot, name)
    for family in FAMILIES:
        for fraction in fractions:
            problem = Stored(family, n, fraction).build()
            rng = np.random.default_rng([n, 5])
            cost, a, b, epsilon = problem.cost, problem.a, problem.b, fraction * problem.cost.max()
            noisy = cost + NOISE * epsilon * rng.standard_normal(cost.shape)
            near = [w * rng.uniform(1 - UNEVEN, 1 + UNEVEN, w.size) for w in (a, b)]
            near = [w / w.sum() for w in near]
            first = solve(cost, a, b, epsilon=epsilon)
            for change, given in (("costs", (noisy, a, b)), ("weights", (cost, *near))):

                def again(init: Any, given: Any = given, epsilon: float = epsilon, first: Any = first) -> Any:
                    return solve(*given, epsilon=epsilon, init=first if init else None)

                yield name, family, fraction, change, again


def cases(n: int) -> Iterator[Case]:
    """All of them."""
    yield from entropic("sinkhorn_newton", (1e-2, 1e-3, 2e-4), n)
    yield from entropic("sinkhorn", (1e-1, 1e-2), n)


def row(case: Case, repeats: int) -> list[str]:
    """Time one case, cold and warm in turn."""
    solver, instance, fraction, change, solve = case
    pairs = [(clock(lambda: solve(False)), clock(lambda: solve(True))) for _ in range(repeats)]
    cold, warm = (statistics.median(pair[k][1] for pair in pairs) for k in (0, 1))
    (before, _), (after, _) = pairs[0]
    counts = f"{before.n_iter} -> {after.n_iter}"
    start = f"{after.trace.error[0]:.0e}"
    return [solver, instance, f"{fraction:.0e}", change, f"{1e3 * cold:.1f} ms", f"{1e3 * warm:.1f} ms"] + [
        f"{cold / warm:.1f}",
        counts,
        start,
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="solvers that contain this")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| " + " | ".join(HEAD) + " |")
    for case in cases(options.n):
        if options.only in case[0]:
            print("| " + " | ".join(row(case, options.repeats)) + " |", flush=True)


if __name__ == "__main__":
    main()
