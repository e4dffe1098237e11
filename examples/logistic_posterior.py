"""
Sample the posterior of a logistic regression, and show what is known and what is not.

Scikit-learn's breast-cancer data: 569 tumors, 30 measurements, most of them strongly correlated. The posterior is a
built-in target; in coordinates of its curvature at the mode it is nearly a round Gaussian, where MALA takes long steps.

Run: python examples/logistic_posterior.py [--draws N] [--output PATH]
"""

import argparse
import time

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.datasets import load_breast_cancer

from wassail import sampling

mpl.use("Agg")  # write files, on machines without a screen too
from matplotlib import pyplot as plt

F64 = NDArray[np.float64]

PRIOR_SCALE = 2.0
CHAINS = 8
DOUBTFUL = 16  # tumors to show


def round_coordinates(posterior: sampling.targets.LogisticRegression, design: F64) -> sampling.targets.Affine:
    """Return the posterior in coordinates z of x = mode + L z, where L Lᵀ is its inverse curvature at the mode."""

    def loss(x: F64) -> tuple[float, F64]:
        logp, grad = posterior(x[None])
        return -float(logp[0]), -grad[0]

    mode = minimize(loss, np.zeros(posterior.dim), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
    p = expit(design @ mode)
    curvature = (design * (p * (1.0 - p))[:, None]).T @ design + np.eye(posterior.dim) / PRIOR_SCALE**2
    return sampling.targets.Affine(posterior, mode, np.linalg.cholesky(np.linalg.inv(curvature)))


def draw(x: F64, design: F64, y: F64, names: list[str], path: str) -> None:
    """Write the picture: coefficients, and the tumors that the model is least sure of."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 6.5), layout="constrained")
    order = np.argsort(x.mean(axis=0))
    low, middle, high = np.quantile(x[:, order], [0.05, 0.5, 0.95], axis=0)
    rows = np.arange(order.size)
    left.hlines(rows, low, high, color="tab:blue", linewidth=3, alpha=0.6)
    left.plot(middle, rows, "o", color="tab:blue", markersize=4)
    left.axvline(0.0, color="0.5", linewidth=1)
    left.set(yticks=rows, yticklabels=np.array(names)[order], xlabel="coefficient, 90 % of the posterior")
    left.set_title("towards malignant   |   towards benign")
    chances = expit(x @ design.T)
    doubtful = np.argsort(np.abs(chances.mean(axis=0) - 0.5))[:DOUBTFUL]
    doubtful = doubtful[np.argsort(chances[:, doubtful].mean(axis=0))]
    parts = right.violinplot(chances[:, doubtful], orientation="horizontal", showextrema=False, widths=0.9)
    for body, tumor in zip(parts["bodies"], doubtful, strict=True):
        body.set(facecolor="tab:green" if y[tumor] else "tab:red", alpha=0.7)
    right.set(yticks=1 + np.arange(DOUBTFUL), yticklabels=[f"tumor {t}" for t in doubtful], xlim=(0.0, 1.0))
    right.set(xlabel="probability of being benign")
    right.set_title("the least certain (green: benign in truth, red: malignant)")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Sample, judge, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20_000, help="draws of each chain")
    parser.add_argument("--output", default="logistic_posterior.png")
    options = parser.parse_args()
    data = load_breast_cancer()
    measured = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    design, y = np.column_stack([np.ones(len(measured)), measured]), data.target.astype(np.float64)

    begin = time.perf_counter()
    posterior = sampling.targets.LogisticRegression(design, y, sampling.targets.NormalPrior(PRIOR_SCALE))
    target = round_coordinates(posterior, design)
    start = np.random.default_rng(0).normal(size=(CHAINS, target.dim))
    result = sampling.mala(target, start, n_samples=options.draws, n_warmup=1000, rng=0)
    x = target.constrain(result.draws).reshape(-1, target.dim)
    spent = time.perf_counter() - begin

    gradients = CHAINS * result.n_gradients
    print(f"{gradients} gradients, {spent:.2f} s, acceptance {result.mean_acceptance:.2f}")
    print(f"worst R-hat {result.rhat().max():.4f}, fewest effective draws {result.ess()[0].min():.0f}")
    draw(x, design, y, ["(constant)", *data.feature_names], options.output)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
