"""
Gradients until second moments are known: b² < 0.01, the mean over coordinates of (estimate − truth)² / variance.

``python benches/sampling_preconditioners.py [--chains 16] [--nuts]`` prints, for each density and sampler, the
gradients of one chain after warm-up until its b² stays below 0.01 (median over chains), and those of warm-up.
``--nuts`` measures NUTS of blackjax with its own warm-up instead, where blackjax is installed.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

GOAL = 0.01
DIMENSION = 100


@dataclass
class Case:
    """A density with the second moments of its coordinates and their variances."""

    name: str
    target: Any
    precision: np.ndarray
    moments: np.ndarray
    variances: np.ndarray


def gaussian(kappa: float, *, rotated: bool) -> Case:
    """Return a Gaussian with eigenvalues spread evenly in their logarithm."""
    from wassail import sampling

    values = np.geomspace(1 / np.sqrt(kappa), np.sqrt(kappa), DIMENSION)
    basis = (
        np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSION, DIMENSION)))[0] if rotated else np.eye(DIMENSION)
    )
    precision = basis @ np.diag(1 / values) @ basis.T
    variance = np.diag(basis @ np.diag(values) @ basis.T).copy()
    target = sampling.targets.Gaussian(np.zeros(DIMENSION), 0.5 * (precision + precision.T))
    name = f"Gaussian, condition {kappa:g}, {'rotated' if rotated else 'axes'}"
    return Case(name, target, precision, variance, 2 * variance**2)


def draws_needed(draws: np.ndarray, case: Case) -> float:
    """Return the median over the chains of the draws after which b² stays below the goal; inf if never."""
    counts = np.arange(1, draws.shape[1] + 1)[:, None]
    needed = []
    for chain in draws:
        error = np.cumsum(chain**2, axis=0) / counts - case.moments
        above = np.flatnonzero((error**2 / case.variances).mean(axis=1) >= GOAL)
        last = above[-1] + 1 if above.size else 1
        needed.append(last if last < len(chain) else np.inf)
    return float(np.median(needed))


def report(name: str, needed: float, per_draw: float, warmup: float, note: str) -> None:
    """Print a line."""
    print(
        f"  {name:<22} {needed * per_draw:>10.0f}   warm-up {warmup:>8.0f}   {per_draw:6.2f} a draw   {note}",
        flush=True,
    )


def ours(case: Case, samplers: dict[str, tuple[Callable[..., Any], dict[str, Any]]], chains: int) -> None:
    """Measure the samplers of wassail."""
    x0 = np.random.default_rng(1).normal(size=(chains, DIMENSION))
    for name, (sampler, options) in samplers.items():
        result = sampler(case.target, x0, rng=2, **options)
        per_draw = (
            result.length / result.step_size[0] if name.startswith(("hmc", "malt", "mams")) else 1.0
        ) * result.thin
        if name.endswith("2"):
            per_draw *= 2.0
        warmup = result.n_gradients - per_draw * result.draws.shape[1]
        note = f"step {result.step_size[0]:.3g} length {result.length:.3g} acceptance {result.mean_acceptance:.3f}"
        report(name, draws_needed(result.draws, case), per_draw, warmup, note + f" rank {result.n_directions}")


def nuts(case: Case, chains: int, n_samples: int) -> None:
    """Measure NUTS of blackjax with its diagonal window adaptation, every chain by itself."""
    import blackjax
    import jax

    jax.config.update("jax_enable_x64", True)
    precision = jax.numpy.asarray(case.precision)

    def log_density(x: Any) -> Any:
        return -0.5 * x @ precision @ x

    @jax.jit
    def run(key: Any, x0: Any) -> Any:
        warm, draw = jax.random.split(key)
        adapted, _ = blackjax.window_adaptation(blackjax.nuts, log_density).run(warm, x0, num_steps=1000)
        kernel = blackjax.nuts(log_density, **adapted.parameters)

        def step(state: Any, key: Any) -> Any:
            state, info = kernel.step(key, state)
            return state, (state.position, info.num_integration_steps)

        return jax.lax.scan(step, adapted.state, jax.random.split(draw, n_samples))[1]

    x0 = np.random.default_rng(1).normal(size=(chains, DIMENSION))
    out = [run(jax.random.key(i), x) for i, x in enumerate(x0)]
    draws = np.stack([np.asarray(o[0]) for o in out])
    per_draw = float(np.mean([np.asarray(o[1]).mean() for o in out]))
    report("NUTS (blackjax)", draws_needed(draws, case), per_draw, float("nan"), "diagonal metric, acceptance 0.8")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--nuts", action="store_true")
    parser.add_argument("--case", type=int, default=None)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    cases = [gaussian(k, rotated=r) for k in (100.0, 1e5) for r in (False, True)]
    for case in cases if arguments.case is None else [cases[arguments.case]]:
        print(case.name)
        if arguments.nuts:
            nuts(case, min(arguments.chains, 4), 1000)
            continue
        from wassail import sampling
        from wassail.sampling import Preconditioner

        warnings.simplefilter("ignore")
        samplers = {}
        for preconditioner in Preconditioner:
            label = preconditioner.name.lower()
            one = {"precondition": preconditioner, "n_samples": 4000, "n_warmup": 1000}
            long = {"precondition": preconditioner, "n_samples": 20_000, "n_warmup": 4000}
            samplers[f"mala {label}"] = (sampling.mala, long)
            samplers[f"hmc {label}"] = (sampling.hmc, one)
            samplers[f"malt {label}"] = (sampling.malt, one)
            samplers[f"mams {label}"] = (sampling.mams, one)
            samplers[f"mclmc {label}"] = (sampling.mclmc, long)
        samplers = {k: v for k, v in samplers.items() if arguments.only in k}
        ours(case, samplers, arguments.chains)


if __name__ == "__main__":
    main()
