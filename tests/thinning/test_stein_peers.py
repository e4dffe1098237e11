"""Choices of stein-thinning 0.2.0, index for index.

`python -m tests.thinning.test_stein_peers` writes them anew where that package is installed.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from wassail import kernels, thinning

FROZEN = Path(__file__).parent / "data/stein_thinning.json"
PRECONDITIONERS = ["id", "med", "sclmed", "smpcov", "2.5"]
SIZE = 60


def sample(seed):
    """A correlated sample of the wrong place and spread, and the scores of a normal target."""
    rng = np.random.default_rng(seed)
    d = 2 + seed % 4
    root = rng.normal(size=(d, d)) / np.sqrt(d) + np.eye(d)
    x = 1.3 * rng.normal(size=(500, d)) @ root.T + 0.4
    return x, -x @ np.linalg.inv(root @ root.T)


def standardized(x, scores):
    """What stein-thinning does to its input."""
    scale = np.abs(x - x.mean(axis=0)).mean(axis=0)
    return x / scale, scores * scale


def preconditioner(name, x):
    """Ours, of the same meaning; the scaled median there has the size of the sample, at most 1000, in the logarithm."""
    if name == "smpcov":
        return kernels.covariance_preconditioner(x)
    if name in {"med", "sclmed"}:
        return kernels.median_preconditioner(x) * (1.0 if name == "med" else np.log(min(1000, len(x))))
    return 1.0 if name == "id" else 1.0 / float(name)


def theirs(x, scores, name):
    """Run the package."""
    package = pytest.importorskip("stein_thinning.thinning", reason="stein-thinning is not installed")
    return [int(i) for i in package.thin(x, scores, SIZE, standardize=True, preconditioner=name)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", PRECONDITIONERS)
def test_frozen_choices(name, seed):
    x, scores = sample(seed)
    kernel = kernels.Stein(preconditioner=preconditioner(name, standardized(x, scores)[0]))
    found = thinning.stein_thin(x, scores, size=SIZE, kernel=kernel, standardize=True).indices.tolist()
    assert found == json.loads(FROZEN.read_text())[name][seed]


@pytest.mark.peers
@pytest.mark.parametrize("name", PRECONDITIONERS)
def test_package_still_agrees(name):
    assert [theirs(*sample(seed), name) for seed in range(4)] == json.loads(FROZEN.read_text())[name]


@pytest.mark.peers
def test_goodpoints_herding():
    package = pytest.importorskip("goodpoints.herding", reason="goodpoints is not installed")
    x = np.random.default_rng(0).normal(size=(512, 3))

    def kernel(y, z):
        return np.exp(-((y - z) ** 2).sum(axis=1) / 2.0)

    for unique in (False, True):
        expected = package.herding(x, 4, kernel, unique=unique)
        found = thinning.kernel_herding(x, size=32, kernel=kernels.Gaussian(1.0), unique=unique)
        assert found.indices.tolist() == expected.tolist()


if __name__ == "__main__":
    cases = {name: [theirs(*sample(seed), name) for seed in range(4)] for name in PRECONDITIONERS}
    FROZEN.write_text(json.dumps(cases, indent=None, separators=(",", ":")) + "\n")
