"""Discrepancies and their tests: seconds and kernel values per second, beside a plain NumPy form of the same sums and
its error.

Run by itself: ``python benches/discrepancy.py [--quick] [--threads N] [--only mmd|tests]``.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from wassail import _core, discrepancy, kernels

if TYPE_CHECKING:
    from collections.abc import Callable

REPEATS = 3


def best(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of a few runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def clouds(n: int, d: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, n, d)).astype(dtype)
    return x, y + dtype(0.1)


def numpy_mmd(x: np.ndarray, y: np.ndarray, lengthscale: float) -> float:
    """The V-statistic from blocks of rows, as BLAS and np.exp make it."""

    def mean(p: np.ndarray, q: np.ndarray) -> float:
        total, squares = 0.0, (q * q).sum(axis=1)
        for block in np.array_split(p, -(-len(p) // 1000)):
            table = (block * block).sum(axis=1)[:, None] + squares - 2 * block @ q.T
            total += float(np.exp(table / (-2 * lengthscale**2)).sum())
        return total / (len(p) * len(q))

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def mmd_rows(options: Any) -> list[str]:
    n = 10_000 if options.quick else 100_000
    rows = []
    for dtype in (np.float64, np.float32):
        kind = np.dtype(dtype).name
        for d in (2, 10, 100):
            if d == 100 and not options.quick:
                continue
            x, y = clouds(n, d, dtype)
            kernel = kernels.Gaussian(np.sqrt(d))
            seconds = best(lambda: discrepancy.mmd(x, y, kernel, n_threads=options.threads), 1)  # noqa: B023
            rate = 2.0 * n * n / seconds
            few = slice(0, 5000)
            exact = numpy_mmd(x[few].astype(float), y[few].astype(float), np.sqrt(d))
            error = abs(discrepancy.mmd(x[few], y[few], kernel).biased - exact)
            plain = best(lambda: numpy_mmd(x[few], y[few], np.sqrt(d)), 1) * (n / 5000) ** 2  # noqa: B023
            rows.append(
                f"mmd n={n} d={d} {kind}: {seconds:.2f} s, {rate / 1e9:.2f} G values/s, "
                f"NumPy about {plain:.0f} s, error against float64 NumPy at n = 5000: {error:.1e}"
            )
    return rows


def test_rows(options: Any) -> list[str]:
    n, simulations = (1000, 200) if options.quick else (5000, 500)
    rows = []
    for d in (10, 100):
        for dtype in (np.float32, np.float64):
            x, y = clouds(n, d, dtype)
            result = discrepancy.mmd_agg_test(x, y, rng=0, n_simulations=simulations, n_corrections=simulations)

            def run(x: np.ndarray = x, y: np.ndarray = y) -> object:
                return discrepancy.mmd_agg_test(
                    x, y, rng=0, n_simulations=simulations, n_corrections=simulations, n_threads=options.threads
                )

            rows.append(
                f"mmd_agg_test {n} + {n} points, d={d}, 10 kernels, B1 = B2 = {simulations}, {np.dtype(dtype).name}: "
                f"{best(run):.2f} s, p = {result.p_value:.3g}"
            )
    x, y = clouds(n, 10, np.float32)
    kernel, count = kernels.Gaussian(3.0), 2 * simulations
    rows.extend(
        f"{call.__name__} {n} + {n} points, d=10, {count} simulations, float32: "
        f"{best(lambda: call(x, y, kernel, **{key: count}, rng=0, n_threads=options.threads)):.2f} s"  # noqa: B023
        for call, key in ((discrepancy.mmd_test, "n_permutations"), (discrepancy.mmd_wild_test, "n_bootstraps"))
    )
    stein = kernels.Stein(score=lambda x: -x)
    seconds = best(lambda: discrepancy.ksd_test(x, stein, n_bootstraps=count, rng=0, n_threads=options.threads))
    return [*rows, f"ksd_test {n} points, d=10, {count} simulations, float32: {seconds:.2f} s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--only", choices=("mmd", "tests"))
    options = parser.parse_args()
    print(f"CPU level {_core.isa()}, {options.threads or _core.get_num_threads()} threads")
    for part, rows in (("mmd", mmd_rows), ("tests", test_rows)):
        if options.only in (None, part):
            for row in rows(options):
                print(row, flush=True)


if __name__ == "__main__":
    main()
