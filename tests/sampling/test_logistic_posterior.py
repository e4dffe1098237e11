"""A real posterior: means and deviations agree with a long run of another library's NUTS (`data/make_logistic.py`)."""

import json
from pathlib import Path

import numpy as np
import pytest

from wassail import sampling

datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn ships the data")

REFERENCE = json.loads((Path(__file__).parent / "data/logistic.json").read_text(encoding="utf-8"))


def test_posterior_of_breast_cancer():
    assert REFERENCE["rhat"] < 1.005
    data = datasets.load_breast_cancer()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    design, y = np.column_stack([np.ones(len(x)), x]), data.target.astype(float)
    prior = sampling.targets.NormalPrior(REFERENCE["prior_scale"])
    posterior = sampling.targets.LogisticRegression(design, y, prior)
    mean, sd = np.array(REFERENCE["mean"]), np.array(REFERENCE["sd"])
    # Any affine coordinates are right: those of the curvature at the reference mean mix fast.
    p = 1 / (1 + np.exp(-design @ mean))
    curvature = (design * (p * (1 - p))[:, None]).T @ design + np.eye(31) / REFERENCE["prior_scale"] ** 2
    target = sampling.targets.Affine(posterior, mean, np.linalg.cholesky(np.linalg.inv(curvature)))
    start = np.random.default_rng(1).normal(size=(16, 31))
    result = sampling.mala(target, start, n_samples=10_000, n_warmup=1000, rng=1)
    assert result.rhat().max() < 1.01
    draws = target.constrain(result.draws)
    for per_chain, expected, error in [
        (draws.mean(axis=1), mean, REFERENCE["mcse_mean"]),
        (np.sqrt(((draws - mean) ** 2).mean(axis=1)), sd, REFERENCE["mcse_sd"]),
    ]:
        own = per_chain.std(axis=0, ddof=1) / np.sqrt(16)
        scores = (per_chain.mean(axis=0) - expected) / np.hypot(own, error)
        assert np.abs(scores).max() < 5  # 31 coordinates, Student with 15 degrees of freedom at least
