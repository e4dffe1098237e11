"""Values that are made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """
    A copy of what the core holds, made when it is first asked for: who pressed Ctrl-C does not wait for it.

    What makes it must not change in between; it is let go then. Pickles hold the value.
    """

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make: Callable[[], T] | None = make

    @classmethod
    def known(cls, value: T) -> Later[T]:
        """Return one that is there already."""
        later = cls.__new__(cls)
        later._make, later._value = None, value  # noqa: SLF001
        return later

    def __call__(self) -> T:
        make = self._make
        if make is not None:
            self._value = make()
            self._make = None
        return self._value

    def __reduce__(self) -> tuple[Callable[[T], Later[T]], tuple[T]]:
        return Later.known, (self(),)
