"""What is sampled: a log-density for NumPy, JAX and C callers with its second moments, where they are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

LATTICE = (8, 8)
MASS, COUPLING = -4.0, 5.0  # near the transition, on the side without order


@dataclass
class Problem:
    """A density of dimension d; ``data`` are the arrays that its forms close over."""

    name: str
    dim: int
    batch: Callable[..., Any]  # X -> (logp, grad)
    jax: Callable[..., Any]  # x, jnp -> logp
    scalar: str  # name of the C form in sampling_native
    data: tuple[Any, ...] = ()
    built_in: Callable[[Any], Any] | None = None  # targets -> Target
    second: tuple[np.ndarray, np.ndarray] | None = None  # E x², Var x²
    judged: slice = field(default_factory=lambda: slice(None))  # coordinates that are judged
    spread: float = 1.0  # of the starting points


def _gaussian(x: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grad = -x * precision if precision.ndim == 1 else -x @ precision
    return 0.5 * np.einsum("ni,ni->n", x, grad), grad


def diagonal(name: str, precision: np.ndarray) -> Problem:
    """Return a Gaussian along the axes."""
    variance = 1.0 / precision
    return Problem(
        name,
        precision.size,
        lambda x: _gaussian(x, precision),
        lambda x, jnp: -0.5 * jnp.sum(x * x * jnp.asarray(precision)),
        "diagonal",
        (precision,),
        lambda targets: targets.Gaussian(np.zeros(precision.size), precision),
        (variance, 2 * variance**2),
    )


def rotated(name: str, d: int, condition: float) -> Problem:
    """Return a Gaussian whose variances, from 1/√κ to √κ by equal ratios, lie along random directions."""
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))[0]
    variances = np.geomspace(condition**-0.5, condition**0.5, d)
    precision, covariance = (axes / variances) @ axes.T, (axes * variances) @ axes.T
    precision = 0.5 * (precision + precision.T)
    second = np.diag(covariance).copy()
    return Problem(
        name,
        d,
        lambda x: _gaussian(x, precision),
        lambda x, jnp: -0.5 * jnp.dot(x, jnp.asarray(precision) @ x),
        "dense",
        (precision,),
        lambda targets: targets.Gaussian(np.zeros(d), precision),
        (second, 2 * second**2),
    )


def _logistic(x: np.ndarray, design: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    eta = x @ design.T
    logp = (eta * y - np.logaddexp(0.0, eta)).sum(axis=1) - 0.5 * (x * x).sum(axis=1)
    return logp, (y - 1.0 / (1.0 + np.exp(-eta))) @ design - x


def regression(name: str, design: np.ndarray, y: np.ndarray) -> Problem:
    """Return the posterior of logistic regression with a standard normal prior."""
    return Problem(
        name,
        design.shape[1],
        lambda x: _logistic(x, design, y),
        lambda x, jnp: (
            jnp.sum(jnp.asarray(y) * (jnp.asarray(design) @ x) - jnp.logaddexp(0.0, jnp.asarray(design) @ x))
            - 0.5 * jnp.sum(x * x)
        ),
        "logistic",
        (design, y),
        lambda targets: targets.LogisticRegression(design, y, targets.NormalPrior(1.0)),
    )


def synthetic() -> Problem:
    """Return a regression of 1000 observations on 50 variables."""
    rng = np.random.default_rng(2)
    design = rng.normal(size=(1000, 50))
    y = (rng.random(1000) < 1.0 / (1.0 + np.exp(-design @ rng.normal(size=50) / 4))).astype(float)
    return regression("logistic 1000 × 50", design, y)


def breast_cancer() -> Problem:
    """Return scikit-learn's data with standardized variables and an intercept."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return regression("breast cancer", np.column_stack([np.ones(len(x)), x]), y.astype(float))


def _rosenbrock(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    half = x.shape[1] // 2
    u, v = x[:, :half], x[:, half:]
    off = (v - u * u) / 0.1
    logp = -0.5 * ((u - 1.0) ** 2 + 0.1 * off * off).sum(axis=1)
    return logp, np.concatenate([1.0 - u + 2.0 * u * off, -off], axis=1)


def rosenbrock(d: int = 36) -> Problem:
    """Return u ~ N(1, 1), v ~ N(u², 0.1) in d/2 independent pairs: E u⁴ = 10 and E u⁸ = 764."""
    half = d // 2
    mean = np.repeat([2.0, 10.1], half)
    fourth = np.repeat([10.0, 764.0 + 6 * 0.1 * 10.0 + 3 * 0.01], half)
    return Problem(
        f"Rosenbrock d={d}",
        d,
        _rosenbrock,
        lambda x, jnp: -0.5 * jnp.sum((x[:half] - 1.0) ** 2 + (x[half:] - x[:half] ** 2) ** 2 / 0.1),
        "rosenbrock",
        (),
        lambda targets: targets.Rosenbrock(d),
        (mean, fourth - mean**2),
    )


def _funnel(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    v, rest = x[:, :1], x[:, 1:]
    with np.errstate(over="ignore", invalid="ignore"):
        weight = np.exp(-v)
        grad = -rest * weight
        square = -(rest * grad).sum(axis=1, keepdims=True)
    logp = -0.5 * (v * v / 9.0 + rest.shape[1] * v + square)
    return logp[:, 0], np.concatenate([-v / 9.0 - 0.5 * rest.shape[1] + 0.5 * square, grad], axis=1)


def funnel(d: int = 10) -> Problem:
    """Return Neal's funnel, judged by v alone: the fourth moments of the others are of the order e^18."""
    return Problem(
        f"funnel d={d}",
        d,
        _funnel,
        lambda x, jnp: -0.5 * (x[0] ** 2 / 9.0 + (d - 1) * x[0] + jnp.exp(-x[0]) * jnp.sum(x[1:] ** 2)),
        "funnel",
        (),
        lambda targets: targets.Funnel(d),
        (np.full(d, 9.0), np.full(d, 162.0)),
        judged=slice(0, 1),
    )


def _phi4(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    field_ = x.reshape(-1, *LATTICE)
    down, right = (np.roll(field_, -1, axis) - field_ for axis in (1, 2))
    square = field_ * field_
    logp = -(down**2 + right**2 + MASS * square + COUPLING * square**2).sum(axis=(1, 2))
    force = 2 * (down - np.roll(down, 1, 1) + right - np.roll(right, 1, 2))
    grad = force - 2 * MASS * field_ - 4 * COUPLING * square * field_
    return logp, grad.reshape(x.shape)


def _phi4_jax(x: Any, jnp: Any) -> Any:
    field_ = x.reshape(LATTICE)
    steps = sum(jnp.sum((jnp.roll(field_, -1, axis) - field_) ** 2) for axis in (0, 1))
    return -steps - jnp.sum(MASS * field_**2 + COUPLING * field_**4)


def phi4() -> Problem:
    """Return a field on a periodic lattice."""
    return Problem(
        f"φ⁴ {LATTICE[0]} × {LATTICE[1]}",
        LATTICE[0] * LATTICE[1],
        _phi4,
        _phi4_jax,
        "phi4",
        (),
        lambda targets: targets.Phi4(LATTICE, MASS, COUPLING),
    )


RATES = {  # for gradients per second
    "gauss1000": lambda: diagonal("Gaussian d=1000", np.ones(1000)),
    "diagonal100": lambda: diagonal("Gaussian d=100, κ=1e4, along axes", np.geomspace(1e-2, 1e2, 100)),
    "logistic": synthetic,
}
ERRORS = {  # for gradients to an error
    "kappa2": lambda: rotated("Gaussian d=100, κ=100", 100, 1e2),
    "kappa5": lambda: rotated("Gaussian d=100, κ=1e5", 100, 1e5),
    "cancer": breast_cancer,
    "rosenbrock": rosenbrock,
    "funnel": funnel,
    "phi4": phi4,
}


def start(problem: Problem, chains: int, seed: int = 0) -> np.ndarray:
    """Return starting points that all methods share."""
    return problem.spread * np.random.default_rng(seed).normal(size=(chains, problem.dim))
