"""What samplers without gradients share: ensembles that span the space, and their default warm-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wassail._validate import check_integer
from wassail.exceptions import InputError

_LEAST_WARMUP = 200


def first_steps(n_warmup: int | None, n_samples: int) -> int:
    """Fill in the default of warm-up: without a gradient, starting points are rarely good ones."""
    if n_warmup is None:
        return max(_LEAST_WARMUP, check_integer(n_samples, "n_samples", minimum=0))
    return check_integer(n_warmup, "n_warmup", minimum=0)


def is_flat(start: NDArray[np.float64]) -> bool:
    """Whether points lie in a plane, which chains that move along their differences never leave."""
    spread = start - start.mean(axis=0)
    spread /= np.maximum(np.abs(spread).max(axis=0), np.finfo(float).tiny)
    return bool(np.linalg.matrix_rank(spread) < start.shape[1])


def check_ensemble(start: NDArray[np.float64], remedy: str, *, least: int = 2) -> None:
    """Refuse ensembles that never leave a subspace."""
    chains, d = start.shape
    if chains < max(least, 2 * d):
        raise InputError(f"x0 has {chains} chains, at least {max(least, 2 * d)} are needed in {d} dimensions{remedy}")
    if is_flat(start):
        raise InputError("x0 lies in a plane that the chains, moving along their differences, would never leave")
