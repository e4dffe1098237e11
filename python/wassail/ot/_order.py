"""A clear word to those who call with the argument order of another library."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

_MATHEMATICS = 3  # cost, a, b; everything else has a name


def cost_first(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Explain the order where a fourth positional argument or `reg` shows that POT's was meant."""

    @functools.wraps(function)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        if len(args) > _MATHEMATICS or "reg" in kwargs:
            raise TypeError(
                f"the order here is {function.__name__}(cost, a, b, ...), not (a, b, M, reg) as in POT: "
                "the cost comes first, and options are named"
            )
        return function(*args, **kwargs)

    return checked
