"""The one door for random numbers: the keyword `rng` of every function that draws."""

from __future__ import annotations

import operator
from typing import TypeAlias

import numpy as np

from wassail.exceptions import InputError

Seed: TypeAlias = int | np.random.SeedSequence | np.random.Generator | None


def make_generator(rng: Seed, name: str = "rng") -> np.random.Generator:
    """
    Return a generator: the one given, one seeded by an int or SeedSequence, or for None one seeded by the system.

    Raises
    ------
    InputError
        Something else was given, or a negative seed.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None or isinstance(rng, np.random.SeedSequence):
        return np.random.default_rng(rng)
    try:
        if isinstance(rng, bool | np.bool_):
            raise TypeError  # noqa: TRY301  (a boolean is an int to Python, not to a reader)
        seed = operator.index(rng)
    except TypeError:
        raise InputError(f"{name} must be an int, a SeedSequence, a Generator or None, got {rng!r}") from None
    if seed < 0:
        raise InputError(f"{name} must not be negative, got {rng!r}")
    return np.random.default_rng(seed)
