"""The user's line: where warnings point."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import FrameType


def _theirs() -> tuple[FrameType | None, int]:
    """Return the first frame outside of this package, and its number seen from who called into here."""
    frame, level = sys._getframe(2), 1  # noqa: SLF001
    outer: FrameType | None = frame
    while outer is not None and str(outer.f_globals.get("__name__", "")).partition(".")[0] == "wassail":
        outer, level = outer.f_back, level + 1
    return outer, level


def user_level() -> int:
    """Return the `stacklevel` with which `warnings.warn`, called where this is, points at the user's line."""
    return _theirs()[1]


def warner(category: type[Warning]) -> Callable[[str], None]:
    """Return what warns at the line of the user that called to here, even from where there is no such line any more."""
    frame, _ = _theirs()
    if frame is None:
        return lambda message: warnings.warn(message, category, stacklevel=2)
    name, line = frame.f_code.co_filename, frame.f_lineno
    module, registry = frame.f_globals.get("__name__"), frame.f_globals.setdefault("__warningregistry__", {})

    def warn(message: str) -> None:
        warnings.warn_explicit(message, category, name, line, module, registry)

    return warn
