"""Memory stays linear in the points, and Ctrl-C returns at once."""

import subprocess
import sys

import pytest

from tests.interrupting import check_ctrl_c

MEMORY = """
import resource
import numpy as np
from wassail import discrepancy, kernels
rng = np.random.default_rng(0)
n = {n}
x, y = rng.normal(size=(2, n, 2)).astype(np.float32)
kernel = kernels.Gaussian(1.0)
discrepancy.mmd(x[:500], y[:500], kernel).standard_error()
discrepancy.mmd_test(x[:500], y[:500], kernel, n_permutations=2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
{call}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize(
    ("n", "call"),
    [
        (30_000, "discrepancy.mmd(x, y, kernel).standard_error()"),
        (20_000, "discrepancy.mmd_test(x[: n // 2], y[: n // 4], kernel, n_permutations=99, rng=0)"),
        (100_000, "discrepancy.incomplete_mmd(x, y, kernel, n_bands=50)"),
        pytest.param(100_000, "discrepancy.mmd(x, y, kernel)", marks=pytest.mark.study),
    ],
)
def test_memory(n, call):
    """A table of the smallest case would take 400 MB in float32."""
    script = MEMORY.format(n=n, call=call)
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120)
    assert int(done.stdout) < 50 * 1024


PREPARE = """
x, y = np.random.default_rng(0).normal(size=(2, 200_000, 3))
kernel = kernels.Gaussian(1.0)
stein = kernels.Stein(kernel, lambda x: -x)
compress = lambda part, rng: thinning.compress_plus_plus(part, kernel=kernel, rng=rng)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "call",
    [
        "discrepancy.mmd(x, y, kernel)",
        "discrepancy.ksd(x, stein)",
        "discrepancy.incomplete_mmd(x, y, kernel, n_bands=10**6)",
        "discrepancy.mmd_wild_test(x, y, kernel, n_bootstraps=99)",
        "discrepancy.compress_then_test(x, y, kernel, rng=0, compress=compress)",
    ],
)
def test_ctrl_c(call):
    check_ctrl_c(PREPARE, call, "discrepancy.mmd([0.0], [0.0], kernel).biased == 0.0")
