"""What to say where penalties of the marginals are out of scale."""

from __future__ import annotations

import math

import numpy as np

from wassail.ot.epsilon import range_of
from wassail.ot.results import SinkhornResult

_ABOVE = 16.0  # potentials this many times above the costs are those of the penalties
INSTEAD = "lower rho, or scale a and b to the same mass and leave rho out, which is the limit of large rho"


def strongest(rho: tuple[float, float]) -> float:
    """Return the largest finite penalty, 0 if there is none."""
    return max((side for side in rho if math.isfinite(side)), default=0.0)


def penalty_advice(result: SinkhornResult) -> str:
    """Say that `rho` is too large for masses that differ, whose potentials are of its size; empty if it is not."""
    rho = strongest(result.rho)
    sides = ((result.a, result.f), (result.b, result.g))
    size = max(float(np.abs(v[w > 0.0]).max()) for w, v in sides)
    low, high, _ = range_of(result.cost)
    if rho == 0.0 or not size > _ABOVE * max(abs(low), abs(high)):
        return ""
    return (
        f"rho is {rho:.2g}, and masses that differ need potentials near {size:.1g} then, which rounding changes "
        f"by more than epsilon {result.epsilon:.2g} allows. The error falls with rho: {INSTEAD}"
    )
