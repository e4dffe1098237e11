"""Memory stays linear in the points, and Ctrl-C returns at once."""

import signal
import subprocess
import sys
import time

import pytest

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


SCRIPT = """
import faulthandler, signal, time
import numpy as np
from wassail import discrepancy, kernels
faulthandler.dump_traceback_later(60, exit=True)  # a hang ends, with the place
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs inherit that it is ignored
x, y = np.random.default_rng(0).normal(size=(2, 200_000, 3))
kernel = kernels.Gaussian(1.0)
stein = kernels.Stein(kernel, lambda x: -x)
print("started", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
    assert discrepancy.mmd([0.0], [0.0], kernel).biased == 0.0  # usable afterwards
    print("usable", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "call",
    [
        "discrepancy.mmd(x, y, kernel)",
        "discrepancy.ksd(x, stein)",
        "discrepancy.incomplete_mmd(x, y, kernel, n_bands=10**6)",
        "discrepancy.mmd_wild_test(x, y, kernel, n_bootstraps=99)",
    ],
)
def test_ctrl_c(call):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(call=call)], stdout=subprocess.PIPE, text=True
    ) as process:
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
