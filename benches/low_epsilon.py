"""Study of the Newton solver at low epsilon, against plain Sinkhorn: ``python benches/low_epsilon.py [--sinkhorn]``."""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from instances import Cloud, Stored

from wassail import ot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAMILIES = ("gauss2", "gauss10", "uniform", "grid_l1", "grid_sql2")
FRACTIONS = (1e-2, 1e-3, 2e-4)
TOL = 1e-12
PAPER_ETA = 1200.0
HEAD = ("instance", "epsilon", "status", "error", "seconds", "n_iter", "newton", "products", "sinkhorn", "its", "error")

# name, cost, a, b, epsilon as a share of the largest cost
Case = tuple[str, Any, Any, Any, float]


def uneven(n: int, seed: int) -> Any:
    """Weights within a factor of 100."""
    w = 10.0 ** np.random.default_rng([n, seed]).uniform(-1, 1, n)
    return w / w.sum()


def nearly_even(n: int, seed: int) -> Any:
    """Weights within a factor of 1.02: what one point has too much takes a long way to those that lack it."""
    w = np.random.default_rng([n, seed]).uniform(0.99, 1.01, n)
    return w / w.sum()


def pixels() -> Any:
    """Centers of the pixels of an image of 28 by 28."""
    ticks = np.linspace(0.0, 1.0, 28)
    return np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)


def strokes(corners: list[tuple[float, float]]) -> Any:
    """Gray values of a broken line on a dark ground, as of a digit, without a floor of weight."""
    at, gray = pixels(), np.zeros(784)
    for start, end in pairwise(corners):
        step = np.subtract(end, start)
        along = np.clip((at - start) @ step / (step @ step), 0.0, 1.0)
        near = ((at - start - along[:, None] * step) ** 2).sum(1)
        gray = np.maximum(gray, np.exp(-0.5 * near * (28 / 1.5) ** 2))
    gray[gray < 0.02] = 0.0
    return gray / gray.sum()


def floored(weights: Any) -> Any:
    """Little weight everywhere."""
    return (weights + 1e-6) / (weights + 1e-6).sum()


def paper() -> Iterator[Case]:
    """Random assignment, and digit-like images with normalized costs, at the eta of the paper."""
    uniform = np.full(500, 1 / 500)
    yield "lap", np.random.default_rng([500, 2]).uniform(size=(500, 500)), uniform, uniform, 1 / PAPER_ETA
    gaps = np.abs(pixels()[:, None] - pixels()[None])
    seven = strokes([(0.2, 0.25), (0.2, 0.75), (0.85, 0.4)])
    four = strokes([(0.15, 0.55), (0.6, 0.2), (0.6, 0.8), (0.3, 0.65), (0.9, 0.6)])
    for name, cost in (("digits sql2", (gaps**2).sum(-1)), ("digits l1", gaps.sum(-1))):
        yield name, cost / cost.max(), seven, four, 1 / PAPER_ETA
        yield f"{name} floor", cost / cost.max(), floored(seven), floored(four), 1 / PAPER_ETA


def benched() -> Iterator[Case]:
    """The families of the bench; with other weights and another shape; as point clouds."""
    for family in FAMILIES:
        for fraction in FRACTIONS:
            problem = Stored(family, 1000, fraction).build()
            n = problem.a.size
            m = (7 * n) // 10
            b = uneven(m, 2)
            yield family, problem.cost, problem.a, problem.b, fraction
            yield f"{family} uneven", problem.cost, uneven(n, 0), uneven(n, 1), fraction
            yield f"{family} nearly even", problem.cost, nearly_even(n, 0), nearly_even(n, 1), fraction
            yield f"{family} n>m", np.ascontiguousarray(problem.cost[:, :m]), uneven(n, 0), b / b.sum(), fraction
    for d in (2, 10):
        built = Cloud(1000, d).build()
        x, y = built.x, built.y
        for fraction in FRACTIONS:
            yield f"points d={d}", ot.PointCloud(x, y), None, None, fraction
            yield f"points d={d} n>m", ot.PointCloud(x, y[:700]), uneven(1000, 0), uneven(700, 2), fraction


def best(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Run it and give the shortest time with the last result."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), result


def row(case: Case, options: argparse.Namespace) -> list[str]:
    """Measure one case."""
    name, cost, a, b, fraction = case
    top = float((cost.to_numpy() if isinstance(cost, ot.PointCloud) else cost).max())
    shared = {"epsilon": fraction * top, "tol": options.tol, "n_threads": options.threads}
    seconds, result = best(lambda: ot.sinkhorn_newton(cost, a, b, **shared), options.repeats)
    steps, products = int(result.trace.newton.sum()), int(result.trace.cg_iterations.sum())
    cells = [name, f"{fraction:.1e}", result.status.value, f"{result.marginal_error:.1e}", f"{seconds:.4f}"]
    cells += [str(result.n_iter), str(steps), str(products)]
    if options.sinkhorn:
        seconds, plain = best(lambda: ot.sinkhorn(cost, a, b, max_iter=10**6, **shared), 1)
        cells += [f"{seconds:.4f}", str(plain.n_iter), f"{plain.marginal_error:.1e}"]
    return cells


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sinkhorn", action="store_true", help="time plain Sinkhorn too")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tol", type=float, default=TOL)
    parser.add_argument("--only", default="", help="names that contain this")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| " + " | ".join(HEAD[: 11 if options.sinkhorn else 8]) + " |")
    for source in (paper, benched):
        for case in source():
            if options.only in case[0]:
                print("| " + " | ".join(row(case, options)) + " |", flush=True)


if __name__ == "__main__":
    main()
