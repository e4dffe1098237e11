"""
Gradients to b² < 0.01 with each preconditioner, on Gaussians along random axes; what `sampling_errors` counts.

``python benches/sampling_preconditioners.py [--problem kappa2] [--method MAMS]``; NUTS of the peers is in the tables of
``python benches/sampling.py``.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import sampling_errors as errors
import sampling_ours as ours
import sampling_problems as problems

from wassail.sampling import Preconditioner

STEPS = {
    "MALA": (20_000, 4000),
    "HMC": (4000, 1000),
    "MALT": (4000, 1000),
    "MAMS": (4000, 1000),
    "MCLMC": (20_000, 4000),
}


def line(problem: problems.Problem, method: str, preconditioner: Preconditioner, chains: int) -> str:
    """Run one sampler."""
    draws, warmup = STEPS[method]
    start = problems.start(problem, chains)
    result = ours.run(method, ours.target(problem)[0], start, draws, warmup, 1, precondition=preconditioner)
    # A draw of MALA and MCLMC takes one gradient, a trajectory its steps.
    each = result.length / result.step_size[0] if method in {"HMC", "MALT", "MAMS"} else 1.0
    spent = np.full(result.draws.shape[:2], each)
    found = errors.reached(result.draws, spent, *problem.second, problem.judged)
    gradients = f"{found['gradients']:.0f}" if "gradients" in found else f"> {found['total']:.0f}"
    words = (
        f"{each:7.2f} a draw, step {result.step_size[0]:.3g}, length {result.length:.3g}, acceptance "
        f"{result.mean_acceptance:.3f}, {result.n_directions} directions"
    )
    return f"  {method:<6}{preconditioner.name.lower():<10}{gradients:>10}  {words}"


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", choices=["kappa2", "kappa5"], action="append")
    parser.add_argument("--method", choices=list(STEPS), action="append")
    parser.add_argument("--chains", type=int, default=16)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for key in arguments.problem or ["kappa2", "kappa5"]:
        problem = problems.ERRORS[key]()
        print(problem.name)
        for method in arguments.method or STEPS:
            for preconditioner in Preconditioner:
                print(line(problem, method, preconditioner, arguments.chains), flush=True)


if __name__ == "__main__":
    main()
