"""Kernel thinning: seconds and the MMD reached, of wassail and the peers that are installed, in one run.

``python benches/thinning.py [--full] [--sizes 4096] [--dimensions 2 10] [--only goodpoints]``; peers: goodpoints
(``thin_K``, with its kernel matrix, and ``thin``), coreax.
"""

from __future__ import annotations

import argparse
import math
import time

import numpy as np

from wassail import kernels, show_config, thinning

SIZES = (256, 4096, 16_384, 65_536)
DIMENSIONS = (2, 10, 100)
MATRIX = 16_384  # points up to which a peer may store all pairs


def seconds(call, repeats):
    """Return the least time and the last result."""
    best, out = math.inf, None
    for _ in range(repeats):
        begun = time.perf_counter()
        out = call()
        best = min(best, time.perf_counter() - begun)
    return best, out


def ours(x, kernel, halvings):
    return lambda: thinning.kernel_thin(x, halvings=halvings, kernel=kernel, rng=0).indices


def goodpoints_thin_k(x, kernel, halvings):
    from goodpoints import kt

    def call():
        scale = 2.0 * kernel.lengthscale**2
        K = kt.kernel_matrix(x, lambda y, z: np.exp(-((y - z) ** 2).sum(axis=1) / scale))
        return kt.thin_K(K, K, halvings, seed=0, unique=True)

    return call


def goodpoints_thin(x, kernel, halvings):
    from goodpoints import kt

    def value(y, z):
        return np.exp(-((y - z) ** 2).sum(axis=1) / (2.0 * kernel.lengthscale**2))

    return lambda: kt.thin(x, halvings, value, value, seed=0, unique=True)


def coreax_thinning(x, kernel, halvings):
    import jax
    from coreax import Data
    from coreax.kernels import SquaredExponentialKernel
    from coreax.solvers import KernelThinning

    squared = SquaredExponentialKernel(length_scale=kernel.lengthscale)
    solver = KernelThinning(
        coreset_size=len(x) >> halvings,
        random_key=jax.random.key(0),
        kernel=squared,
        delta=0.5,
        sqrt_kernel=squared,
    )

    def call():
        coreset, _ = solver.reduce(Data(x))
        return np.asarray(coreset.unweighted_indices)

    return call


PEERS = {
    "goodpoints thin_K": (goodpoints_thin_k, MATRIX),
    "goodpoints thin": (goodpoints_thin, 4096),
    "coreax": (coreax_thinning, 256),  # ten seconds, a kernel value a call
}


def mmd(x, indices, kernel):
    """Judge every answer by one arbiter."""
    result = thinning.ThinningResult(
        indices,
        x[indices],
        None,
        kernel,
        False,
        x,
        None,
        None,
        0,
        0,
        0,
    )
    return result.mmd()


def report(name, n, d, halvings, spent, reached):
    rate = n * (n - 1) / 2 / spent / 1e9
    print(
        f"{name:20} n={n:6} -> {n >> halvings:4}  d={d:3}  {spent:9.4f} s  {rate:7.3f} G pairs/s  MMD {reached:.3e}",
        flush=True,
    )


def arguments(sizes, dimensions, doc):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--full", action="store_true", help="the largest sizes in all dimensions, too")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"numbers of points, of {sizes}")
    parser.add_argument("--dimensions", type=int, nargs="+", help=f"dimensions, of {dimensions}")
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of the names to measure")
    return parser.parse_args()


def main():
    options = arguments(SIZES, DIMENSIONS, __doc__)
    print(show_config())
    for n in options.sizes or SIZES:
        halvings = int(math.log2(n) / 2)
        for d in options.dimensions or (DIMENSIONS if options.full or n < SIZES[-1] else DIMENSIONS[:1]):
            x = np.random.default_rng(0).normal(size=(n, d))
            kernel = kernels.Gaussian(math.sqrt(d))
            for name, points in (("wassail", x), ("wassail float32", x.astype(np.float32))):
                if not name.startswith(tuple(options.only)):
                    continue
                spent, indices = seconds(ours(points, kernel, halvings), 7 if n < SIZES[-1] else 3)
                report(name, n, d, halvings, spent, mmd(x, indices, kernel))
            for name, (make, most) in PEERS.items():
                if n > most or not name.startswith(tuple(options.only)):
                    continue
                try:
                    spent, indices = seconds(make(x, kernel, halvings), 1)
                    report(name, n, d, halvings, spent, mmd(x, np.asarray(indices), kernel))
                except Exception as error:
                    print(f"{name:20} n={n:6}  d={d:3}  failed: {type(error).__name__}: {str(error)[:80]}", flush=True)


if __name__ == "__main__":
    main()
