"""Ctrl-C ends the longest calls at once."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SCRIPT = """
import faulthandler, signal, time
import numpy as np
from wassail import kernels, thinning
faulthandler.dump_traceback_later(60, exit=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
x = np.random.default_rng(0).normal(size=({n}, 3))
gaussian, stein = kernels.Gaussian(1.0), kernels.Stein()
print("started", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
    assert thinning.kernel_herding(x[:9], size=2, kernel=gaussian).size == 2  # usable afterwards
    print("usable", flush=True)
"""

CALLS = {
    "herding": (200_000, "thinning.kernel_herding(x, size=100, kernel=gaussian)"),
    "passes": (3_000, "thinning.kernel_herding(x, size=2_000, kernel=gaussian, n_passes=999, temperature=0.1, rng=0)"),
    "stein_thin": (200_000, "thinning.stein_thin(x, -x, size=100_000, kernel=stein)"),
    "debias": (100_000, "thinning.debias(x, -x, kernel=stein, rank=200)"),
    "stein_recombine": (100_000, "thinning.stein_recombine(x, -x, kernel=stein, size=100, rank=200)"),
    "stein_kernel_thin": (100_000, "thinning.stein_kernel_thin(x, -x, kernel=stein, size=100)"),
    "support_points": (200_000, "thinning.support_points(x, size=5_000)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(name):
    n, call = CALLS[name]
    command = [sys.executable, "-c", SCRIPT.format(n=n, call=call)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "started"
            time.sleep(0.7)
            assert process.poll() is None, "finished before it could be interrupted"
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            word, when = process.stdout.readline().split()
            assert word == "interrupted"
            assert float(when) - sent < 0.5
            assert process.stdout.readline().strip() == "usable"
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
