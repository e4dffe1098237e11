"""The sliced Wasserstein distance: transport averaged over projections onto lines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from numpy.typing import ArrayLike

from wassail._frozen import FieldsOnly
from wassail._rng import Seed
from wassail._validate import check_integer, check_threads
from wassail.exceptions import InputError
from wassail.ot._slices import F64, SlicedGradient, Slices, draw_directions, read_directions, read_slices

_DIRECTIONS = 100


@dataclass(frozen=True, eq=False, repr=False)
class SlicedResult(FieldsOnly):
    r"""
    Sliced Wasserstein distance, with what it was averaged from.

    Attributes
    ----------
    value : float
        :math:`SW_p = \bigl(\tfrac1L \sum_l W_p^p(\theta_l)\bigr)^{1/p}`.
    standard_error : float
        Monte Carlo standard error of `value` over directions that were drawn independently; inf for a single one.
    distances : ndarray, shape (L,)
        :math:`W_p` between the projections onto each direction.
    projections : ndarray, shape (L, d)
        The directions, of length 1. Pass them on to compare several clouds on the same lines.
    p : float
        Order of the distance.
    """

    value: float
    standard_error: float
    distances: F64
    projections: F64
    p: float
    slices: Slices

    def gradient(self) -> SlicedGradient:
        r"""
        Differentiate `value` with respect to points and weights; computed once and kept.

        Returns
        -------
        SlicedGradient
            In the points, :math:`\partial SW_p / \partial x_i = \tfrac1L \sum_l \sum_j P^l_{ij}
            \bigl(|\delta|/SW_p\bigr)^{p-1} \operatorname{sign}(\delta)\, \theta_l` with
            :math:`\delta = \langle\theta_l, x_i - y_j\rangle` and the plan :math:`P^l` of direction l; in the
            weights, the mean of the dual potentials. Where the value is 0 it is 0, which is one of the subgradients.

        Raises
        ------
        NumericalError
            A distance to the power p leaves the range of float64.

        Notes
        -----
        The gradient of the power :math:`SW_p^p` is ``p * value**(p - 1)`` times this one. Takes about twice the time
        of the value.
        """
        return self._gradient

    @cached_property
    def _gradient(self) -> SlicedGradient:
        return self.slices.gradient(self.projections, self.value)

    def __repr__(self) -> str:
        count, d = self.projections.shape
        return (
            f"SlicedResult(value={self.value:.6g} ± {self.standard_error:.2g}, p={self.p:g}, {count} directions, d={d})"
        )


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    p: float = 2.0,
    n_projections: int | None = None,
    projections: ArrayLike | None = None,
    rng: Seed = None,
    n_threads: int | None = None,
) -> SlicedResult:
    r"""
    Estimate the sliced Wasserstein distance of order p between two weighted point clouds.

    .. math::

        SW_p^p = \int_{S^{d-1}} W_p^p(\theta_\# \alpha, \theta_\# \beta)\, d\theta
        \approx \frac1L \sum_{l=1}^{L} W_p^p(\theta_l)

    where :math:`W_p(\theta)` is the distance on the line between the projections :math:`\langle\theta, x_i\rangle` and
    :math:`\langle\theta, y_j\rangle`, and the mean is over directions of length 1.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Source points, finite; float32 is read as it is and computed in float64.
    y : array_like, shape (m, d)
        Target points.
    a : array_like, shape (n,), optional
        Source weights, at least 0; uniform with mass 1 by default.
    b : array_like, shape (m,), optional
        Target weights. Same total mass as `a` up to float32 rounding.
    p : float, default 2.0
        Order, at least 1 and finite.
    n_projections : int, optional
        Number of directions to draw, uniformly on the sphere; 100 by default.
    projections : array_like, shape (L, d), optional
        Directions to use instead; their lengths do not matter.
    rng : int, SeedSequence or Generator, optional
        Source of the directions. None draws different ones in each call.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    SlicedResult
        The value with its standard error; the gradient on demand.

    Raises
    ------
    InputError
        An argument is unusable.
    DeviceError
        An array lives on an accelerator.

    Notes
    -----
    O(L ((n + m) d + (n + m) log(n + m))) time; beside the points, 16 projections of them are held for every eight
    threads. The points are referred to, not copied: do not change them before the gradient is taken. With unequal
    weights, cumulated masses that agree up to rounding count as equal, as in :func:`wasserstein_1d`.

    It metrizes the same convergence as :math:`W_p`, is at most :math:`W_p / \sqrt d` for p ≤ 2, is far cheaper for many
    points, and its sampling error does not grow with the dimension; but it is blind to structure that few directions
    show. Use :func:`max_sliced_wasserstein` for the direction that separates most, :func:`sinkhorn_divergence` where
    the geometry of the clouds matters.

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyré, H. Pfister, "Sliced and Radon Wasserstein barycenters of measures", Journal of
    Mathematical Imaging and Vision 51 (2015), doi:10.1007/s10851-014-0506-3.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import ot
    >>> x = np.random.default_rng(0).normal(size=(500, 2))
    >>> result = ot.sliced_wasserstein(x, x + [3.0, 0.0], n_projections=2000, rng=0)
    >>> error = result.value - 3.0 / np.sqrt(2.0)  # a translation by t costs |t| / √d
    >>> bool(abs(error) < 3.0 * result.standard_error)
    True
    >>> result.gradient().x.shape
    (500, 2)
    """
    slices = read_slices(x, y, a, b, p, check_threads(n_threads))
    if projections is None:
        count = _DIRECTIONS if n_projections is None else check_integer(n_projections, "n_projections", minimum=1)
        directions = draw_directions(rng, count, slices.dimension)
    elif n_projections is not None:
        raise InputError("n_projections and projections exclude each other: pass one of them")
    else:
        directions = read_directions(projections, "projections", slices.dimension)
    distances = slices.distances(directions)
    value, error = _mean(distances, slices.p)
    return SlicedResult(value, error, distances, directions, slices.p, slices)


def _mean(distances: F64, p: float) -> tuple[float, float]:
    """(mean of d^p)^(1/p) with its standard error by linearization, without overflow."""
    largest = float(distances.max())
    if largest == 0.0:
        return 0.0, 0.0
    powers = (distances / largest) ** p
    mean = float(powers.mean())
    value = largest * mean ** (1.0 / p)
    if distances.size == 1:
        return value, math.inf
    spread = float(powers.std(ddof=1)) / math.sqrt(distances.size)
    return value, value * spread / (p * mean)
