"""A seed keeps its meaning: the first draws of every sampler are those written down."""

import json

import numpy as np
import pytest

from tests.sampling.first_draws import FILE, SAMPLERS, first_draws

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

FROZEN = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_first_draws_are_frozen(name):
    np.testing.assert_allclose(first_draws(name), FROZEN[name], rtol=1e-9, atol=1e-11)
