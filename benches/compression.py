"""Compress++, streams and low-rank thinning: seconds and the MMD reached, beside goodpoints where it is installed.

``python benches/compression.py [--full] [--sizes 16384] [--dimensions 2] [--only compress]``
"""

from __future__ import annotations

import math

import numpy as np
from thinning import arguments, mmd, seconds

from wassail import kernels, show_config, thinning

SIZES = tuple(4**power for power in (6, 7, 8, 9, 10))
DIMENSIONS = (2, 10)
JUDGED = 2**18  # points up to which the MMD to the input is computed, O(n²)


def compress_plus_plus(x, kernel, g):
    return lambda: thinning.compress_plus_plus(x, kernel=kernel, oversampling=g, rng=0).indices


def stream(x, kernel, g):
    def call():
        filled = thinning.ThinningStream(kernel=kernel, oversampling=g, rng=0)
        for chunk in np.array_split(x, max(1, len(x) // 5000)):
            filled.push(chunk)
        return filled.result().indices

    return call


def low_rank(x, kernel, _):
    return lambda: thinning.low_rank_thin(x, kernel=kernel, rng=0).indices


def goodpoints(x, kernel, g):
    from goodpoints import compress

    bandwidth = np.array([2.0 * kernel.lengthscale**2])
    return lambda: compress.compresspp_kt(x, b"gaussian", k_params=bandwidth, g=g, seed=0)


ALL = {
    "compress_plus_plus": (compress_plus_plus, 4**10),
    "ThinningStream": (stream, 4**9),
    "low_rank_thin": (low_rank, 4**10),
    "goodpoints": (goodpoints, 4**8),
}


def main():
    options = arguments(SIZES, DIMENSIONS, __doc__)
    print(show_config())
    for n in options.sizes or (SIZES if options.full else SIZES[:3]):
        for d in options.dimensions or DIMENSIONS:
            x, kernel = np.random.default_rng(0).normal(size=(n, d)), kernels.Gaussian(math.sqrt(2.0 * d))
            for name, (make, most) in ALL.items():
                if n > most or not name.startswith(tuple(options.only)):
                    continue
                try:
                    spent, indices = seconds(make(x, kernel, 4), 1 if name == "goodpoints" else 3)
                except ImportError as error:
                    print(f"{name:20} {error}")
                    continue
                reached = f"{mmd(x, np.asarray(indices), kernel):.3e}" if n <= JUDGED else "not computed"
                print(f"{name:20} n={n:8} -> {len(indices):5}  d={d:3}  {spent:9.4f} s  MMD {reached}", flush=True)


if __name__ == "__main__":
    main()
