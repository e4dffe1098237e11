"""Support points: few points anywhere in space that are close to many in energy distance."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._frozen import ReadOnly
from wassail._memory import require_matrix
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_real, check_threads, check_weights
from wassail.exceptions import ConvergenceWarning, InputError
from wassail.kernels import check_points
from wassail.thinning._progress import Report, thinning_reporter

F64 = NDArray[np.float64]

_SMALLEST = 1e-152
_SMOOTHING = 1e-9  # η, in units of the scale of the data
_JITTER = 0.01  # of each coordinate's standard deviation: points on top of each other would not move apart


@dataclass(frozen=True, eq=False, repr=False)
class SupportPointsResult(ReadOnly):
    r"""
    Points that stand for many without being some of them.

    Attributes
    ----------
    points : ndarray, shape (size, d)
        The support points, with equal weights.
    energy : ndarray, shape (n_iter + 1,)
        :math:`2\,E|x - Y| - E|x - x'|` before each step and after the last; it never rises beyond rounding. The energy
        distance to the input is this minus the constant :math:`E|Y - Y'|`.
    moved : float
        Largest distance that a point moved in the last step, over the root mean square distance of the input to its
        mean.
    n_iter : int
        Steps taken.
    converged : bool
        Whether `moved` is at most the tolerance.
    """

    points: F64
    energy: F64
    moved: float
    n_iter: int
    converged: bool

    def __repr__(self) -> str:
        size, d = self.points.shape
        state = "converged" if self.converged else "not converged"
        return f"SupportPointsResult({size} points, d={d}, {state}, n_iter={self.n_iter}, moved={self.moved:.2g})"


def support_points(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    size: int,
    init: ArrayLike | None = None,
    tol: float = 1e-3,
    max_iter: int = 1000,
    rng: Seed = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> SupportPointsResult:
    r"""
    Find points in space that are closest to the input in energy distance.

    .. math::

        \min_{z_1, \dots, z_m} \; \frac{2}{m} \sum_{ij} w_j |z_i - x_j| - \frac{1}{m^2} \sum_{ik} |z_i - z_k|

    Each step minimizes a majorant of the objective, in closed form for every point:
    :math:`z_i \leftarrow \bigl(\sum_j w_j x_j / |z_i - x_j| + \tfrac1m \sum_k (z_i - z_k) / |z_i - z_k|\bigr) \big/
    \sum_j w_j / |z_i - x_j|`.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite; float32 is read as it is and computed in float64.
    weights : array_like, shape (n,), optional
        Weights of the points, at least 0; equal by default.
    size : int
        m, the number of support points; may be larger than n.
    init : array_like, shape (size, d), optional
        Points to start from. By default points of the input drawn at random by their weights, each moved a little.
    tol : float, default 1e-3
        Stops when no point moves farther in a step, in units of the root mean square distance of the input to its mean.
        Steps shrink slowly: the remaining way to a stationary point is a multiple of it.
    max_iter : int, default 1000
        Most steps.
    rng : int, SeedSequence or Generator, optional
        Source of the default start.
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(steps, max_iter)`` about ten times a second.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    SupportPointsResult
        A stationary point up to `tol`; the problem has several.

    Warns
    -----
    ConvergenceWarning
        `max_iter` steps did not bring the moves down to `tol`.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    O(m (n + m) d) time for each step, O((n + m) d) memory. Distances |z| are smoothed to :math:`\sqrt{|z|^2 + \eta^2}`
    with η of 1e-9 of the scale of the input.

    Support points suit integration of smooth functions in few dimensions, and they need no kernel or length scale. Use
    :func:`kernel_thin` or :func:`compress_plus_plus` where the output has to be part of the input or n is large.

    References
    ----------
    .. [1] S. Mak, V. R. Joseph. Support points. Annals of Statistics 46 (2018), doi:10.1214/17-AOS1629.

    Examples
    --------
    On a line they are the quantiles (i - 1/2) / m:

    >>> import numpy as np
    >>> from wassail import thinning
    >>> result = thinning.support_points(np.linspace(0.0, 1.0, 1001), size=4, tol=1e-6, rng=0)
    >>> np.sort(result.points[:, 0]).round(3)
    array([0.125, 0.375, 0.625, 0.875])
    """
    points = check_points(x, "x")
    mass = check_weights(weights, "weights", len(points))
    mass /= mass.sum()
    count = check_integer(size, "size", minimum=1)
    require_matrix(count, 4 * points.shape[1], "support points", "use a smaller size")
    limit = check_real(tol, "tol")
    if not 0.0 <= limit < math.inf:
        raise InputError(f"tol must be finite and at least 0, got {tol!r}")
    steps = check_integer(max_iter, "max_iter", minimum=0)
    center, spread = _moments(points, mass)
    start = _start(init, points, mass, count, spread, rng)
    widest = float(spread.max())
    scale = widest * float(np.linalg.norm(spread / widest)) if widest > 0.0 else 1.0
    if not _SMALLEST < scale < 1.0 / _SMALLEST:
        raise InputError(f"x spreads over {scale:.3g}, whose square leaves the range of float64: rescale it")
    unit, limits, threads = (center, scale, _SMOOTHING), (limit, steps), check_threads(n_threads)
    with thinning_reporter(progress, steps, "support points", "steps") as report:
        found, energy, moved = _core.support_points(points, mass, start, unit, limits, threads, report)
    result = SupportPointsResult(found, energy, moved, energy.size - 1, moved <= limit)
    if not result.converged:
        warnings.warn(
            f"support points still move by {moved:.2g} after {steps} steps: raise max_iter, or tol above that",
            ConvergenceWarning,
            stacklevel=2,
        )
    return result


def _moments(points: NDArray[Any], mass: F64) -> tuple[F64, F64]:
    """Return the mean and the standard deviation of each coordinate, without overflow."""
    center = mass @ points.astype(np.float64)
    deviations = points - center
    largest = np.abs(deviations).max(axis=0)
    unit = np.where(largest > 0.0, largest, 1.0)
    return center, unit * np.sqrt(mass @ (deviations / unit) ** 2)


def _start(init: ArrayLike | None, points: NDArray[Any], mass: F64, size: int, spread: F64, rng: Seed) -> F64:
    """Return the points to start from."""
    d = points.shape[1]
    if init is not None:
        given = real_array(init, "init", ndim=(1, 2))
        check_finite(given, "init")
        given = given if given.ndim > 1 else given[:, None]
        if given.shape != (size, d):
            raise InputError(f"init must have shape ({size}, {d}), got {given.shape}")
        return np.array(given, dtype=np.float64, order="C")
    generator = make_generator(rng)
    repeat = size > int(np.count_nonzero(mass))
    chosen = generator.choice(len(points), size, replace=repeat, p=mass)
    return np.asarray(points[chosen] + _JITTER * spread * generator.standard_normal((size, d)), dtype=np.float64)
