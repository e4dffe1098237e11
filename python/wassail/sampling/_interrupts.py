"""Ctrl-C while draws are handled: it ends the core's work at once, and waits for what takes draws up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self


class Interrupts:
    """
    Context in which Ctrl-C loses nothing.

    Inside `call` it raises and calls `stop`, which the core answers with the draws it has, even where what it calls
    swallows exceptions. Elsewhere it is remembered in `hit`, and a second one raises, which ends what takes up draws
    and hangs. After `hold` none raises any more, but in `call`: a result is on its way to its caller. Only the default
    handler of the main thread is replaced.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.hit = False
        self._stop = stop
        self._inside = False
        self._held = False
        self._replaced = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        again, self.hit = self.hit, True
        if self._inside:
            self._stop()
        if self._inside or (again and not self._held):
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

    def hold(self) -> None:
        """Let nothing raise any more: what was made is being put together."""
        self._held = True

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call a function that keeps its answer: Ctrl-C raises in it, and ends here."""
        try:
            self._inside = True
            function(*args)
        except KeyboardInterrupt:
            self.hit = True
        finally:
            self._inside = False
