"""Diagnostics equal ArviZ's, and know simple cases."""

import json

import numpy as np
import pytest

from tests.sampling.arviz_values import CASES, FILE, draws, values
from wassail.sampling import _diagnostics

FROZEN = json.loads(FILE.read_text(encoding="utf-8"))


def ours(x):
    """Return the same diagnostics by wassail."""
    return {
        "bulk": _diagnostics.bulk_ess(x),
        "tail": _diagnostics.tail_ess(x),
        "mcse": _diagnostics.mean_mcse(x),
        "rhat": _diagnostics.rhat(x),
    }


def compare(x, expected):
    found = ours(x)
    for name, value in expected.items():
        if value is not None:
            np.testing.assert_allclose(found[name], value, rtol=1e-10, err_msg=name)


@pytest.mark.parametrize(("case", "expected"), list(zip(CASES, FROZEN, strict=True)))
def test_equal_to_frozen_values_of_arviz(case, expected):
    compare(draws(*case), expected)


@pytest.mark.peers
@pytest.mark.parametrize("case", CASES)
def test_equal_to_arviz_itself(case):
    pytest.importorskip("arviz", reason="the peer is optional")
    compare(draws(*case), values(*case))


def test_many_coordinates_are_each_as_alone():
    x = np.random.default_rng(0).normal(size=(4, 50, 300)).cumsum(axis=1)
    together = ours(x)
    for k in (0, 157, 299):
        for name, value in ours(x[:, :, k : k + 1]).items():
            np.testing.assert_allclose(together[name][k], value[0], rtol=1e-12)


def test_constants_have_converged_and_stuck_chains_have_not():
    same = np.ones((4, 20, 1))
    assert _diagnostics.rhat(same)[0] == 1.0
    assert _diagnostics.bulk_ess(same)[0] == 80.0
    stuck = same * np.arange(4.0)[:, None, None]
    assert _diagnostics.rhat(stuck)[0] == np.inf


def test_effective_number_of_an_autoregression():
    correlation, chains, n = 0.8, 64, 4000
    noise = np.random.default_rng(1).normal(size=(chains, n, 8))
    x = np.zeros_like(noise)
    x[:, 0] = noise[:, 0] / np.sqrt(1 - correlation**2)
    for t in range(1, n):
        x[:, t] = correlation * x[:, t - 1] + noise[:, t]
    expected = chains * n * (1 - correlation) / (1 + correlation)
    np.testing.assert_allclose(_diagnostics.mean_ess(x), expected, rtol=0.05)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e150, 1e300])
def test_scales_neither_overflow_nor_vanish(scale):
    x = np.random.default_rng(0).normal(1.0, 1.0, size=(4, 300, 3))
    with np.errstate(all="raise"):
        tiny = scale * x
        for function in (_diagnostics.mean_mcse, _diagnostics.deviation, _diagnostics.mean):
            np.testing.assert_allclose(function(tiny) / scale, function(x), rtol=1e-9)
    zeros = np.concatenate([np.zeros((4, 300, 1)), tiny], axis=2)
    assert _diagnostics.mean_mcse(zeros)[0] == 0.0
