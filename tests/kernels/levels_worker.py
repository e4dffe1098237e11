"""Prints the largest deviation of each kernel from its formula, on the CPU level of the environment."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from tests.kernels.formulas import CASES
from wassail import _core, kernels

worst = 0.0
for d in (1, 3, 9, 33):
    rng = np.random.default_rng(d)
    x, y = rng.normal(size=(11, d)) * 1.5 / np.sqrt(d), rng.normal(size=(70, d)) * 1.5 / np.sqrt(d)
    for kernel, formula in CASES:
        expected = formula(x, y)
        worst = max(worst, np.abs(kernel(x, y) - expected).max() / np.abs(expected).max() / max(1.0, d / 20))
        single = _core.kernel_gram_f32(kernel._core_kernel(), x, x, 1)
        assert np.abs(single - kernel(x)).max() <= kernel._core_kernel().bound_f32(x), kernel
    for base in (kernels.Gaussian(1.0), kernels.Matern(1.5), kernels.InverseMultiquadric()):
        stein = kernels.Stein(base, np.negative)
        diagonal = np.diag(stein(x))
        worst = max(worst, np.abs(diagonal / stein.diagonal(x) - 1.0).max())
sys.stdout.write(f"{_core.isa()} {worst}\n")
