"""Second solves of a problem that changed a little, from the first answer: ``python benches/warm_starts.py``."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from wassail import ot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHANGE = 0.01
HEAD = ("solver", "instance", "changed", "cold", "steps", "warm", "steps", "cold / warm")

# solver, instance, what changed, the first solve, the second one from a start or without
Case = tuple[str, str, str, "Callable[[], Any]", "Callable[[Any], Any]"]


def costs(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Uniform costs, and Gaussian clouds in 2 and 10 dimensions."""
    yield "uniform", rng.random((n, n))
    for d in (2, 10):
        yield f"cloud{d}", ot.PointCloud(rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.5).to_numpy()


def exact_cases(n: int, rng: np.random.Generator) -> Iterator[Case]:
    """Costs or weights that change by up to a hundredth, each on its own."""
    for name, cost in costs(n, rng):
        near = cost * (1.0 + CHANGE * rng.random(cost.shape))
        a = 1.0 + CHANGE * rng.random(n)
        a /= a.sum()
        first = {"exact": lambda c=cost: ot.exact(c), "assignment": lambda c=cost: ot.assignment(c)}
        yield "exact", name, "costs", first["exact"], lambda start, c=near: ot.exact(c, init=start)
        yield "exact", name, "weights", first["exact"], lambda start, c=cost, a=a: ot.exact(c, a, init=start)
        yield "assignment", name, "costs", first["assignment"], lambda start, c=near: ot.assignment(c, init=start)


def entropic_cases(n: int, rng: np.random.Generator) -> Iterator[Case]:
    """Noise on the costs, of a hundredth of epsilon, or weights that change by up to a hundredth."""
    for name, cost in costs(n, rng):
        near = rng.standard_normal(cost.shape)
        a = 1.0 + CHANGE * rng.random(n)
        a /= a.sum()
        for solver, shares in ((ot.sinkhorn_newton, (1e-2, 1e-3, 2e-4)), (ot.sinkhorn, (1e-1, 1e-2))):
            for share in shares:
                epsilon = share * cost.max()
                label, noisy = f"{name}, epsilon {share:.0e}", cost + CHANGE * epsilon * near
                run = partial(solver, epsilon=epsilon)
                first = partial(run, cost)
                yield solver.__name__, label, "costs", first, lambda start, run=run, c=noisy: run(c, init=start)
                yield (
                    solver.__name__,
                    label,
                    "weights",
                    first,
                    lambda start, run=run, c=cost, a=a: run(c, a, init=start),
                )


def sparse_cases(n: int, rng: np.random.Generator) -> Iterator[Case]:
    """At most k nonzeros a column, at a quarter of the size: costs or weights that change by up to a hundredth."""
    n //= 4
    for name, cost in costs(n, rng):
        near = cost * (1.0 + CHANGE * rng.random(cost.shape))
        a = 1.0 + CHANGE * rng.random(n)
        a /= a.sum()
        for k in (1, 2, 5, None):
            run = partial(ot.sparse_transport, max_nonzeros=k, gamma=n * float(cost.mean()) / 50)
            first = partial(run, cost)
            label = f"{name}, n = {n}, k = {k}"
            yield "sparse_transport", label, "costs", first, lambda start, run=run, c=near: run(c, init=start)
            if k != 1:  # one nonzero a column leaves no plan for most weights
                yield (
                    "sparse_transport",
                    label,
                    "weights",
                    first,
                    lambda start, run=run, c=cost, a=a: run(c, a, init=start),
                )


CASES = {"exact": exact_cases, "entropic": entropic_cases, "sparse": sparse_cases}
# What the tolerances of the solvers leave of the values; otherwise 1e-9.
SAME = {"sinkhorn": 1e-5}


def best(solve: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Run it and give the shortest time with the last result."""
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = solve()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), result


def row(case: Case, repeats: int) -> list[str]:
    """Measure one case; both answers must be the same."""
    solver, name, changed, first, second = case
    start = first()
    cold_time, cold = best(lambda: second(None), repeats)
    warm_time, warm = best(lambda: second(start), repeats)
    # Ties may leave a gap between relaxation and plan: then the relaxations must agree.
    value, expected = (getattr(found, "dual_value", found.value) for found in (warm, cold))
    same = abs(value - expected) <= SAME.get(solver, 1e-9) * abs(expected)
    if not (same and warm.status in (cold.status, ot.Status.CONVERGED)):
        raise RuntimeError(f"{solver} {name} {changed}: {warm.value} after a warm start, {cold.value} without")
    times = [f"{1e3 * cold_time:.1f} ms", str(cold.n_iter), f"{1e3 * warm_time:.1f} ms", str(warm.n_iter)]
    return [solver, name, changed, *times, f"{cold_time / warm_time:.1f}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=tuple(CASES), help="one family of solvers")
    options = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |")
    print("|" + " --- |" * len(HEAD))
    for name in (options.only,) if options.only else CASES:
        for case in CASES[name](options.size, np.random.default_rng(0)):
            print("| " + " | ".join(row(case, options.repeats)) + " |", flush=True)


if __name__ == "__main__":
    main()
