"""Ctrl-C while draws are handled: it ends the core's work at once, and waits for what takes draws up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Self

_GRACE = 0.3  # seconds within which a second signal is the same Ctrl-C: terminals and parent processes both send one


class Interrupts:
    """
    Context in which Ctrl-C loses nothing.

    Inside `call` it raises and calls `stop`, which the core answers with the draws it has, even where what it calls
    swallows exceptions. Elsewhere it is remembered in `hit`. A second one raises inside `take`, and ends what takes up
    draws and hangs. Only the default handler of the main thread is replaced.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.hit = False
        self._stop = stop
        self._inside = False
        self._taking = False
        self._first = 0.0  # when it was hit
        self._replaced = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.hit:
            self.hit, self._first = True, now
        if self._inside:
            self._stop()
        if self._inside or (self._taking and now > self._first + _GRACE):
            signal.default_int_handler(signum, frame)

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._replaced = True
        return self

    def __exit__(self, *exception: object) -> None:
        if self._replaced:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def take(self, function: Callable[..., object], *args: object, hangs: bool) -> None:
        """Call a function; if it may hang, a second Ctrl-C raises in it and goes its way."""
        try:
            self._taking = hangs
            function(*args)
        finally:
            self._taking = False

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function that keeps its answer: Ctrl-C raises in it, and ends here."""
        try:
            self._inside = True
            function(*args)
        except KeyboardInterrupt:
            self.hit = True
        finally:
            self._inside = False
