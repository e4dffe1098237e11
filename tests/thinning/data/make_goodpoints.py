"""Writes goodpoints.json, results of goodpoints 0.6.3 that the parity tests compare with: `python -m <this file>`."""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from goodpoints import kt

CASES = [
    # n, d, halvings, seed
    (64, 2, 1, 0),
    (64, 2, 2, 1),
    (64, 3, 3, 2),
    (64, 1, 6, 3),
    (65, 2, 1, 4),
    (99, 2, 3, 5),
    (128, 10, 4, 6),
    (128, 2, 5, 7),
    (200, 2, 1, 8),
    (256, 2, 4, 9),
]


def run(n, d, halvings, seed):
    """Split and swap points uniform in the cube; the kernel is exp(-|x - y|^2)."""
    x = np.random.default_rng(1000 + seed).random((n, d))
    K = np.exp(-((x[:, None] - x[None]) ** 2).sum(axis=2))
    leaves = kt.split_K(K, halvings, seed=seed)
    case = {"n": n, "d": d, "halvings": halvings, "seed": seed, "leaves": leaves.tolist()}
    if len(range(n - 1, -1, -(n // leaves.shape[1]))) == leaves.shape[1]:  # else its baseline has a point too many
        case["unique"] = kt.swap_K(K, leaves.copy(), unique=True).tolist()
        case["repeats"] = kt.swap_K(K, leaves.copy(), unique=False).tolist()
        if leaves.shape[1] > 1:  # else all choices tie
            case["centered"] = kt.swap_K(K, leaves.copy(), unique=True, mean0=True).tolist()
    return case


if __name__ == "__main__":
    cases = [json.dumps(run(*case)) for case in CASES]
    text = f'{{"goodpoints": "{version("goodpoints")}", "cases": [\n' + ",\n".join(cases) + "\n]}\n"
    Path(__file__).with_name("goodpoints.json").write_text(text, encoding="utf-8")
