"""Ctrl-C ends the longest calls at once."""

import sys

import pytest

from tests.interrupting import check_ctrl_c

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

PREPARE = """
x = np.random.default_rng(0).normal(size=({n}, 3))
gaussian, stein = kernels.Gaussian(1.0), kernels.Stein()
"""

CALLS = {
    "herding": (200_000, "thinning.kernel_herding(x, size=100, kernel=gaussian)"),
    "passes": (3_000, "thinning.kernel_herding(x, size=2_000, kernel=gaussian, n_passes=999, temperature=0.1, rng=0)"),
    "stein_thin": (200_000, "thinning.stein_thin(x, -x, size=100_000, kernel=stein)"),
    "debias": (100_000, "thinning.debias(x, -x, kernel=stein, rank=200)"),
    "stein_recombine": (100_000, "thinning.stein_recombine(x, -x, kernel=stein, size=100, rank=200)"),
    "stein_kernel_thin": (100_000, "thinning.stein_kernel_thin(x, -x, kernel=stein, size=100)"),
    "low_rank_thin": (6_000, "thinning.low_rank_thin(x, kernel=gaussian, rank=2_500, rng=0)"),
    "support_points": (200_000, "thinning.support_points(x, size=5_000)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name):
    n, call = CALLS[name]
    check_ctrl_c(PREPARE.format(n=n), call, "thinning.kernel_herding(x[:9], size=2, kernel=gaussian).size == 2")
