"""Stein thinning and kernel herding: time and discrepancy reached, beside stein-thinning, goodpoints and coreax.

Run: python benches/herding.py [--quick] [--threads N]. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from measure import clock, repeat, spread
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Row = tuple[str, Callable[[], Any], Callable[[Any], NDArray[np.intp]]]


def stein_rows(x: F64, size: int) -> Iterator[Row]:
    """Thin a sample of a standard normal."""
    from wassail import kernels, thinning  # type: ignore[import-not-found]

    kernel = kernels.Stein()
    yield "wassail", lambda: thinning.stein_thin(x, -x, size=size, kernel=kernel), lambda r: r.indices
    if importlib.util.find_spec("stein_thinning"):
        from stein_thinning.thinning import thin  # type: ignore[import-not-found]

        yield "stein-thinning", lambda: thin(x, -x, size, standardize=False, preconditioner="id"), np.asarray


def herding_rows(x: F64, size: int, lengthscale: float) -> Iterator[Row]:
    """Herd with a Gaussian kernel, plainly and in passes."""
    from wassail import kernels, thinning

    kernel = kernels.Gaussian(lengthscale)
    yield "wassail", lambda: thinning.kernel_herding(x, size=size, kernel=kernel), lambda r: r.indices
    yield (
        "wassail, 10 passes",
        lambda: thinning.kernel_herding(x, size=size, kernel=kernel, n_passes=10, temperature=0.01, rng=0),
        lambda r: r.indices,
    )
    yield "wassail, kernel_thin", lambda: thinning.kernel_thin(x, size=size, kernel=kernel, rng=0), lambda r: r.indices
    if importlib.util.find_spec("goodpoints"):
        from goodpoints.herding import herding  # type: ignore[import-not-found]

        def gaussian(y: F64, z: F64) -> F64:
            values: F64 = np.exp(-((y - z) ** 2).sum(axis=1) / (2.0 * lengthscale**2))
            return values

        halvings = int(np.log2(len(x) / size))
        yield "goodpoints", lambda: herding(x, halvings, gaussian), np.asarray
    if importlib.util.find_spec("coreax"):
        yield from coreax_rows(x, size, lengthscale)


def coreax_rows(x: F64, size: int, lengthscale: float) -> Iterator[Row]:
    """Herd by coreax; the first call, which is not timed, compiles."""
    import jax  # type: ignore[import-not-found]
    from coreax import Data  # type: ignore[import-not-found]
    from coreax.kernels import SquaredExponentialKernel  # type: ignore[import-not-found]
    from coreax.solvers import KernelHerding  # type: ignore[import-not-found]

    data = Data(jax.numpy.asarray(x))
    solver = KernelHerding(size, SquaredExponentialKernel(length_scale=lengthscale), unique=False)
    reduce = jax.jit(lambda d: solver.reduce(d)[0].unweighted_indices)
    yield "coreax", lambda: np.asarray(reduce(data)), np.asarray


def report(title: str, rows: Iterator[Row], quality: Callable[[NDArray[np.intp]], float]) -> None:
    """Print the median time, its spread and the quality of each row."""
    print(f"\n{title}\n{'':22}{'median':>10}{'low':>10}{'high':>10}   discrepancy")
    for name, run, chosen in rows:
        result, first = clock(run)
        if first < 60.0:
            result, first = clock(run)
        times = spread(repeat(run, first))
        milliseconds = "".join(f"{1e3 * times[key]:8.2f}ms" for key in ("median", "low", "high"))
        print(f"{name:22}{milliseconds}   {quality(chosen(result)):.6f}", flush=True)


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes only")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    import wassail

    wassail.set_num_threads(options.threads)
    from wassail import kernels

    normal = kernels.Stein(score=lambda z: -z)
    for n, d, size in [(10_000, 4, 100), (10_000, 10, 100), (10_000, 38, 100)][: 1 if options.quick else None]:
        x = np.random.default_rng(0).normal(size=(n, d))
        report(
            f"Stein thinning, n = {n}, d = {d}, {size} points",
            stein_rows(x, size),
            lambda chosen, x=x: float(np.sqrt(normal(x[chosen]).mean())),  # type: ignore[misc]
        )
    for n, d, size in [(1024, 2, 32), (4096, 10, 64), (16_384, 2, 128)][: 1 if options.quick else None]:
        x = np.random.default_rng(1).normal(size=(n, d))
        gaussian = kernels.Gaussian(np.sqrt(d))
        own = float(np.mean([gaussian(x[i : i + 512], x).mean() for i in range(0, n, 512)]))

        def mmd(chosen: NDArray[np.intp], x: F64 = x, gaussian: Any = gaussian, own: float = own) -> float:
            squared = gaussian(x[chosen]).mean() - 2.0 * gaussian(x[chosen], x).mean() + own
            return float(np.sqrt(max(squared, 0.0)))

        report(f"Herding, n = {n}, d = {d}, {size} points", herding_rows(x, size, float(np.sqrt(d))), mmd)


if __name__ == "__main__":
    main()
