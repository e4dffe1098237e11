"""Threads and the report on what this installation uses."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np

from wassail import _core
from wassail._memory import show_bytes
from wassail._validate import check_integer

_OPTIONAL = ("scipy", "tqdm", "matplotlib", "sklearn", "cupy")


def set_num_threads(n: int | None) -> None:
    """
    Set how many threads wassail uses by default; results do not depend on it.

    Parameters
    ----------
    n : int or None
        At least 1. None returns to the environment: ``WASSAIL_NUM_THREADS``, ``RAYON_NUM_THREADS``,
        ``OMP_NUM_THREADS``, then the processors available to the process. A function's own ``n_threads=`` wins.

    Raises
    ------
    InputError
        `n` is not a positive integer.

    Examples
    --------
    >>> import wassail
    >>> wassail.set_num_threads(1)
    >>> wassail.get_num_threads()
    1
    >>> wassail.set_num_threads(None)
    """
    _core.set_num_threads(0 if n is None else check_integer(n, "n", minimum=1))


def get_num_threads() -> int:
    """
    Return how many threads wassail uses by default.

    Examples
    --------
    >>> import wassail
    >>> wassail.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def show_config() -> None:
    """
    Print version, CPU level, threads, memory limit and the optional packages that are present.

    Paste its output into a bug report. The CPU level can be lowered with ``WASSAIL_ISA=avx2`` or ``baseline``.

    Examples
    --------
    >>> import wassail
    >>> wassail.show_config()  # doctest: +ELLIPSIS
    wassail ...
    """
    found = [name for name in _OPTIONAL if importlib.util.find_spec(name) is not None]
    rows = {
        "CPU level": _core.isa(),
        "threads": str(get_num_threads()),
        "memory limit": show_bytes(_core.memory_limit()),
        "features": ", ".join(found) or "none",
        "Python": sys.version.split()[0],
        "NumPy": np.__version__,
    }
    print(f"wassail {_core.__version__}")  # noqa: T201  (printing is what it is for)
    for key, value in rows.items():
        print(f"  {key:<13} {value}")  # noqa: T201
