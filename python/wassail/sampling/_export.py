"""Draws for other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wassail.exceptions import InputError

if TYPE_CHECKING:
    from wassail.sampling.results import SampleResult


def _check(result: SampleResult) -> None:
    if result.moments is not None:
        raise InputError("only moments were kept: there are no draws to hand on")


def to_arviz(result: SampleResult) -> Any:  # noqa: ANN401
    """Return an InferenceData, or a DataTree from ArviZ 1 on."""
    _check(result)
    import arviz

    chains, n = result.log_density.shape
    steps = np.broadcast_to(result.step_size[:, None], (chains, n))
    stats = {"lp": result.log_density, "acceptance_rate": result.acceptance, "step_size": steps}
    posterior = {"x": result.draws}
    if int(arviz.__version__.split(".")[0]) >= 1:
        return arviz.from_dict({"posterior": posterior, "sample_stats": stats})
    return arviz.from_dict(posterior=posterior, sample_stats=stats)


def to_xarray(result: SampleResult) -> Any:  # noqa: ANN401
    """Return a Dataset."""
    _check(result)
    import xarray

    chains, n, width = result.draws.shape
    whole = ("chain", "draw", "coordinate")
    variables = {
        "x": (whole, result.draws),
        "log_density": (whole[:2], result.log_density),
        "acceptance": (whole[:2], result.acceptance),
        "step_size": (whole[:1], result.step_size),
        "divergences": (whole[:1], result.divergences),
    }
    if result.gradients is not None:
        variables["gradient"] = (whole, result.gradients)
    names = np.arange(width) if result.coordinates is None else result.coordinates
    places = {"chain": np.arange(chains), "draw": np.arange(n), "coordinate": names}
    return xarray.Dataset(variables, coords=places, attrs={"algorithm": result.algorithm, "key": str(result.key)})
