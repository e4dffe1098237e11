"""The same answers on every CPU level, and the same bits for any number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.formulas import CASES, NAMES
from wassail import kernels

WORKER = Path(__file__).with_name("levels_worker.py")


@pytest.mark.parametrize("level", ["avx512", "avx2", "baseline"])
def test_levels(level):
    environment = {**os.environ, "WASSAIL_ISA": level}
    done = subprocess.run([sys.executable, WORKER], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) < 2e-14


@pytest.mark.parametrize("kernel", [kernel for kernel, _ in CASES], ids=NAMES)
def test_threads(kernel):
    slow = "Callable" in repr(kernel) or kernel == kernels.Matern(0.3, 1.7)
    size = 150 if slow else 600
    x = np.random.default_rng(0).normal(size=(size, 3))
    alone = kernel(x, n_threads=1)
    for threads in (2, 3, 5):
        assert (kernel(x, n_threads=threads) == alone).all()
