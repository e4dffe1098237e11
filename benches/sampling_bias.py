"""
The bias of `mclmc` at its default step size: b² that no number of draws takes away, and variances over the exact ones.

``python benches/sampling_bias.py``: a Gaussian of 100 dimensions and condition 100, and a logistic posterior of 31
(breast cancer), whose moments are those of a long run of `mams`.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import sampling_problems as problems

from wassail import sampling
from wassail.sampling import Preconditioner, Splitting

CHAINS, DRAWS, WARMUP, THIN = 16, 8000, 2000, 6


def line(name: str, result: sampling.SampleResult, second: tuple[np.ndarray, np.ndarray], variance: np.ndarray) -> str:
    """Return b² less what the draws are worth, by the spread of chains, and the range of variances."""
    moments = (result.draws**2).mean(axis=1)
    mean, noise = moments.mean(axis=0), moments.var(axis=0, ddof=1) / len(moments)
    square = ((mean - second[0]) ** 2 - noise) / second[1]
    ratio = result.draws.var(axis=(0, 1)) / variance
    bias = f"b² {square.mean():.2g} ± {(noise / second[1]).mean():.1g}, largest {square.max():.2g}"
    words = f"variances {ratio.mean():.3f} of the exact ones, {ratio.min():.3f} to {ratio.max():.3f}"
    return f"  {name:<24} step {result.step_size[0]:.3g}  {bias}; {words}"


def runs(target: Any, start: np.ndarray, second: tuple[np.ndarray, np.ndarray], variance: np.ndarray) -> None:
    """Print a line for each splitting and preconditioner."""
    for splitting in Splitting:
        for preconditioner in Preconditioner:
            result = sampling.mclmc(
                target,
                start,
                n_samples=DRAWS,
                n_warmup=WARMUP,
                thin=THIN,
                splitting=splitting,
                precondition=preconditioner,
                rng=1,
            )
            name = f"{splitting.name.lower()}, {preconditioner.name.lower()}"
            print(line(name, result, second, variance), flush=True)


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    gaussian = problems.diagonal("Gaussian d=100, κ=100", np.geomspace(0.1, 10.0, 100))
    precision = gaussian.data[0]
    print(gaussian.name)
    start = np.random.default_rng(0).normal(size=(CHAINS, 100)) / np.sqrt(precision)
    runs(gaussian.built_in(sampling.targets), start, gaussian.second, 1 / precision)
    cancer = problems.breast_cancer()
    target = cancer.built_in(sampling.targets)
    start = 0.1 * np.random.default_rng(1).normal(size=(CHAINS, cancer.dim))
    options = {"n_samples": 8000, "n_warmup": 1500, "precondition": Preconditioner.LOW_RANK}
    reference = sampling.mams(target, start, rng=2, **options)
    print(f"{cancer.name}; R-hat of the reference {reference.rhat().max():.4f}, ESS {reference.ess()[0].min():.0f}")
    squares = (reference.draws**2).reshape(-1, cancer.dim)
    runs(target, start, (squares.mean(axis=0), squares.var(axis=0)), reference.draws.var(axis=(0, 1)))


if __name__ == "__main__":
    main()
