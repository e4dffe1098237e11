"""Memory, signals, and sizes at the edge."""

import subprocess
import sys

import numpy as np
import pytest

from tests.interrupting import check_ctrl_c
from wassail import kernels, thinning

MEMORY = """
import resource
import numpy as np
from wassail import kernels, thinning
n, d = {n}, {d}
x = np.random.default_rng(0).normal(size=(n, d))
kernel = kernels.Gaussian(2.0)
thinning.kernel_thin(x[:300], kernel=kernel, rng=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
result = thinning.kernel_thin(x, halvings={halvings}, kernel=kernel, rng=0)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def peak(**options):
    code = MEMORY.format(**options)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
@pytest.mark.parametrize("d", [2, 50])
def test_memory_is_linear(d):
    """The kernel matrix would take 3.4 GB."""
    n = 20_480
    assert peak(n=n, d=d, halvings=7) < 3 * n * d * 8 + 64 * 2**20


@pytest.mark.study
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_memory_of_65536_points():
    n, d = 65_536, 2
    assert peak(n=n, d=d, halvings=8) < 3 * n * d * 8 + 64 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_memory_of_many_halvings():
    """Down to a few points: the leaves are more than could be held against each other."""
    n = 20_000
    assert peak(n=n, d=2, halvings=14) < 128 * 2**20


PREPARE = """
x = np.random.default_rng(0).normal(size=(200_000, {d}))
kernel = kernels.Gaussian(1.0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("d", "options"), [(2, ""), (2, "n_threads=1"), (2, "progress=True"), (20, "halvings=1"), (2, "halvings=16")]
)
def test_ctrl_c(d, options):
    call = f"thinning.kernel_thin(x, kernel=kernel, rng=0, {options})"
    check_ctrl_c(PREPARE.format(d=d), call, "thinning.kernel_thin(x[:100], size=5, kernel=kernel).size == 5")


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 127, 128, 129, 257])
def test_sizes_around_panels_and_windows(n):
    x = np.random.default_rng(n).normal(size=(n, 2))
    kernel = kernels.Gaussian(1.0)
    for halvings in range(n.bit_length()):
        result = thinning.kernel_thin(x, halvings=halvings, kernel=kernel, rng=0, swap_passes=0)
        assert result.size == n >> halvings
        assert np.isfinite([result.gain, result.mmd()]).all()
        assert result.n_evaluations >= (n * (n - 1) // 2 if halvings else 0)
