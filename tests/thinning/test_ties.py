"""
Where Compress with little oversampling parts from goodpoints: at exact ties, and nowhere else.

A halving of 8 points chooses every first point of the pairs in one run of 16. That half and the baseline, every second
point, are equally far from the whole: P − Q and Q − P. goodpoints compares their two MMDs, which differ by rounding,
and so do its choices between compilers; here the baseline wins.
"""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.reference import compress_numpy as reference
from tests.thinning.data.make_ties import BANDWIDTH, points
from wassail import kernels, thinning

FROZEN = json.loads((Path(__file__).parent / "data/ties.json").read_text(encoding="utf-8"))["cases"]
KERNEL = kernels.Gaussian(np.sqrt(BANDWIDTH / 2.0))


def ours(x, g, seed):
    return thinning.compress(x, kernel=KERNEL, oversampling=g, rng=seed).indices


def transcribed(x, kernel, g, seed, tie):
    return reference.compress(x, kernel, g=g, bins=1, delta=0.5, seed=seed, tie=tie)


def difference(K):
    """Return MMD² of every first point less that of every second one, without any rounding."""
    exact = [[Fraction(value) for value in row] for row in K.tolist()]
    s = len(exact)

    def relative(chosen):
        inner = sum(exact[i][j] for i in chosen for j in chosen)
        return inner / (s // 2) ** 2 - 2 * sum(sum(exact[i]) for i in chosen) / (s * (s // 2))

    return relative(range(0, s, 2)) - relative(range(1, s, 2))


@pytest.mark.parametrize("case", FROZEN, ids=lambda c: f"n{c['n']}-g{c['g']}-{c['seed']}")
def test_they_part_at_exact_ties_only(case):
    x, g, seed, chosen = points(case["n"], case["seed"]), case["g"], case["seed"], case["chosen"]
    theirs = iter(case["first_wins"])

    def as_goodpoints(K):
        assert difference(K) == 0
        return next(theirs)

    assert transcribed(x, KERNEL, g, seed, as_goodpoints).tolist() == chosen
    assert next(theirs, None) is None
    found = ours(x, g, seed)
    assert transcribed(x, KERNEL, g, seed, lambda _: False).tolist() == found.tolist()
    assert any(case["first_wins"]) or found.tolist() == chosen


def mmd(K, chosen):
    return np.sqrt(max(K[np.ix_(chosen, chosen)].mean() - 2.0 * K[chosen].mean() + K.mean(), 0.0))


@pytest.mark.peers
@pytest.mark.parametrize(
    ("n", "seeds"),
    [
        (64, 50),
        (256, 25),
        *(pytest.param(*case, marks=pytest.mark.study) for case in [(64, 200), (256, 200), (1024, 200), (4096, 50)]),
    ],
)
@pytest.mark.parametrize("g", [0, 1])
def test_goodpoints_as_installed(n, seeds, g):
    """All that differ had a tie, which was exact, and the runs of both are as good."""
    compress = pytest.importorskip("goodpoints.compress", reason="goodpoints is not installed")
    kernel, gains = reference.gaussian(BANDWIDTH), []
    for seed in range(seeds):
        x, ties = points(n, seed), []

        def tie(K, ties=ties):
            ties.append((difference(K), reference.by_rounding(K)))
            return ties[-1][1]

        theirs = compress.compress_kt(x, b"gaussian", np.array([BANDWIDTH]), g=g, seed=seed)
        found = ours(x, g, seed)
        assert np.array_equal(transcribed(x, kernel, g, seed, tie), theirs)
        assert all(exact == 0 for exact, _ in ties)
        assert np.array_equal(found, theirs) == (not any(first for _, first in ties))
        K = KERNEL(x)
        gains.append(mmd(K, found) - mmd(K, theirs))
    if np.any(gains):
        assert abs(np.mean(gains)) < 4.0 * np.std(gains) / np.sqrt(seeds)
