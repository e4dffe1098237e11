"""Everything that can be sampled, as a density of the core."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._user import warner
from wassail.exceptions import DensityError, InputError, PerformanceWarning
from wassail.sampling._values import Valued, Values, check_rows, flatten, look, slow, told_apart
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.pointers import CFunction, resolve
from wassail.sampling.targets._base import Target

F64 = NDArray[np.float64]
Batched: TypeAlias = Callable[[F64], tuple[Any, Any]]
AnyTarget: TypeAlias = Target | Batched | CFunction | tuple[Any, Any]

_PAIR = 2
_DOUBLE = np.dtype(np.float64)
_HELP = (
    "target(X) must return (logp, grad) of shapes (chains,) and (chains, d) for X of shape (chains, d); "
    "a density without a gradient, also inside of another target, goes to sampling.sample, slice_sample or stretch_move"
)
_SLOW = (
    "target takes one point at a time{}, and is called once a chain and gradient: many times faster is a batched one, "
    "that takes all chains at once:\n\n"
    "    def target(X):  # (chains, d)\n"
    "        ...\n"
    "        return logp, grad  # (chains,), (chains, d)\n\n"
    "for instance with sums over axis=1 where there were sums; sampling.from_numba, from_jax and from_torch take "
    "functions of one point"
)


def _is_array(part: object, shape: tuple[int, ...]) -> bool:
    """Whether it is what the core takes, as most answers are: this is asked once a gradient."""
    return type(part) is np.ndarray and part.dtype is _DOUBLE and part.shape == shape and part.flags.c_contiguous


def check_answer(answer: object, shape: tuple[int, int]) -> tuple[F64, F64]:
    """Return what a batched callable gave as two contiguous float64 arrays, or say what it should give."""
    if type(answer) is tuple and len(answer) == _PAIR:
        logp, grad = answer
        if _is_array(logp, shape[:1]) and _is_array(grad, shape):
            return logp, grad
    if not isinstance(answer, tuple | list) or len(answer) != _PAIR:
        of = f" of shape {answer.shape}" if isinstance(answer, np.ndarray) else ""
        raise InputError(f"target returned {type(answer).__name__}{of}: {_HELP}")
    if any(np.ma.isMaskedArray(part) for part in answer):
        raise InputError(f"target returned a masked array, whose mask has no meaning here: {_HELP}")
    if any(np.iscomplexobj(part) for part in answer):
        raise InputError(f"target returned complex numbers: {_HELP}")
    try:
        logp, grad = (np.ascontiguousarray(part, dtype=np.float64) for part in answer)
    except (TypeError, ValueError) as error:
        raise InputError(f"target returned what is no pair of real arrays ({error}): {_HELP}") from error
    if np.ndim(answer[0]) == 0 or logp.shape != shape[:1] or grad.shape != shape:
        raise InputError(
            f"target returned shapes {np.shape(answer[0])} and {grad.shape} for {shape}: {_HELP}"
            f"{flatten(answer[0], grad) if grad.shape == shape else ''}"
        )
    return logp, grad


class Checked:
    """A batched callable whose answers are checked, or a scalar one that is called point by point, with a warning."""

    def __init__(self, function: Batched) -> None:
        self._function: Callable[[F64], Any] = function
        self._warn = warner(PerformanceWarning)
        self._scalar: bool | None = None  # not known before the first call
        self._compared = False

    def __call__(self, points: F64) -> tuple[F64, F64]:
        if self._scalar:
            return self._one_by_one(points)
        try:
            answer = check_answer(self._function(points), points.shape)
        except Exception as error:
            if self._scalar is not None or not self._takes_one(points):
                raise
            return self._slowly(points, None if isinstance(error, InputError) else error)
        if not self._compared and (self._scalar is None or told_apart(points)):
            self._compared = told_apart(points)
            # With as many chains as dimensions, functions of one point may answer like batched ones.
            answer = (answer[0].copy(), answer[1].copy())  # the next call may write to these arrays
            takes_rows = check_rows(self._function, points, answer[0])
            alike = self._scalar is None and points.shape[0] == points.shape[1]
            if not takes_rows and alike and self._takes_one(points):
                return self._slowly(points)
            self._scalar = False
        return answer

    def _slowly(self, points: F64, raised: Exception | None = None) -> tuple[F64, F64]:
        """Call the function point by point from now on."""
        self._scalar = True
        self._warn(slow(_SLOW, raised))
        return self._one_by_one(points)

    def _takes_one(self, points: F64) -> bool:
        """Whether the function gives a number and a vector for a single point."""
        try:
            logp, grad = self._function(points[0].copy())
        except Exception:  # noqa: BLE001  (then its first exception tells more)
            return False
        return np.ndim(logp) == 0 and np.shape(grad) == points.shape[1:]

    def _one_by_one(self, points: F64) -> tuple[F64, F64]:
        logp, grad = np.empty(points.shape[0]), np.empty(points.shape)
        for i, point in enumerate(points):
            answer = self._function(point)
            if not isinstance(answer, tuple | list) or len(answer) != _PAIR:
                raise InputError(f"target returned {type(answer).__name__} for one point instead of (logp, grad)")
            one = (np.asarray(answer[0])[None], np.asarray(answer[1])[None])
            logp[i : i + 1], grad[i : i + 1] = check_answer(one, (1, points.shape[1]))
        return logp, grad


def _check_arguments(function: Callable[..., Any]) -> None:
    """Refuse functions of a point and an array for its gradient, which numba wants."""
    try:
        plain = getattr(function, "py_func", function)  # of what numba compiles, whose own signature says nothing
        arguments = inspect.signature(plain, follow_wrapped=False).parameters.values()
    except (TypeError, ValueError):  # those of other languages have none
        return
    kinds = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    needed = [one.name for one in arguments if one.kind in kinds and one.default is inspect.Parameter.empty]
    if len(needed) == _PAIR:
        raise InputError(
            f"target takes two arguments, {needed[0]} and {needed[1]}: sampling.from_numba(target) compiles functions "
            f"f(x, grad) that write the gradient into their second one. Others take one: {_HELP}"
        )


def gives_gradient(target: AnyTarget | Values, points: F64) -> bool:
    """Whether a gradient comes with the values; what can be called is asked at some points."""
    if isinstance(target, Target):
        return target.dim != points.shape[1] or target._gives_gradient(points)  # noqa: SLF001
    if isinstance(target, tuple) or not callable(target) or resolve(target) is not None:
        return True
    try:
        return look(target, points).has_gradient
    except Exception as error:
        try:
            target(points.copy())
        except Exception:  # noqa: BLE001  (the run meets it again, and says so with a result)
            return True
        raise DensityError(f"the log-density failed when it was first called: {error}") from error


def as_core(target: AnyTarget, dim: int, *, gradients: bool = True, points: str = "x0") -> _core.Target:
    """
    Return the density of the core; without `gradients` a callable may give values only.

    `points` is the name of those that have `dim` coordinates.

    Raises
    ------
    InputError
        `target` is nothing that can be sampled, or its dimension is not that of the starting points.
    """
    if isinstance(target, Target):
        if target.dim != dim:
            raise InputError(f"{points} has {dim} coordinates, the target has {target.dim}")
        return target._core_target() if gradients else target._core_values()  # noqa: SLF001
    pointer = resolve(target)
    if pointer is not None:
        if pointer.address == 0:
            raise InputError("target is a null pointer")
        return _core.Target.from_pointer(pointer.address, pointer.user_data, dim, pointer.batched, pointer)
    if callable(target) and not isinstance(target, tuple):
        _check_arguments(target)
        return _core.Target.from_callable(Checked(target) if gradients else Valued(target), dim)
    if isinstance(target, MinibatchSum):
        raise InputError(
            "target is a MinibatchSum, whose gradients are estimates, for sgld, psgld and sghmc: this function needs "
            "the log-density of all data with its gradient"
        )
    if isinstance(target, int | np.integer) and not isinstance(target, bool):
        raise InputError(
            f"target is the number {target}: if that is the address of a C function, pass "
            "sampling.from_pointer(target, user_data), which says so"
        )
    raise InputError(f"target must be a Target, a callable or a C function, got {target!r}: {_HELP}")
