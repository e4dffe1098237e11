"""Write the choices of goodpoints that test_compress.py compares with: run this file as a script."""

from pathlib import Path

import numpy as np

CASES = [(2, 1024, 2, 1), (2, 1024, 2, 4), (10, 4096, 2, 4), (3, 4096, 3, 1)]
SEEDS = 6


def points(d, n, seed):
    """Return Gaussian points and the squared bandwidth of goodpoints."""
    return np.random.default_rng(100 + seed).normal(size=(n, d)), 4.0 * d


def name(kind, case, seed, *, swap=True):
    """Return the name of an array."""
    return f"{kind}_{'_'.join(map(str, case))}_{seed}{'' if swap else '_plain'}"


def main():
    """Run goodpoints 0.6.3."""
    from goodpoints import compress

    found = {}
    for case in CASES:
        d, n, g, bins = case
        for seed in range(SEEDS):
            x, bandwidth = points(d, n, seed)
            shared = (np.ascontiguousarray(x), b"gaussian", np.array([bandwidth]))
            for swap in (True, False):
                chosen = compress.compress_kt(*shared, g=g, num_bins=bins, skip_swap=not swap, seed=seed)
                found[name("compress", case, seed, swap=swap)] = chosen.astype(np.uint16)
            chosen = compress.compresspp_kt(*shared, g=g, seed=seed)
            found[name("compresspp", case, seed)] = chosen.astype(np.uint16)
    np.savez_compressed(Path(__file__).with_name("compress_goodpoints.npz"), **found)


if __name__ == "__main__":
    main()
