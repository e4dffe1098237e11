"""A starting value for the regularization strength, from the scale of the cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.ot.geometry import Cost, PointCloud, as_cost

_SAMPLE = 1024


def suggest_epsilon(cost: ArrayLike | Cost, *, fraction: float = 0.05) -> float:
    r"""
    Suggest a regularization strength: a fraction of the mean cost.

    Parameters
    ----------
    cost : array_like of shape (n, m), or PointCloud
        Ground cost; forbidden arcs (``inf``) are left out of the mean.
    fraction : float, default 0.05
        Positive. :math:`\varepsilon = \mathrm{fraction}\cdot\mathrm{mean}(C)`; if some costs are negative, their
        minimum is subtracted from the mean first, because a constant added to the cost does not change the plan.

    Returns
    -------
    float

    Raises
    ------
    InputError
        The cost is unusable, or has no scale: its finite entries are all 0, or all equal and negative.

    Notes
    -----
    How to choose. 0.05 to 0.01 gives a plan that is blurred a little and takes tens to hundreds of sweeps: right for
    color transfer, interpolation and maps out of sample. 0.5 and more: smooth, fast, right for losses where the plan
    itself does not matter, best debiased by :func:`sinkhorn_divergence`. 0.001 to 0.005: nearly the unregularized
    plan; the cost exceeds the optimum by at most :math:`\varepsilon\log\min(n, m)` for uniform weights, and sweeps
    take over. ``result.certificate()`` says how far from the unregularized optimum a result is: lower epsilon until
    that gap is good enough. For the squared Euclidean cost :math:`\sqrt{\varepsilon/2}` is the length of the blur.

    A cloud of more than 1024 × 1024 points is sampled at evenly spaced indices; everything else is read once.

    Examples
    --------
    >>> from wassail import ot
    >>> ot.suggest_epsilon([[0.0, 2.0], [2.0, 0.0]])
    0.05
    """
    part = check_positive(fraction, "fraction")
    low, high, mean = range_of(as_cost(cost))
    scale = mean - low if low < 0.0 else mean
    if not (np.isfinite(scale) and scale > 0.0 and (high > low or low > 0.0)):
        raise InputError(
            "cost has no scale, its finite entries are all equal or their mean overflows: choose epsilon in its units"
        )
    return part * scale


def range_of(geometry: Cost) -> tuple[float, float, float]:
    """Return the smallest, the largest and the mean finite cost, of a sample if there are many points."""
    geometry.scan("cost", 0)
    if isinstance(geometry, PointCloud):
        geometry = _sample(geometry)
    low, high, mean, *_ = _core.cost_scan(geometry.handle, 0)
    return low, high, mean


def _sample(cloud: PointCloud) -> PointCloud:
    """Take at most 1024 evenly spaced points of each side."""
    n, m = cloud.shape
    if n <= _SAMPLE and m <= _SAMPLE:
        return cloud
    rows, columns = (np.linspace(0, size - 1, min(size, _SAMPLE)).astype(np.intp) for size in (n, m))
    return cloud.select(rows, columns)
