"""What the greedy algorithms share."""

from __future__ import annotations

from wassail._validate import check_integer
from wassail.exceptions import InputError, NumericalError


def check_size(size: int, available: int, *, unique: bool) -> int:
    """Return the number of points to choose."""
    count = check_integer(size, "size", minimum=1)
    if unique and count > available:
        raise InputError(f"size is {count} and {available} points may be chosen: none is chosen twice with unique=True")
    return count


def unfinished() -> NumericalError:
    """Return the error of a selection that found no finite score."""
    return NumericalError("kernel values leave the range of float64: scale the points and the scores down")
