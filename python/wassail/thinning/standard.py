"""Standard thinning: the baseline of all others."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._validate import check_threads, check_weights
from wassail.kernels import Kernel, check_points, kernel_points
from wassail.thinning._greedy import check_size
from wassail.thinning.results import ThinningResult, standard_thinning


def standard_thin(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    size: int,
    kernel: Kernel,
    scores: ArrayLike | None = None,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose evenly spaced points, the last one among them.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points in their order, such as that of a Markov chain; finite.
    weights : array_like, shape (n,), optional
        Weights of the points, at least 0: the points at which the cumulated weight passes the multiples of 1 / size.
        Equal by default.
    size : int
        Points to choose; at most n without weights.
    kernel : Kernel
        Kernel of the discrepancy that the result can tell; it has no part in the choice.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points, for the result's discrepancies.
    n_threads : int, optional
        Threads of the result's discrepancies.

    Returns
    -------
    ThinningResult
        The choice, with equal weights.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    O(n) time and memory. The discrepancy falls as slowly as that of independent draws, :math:`size^{-1/2}`: this is
    what the other methods are compared with.

    Examples
    --------
    >>> from wassail import kernels, thinning
    >>> thinning.standard_thin([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], size=3, kernel=kernels.Gaussian(1.0)).indices
    array([1, 3, 5])
    """
    points = check_points(x, "x")
    n = len(points)
    mass = None if weights is None else check_weights(weights, "weights", n)
    share = None if mass is None else mass / mass.sum()
    count = check_size(size, n, unique=mass is None)
    indices = standard_thinning(n, count, share)
    return ThinningResult(
        indices=indices,
        points=points[indices],
        weights=None,
        kernel=kernel,
        centered=False,
        x=points,
        input_weights=share,
        sigma=None,
        n_evaluations=0,
        n_recomputed=0,
        n_threads=check_threads(n_threads),
        packed=None if scores is None else kernel_points(kernel, points, "x", scores),
    )
