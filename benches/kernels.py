"""Kernel values per second against what the machine can do.

The limit is that of a Gaussian kernel with one vector operation a slot, slots being what the FMA probe measures:
min(2d, d + 1) for the squared distance, and for the exponential the operations of its shortest form known to us.
"""

from __future__ import annotations

from typing import Any

from wassail import _core

EXPONENTIAL = {"avx512 f64": 13, "avx512 f32": 10, "f64": 17, "f32": 11}
GOODPOINTS_SECONDS = {2: 52e-9, 10: 52e-9, 100: 126e-9}  # of one value on one thread, goodpoints 0.6.3
SIZE = 4096
LENGTHS = {2: 0.5, 10: 1.0, 100: 3.0}  # of points in the unit cube


def contenders(d: int) -> dict[str, Any]:
    """Kernels by name."""
    length = LENGTHS[d]
    core = _core.Kernel
    gaussians = [core.gaussian(length * 2.0**k) for k in range(-2, 3)]
    return {
        "Gaussian": core.gaussian(length),
        "Laplace": core.matern(length, 0),
        "Matern 5/2": core.matern(length, 2),
        "IMQ": core.multiquadric(length, 1.0, 0.5),
        "5 Gaussians": core.sum(gaussians, [1.0] * 5),
        "Stein IMQ": core.multiquadric(length, 1.0, 0.5).stein(1.0),
    }


def limit(limits: dict[str, float], d: int, precision: str) -> float:
    """Values per second of a Gaussian kernel at one operation a slot."""
    level = f"{_core.isa()} {precision}"
    operations = min(2 * d, d + 1) + EXPONENTIAL.get(level, EXPONENTIAL[precision])
    return limits[f"fma {precision}"] / operations


def measure(options: Any, limits: dict[str, float]) -> list[dict[str, Any]]:
    """Rates of all kernels; the share is of the Gaussian's limit."""
    rows = []
    for d in LENGTHS:
        for name, kernel in contenders(d).items():
            # A Stein kernel's points have their scores beside them.
            width = 2 * d if name.startswith("Stein") else d
            for precision in ("f64", "f32"):
                size = SIZE // 4 if options.quick or d == 100 else SIZE
                repeats = 2
                runs = [
                    _core.bench_kernel(kernel, size, width, repeats, precision == "f32", options.threads)
                    for _ in range(7)
                ]
                rate = size * size * repeats / min(runs)
                rows.append(
                    {
                        "instance": f"{name} d={d} {precision}",
                        "seconds": min(runs) / repeats,
                        "pairs_per_second": rate,
                        "share": rate / limit(limits, d, precision),
                        "goodpoints_ratio": rate * GOODPOINTS_SECONDS[d] / options.threads,
                    }
                )
    return rows
