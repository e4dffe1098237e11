"""The interpreter ends while daemon threads sample: without an abort."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import threading, time
import numpy as np
from wassail import sampling
started = threading.Event()
def density(x):
    started.set()
    time.sleep(0.002)
    return {answer}
def work():
    try:
        {call}
    finally:
        print("over", flush=True)
threading.Thread(target=work, daemon=True).start()
assert started.wait(20)
time.sleep(0.1)
"""

FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
child = os.fork()
if not child:
    sampling.ula(sampling.targets.Gaussian([0.0], [1.0]), [[0.0]], n_samples=5, step_size=0.1, rng=0, n_threads=1)
    sys.exit()
begun = time.monotonic()
os.waitpid(child, 0)
print(time.monotonic() - begun, flush=True)
os._exit(0)
"""
GRADIENTS = "-0.5 * (x**2).sum(axis=1), -x"
VALUES = "-0.5 * (x**2).sum(axis=1)"
OPTIONS = "np.ones((4, 2)), n_samples=100_000, rng=0"


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        (GRADIENTS, f"sampling.mala(density, {OPTIONS}, step_size=0.1)"),
        (GRADIENTS, f"sampling.mala(density, {OPTIONS}, step_size=0.1, n_threads=2, callback=print)"),
        (VALUES, f"sampling.slice_sample(density, {OPTIONS})"),
        (
            GRADIENTS,
            f"sampling.temper(density, sampling.targets.Gaussian(np.zeros(2), np.ones(2)), {OPTIONS}, n_warmup=5)",
        ),
    ],
)
def test_daemon_threads_end_with_the_interpreter(answer, call):
    script = SCRIPT.format(answer=answer, call=call)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "FATAL" not in done.stderr
    assert done.stdout.splitlines()[-1] == "over"


def test_functions_called_at_the_end_still_work():
    script = """
import atexit
def late():
    print(sampling.ula(sampling.targets.Gaussian([0.0], [1.0]), [[0.0]], n_samples=5, step_size=0.1, rng=0).draws.shape)
atexit.register(late)
from wassail import sampling
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "(1, 5, 1)"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_beside_a_running_thread_waits_for_nobody_at_its_end():
    script = SCRIPT.format(answer=GRADIENTS, call=f"sampling.mala(density, {OPTIONS}, step_size=0.1)") + FORK
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # As long as the end of the interpreter waits for threads that sample.
    assert float(done.stdout.split()[-1]) < 5.0
