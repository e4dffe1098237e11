"""The same densities as C functions, compiled by numba: what nutpie and wassail call without the interpreter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from numba import carray, types
from sampling_problems import COUPLING, LATTICE, MASS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sampling_problems import Problem

_F64 = types.CPointer(types.double)
SIGNATURE = types.int32(types.size_t, _F64, _F64, _F64, types.voidptr)


def diagonal(precision: np.ndarray) -> Callable[..., float]:
    @numba.njit(fastmath={"contract", "reassoc"})
    def evaluate(x, grad):
        total = 0.0
        for i in range(x.size):
            grad[i] = -precision[i] * x[i]
            total += grad[i] * x[i]
        return 0.5 * total

    return evaluate


def dense(precision: np.ndarray) -> Callable[..., float]:
    @numba.njit(fastmath={"contract", "reassoc"})
    def evaluate(x, grad):
        total = 0.0
        for i in range(x.size):
            force = 0.0
            for j in range(x.size):
                force -= precision[i, j] * x[j]
            grad[i] = force
            total += force * x[i]
        return 0.5 * total

    return evaluate


def logistic(design: np.ndarray, y: np.ndarray) -> Callable[..., float]:
    @numba.njit(fastmath={"contract", "reassoc"})
    def evaluate(x, grad):
        total = 0.0
        for j in range(x.size):
            grad[j] = -x[j]
            total -= 0.5 * x[j] * x[j]
        for i in range(y.size):
            eta = 0.0
            for j in range(x.size):
                eta += design[i, j] * x[j]
            small = math.exp(-abs(eta))
            total += y[i] * eta - max(eta, 0.0) - math.log1p(small)
            mean = 1.0 / (1.0 + small)
            off = y[i] - (mean if eta >= 0.0 else 1.0 - mean)
            for j in range(x.size):
                grad[j] += off * design[i, j]
        return total

    return evaluate


def rosenbrock() -> Callable[..., float]:
    @numba.njit
    def evaluate(x, grad):
        half, total = x.size // 2, 0.0
        for i in range(half):
            u, v = x[i], x[half + i]
            off = (v - u * u) / 0.1
            total -= 0.5 * ((u - 1.0) ** 2 + 0.1 * off * off)
            grad[i], grad[half + i] = 1.0 - u + 2.0 * u * off, -off
        return total

    return evaluate


def funnel() -> Callable[..., float]:
    @numba.njit
    def evaluate(x, grad):
        weight, square = math.exp(-x[0]), 0.0
        for i in range(1, x.size):
            grad[i] = -x[i] * weight
            square -= x[i] * grad[i]
        grad[0] = -x[0] / 9.0 - 0.5 * (x.size - 1) + 0.5 * square
        return -0.5 * (x[0] * x[0] / 9.0 + (x.size - 1) * x[0] + square)

    return evaluate


def phi4() -> Callable[..., float]:
    rows, columns = LATTICE

    @numba.njit
    def evaluate(x, grad):
        total = 0.0
        for i in range(rows):
            for j in range(columns):
                here = x[i * columns + j]
                down, right = x[(i + 1) % rows * columns + j], x[i * columns + (j + 1) % columns]
                up, left = x[(i - 1) % rows * columns + j], x[i * columns + (j - 1) % columns]
                square = here * here
                total -= (down - here) ** 2 + (right - here) ** 2 + MASS * square + COUPLING * square * square
                force = 2.0 * (up + down + left + right - 4.0 * here)
                grad[i * columns + j] = force - 2.0 * MASS * here - 4.0 * COUPLING * square * here
        return total

    return evaluate


def pointer(problem: Problem) -> Any:
    """Return the density of a problem as a numba ``cfunc``."""
    evaluate = globals()[problem.scalar](*problem.data)
    dim = problem.dim

    @numba.cfunc(SIGNATURE)
    def function(_, x, grad, logp, __):
        logp[0] = evaluate(carray(x, dim), carray(grad, dim))
        return 0

    return function


def largest_difference(problem: Problem, function: Any) -> float:
    """Return how far the C form is from the NumPy form at some points, relatively."""
    import ctypes

    call = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
    )(function.address)
    points = np.random.default_rng(3).normal(size=(3, problem.dim))
    logp, grad = problem.batch(points)
    worst = 0.0
    for x, value, slope in zip(points, logp, grad, strict=True):
        out, found = np.empty(problem.dim), np.empty(1)
        call(problem.dim, x.ctypes.data, out.ctypes.data, found.ctypes.data, None)
        worst = max(worst, abs(found[0] / value - 1.0), np.abs(out - slope).max() / np.abs(slope).max())
    return worst
