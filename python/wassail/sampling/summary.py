"""The table of means, deviations and diagnostics."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from wassail._frozen import ReadOnly
from wassail.sampling import _diagnostics
from wassail.sampling.streamed import StreamedMoments

F64 = NDArray[np.float64]
_SHOWN = 40


@dataclass(frozen=True, eq=False, repr=False)
class Summary(ReadOnly):
    """
    Means, deviations and diagnostics, one entry a coordinate.

    Attributes
    ----------
    mean, sd : ndarray of shape (d,)
        Mean and standard deviation of all draws.
    mcse_mean : ndarray of shape (d,)
        Monte Carlo standard error of the mean.
    q5, q95 : ndarray of shape (d,)
        Quantiles.
    ess_bulk, ess_tail : ndarray of shape (d,)
        Effective numbers of draws.
    rhat : ndarray of shape (d,)
        Rank-normalized split R-hat.
    coordinates : ndarray of int or None
        Which coordinates of the density these are, None for all of them.
    """

    mean: F64
    sd: F64
    mcse_mean: F64
    q5: F64
    q95: F64
    ess_bulk: F64
    ess_tail: F64
    rhat: F64
    coordinates: NDArray[np.intp] | None = None

    def __repr__(self) -> str:
        names = [field.name for field in fields(self) if field.name != "coordinates"]
        places = range(self.mean.size) if self.coordinates is None else self.coordinates
        lines = ["      " + "".join(f"{name:>11}" for name in names)]
        columns = [getattr(self, name) for name in names]
        lines += [
            f"x[{places[i]}]".ljust(6) + "".join(f"{column[i]:>11.4g}" for column in columns)
            for i in range(min(self.mean.size, _SHOWN))
        ]
        if self.mean.size > _SHOWN:
            lines.append(f"... {self.mean.size - _SHOWN} more coordinates")
        return "\n".join(lines)


def summarize_moments(moments: StreamedMoments) -> Summary:
    """Return the table of what moments know: NaN for quantiles that were not asked for, and for tails."""
    unknown = np.full_like(moments.mean, np.nan)
    asked = dict(zip(moments.probabilities, moments.quantiles, strict=True))
    return Summary(
        mean=moments.mean,
        sd=moments.sd,
        mcse_mean=moments.mcse(),
        q5=asked.get(0.05, unknown),
        q95=asked.get(0.95, unknown),
        ess_bulk=moments.ess(),
        ess_tail=unknown,
        rhat=moments.rhat(),
    )


def summarize(draws: F64, rhat: F64, bulk: F64, tail: F64, coordinates: NDArray[np.intp] | None) -> Summary:
    """Return the table of draws whose diagnostics are known."""
    return Summary(
        mean=_diagnostics.mean(draws),
        sd=_diagnostics.deviation(draws),
        mcse_mean=_diagnostics.mean_mcse(draws),
        q5=_diagnostics.low(draws),
        q95=_diagnostics.high(draws),
        ess_bulk=bulk,
        ess_tail=tail,
        rhat=rhat,
        coordinates=coordinates,
    )
