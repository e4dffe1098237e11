"""Diagnostics of fixed draws by ArviZ 0.23: `python -m tests.sampling.arviz_values` writes `data/arviz.json`."""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("data") / "arviz.json"
CASES = [(4, 500, 0.0), (4, 500, 0.9), (2, 101, 0.5), (1, 200, 0.7), (3, 64, -0.8), (8, 37, 0.3), (4, 5000, 0.99)]


def draws(chains, n, correlation):
    """Return autoregressive draws of two coordinates; the first chain is shifted in the second one."""
    noise = np.random.default_rng([chains, n]).normal(size=(chains, n, 2))
    x = np.zeros_like(noise)
    for t in range(1, n):
        x[:, t] = correlation * x[:, t - 1] + noise[:, t]
    x[0, :, 1] += 0.5
    return x


def values(chains, n, correlation):
    """Return the diagnostics of both coordinates."""
    import arviz

    x = draws(chains, n, correlation)
    both = [x[:, :, k] for k in range(2)]
    return {
        # Some of them are arrays of one entry.
        "bulk": [np.asarray(arviz.ess(v, method="bulk")).item() for v in both],
        "tail": [np.asarray(arviz.ess(v, method="tail")).item() for v in both],
        "mcse": [np.asarray(arviz.mcse(v, method="mean")).item() for v in both],
        "rhat": [np.asarray(arviz.rhat(v)).item() for v in both] if chains > 1 else None,
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps([values(*case) for case in CASES], indent=1) + "\n", encoding="utf-8")
