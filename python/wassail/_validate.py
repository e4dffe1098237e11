"""Checks of scalars and weights, done once, before any heavy work."""

from __future__ import annotations

# ruff: noqa: ANN401  (users pass anything, that is why these functions exist)
import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail._arrays import check_finite, first_index, float64_vector, show_index
from wassail.exceptions import InputError

_PAIR = 2
_TOO_LARGE = 2**62
_EPSILON_HELP = "wassail.ot.suggest_epsilon(cost), cost an array or PointCloud(x, y), gives a value from its scale"

Report: TypeAlias = Callable[[int, float, float], Any]  # (n_iter, epsilon, marginal_error)


def check_integer(value: Any, name: str, *, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`; booleans and floats are refused."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError  # noqa: TRY301  (a boolean is an int to Python, not to a reader)
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} must be an integer, got {value!r}") from None
    if number < minimum:
        raise InputError(f"{name} must be at least {minimum}, got {value!r}")
    if number >= _TOO_LARGE:
        raise InputError(f"{name} must be below 2**62, got {value!r}")
    return number


def check_real(value: Any, name: str) -> float:
    """Return a real scalar as a float (NaN and infinities are left to the caller)."""
    try:
        if isinstance(value, str | bytes | bool | np.bool_ | list | tuple) or np.ndim(value) > 0:
            raise TypeError  # noqa: TRY301
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be a real number, got {value!r}") from None
    except OverflowError:
        raise InputError(f"{name} is too large for a float64") from None


def check_positive(value: Any, name: str) -> float:
    """Return a positive finite float."""
    number = check_real(value, name)
    if not 0.0 < number < math.inf:
        raise InputError(f"{name} must be positive and finite, got {value!r}")
    return number


def check_tolerance(value: Any) -> float:
    """Return a tolerance relative to the mass: at most 1, above which any plan would do."""
    number = check_positive(value, "tol")
    if number > 1.0:
        raise InputError(f"tol must be at most 1, got {value!r}: it is relative to the mass, and 1e-3 is loose")
    return number


def check_epsilon(value: Any, name: str = "epsilon") -> float:
    """Return the regularization strength; it has no default on purpose."""
    if value is None:
        raise InputError(f"{name} is required, it has no default because it sets the answer: {_EPSILON_HELP}")
    number = check_real(value, name)
    if number == 0.0:
        raise InputError(
            f"{name} is 0, which is unregularized transport: use an exact solver, or a positive value; {_EPSILON_HELP}"
        )
    if not 0.0 < number < math.inf:
        raise InputError(f"{name} must be positive and finite, got {value!r}; {_EPSILON_HELP}")
    return number


def check_rho(value: Any) -> tuple[float, float]:
    """Return the pair of marginal penalties; None and inf mean that the marginal holds exactly."""
    if value is None:
        return (math.inf, math.inf)
    several = isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
    pair: tuple[Any, ...] = tuple(value) if several else (value, value)
    if len(pair) != _PAIR:
        raise InputError(f"rho must be a number or a pair of numbers, got {value!r}")
    penalties = [math.inf if side is None else check_real(side, "rho") for side in pair]
    for penalty in penalties:
        if not penalty > 0.0:
            raise InputError(f"rho must be positive (inf keeps a marginal exact), got {value!r}")
    return (penalties[0], penalties[1])


def check_anneal(value: Any) -> float | None:
    """Translate `anneal` for the core: None is automatic there, 1.0 is off."""
    if isinstance(value, str) and value == "auto":
        return None
    if value is None:
        return 1.0
    ratio = math.nan if isinstance(value, str) else check_real(value, "anneal")
    if not 0.0 < ratio <= 1.0:
        message = f'anneal must be "auto", None (off) or the ratio of successive epsilons in (0, 1), got {value!r}'
        raise InputError(message)
    return ratio


def check_relaxation(value: Any) -> float | None:
    """Translate `relaxation` for the core: None is automatic there, 1.0 is the plain update."""
    if isinstance(value, str) and value == "auto":
        return None
    if value is None:
        return 1.0
    omega = math.nan if isinstance(value, str) else check_real(value, "relaxation")
    if not 0.0 < omega < 2.0:
        message = f'relaxation must be "auto", None (plain) or a factor in (0, 2), got {value!r}'
        raise InputError(message)
    return omega


def check_threads(value: int | None) -> int:
    """Translate `n_threads` for the core: 0 means the default."""
    return 0 if value is None else check_integer(value, "n_threads", minimum=1)


def check_callable(value: Report | None, name: str) -> Report | None:
    """Refuse what cannot be called."""
    if value is not None and not callable(value):
        raise InputError(f"{name} must be callable as {name}(n_iter, epsilon, marginal_error), got {value!r}")
    return value


def check_weights(value: Any, name: str, size: int) -> NDArray[np.float64]:
    """
    Return weights as a private float64 vector; None means uniform with total mass 1.

    Raises
    ------
    InputError
        An entry is NaN, infinite or negative, all are zero, or the length is not `size`.
    """
    if value is None:
        return np.full(size, 1.0 / size)
    if isinstance(value, np.ndarray) and value.ndim == _PAIR:
        shape = value.shape
        raise InputError(f"{name} must be 1-D, got shape {shape}: the cost between points x and y is PointCloud(x, y)")
    weights = float64_vector(value, name, size)
    check_finite(weights, name)
    if np.min(weights) < 0.0:
        index = first_index(weights < 0.0)
        raise InputError(f"{name}{show_index(index)} is {weights[index]}: weights must not be negative")
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if not 0.0 < total < math.inf:
        raise InputError(f"{name} sums to {total}: at least one weight must be positive, and the sum finite")
    return weights


def mass_rounding(count: int) -> float:
    """Return the share of a mass that weights of that many points, rounded to float32, may miss."""
    return 1e-6 + 2.0**-23 * math.sqrt(count)


def blocked_rounding(a: object, b: object, count: int) -> float:
    """Return the share of the mass that may have no arc, since the weights, as they were given, are rounded."""
    if any(is_coarse(weights) for weights in (a, b)):
        return mass_rounding(count)
    return 1e-14 + 2.0**-52 * count


def is_coarse(value: object) -> bool:
    """Whether numbers came with less than double precision."""
    dtype = np.asarray(value).dtype
    return dtype.kind == "f" and dtype.itemsize < np.dtype(np.float64).itemsize


def match_masses(
    a: NDArray[np.float64], b: NDArray[np.float64], names: tuple[str, str] = ("a", "b")
) -> tuple[NDArray[np.float64], float]:
    """
    Rescale `b` to the mass of `a` and return it with the factor.

    Differences of the size that rounding to float32 leaves are accepted, larger ones are an error.
    """
    mass_a, mass_b = float(a.sum()), float(b.sum())
    allowed = mass_rounding(a.size + b.size)
    if abs(mass_a - mass_b) > allowed * max(mass_a, mass_b):
        raise InputError(
            f"{names[0]} sums to {mass_a:.10g} and {names[1]} to {mass_b:.10g}: balanced transport needs equal masses. "
            "Divide each by its sum, or let a part of it move (partial), or be created and destroyed (sinkhorn with "
            "rho)"
        )
    factor = mass_a / mass_b
    return (b if factor == 1.0 else b * factor), factor
