"""
Gradients to b² < 0.01 over many seeds: ``python benches/sampling_seeds.py phi4 [--method sample] [--seeds 16]``.

Starting points change with the seed. ``--method NUTS`` runs nutpie; means come with their standard errors.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import sampling_errors as errors
import sampling_ours as ours
import sampling_peers as peers
import sampling_problems as problems

DRAWS = 1200  # of a chain


def gradients(key: str, name: str, seed: int) -> float:
    """Return the gradients of a chain to the error, in the median over the chains of a run."""
    problem = problems.ERRORS[key]()
    x0 = problems.start(problem, errors.CHAINS, seed)
    mean, variance, _ = errors.moments(key, problem, again=False)
    if name == "NUTS":
        out = peers.nutpie(problem, x0, DRAWS, errors.WARMUP[1], seed)
        draws, spent = out.draws, out.gradients
    else:
        density, warmup = ours.target(problem)[0], errors.WARMUP[name in errors.TRAJECTORIES]
        result = ours.run(name, density, x0, DRAWS, warmup, seed)
        warm = ours.run(name, density, x0, 1, warmup, seed).n_gradients
        draws = np.asarray(result.draws)
        spent = np.full(draws.shape[:2], (result.n_gradients - warm) / (DRAWS - 1))
    return float(errors.reached(draws, spent, mean, variance, problem.judged).get("gradients", np.inf))


def main() -> None:
    """Print the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problem", choices=problems.ERRORS)
    parser.add_argument("--method", default="sample", choices=[*ours.available(), "NUTS"])
    parser.add_argument("--seeds", type=int, default=16)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = np.array([gradients(options.problem, options.method, seed) for seed in range(1, options.seeds + 1)])
    error = found.std(ddof=1) / np.sqrt(found.size)
    spread = f"{found.min():.0f} to {found.max():.0f}"
    print(f"{options.problem}, {options.method}: {found.mean():.0f} ± {error:.0f} ({spread})")


if __name__ == "__main__":
    main()
