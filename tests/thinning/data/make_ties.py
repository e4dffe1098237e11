"""Write runs of goodpoints that meet exact ties, for test_ties.py: run this file as a script."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tests.reference.compress_numpy import by_rounding, compress, gaussian

BANDWIDTH = 8.0
CASES = [(n, g, seed) for g in (0, 1) for n, seeds in ((64, 8), (256, 6), (1024, 3)) for seed in range(seeds)]
CASES += [(4096, 0, 0), (4096, 1, 0)]


def points(n, seed):
    """Return Gaussian points of the plane."""
    return np.random.default_rng(500 + seed).normal(size=(n, 2))


def run(n, g, seed):
    """Return what goodpoints chose, and the ties that it broke for every first point."""
    from goodpoints.compress import compress_kt

    x, first_wins = points(n, seed), []

    def tie(K):
        first_wins.append(bool(by_rounding(K)))
        return first_wins[-1]

    chosen = compress_kt(x, b"gaussian", np.array([BANDWIDTH]), g=g, seed=seed)
    again = compress(x, gaussian(BANDWIDTH), g=g, bins=1, delta=0.5, seed=seed, tie=tie)
    if not np.array_equal(chosen, again):
        raise AssertionError((n, g, seed))
    return {"n": n, "g": g, "seed": seed, "first_wins": first_wins, "chosen": chosen.tolist()}


if __name__ == "__main__":
    cases = [json.dumps(run(*case)) for case in CASES]
    text = f'{{"goodpoints": "{version("goodpoints")}", "cases": [\n' + ",\n".join(cases) + "\n]}\n"
    Path(__file__).with_name("ties.json").write_text(text, encoding="utf-8")
