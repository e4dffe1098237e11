"""Second solves of a problem that changed a little, from the first answer: ``python benches/warm_starts.py``."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wassail import ot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHANGES = (1e-2, 1e-3, 1e-4)
HEAD = ("solver", "instance", "changed")

# solver, instance, what changed, a solve of given cost and weights, the first problem, that after a change of some size
Case = tuple[str, str, str, "Callable[..., Any]", "Sequence[Any]", "Callable[[float], Sequence[Any]]"]


def costs(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Uniform costs, and Gaussian clouds in 2 and 10 dimensions."""
    yield "uniform", rng.random((n, n))
    for d in (2, 10):
        yield f"cloud{d}", ot.PointCloud(rng.normal(size=(n, d)), rng.normal(size=(n, d)) + 0.5).to_numpy()


class Change:
    """Noise of a fixed pattern and any size."""

    def __init__(self, cost: Any, rng: np.random.Generator, *, uneven: bool) -> None:
        self.cost = cost
        spread = np.random.default_rng(1).random(cost.shape[0]) if uneven else np.full(cost.shape[0], 0.5)
        self.base = (0.5 + spread) / (0.5 + spread).sum()
        self.uniform = rng.random(cost.shape)
        self.normal = rng.standard_normal(cost.shape)
        self.weight = rng.random(len(cost))

    def scaled(self, size: float) -> Sequence[Any]:
        """Costs times 1 to 1 + size."""
        return (self.cost * (1.0 + size * self.uniform),)

    def shaken(self, epsilon: float, size: float) -> Sequence[Any]:
        """Costs and normal noise."""
        return (self.cost + size * epsilon * self.normal,)

    def weights(self, size: float) -> Sequence[Any]:
        """Source weights times 1 to 1 + size."""
        a = self.base * (1.0 + size * self.weight)
        return self.cost, a / a.sum()

    @property
    def first(self) -> Sequence[Any]:
        """The problem before its weights change."""
        return self.cost, self.base


def exact_cases(n: int, rng: np.random.Generator, *, uneven: bool) -> Iterator[Case]:
    """Costs or weights that change by up to a share."""
    for name, cost in costs(n, rng):
        to = Change(cost, rng, uneven=uneven)
        for solver in (ot.exact, ot.assignment):
            yield solver.__name__, name, "costs", cast("Any", solver), (cost,), to.scaled
        yield "exact", name, "weights", ot.exact, to.first, to.weights


def entropic_cases(n: int, rng: np.random.Generator, *, uneven: bool) -> Iterator[Case]:
    """Noise on the costs, of a share of epsilon, or weights that change by up to a share."""
    for name, cost in costs(n, rng):
        to = Change(cost, rng, uneven=uneven)
        solvers = (ot.sinkhorn_newton, (1e-2, 1e-3, 2e-4)), (ot.sinkhorn, (1e-1, 1e-2)), (ot.solve, (3e-3, 1e-3))
        for solver, shares in solvers:
            for share in shares:
                epsilon = share * float(cost.max())
                case = (solver.__name__, f"{name}, epsilon {share:.0e}")
                run: Any = partial(solver, epsilon=epsilon)
                yield (*case, "costs", run, (cost,), partial(to.shaken, epsilon))
                yield (*case, "weights", run, to.first, to.weights)


def sparse_cases(n: int, rng: np.random.Generator, *, uneven: bool) -> Iterator[Case]:
    """At most k nonzeros a column, at a quarter of the size: costs or weights that change by up to a share."""
    n //= 4
    for name, cost in costs(n, rng):
        to = Change(cost, rng, uneven=uneven)
        for k in (1, 2, 5, None):
            run: Any = partial(ot.sparse_transport, max_nonzeros=k, gamma=n * float(cost.mean()) / 50)
            case = ("sparse_transport", f"{name}, n = {n}, k = {k}")
            yield (*case, "costs", run, (cost,), to.scaled)
            if k != 1:  # one nonzero a column leaves no plan for most weights
                yield (*case, "weights", run, to.first, to.weights)


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


def row(case: Case, changes: Sequence[float], repeats: int) -> list[str]:
    """Measure one case at each size of change; the answers of both ways must be the same."""
    solver, name, changed, solve, first, second = case
    start = solve(*first)
    cells = []
    for size in changes:
        problem = second(size)
        cold_time, cold = best(partial(solve, *problem), repeats)
        warm_time, warm = best(partial(solve, *problem, init=start), repeats)
        # Ties may leave a gap between relaxation and plan: then the relaxations must agree.
        value, expected = (getattr(found, "dual_value", found.value) for found in (warm, cold))
        same = abs(value - expected) <= SAME.get(solver, 1e-9) * abs(expected)
        if not (same and warm.status in (cold.status, ot.Status.CONVERGED)):
            raise RuntimeError(f"{solver} {name} {changed}: {warm.value} after a warm start, {cold.value} without")
        times = f"{1e3 * cold_time:.1f} / {1e3 * warm_time:.1f} ms ({cold.n_iter}, {warm.n_iter})"
        cells += [times, f"{cold_time / warm_time:.1f}"]
    return [solver, name, changed, *cells]


def main() -> None:
    """Print the table: for each size of change the times (and steps) without and with a start, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--changes", type=float, nargs="+", default=CHANGES, help="sizes of the change")
    parser.add_argument("--only", choices=tuple(CASES), help="one family of solvers")
    parser.add_argument("--uneven", action="store_true", help="weights of 0.5 to 1.5 by their mean before they change")
    parser.add_argument("--like", default="", help="only rows with this in their names")
    options = parser.parse_args()
    head = [*HEAD, *(word for size in options.changes for word in (f"change {size:.0e}: cold / warm", "ratio"))]
    print("| " + " | ".join(head) + " |")
    print("|" + " --- |" * len(head))
    for name in (options.only,) if options.only else CASES:
        for case in CASES[name](options.size, np.random.default_rng(0), uneven=options.uneven):
            if options.like in " ".join(case[:3]):
                print("| " + " | ".join(row(case, options.changes, options.repeats)) + " |", flush=True)


if __name__ == "__main__":
    main()
