"""Evaluate the core's exp and log in a process of its own: the level and the rounding mode are set once.

Usage: exp_log_worker.py INPUTS.npz OUTPUTS.npz [LIBRARY], where LIBRARY exports `flush_to_zero()`.
"""

import ctypes
import sys

import numpy as np

inputs = dict(np.load(sys.argv[1]))
if len(sys.argv) > 3:
    library = ctypes.CDLL(sys.argv[3])
    library.flush_to_zero()  # before the core starts threads, which inherit the mode

from wassail import _core, ot  # noqa: E402

FUNCTIONS = {name: getattr(_core, name) for name in ("exp_f64", "exp_f32", "log_f64", "log_f32")}
outputs = {name: function(inputs[name]) for name, function in FUNCTIONS.items()}
for name, function in FUNCTIONS.items():
    x = np.ascontiguousarray(inputs[name][:140])
    outputs[name + "_lengths"] = np.concatenate([function(x[n : 2 * n].copy()) for n in range(71)])
    outputs[name + "_special"] = function(inputs[name + "_special"])

result = ot.sinkhorn(inputs["cost"], epsilon=0.01, tol=1e-9, n_threads=2)
outputs["potentials"] = np.concatenate([result.f, result.g])
if len(sys.argv) > 3:
    outputs["flushing"] = np.array(library.is_flushing())
np.savez(sys.argv[2], isa=_core.isa(), **outputs)
