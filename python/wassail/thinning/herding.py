"""Kernel herding."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_real, check_threads, check_weights
from wassail.exceptions import InputError
from wassail.kernels import Kernel, check_points, core_kernel, kernel_points
from wassail.thinning._greedy import check_size, unfinished
from wassail.thinning._progress import Report, thinning_reporter
from wassail.thinning.results import ThinningResult


def kernel_herding(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    size: int,
    kernel: Kernel,
    scores: ArrayLike | None = None,
    unique: bool = False,
    n_passes: int = 1,
    temperature: float = 0.0,
    rng: Seed = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose points one by one so that their mean embedding follows that of the input.

    .. math::

        x_{t+1} = \arg\max_{x \in \{x_i\}} \Bigl( \sum_j w_j k(x_j, x) - \frac{1}{t+1} \sum_{s \le t} k(x_s, x) \Bigr)

    Later passes take each chosen point out in turn and choose for its place again. With a positive temperature T a
    point is not the best one but drawn with probability proportional to :math:`\exp(\text{score} / T)`.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite; float32 is read as it is and computed in float64.
    weights : array_like, shape (n,), optional
        Weights of the points, at least 0; equal by default. Points of weight 0 are not chosen.
    size : int
        Points to choose.
    kernel : Kernel
        Positive definite.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points.
    unique : bool, default False
        Choose no point twice; by default that is allowed, as in the paper.
    n_passes : int, default 1
        1 is herding as in the paper. The best pass is returned: more never raise the discrepancy.
    temperature : float, default 0.0
        Temperature of the first pass, in units of the kernel; those of later passes fall to 0 as
        :math:`T\,(1 - p / (P - 1))^3`, so that the last of several is greedy. 0 makes every pass greedy.
    rng : int, SeedSequence or Generator, optional
        Source of the draws; used with a positive temperature only.
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(done, total)`` about ten times a second, with choices made
        and choices to make in all passes. The mean embedding is computed before the first one.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    ThinningResult
        Chosen points in the order of choice, with equal weights. Its `sigma` is None: there is no such bound.

    Raises
    ------
    InputError
        An argument is unusable, or `size` is larger than the number of points that may be chosen.
    NumericalError
        Kernel values leave the range of float64.

    Notes
    -----
    n (n − 1) / 2 kernel values for the mean embedding, then `size` · n for the first pass and twice that for each later
    one; O(n d) memory. Ties go to the first point.

    Herding needs all pairs of points as :func:`kernel_thin` does, and gives an answer of any size, and one whose first
    points are a smaller answer. One pass is often worse than kernel thinning at the same size; some ten passes with
    a small temperature are often better, at a multiple of the second term of the cost.

    References
    ----------
    .. [1] Y. Chen, M. Welling, A. Smola. Super-samples from kernel herding. UAI 2010. arXiv:1203.3472, eq. (8).

    Examples
    --------
    >>> from wassail import kernels, thinning
    >>> x = [[0.3, 0.25], [0.4, 0.2], [0.5, 0.125]]
    >>> thinning.kernel_herding(x, size=2, kernel=kernels.Gaussian(0.5**0.5), unique=True).indices
    array([1, 2])
    """
    points = check_points(x, "x")
    core, packed = core_kernel(kernel), kernel_points(kernel, points, "x", scores)
    mass = None if weights is None else check_weights(weights, "weights", len(points))
    share = np.full(len(points), 1.0 / len(points)) if mass is None else mass / mass.sum()
    count = check_size(size, int(np.count_nonzero(share)), unique=unique)
    temperatures = _schedule(check_integer(n_passes, "n_passes", minimum=1), temperature)
    draws = count * int(np.count_nonzero(temperatures))
    uniforms = make_generator(rng).random(draws) if draws else np.zeros(0)
    threads = check_threads(n_threads)
    passes = (count, bool(unique), temperatures, uniforms)
    with thinning_reporter(progress, count * temperatures.size, "kernel herding", "choices") as report:
        found = _core.kernel_herd(core, packed, share, passes, threads, report)
    if found is None:
        raise unfinished()
    indices = found[0]
    n = len(points)
    return ThinningResult(
        indices=indices,
        points=points[indices],
        weights=None,
        kernel=kernel,
        centered=False,
        x=points,
        input_weights=None if mass is None else share,
        sigma=None,
        n_evaluations=n * (n - 1) // 2 + (2 * temperatures.size - 1) * count * n,
        n_recomputed=0,
        n_threads=threads,
        packed=None if packed is points else packed,
    )


def _schedule(n_passes: int, temperature: float) -> NDArray[np.float64]:
    """Return the temperature of each pass."""
    first = check_real(temperature, "temperature")
    if not 0.0 <= first < math.inf:
        raise InputError(f"temperature must be finite and at least 0, got {temperature!r}")
    if n_passes == 1:
        return np.array([first])
    return first * np.linspace(1.0, 0.0, n_passes) ** 3
