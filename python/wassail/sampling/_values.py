"""Densities without a gradient: what a callable answers, and how the core calls it."""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail._user import warner
from wassail.exceptions import InputError, PerformanceWarning

F64 = NDArray[np.float64]
Values: TypeAlias = Callable[[F64], Any]

_HELP = "target(X) must return logp of shape (chains,), or (logp, grad), for X of shape (chains, d)"
_SLOW = (
    "target takes one point at a time{}, and is called once a chain and evaluation: many times faster is a batched "
    "one, that takes all chains at once:\n\n"
    "    def target(X):  # (chains, d)\n"
    "        ...\n"
    "        return logp  # (chains,)\n\n"
    "for instance with sums over axis=1 where there were sums"
)
_ROUNDING = 1e-3  # share of log-densities, and of 1, below which differences are not looked into
_LONGEST = 200  # letters of what was raised


class Gives(enum.Enum):
    """What a callable answers."""

    GRADIENTS = enum.auto()  # too, of all points
    VALUES = enum.auto()  # of all points
    GRADIENT = enum.auto()  # too, of one point
    NUMBER = enum.auto()  # the value of one point
    NOTHING = enum.auto()  # that can be used


@dataclass(frozen=True, slots=True)
class Seen:
    """What a callable answers, and what it raised of all points where it takes one."""

    gives: Gives
    raised: Exception | None = None

    @property
    def takes_one(self) -> bool:
        """Whether it is a function of one point."""
        return self.gives in {Gives.GRADIENT, Gives.NUMBER}

    @property
    def has_gradient(self) -> bool:
        """Whether there is a gradient, as far as anybody can tell."""
        return self.gives not in {Gives.VALUES, Gives.NUMBER}


def look(function: Values, points: F64) -> Seen:
    """Ask a callable about some points; what it raises of all is raised where it has no value of one either."""
    whole = _asked(function, points)
    batch = Seen(Gives.GRADIENTS if whole.has_gradient else Gives.VALUES)
    # With as many chains as dimensions, functions of one point may answer so too.
    alike = points.shape[0] == points.shape[1]
    fits = whole.shape == points.shape[:1]
    if fits and (not alike or _asked(function, points[:1]).shape == (1,)):
        return batch
    one = _asked(function, points[0])
    if one.shape == ():
        return Seen(Gives.GRADIENT if one.has_gradient else Gives.NUMBER, whole.raised)
    # Some are made for so many points only. Of a column, an error that says what to do comes with the first call.
    if fits or _is_column(whole.shape, points):
        return batch
    if whole.raised is not None:
        raise whole.raised
    return Seen(Gives.NOTHING)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The shape of values, None if there are none, whether there is a gradient beside them, and what was raised."""

    shape: tuple[int, ...] | None = None
    has_gradient: bool = False
    raised: Exception | None = None


def _asked(function: Values, points: F64) -> _Answer:
    """Ask a callable once."""
    try:
        answer = function(points.copy())
        value = _value(answer)
        if value is None:
            return _Answer()
        return _Answer(np.shape(value), value is not answer and len(answer) > 1 and answer[1] is not None)
    except Exception as error:  # noqa: BLE001  (any)
        return _Answer(raised=error)


def slow(words: str, raised: Exception | None) -> str:
    """Return the words about a function of one point, with what it raised of all: it may have been meant for them."""
    if raised is None:
        return words.format("")
    said = textwrap.shorten(f"{type(raised).__name__}: {raised}", _LONGEST)
    return words.format(f" (of all at once it raised {said})")


def _value(answer: Any) -> Any:  # noqa: ANN401
    """Return what stands before the gradient, if there is one."""
    pair = isinstance(answer, tuple) or (isinstance(answer, list) and len(answer) > 1 and np.ndim(answer[1]) > 0)
    return answer[0] if pair and answer else answer


class Valued:
    """A callable as the core calls densities, with a gradient that nobody reads; one of one point is called often."""

    def __init__(self, function: Values) -> None:
        self._function = function
        self._warn = warner(PerformanceWarning)
        self._scalar: bool | None = None  # not known before the first call
        self._compared = False

    def __call__(self, points: F64) -> tuple[F64, F64]:
        first = self._scalar is None
        if first:
            seen = look(self._function, points)
            self._scalar = seen.takes_one
            if self._scalar:
                self._warn(slow(_SLOW, seen.raised))
        if self._scalar:
            answer: Any = [_value(self._function(point)) for point in points]
        else:
            answer = _value(self._function(points))
        logp = _checked(answer, points)
        if not self._scalar and not self._compared and (first or told_apart(points)):
            self._compared = told_apart(points)
            logp = logp.copy()  # it may be an array that the next call writes to
            check_rows(self._function, points, logp)
        return logp, np.zeros_like(points)


def told_apart(points: F64) -> bool:
    """Whether rows differ, so that what one does to another shows, or there is but one."""
    return points.shape[0] == 1 or bool((points[1:] != points[0]).any())


def check_rows(function: Values, points: F64, logp: F64) -> bool:
    """
    Ask a batched callable about a point alone, at most two; return whether it takes one point as a batch.

    Raises
    ------
    InputError
        The log-density of a point depends on what other points there are. That of a function that answers the same
        question differently is not judged.
    """
    finite = np.flatnonzero(np.isfinite(logp))
    if points.shape[0] == 1 or not finite.size:
        return True
    order = finite[logp[finite].argsort()]
    between = order[(logp[order] > logp[order[0]]) & (logp[order] < logp[order[-1]])]
    # The lowest or the highest would stay where it is if that were taken off all.
    for row in between[between.size // 2 :][:1] if between.size else order[[0, -1]]:
        alone = _alone(function, points[row : row + 1])
        if alone is None:
            return False
        if _differ(alone, logp[row : row + 1], logp[finite]) and not _differ(_alone(function, points), logp, logp):
            raise InputError(
                f"target gives {logp[row]:.6g} as the log-density of row {row} of X beside other points, and "
                f"{alone[0]:.6g} for the same point alone: each row is a chain or rung of its own, whose logp must not "
                "depend on the others (no sum, mean or maximum over axis 0)"
            )
    return True


def _alone(function: Values, points: F64) -> F64 | None:
    """Return the values of some points, None where there are none of the right shape."""
    try:
        return _checked(_value(function(points.copy())), points).copy()
    except Exception:  # noqa: BLE001  (written for a number of chains)
        return None


def _differ(found: F64 | None, expected: F64, like: F64) -> bool:
    """Whether values differ by more than rounding, also in single precision, makes of values like these."""
    if found is None:
        return True
    allowed = _ROUNDING * (1.0 + float(np.abs(like[np.isfinite(like)]).max(initial=0.0)))
    return not np.allclose(found, expected, rtol=0.0, atol=allowed, equal_nan=True)


def _checked(answer: Any, points: F64) -> F64:  # noqa: ANN401
    """Return values as an array, or say what they should be."""
    if np.ma.isMaskedArray(answer):
        raise InputError(f"target returned a masked array, whose mask has no meaning here: {_HELP}")
    if np.iscomplexobj(answer):
        raise InputError(f"target returned complex numbers: {_HELP}")
    try:
        logp = np.ascontiguousarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"target returned no real numbers ({error}): {_HELP}") from error
    if logp.shape != points.shape[:1]:
        raise InputError(f"target returned shape {logp.shape} for {points.shape}: {_HELP}{flatten(logp, points)}")
    return logp


def _is_column(shape: tuple[int, ...] | None, points: F64) -> bool:
    n = points.shape[0]
    return shape in {(n, 1), (1, n)}


def flatten(logp: Any, points: F64) -> str:  # noqa: ANN401
    """Return what to do with values that came in a column, or a row."""
    shape, n = np.shape(logp), points.shape[0]
    if not _is_column(shape, points):
        return ""
    index = "[:, 0]" if shape == (n, 1) else "[0]"
    return (
        f". Here are {n} numbers in shape {shape} instead of ({n},): return logp{index}, or sum over axis=1 without "
        "keepdims=True"
    )
