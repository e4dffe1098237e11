"""
What the length of trajectories costs: gradients times autocorrelation times, at given lengths and those of warm-up.

``python benches/sampling_lengths.py [--method mams] [--kappa 1e5]`` on a Gaussian of 100 dimensions, without a
preconditioner. Lengths are in root mean square deviations (times √d for unit velocities).
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from wassail import sampling
from wassail.sampling import _diagnostics

DIMENSION = 100
GIVEN = (0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
WARMUPS = (300, 500, 1000, 2000)


def line(name: str, result: sampling.SampleResult, unit: float) -> str:
    """Return gradients a draw, and costs: means over x², and of the slowest x."""
    each = result.length / result.step_size[0]
    whole = result.draws.shape[0] * result.draws.shape[1]
    times, squares = (whole / _diagnostics.mean_ess(x) for x in (result.draws, result.draws**2))
    words = f"independent x² {each * squares.mean():6.0f}, of the slowest x {each * times.max():6.0f}"
    return f"  {name:<14} length {result.length / unit:5.2f}, {each:4.0f} gradients a draw; an {words}"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", choices=["mams", "hmc"], default="mams")
    parser.add_argument("--kappa", type=float, default=1e5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    precision = np.geomspace(arguments.kappa**-0.5, arguments.kappa**0.5, DIMENSION)
    target = sampling.targets.Gaussian(np.zeros(DIMENSION), precision)
    exact = np.random.default_rng(0).normal(size=(4, DIMENSION)) / np.sqrt(precision)
    apart = np.random.default_rng(1).normal(size=(4, DIMENSION))
    unit = np.sqrt((1 / precision).mean() * (DIMENSION if arguments.method == "mams" else 1))
    sampler, options = getattr(sampling, arguments.method), {"n_samples": 2000, "precondition": False, "rng": 2}
    for share in GIVEN:
        print(
            line("given", sampler(target, exact, n_warmup=500, trajectory_length=share * unit, **options), unit),
            flush=True,
        )
    for warmup in WARMUPS:
        print(line(f"warm-up {warmup}", sampler(target, apart, n_warmup=warmup, **options), unit), flush=True)


if __name__ == "__main__":
    main()
