"""Refuse what cannot fit into memory before anything is allocated."""

from __future__ import annotations

from wassail import _core
from wassail.exceptions import MemoryLimitError

_UNIT = 1024
_FLOAT64 = 8


def show_bytes(size: int) -> str:
    """Write a size in binary units."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < _UNIT:
            return f"{value:.3g} {unit}"
        value /= _UNIT
    return f"{value:.3g} PiB"


def require_memory(size: int, what: str, instead: str) -> None:
    """
    Raise MemoryLimitError when `size` bytes exceed what this process may still allocate.

    Parameters
    ----------
    size : int
        Bytes, computed with Python integers so that nothing overflows.
    what, instead : str
        What would be allocated, and the lazy way to the same end.
    """
    limit = _core.memory_limit()
    if size > limit:
        raise MemoryLimitError(f"{what} needs {show_bytes(size)}, {show_bytes(limit)} are available: {instead}")


def require_matrix(n: int, m: int, what: str, instead: str) -> None:
    """Raise MemoryLimitError when a dense float64 matrix of shape (n, m) would not fit."""
    require_memory(_FLOAT64 * n * m, f"{what} of shape ({n}, {m})", instead)
