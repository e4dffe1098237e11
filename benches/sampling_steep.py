"""
Densities with steep places: whether warm-up mixes step sizes there, and nowhere else, and whether draws follow the law.

    python benches/sampling_steep.py            # about two minutes
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from wassail import sampling

Density = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
LEVELS = np.array([0.001, 0.01, 0.1, 0.5, 0.9, 0.99])
SAMPLERS = (sampling.sample, sampling.hmc, sampling.malt, sampling.mams)
targets = sampling.targets


def beside(value: Callable[[np.ndarray], np.ndarray], slope: Callable[[np.ndarray], np.ndarray]) -> Density:
    """Return a positive coordinate beside normals."""

    @np.errstate(all="ignore")
    def target(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, free = points[:, 0], points[:, 1:]
        logp = np.where(x > 0.0, value(x), -np.inf) - 0.5 * (free**2).sum(axis=1)
        return logp, np.column_stack([slope(x), -free])

    return target


def gamma(shape: float) -> Density:
    """Return a gamma density."""
    return beside(lambda x: (shape - 1.0) * np.log(x) - x, lambda x: (shape - 1.0) / x - 1.0)


LAWS = {f"gamma({k})": (gamma(k), stats.gamma(k)) for k in (1.5, 2.0, 3.0)} | {
    "log-normal": (
        beside(lambda x: -np.log(x) - 0.5 * np.log(x) ** 2, lambda x: -(1.0 + np.log(x)) / x),
        stats.lognorm(1.0),
    ),
    "inverse gamma(3)": (beside(lambda x: -4.0 * np.log(x) - 1.0 / x, lambda x: -4.0 / x + x**-2.0), stats.invgamma(3)),
}
EVEN: dict[str, tuple[object, int]] = {
    "Gaussian, d = 2": (targets.Gaussian(np.zeros(2), np.ones(2)), 2),
    "Gaussian, d = 20": (targets.Gaussian(np.zeros(20), np.ones(20)), 20),
    "Laplace, d = 2": (targets.Laplace(np.zeros(2), np.ones(2)), 2),
    "Student t(3), d = 5": (targets.StudentT(np.zeros(5), np.ones(5), 3.0), 5),
    "Cauchy, d = 2": (lambda x: (-np.log1p(x**2).sum(axis=1), -2 * x / (1 + x**2)), 2),
    "exponential at an edge": (beside(lambda x: -x, lambda x: -np.ones_like(x)), 2),
    "x^4, d = 2": (lambda x: (-(x**4).sum(axis=1), -4 * x**3), 2),
    "x^4, d = 20": (lambda x: (-(x**4).sum(axis=1), -4 * x**3), 20),
    "phi^4, 8 x 8": (targets.Phi4((8, 8), -1.0, 0.5), 64),
}
STEEP: dict[str, tuple[object, int]] = {
    "gamma(1.3)": (gamma(1.3), 2),
    "gamma(2)": (gamma(2.0), 2),
    "gamma(5)": (gamma(5.0), 2),
    "log-normal": (LAWS["log-normal"][0], 2),
    "Rosenbrock, d = 2": (targets.Rosenbrock(2), 2),
    "Rosenbrock, d = 10": (targets.Rosenbrock(10), 10),
    "funnel, d = 2": (targets.Funnel(2), 2),
    "funnel, d = 10": (targets.Funnel(10), 10),
}


def choices(runs: int) -> None:
    """Print how often 500 steps of warm-up of 4 chains mix the sizes."""
    print(f"runs of {runs} with mixed sizes: " + ", ".join(sampler.__name__ for sampler in SAMPLERS))
    for name, (target, d) in {**EVEN, **STEEP}.items():
        counts = []
        for sampler in SAMPLERS:
            starts = [np.abs(np.random.default_rng(seed).normal(size=(4, d))) + 0.1 for seed in range(runs)]
            results = [sampler(target, x0, rng=seed, n_samples=10, n_warmup=500) for seed, x0 in enumerate(starts)]
            counts.append(sum(result.shortened > 0.0 for result in results))
        print(f"  {name:24s}", *(f"{count:3d}" for count in counts), flush=True)


def laws(runs: int) -> None:
    """Print shares of draws below quantiles, and how many standard errors of independent runs they are off."""
    print(f"{runs} runs of 6 chains of 4000 draws; shares below the quantiles {LEVELS.tolist()}, and z")
    for sampler in SAMPLERS:
        for name, (target, law) in LAWS.items():
            shares, effective = [], []
            for seed in range(runs):
                rng = np.random.default_rng(seed)
                x0 = np.column_stack([law.rvs(6, random_state=rng), rng.normal(size=(6, 3))])
                result = sampler(target, x0, rng=seed, n_samples=4000)
                shares.append((result.draws[:, :, 0][..., None] < law.ppf(LEVELS)).mean(axis=(0, 1)))
                effective.append(min(size.min() for size in result.ess()))
            z = (np.mean(shares, axis=0) - LEVELS) / (np.std(shares, axis=0, ddof=1) / np.sqrt(runs))
            print(f"  {sampler.__name__:6s} {name:16s}", np.mean(shares, axis=0).round(5), "z", z.round(1), end=" ")
            print(f"ESS {np.median(effective):.0f}", flush=True)


def necks(runs: int) -> None:
    """Print shares of v below its 1 and 5 % quantiles in a funnel, and effective draws for the gradients."""
    print(f"{runs} runs of 8 chains of 4000 draws, 1000 of warm-up")
    for d, target in ((10, targets.Funnel(10)), (2, targets.Rosenbrock(2))):
        for sampler in (sampling.sample, sampling.hmc):
            shares, rates = [], []
            for seed in range(runs):
                x0 = np.random.default_rng(seed).normal(size=(8, d))
                result = sampler(target, x0, n_samples=4000, n_warmup=1000, rng=seed)
                shares.append((result.draws[:, :, 0][..., None] < 3.0 * stats.norm.ppf([0.01, 0.05])).mean(axis=(0, 1)))
                rates.append(min(size.min() for size in result.ess()) / result.n_gradients * 1000)
            error = np.std(shares, axis=0, ddof=1) / np.sqrt(runs)
            below = f"v below its 1 and 5 % quantiles {np.mean(shares, axis=0).round(4)} ± {error.round(4)}, "
            print(f"  {type(target).__name__:10s} {sampler.__name__:6s}", below if d == 10 else "", end="")
            print(f"effective draws for 1000 gradients {np.median(rates):.2f}", flush=True)


def main() -> None:
    """Print all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    warnings.simplefilter("ignore")
    choices(runs)
    laws(runs)
    necks(runs)


if __name__ == "__main__":
    main()
