"""The max-sliced Wasserstein distance: transport along the direction in which two clouds differ most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._frozen import FieldsOnly
from wassail._rng import Seed
from wassail._validate import check_integer, check_positive, check_threads
from wassail.ot._ascent import Ascent
from wassail.ot._slices import F64, SlicedGradient, Slices, draw_directions, read_slices, unit_rows
from wassail.ot.results import Status


@dataclass(frozen=True, eq=False, repr=False)
class MaxSlicedResult(FieldsOnly):
    r"""
    The best direction that was found, and its distance.

    Attributes
    ----------
    value : float
        :math:`W_p` of the projections onto `direction`: a lower bound of the maximum over all directions.
    direction : ndarray, shape (d,)
        Of length 1; its largest component is positive.
    status : Status
        ``CONVERGED`` where the best start ended in a local maximum to the tolerance asked for, else ``MAX_ITER``.
    n_iter : int
        Steps that were tried, the same for all starts.
    values : ndarray, shape (n_starts,)
        What each start reached. If many agree with the largest, it is more likely the global maximum.
    p : float
        Order of the distance.
    """

    value: float
    direction: F64
    status: Status
    n_iter: int
    values: F64
    p: float
    slices: Slices

    @property
    def converged(self) -> bool:
        """Whether the best start ended in a local maximum to the tolerance."""
        return self.status is Status.CONVERGED

    def gradient(self) -> SlicedGradient:
        """
        Differentiate `value` with respect to points and weights, at the direction found.

        Returns
        -------
        SlicedGradient
            At a maximum the direction's own change does not count (Danskin). Computed once and kept.
        """
        return self._gradient

    @cached_property
    def _gradient(self) -> SlicedGradient:
        return self.slices.gradient(self.direction[None, :], self.value)

    def __repr__(self) -> str:
        return (
            f"MaxSlicedResult(value={self.value:.6g}, p={self.p:g}, d={self.direction.size}, "
            f"{self.status} after {self.n_iter} steps)"
        )


def max_sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    p: float = 2.0,
    n_starts: int = 16,
    max_iter: int = 200,
    tol: float = 1e-4,
    rng: Seed = None,
    n_threads: int | None = None,
) -> MaxSlicedResult:
    r"""
    Search the direction whose projections are farthest apart.

    .. math::

        \max_{\|\theta\| = 1} W_p(\theta_\# \alpha, \theta_\# \beta)

    Parameters
    ----------
    x : array_like, shape (n, d)
        Source points, finite.
    y : array_like, shape (m, d)
        Target points.
    a : array_like, shape (n,), optional
        Source weights, at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights. Same total mass as `a` up to float32 rounding.
    p : float, default 2.0
        Order, at least 1 and finite.
    n_starts : int, default 16
        Starting directions: the difference of the means, the others uniform on the sphere. They climb side by side.
    max_iter : int, default 200
        Steps that are tried at most.
    tol : float, default 1e-4
        A start has arrived when the part of its derivative along the sphere is at most `tol` times its value, or when
        no step along it of an angle above `tol` gains: maxima over samples usually are kinks, where two plans meet.
    rng : int, SeedSequence or Generator, optional
        Source of the starting directions. None draws different ones in each call.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    MaxSlicedResult
        Value, direction and status; the gradient on demand.

    Raises
    ------
    InputError
        An argument is unusable.
    DeviceError
        An array lives on an accelerator.

    Warns
    -----
    ConvergenceWarning
        The best start used up `max_iter`.

    Notes
    -----
    Projected gradient ascent with a step that is halved until it gains and doubled when it did, from all starts at
    once. The distance is not concave in the direction: **the value is a lower bound** of the maximum, exact only if a
    start lies in the right basin. O(n_starts · n_iter · ((n + m) d + (n + m) log(n + m))) time at most.

    Use it to see where two samples differ, as a two-sample statistic, or as a loss whose direction adapts.

    References
    ----------
    I. Deshpande et al., "Max-sliced Wasserstein distance and its use for GANs", CVPR 2019, arXiv:1904.05877.
    S. Kolouri, K. Nadjahi, U. Şimşekli, R. Badeau, G. K. Rohde, "Generalized sliced Wasserstein distances",
    NeurIPS 2019, arXiv:1902.00434.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> x = np.random.default_rng(0).normal(size=(400, 3))
    >>> result = ot.max_sliced_wasserstein(x, x + [0.0, 2.0, 0.0], rng=0)
    >>> round(result.value, 6)
    2.0
    >>> abs(result.direction.round(3))
    array([0., 1., 0.])
    """
    slices = read_slices(x, y, a, b, p, check_threads(n_threads))
    starts = check_integer(n_starts, "n_starts", minimum=1)
    ascent = Ascent(slices, check_positive(tol, "tol"), check_integer(max_iter, "max_iter", minimum=0))
    ascent.run(_starting_directions(slices, starts, rng))
    ascent.warn_unless_converged()
    best = ascent.best
    direction = ascent.directions[best]
    sign = np.sign(direction[np.argmax(np.abs(direction))])
    return MaxSlicedResult(
        value=float(ascent.values[best]),
        direction=sign * direction,
        status=ascent.status,
        n_iter=ascent.n_iter,
        values=ascent.values,
        p=slices.p,
        slices=slices,
    )


def _starting_directions(slices: Slices, count: int, rng: Seed) -> F64:
    """Random directions, the first replaced by the difference of the means if there is one."""
    directions = draw_directions(rng, count, slices.dimension)
    center, scale = slices.box
    means = _mean(slices.x, slices.a, center, scale) - _mean(slices.y, slices.b, center, scale)
    largest = float(np.abs(means).max())
    if largest > 0.0:
        directions[0] = unit_rows(means[None, :] / largest)[0]
    return directions


def _mean(points: NDArray[np.floating], weights: F64 | None, center: F64, scale: float) -> F64:
    """Mean of the centered and scaled points."""
    if weights is None:
        mean: F64 = (points * scale).mean(axis=0, dtype=np.float64)
    else:
        mean = (weights / weights.sum()) @ (points * scale)
    return mean - center
