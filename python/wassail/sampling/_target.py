"""Everything that can be sampled, as a density of the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail.exceptions import InputError
from wassail.sampling.targets import Target

Batched: TypeAlias = Callable[[NDArray[np.float64]], tuple[Any, Any]]
AnyTarget: TypeAlias = Target | Batched | tuple[int, int]

_PAIR = 2
_HELP = (
    "target(X) must return (logp, grad) of shapes (chains,) and (chains, d) for X of shape (chains, d); one point at a "
    "time can be wrapped as lambda X: tuple(map(np.array, zip(*map(f, X))))"
)


def check_answer(answer: object, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a batched callable gave as two contiguous float64 arrays, or say what it should give."""
    if not isinstance(answer, tuple | list) or len(answer) != _PAIR:
        raise InputError(f"target returned {type(answer).__name__}: {_HELP}")
    if any(np.iscomplexobj(part) for part in answer):
        raise InputError(f"target returned complex numbers: {_HELP}")
    try:
        logp, grad = (np.ascontiguousarray(part, dtype=np.float64) for part in answer)
    except (TypeError, ValueError) as error:
        raise InputError(f"target returned what is no pair of real arrays ({error}): {_HELP}") from error
    if logp.shape != shape[:1] or grad.shape != shape:
        raise InputError(f"target returned shapes {logp.shape} and {grad.shape} for {shape}: {_HELP}")
    return logp, grad


def batched(function: Batched) -> Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Wrap a batched callable so that its answers are checked."""

    def checked(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        logp, grad = check_answer(function(points), (points.shape[0], points.shape[1]))
        return logp, grad

    return checked


def _pointer(target: Any) -> tuple[int, int] | None:  # noqa: ANN401
    """Return (address, user data) of what carries a C function, None if `target` does not."""
    if isinstance(target, tuple) and len(target) == _PAIR and all(isinstance(part, int) for part in target):
        return target
    address = getattr(target, "address", None)
    if isinstance(address, int):  # numba.cfunc
        return address, 0
    if type(target).__module__ == "ctypes" or hasattr(target, "restype"):
        import ctypes

        return ctypes.cast(target, ctypes.c_void_p).value or 0, 0
    return None


def as_core(target: AnyTarget, dim: int) -> _core.Target:
    """
    Return the density of the core.

    Raises
    ------
    InputError
        `target` is nothing that can be sampled, or its dimension is not that of the starting points.
    """
    if isinstance(target, Target):
        if target.dim != dim:
            raise InputError(f"x0 has {dim} coordinates, the target has {target.dim}")
        return target._core_target()  # noqa: SLF001
    pointer = _pointer(target)
    if pointer is not None:
        if pointer[0] == 0:
            raise InputError("target is a null pointer")
        return _core.Target.from_pointer(pointer[0], pointer[1], dim, target)
    if callable(target):
        return _core.Target.from_callable(batched(target), dim)
    raise InputError(f"target must be a Target, a callable or a C function, got {target!r}: {_HELP}")
