"""A seed keeps its meaning: the first draws of every sampler are those written down."""

import json

import numpy as np
import pytest

from tests.sampling.first_draws import FILE, SAMPLERS, first_draws
from wassail import sampling

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

FROZEN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_first_draws_are_frozen(name):
    np.testing.assert_allclose(first_draws(name), FROZEN[name], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not name.startswith("tempered")])
def test_resumed_runs_are_straight_ones(name):
    target, x0 = sampling.targets.Gaussian(np.zeros(3), [1.0, 4.0, 0.25]), np.random.default_rng(0).normal(size=(12, 3))
    options = {"n_warmup": 30, "rng": 1}
    straight = SAMPLERS[name](target, x0, n_samples=40, **options)
    resumed = SAMPLERS[name](target, x0, n_samples=25, **options).resume(15)
    np.testing.assert_array_equal(resumed.draws, straight.draws)
