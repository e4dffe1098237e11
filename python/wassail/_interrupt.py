"""Ctrl-C during one long call of a library that does not look for it."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_LOOK = 0.05  # seconds
_LONG = 2_000_000  # numbers that NumPy sorts in about a tenth of a second


def interruptible_if_long(size: int, function: Callable[[], T]) -> T:
    """Return what `function` of so many numbers returns; Ctrl-C does not wait for it where there are many."""
    return function() if size < _LONG else interruptible(function)


def interruptible(function: Callable[[], T]) -> T:
    """
    Return what `function` returns, or raise what it raises; signals are handled meanwhile.

    It runs in a thread of its own, which an interrupt leaves behind, told to end after the array operation at hand. The
    interpreter waits for it before it ends: BLAS hangs when it is torn down at work.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run)
    thread.start()
    # Not `join`, which takes the thread for ended when it is interrupted.
    try:
        while not done.wait(_LOOK):
            pass
    except BaseException:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
        raise
    if errors:
        raise errors[0]
    return results[0]
