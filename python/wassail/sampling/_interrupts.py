"""Ctrl-C while draws are handled: it ends the core's work at once, and waits for what takes draws up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """
    Context in which Ctrl-C loses nothing.

    Inside `core` it raises, which the core answers with the draws it has. Elsewhere it is remembered in `hit`, and a second
    one raises. Only the default handler of the main thread is replaced.
    """

    def __init__(self) -> None:
        self.hit = False
        self._depth = 0
        self._replaced = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        again, self.hit = self.hit, True
        if again or self._depth:
            signal.default_int_handler(signum, frame)

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._replaced = True
        return self

    def __exit__(self, *exception: object) -> None:
        if self._replaced:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def core(self) -> Iterator[None]:
        """Let Ctrl-C raise, for the core to hear it."""
        self._depth = 1
        try:
            yield
        finally:
            self._depth = 0
