"""The core's exp and log over their whole range, on every CPU level, with and without flush-to-zero."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

WORKER = Path(__file__).with_name("exp_log_worker.py")
FLUSH_SOURCE = """
#include <xmmintrin.h>
void flush_to_zero(void) { _mm_setcsr(_mm_getcsr() | 0x8040); }  /* FTZ and DAZ */
int is_flushing(void) { return (_mm_getcsr() & 0x8040) == 0x8040; }
"""
FUNCTIONS = ["exp_f64", "exp_f32", "log_f64", "log_f32"]
ULPS = {np.dtype(np.float64): 3.0, np.dtype(np.float32): 2.0}
ISAS = ["avx512", "avx2", "baseline"]


def neighbors(centers, dtype, steps):
    """Return the floats within so many steps of each center, both ways."""
    bits = np.asarray(centers, dtype).view(f"i{np.dtype(dtype).itemsize}")
    return (bits[:, None] + np.arange(-steps, steps + 1, dtype=bits.dtype)).ravel().view(dtype)


def exp_inputs(dtype, rng):
    info = np.finfo(dtype)
    low, high = float(np.log(info.tiny)), float(np.log(info.max))
    k = np.arange(int(low / np.log(2.0)), int(high / np.log(2.0)) + 1)
    signs = rng.choice([-1.0, 1.0], 20_000)
    parts = [
        rng.uniform(low, high, 150_000),
        rng.uniform(-2.0, 2.0, 100_000),
        signs * 2.0 ** rng.uniform(-80.0, 9.0, 20_000),
        neighbors(k[k != 0] * np.log(2.0), dtype, 2),  # reduced argument near 0
        neighbors((k + 0.5) * np.log(2.0), dtype, 2),  # and near its largest
        neighbors([low, high], dtype, 40),
        rng.uniform(low - 40.0, low, 2_000),
        rng.uniform(high, high + 40.0, 2_000),
        [-1e30, -1e4, 1e4, 1e30, info.tiny, -info.tiny, info.smallest_subnormal, -info.smallest_subnormal, 0.0, -0.0],
    ]
    return np.concatenate([np.asarray(part).astype(dtype) for part in parts])


def log_inputs(dtype, rng):
    info = np.finfo(dtype)
    exponents = np.arange(info.minexp, info.maxexp)
    powers = np.ldexp(dtype(1.0), exponents)
    bits = rng.integers(1, np.array(np.inf, dtype).view(f"i{np.dtype(dtype).itemsize}"), 200_000)
    parts = [
        bits.astype(f"i{np.dtype(dtype).itemsize}").view(dtype),  # all binades alike
        neighbors([1.0], dtype, 20_000),
        rng.uniform(0.5, 2.0, 100_000),
        neighbors(powers[1:], dtype, 2),
        neighbors((powers * dtype(np.sqrt(0.5)))[1:], dtype, 2),
        np.arange(1, 2_000) * info.smallest_subnormal,
        rng.uniform(0.0, info.tiny, 2_000),
        [info.max, info.tiny, info.smallest_subnormal],
    ]
    return np.concatenate([np.asarray(part).astype(dtype) for part in parts])


@pytest.fixture(scope="module")
def inputs():
    rng = np.random.default_rng(0)
    arrays = {"cost": rng.random((150, 130))}
    for bits, dtype in ((64, np.float64), (32, np.float32)):
        arrays[f"exp_f{bits}"] = rng.permutation(exp_inputs(dtype, rng))
        arrays[f"log_f{bits}"] = rng.permutation(log_inputs(dtype, rng))
        special = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1.0, -np.finfo(dtype).max], dtype)
        arrays[f"exp_f{bits}_special"] = arrays[f"log_f{bits}_special"] = special
    return arrays


@pytest.fixture(scope="module")
def flush_library(tmp_path_factory):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("no C compiler to set FTZ and DAZ with")
    folder = tmp_path_factory.mktemp("flush")
    (folder / "flush.c").write_text(FLUSH_SOURCE)
    command = [compiler, "-shared", "-fPIC", "-o", str(folder / "flush.so"), str(folder / "flush.c")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("the C compiler knows no MXCSR: not an x86 machine")
    return folder / "flush.so"


@pytest.fixture(scope="module", params=[(isa, flush) for flush in (False, True) for isa in ISAS], ids=str)
def outputs(request, inputs, tmp_path_factory):
    isa, flush = request.param
    library = [str(request.getfixturevalue("flush_library"))] if flush else []
    folder = tmp_path_factory.mktemp("exp_log")
    np.savez(folder / "in.npz", **inputs)
    run = subprocess.run(
        [sys.executable, str(WORKER), str(folder / "in.npz"), str(folder / "out.npz"), *library],
        env={**os.environ, "WASSAIL_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    unsupported = isa not in supported()
    if unsupported:
        pytest.skip(f"this CPU has no {isa}")
    assert run.returncode == 0, run.stderr
    arrays = dict(np.load(folder / "out.npz"))
    assert str(arrays["isa"]) == isa
    assert not flush or arrays["flushing"]
    return arrays


def supported():
    """Levels of this CPU, by what the core itself would choose without being told."""
    environment = {key: value for key, value in os.environ.items() if key != "WASSAIL_ISA"}
    command = [sys.executable, "-c", "from wassail import _core; print(_core.isa())"]
    best = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    return ISAS[ISAS.index(best) :]


def exact(name, x):
    """Return the function to at least ten bits more than the result has."""
    function = np.exp if name.startswith("exp") else np.log
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    if np.finfo(wide).nmant < np.finfo(x.dtype).nmant + 10:
        pytest.skip("no long double wider than double here; the sampled mpmath test still runs")
    with np.errstate(all="ignore"):
        return function(x.astype(wide))


def ulp_error(found, truth):
    """Distance in units in the last place of the truth, where that is a normal number."""
    info = np.finfo(found.dtype)
    unit = np.exp2(np.floor(np.log2(np.maximum(np.abs(truth), info.tiny))) - info.nmant)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(found == truth, 0.0, np.abs(found.astype(truth.dtype) - truth) / unit).astype(np.float64)


@pytest.mark.parametrize("name", ["exp_f64", "exp_f32"])
def test_exp(outputs, inputs, name):
    x, found = inputs[name], outputs[name]
    info, truth = np.finfo(x.dtype), exact(name, x)
    below, above = truth < info.tiny, truth > info.max
    assert below.any()
    assert above.any()
    np.testing.assert_array_equal(found[below], 0.0)
    np.testing.assert_array_equal(found[above], np.inf)
    normal = ~below & ~above
    error = ulp_error(found[normal], truth[normal])
    worst = error.argmax()
    assert error[worst] <= ULPS[x.dtype], x[normal][worst].hex() if x.dtype == np.float64 else x[normal][worst]
    assert (found[np.abs(x) < info.eps / 4] == 1.0).all()


@pytest.mark.parametrize("name", ["log_f64", "log_f32"])
def test_log(outputs, inputs, name):
    x, found = inputs[name], outputs[name]
    error = ulp_error(found, exact(name, x))
    worst = error.argmax()
    assert error[worst] <= ULPS[x.dtype], x[worst]
    assert (found[x == 1.0] == 0.0).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(outputs, name):
    expected = {
        "exp": [np.nan, np.nan, np.inf, 0.0, 1.0, 1.0, np.exp(-1.0), np.exp(1.0), 0.0],
        "log": [np.nan, np.nan, np.inf, np.nan, -np.inf, -np.inf, np.nan, 0.0, np.nan],
    }[name[:3]]
    found = outputs[name + "_special"]
    np.testing.assert_allclose(found, np.array(expected, found.dtype), rtol=3 * np.finfo(found.dtype).eps)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_length(outputs, name):
    """An element's result does not depend on where in an array, or in a tail, it stands."""
    expected = np.concatenate([outputs[name][n : 2 * n] for n in range(71)])
    np.testing.assert_array_equal(outputs[name + "_lengths"], expected)


def test_transport_is_right_with_any_rounding_mode(outputs, inputs):
    from tests.reference.gaussian_grid import log_sinkhorn

    f, g = log_sinkhorn(inputs["cost"], np.full(150, 1 / 150), np.full(130, 1 / 130), 0.01, n_iter=20_000)
    plan = f[:, None] + g
    found = outputs["potentials"][:150, None] + outputs["potentials"][150:]
    np.testing.assert_allclose(found, plan, atol=1e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_mpmath(inputs, name):
    """Hard cases and a sample in 40 digits, for platforms where long double is double, and for the oracle itself."""
    from wassail import _core

    x = inputs[name][:4_000]
    found = getattr(_core, name)(x)
    function = mpmath.exp if name.startswith("exp") else mpmath.log
    info = np.finfo(x.dtype)
    with mpmath.workdps(40):
        for value, result in zip(x.tolist(), found.tolist(), strict=True):
            truth = function(mpmath.mpf(value))
            if abs(truth) < info.tiny:
                assert result == (0.0 if name.startswith("exp") else truth), value
            elif abs(truth) > info.max:
                assert result == np.inf, value
            else:
                unit = mpmath.ldexp(1, mpmath.frexp(truth)[1] - 1 - info.nmant)
                assert abs(mpmath.mpf(result) - truth) <= ULPS[x.dtype] * unit, value
