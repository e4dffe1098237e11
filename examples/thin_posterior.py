"""
Compress the draws of a posterior, and a set of images, to a few that stand for all.

A Markov chain samples the posterior of a logistic regression on scikit-learn's breast-cancer measurements, starting far
away. Kernel thinning picks points whose averages are those of the draws, burn-in and all. Stein thinning knows the
gradients of the log posterior, so that it leaves the burn-in out. Digits are compressed the same way, as 64 numbers.

Run: python examples/thin_posterior.py [--draws N] [--output PATH]
"""

import argparse
import time
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits
from tqdm import trange

from wassail import kernels, thinning

mpl.use("Agg")  # write files, on machines without a screen too
from matplotlib import pyplot as plt

F64 = NDArray[np.float64]
LogDensity = Callable[[F64], tuple[F64, F64]]

FEATURES = [0, 1, 4, 8]  # radius, texture, smoothness, symmetry
PRIOR_VARIANCE = 10.0
SIZES = [8, 16, 32, 64, 128]


def measurements() -> tuple[F64, F64]:
    """Return standardized measurements with a column of ones, and the diagnosis as ±1."""
    data = load_breast_cancer()
    x = data.data[:, FEATURES]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.column_stack((np.ones(len(x)), x)), 2.0 * data.target - 1.0


def posterior(x: F64, y: F64) -> LogDensity:
    """Return the function that gives the log density at rows of coefficients, up to a constant, and its gradients."""

    def log_density(beta: F64) -> tuple[F64, F64]:
        margin = beta @ (x * y[:, None]).T
        values = -np.logaddexp(0.0, -margin).sum(axis=1) - (beta**2).sum(axis=1) / (2.0 * PRIOR_VARIANCE)
        return values, (y / (1.0 + np.exp(margin))) @ x - beta / PRIOR_VARIANCE

    return log_density


def langevin(log_density: LogDensity, start: F64, n: int, step: float) -> F64:
    """Draw from a density by the Metropolis-adjusted Langevin algorithm."""
    rng = np.random.default_rng(0)
    draws = np.empty((n, start.size))
    at, (value, slope) = start[None], log_density(start[None])
    accepted = 0
    for i in trange(n, desc="sampling"):
        new = at + step * slope + np.sqrt(2.0 * step) * rng.normal(size=at.shape)
        new_value, new_slope = log_density(new)
        there, back = new - at - step * slope, at - new - step * new_slope
        if np.log(rng.random()) < (new_value - value)[0] + ((there**2).sum() - (back**2).sum()) / (4.0 * step):
            at, value, slope = new, new_value, new_slope
            accepted += 1
        draws[i] = at[0]
    print(f"accepted {accepted / n:.0%} of the proposals")
    return draws


def compress(
    draws: F64, reference: F64, log_density: LogDensity
) -> tuple[dict[str, list[float]], dict[str, thinning.ThinningResult]]:
    """Return the distance to the posterior of each method and size, and the choices of 32."""
    gaussian = kernels.Gaussian(float(kernels.median_preconditioner(draws)) ** -0.5)
    known = {"scores": log_density(draws)[1], "standardize": True}
    methods: dict[str, Callable[[int], thinning.ThinningResult]] = {
        "standard thinning": lambda size: thinning.standard_thin(draws, size=size, kernel=gaussian),
        "kernel thinning": lambda size: thinning.kernel_thin(draws, size=size, kernel=gaussian, rng=0),
        "kernel herding": lambda size: thinning.kernel_herding(draws, size=size, kernel=gaussian, n_passes=5),
        "Stein thinning": lambda size: thinning.stein_thin(draws, size=size, **known),
        "Stein kernel thinning": lambda size: thinning.stein_kernel_thin(draws, size=size, rng=0, **known),
        "Stein recombination": lambda size: thinning.stein_recombine(draws, size=size, rng=0, **known),
    }
    curves: dict[str, list[float]] = {}
    chosen: dict[str, thinning.ThinningResult] = {}
    for name, method in methods.items():
        begin = time.perf_counter()
        results = [method(size) for size in SIZES]
        spent = time.perf_counter() - begin
        curves[name] = [mmd(gaussian, result, reference) for result in results]
        chosen[name] = results[SIZES.index(32)]
        print(f"{name:22} {spent:6.2f} s   " + "  ".join(f"{value:.4f}" for value in curves[name]))
    return curves, chosen


def mmd(kernel: kernels.Kernel, result: thinning.ThinningResult, reference: F64) -> float:
    """Return the maximum mean discrepancy between the chosen points and draws of a long chain."""
    weights = np.full(result.size, 1.0 / result.size) if result.weights is None else result.weights
    own = weights @ kernel(result.points) @ weights
    squared = own - 2.0 * weights @ kernel(result.points, reference).mean(axis=1) + kernel(reference).mean()
    return float(np.sqrt(max(squared, 0.0)))


def digits(size: int) -> F64:
    """Return images that stand for all of scikit-learn's digits, side by side in two rows."""
    images = load_digits().data
    kernel = kernels.Gaussian(float(kernels.median_preconditioner(images)) ** -0.5)
    result = thinning.kernel_thin(images, size=size, kernel=kernel, swap_passes=None, rng=0)
    print(f"digits: {result}, MMD {result.mmd():.4f}, gain over standard thinning {result.gain:.2e}")
    rows = np.split(result.points.reshape(size, 8, 8), 2)
    return np.vstack([np.hstack([np.pad(16.0 - image, 1, constant_values=16.0) for image in row]) for row in rows])


def draw(draws: F64, curves: dict[str, list[float]], chosen: dict[str, thinning.ThinningResult], path: str) -> None:
    """Write the picture: draws and choices, distance against size, digits."""
    layout = [["points", "curves"], ["digits", "digits"]]
    figure, axes = plt.subplot_mosaic(layout, figsize=(11, 7.5), height_ratios=[3, 1])
    scatter = axes["points"]
    scatter.plot(draws[:, 1], draws[:, 2], ".", color="0.8", markersize=2, label=f"{len(draws)} draws, with burn-in")
    for name, marker in (("kernel thinning", "o"), ("Stein thinning", "^")):
        points = chosen[name].points
        scatter.plot(points[:, 1], points[:, 2], marker, markersize=5, label=f"{len(points)} by {name}")
    scatter.set(xlabel="coefficient of radius", ylabel="coefficient of texture")
    scatter.legend(frameon=False)
    for name, values in curves.items():
        axes["curves"].loglog(SIZES, values, "o-", markersize=4, label=name)
    axes["curves"].set(xlabel="points", ylabel="MMD to the posterior", xticks=SIZES)
    axes["curves"].set_xticklabels(map(str, SIZES))
    axes["curves"].minorticks_off()
    axes["curves"].legend(frameon=False)
    axes["digits"].imshow(digits(32), cmap="gray")
    axes["digits"].set_title("32 digits that stand for 1797")
    axes["digits"].axis("off")
    axes["curves"].set_yticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    """Sample, compress, write the picture."""
    parser = argparse.ArgumentParser(description="Compress the draws of a posterior, and a set of images.")
    parser.add_argument("--draws", type=int, default=6000, help="length of the Markov chain")
    parser.add_argument("--output", default="thin_posterior.png", help="the picture to write")
    options = parser.parse_args()

    begin = time.perf_counter()
    x, y = measurements()
    log_density = posterior(x, y)
    draws = langevin(log_density, np.full(x.shape[1], 4.0), options.draws, step=0.004)
    # A chain that has arrived and runs ten times as long stands for the posterior.
    reference = langevin(log_density, draws[-1], 10 * options.draws, step=0.015)[::20]
    curves, chosen = compress(draws, reference, log_density)
    draw(draws, curves, chosen, options.output)
    print(f"wrote {options.output} in {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
