"""Thinning by a few features of the kernel, in linear time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._interrupt import interruptible
from wassail._memory import require_memory
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_threads
from wassail.kernels import Kernel, check_points, core_kernel, kernel_points
from wassail.thinning._plan import check_delta, choose_sizes, split_multipliers, split_uniforms
from wassail.thinning.results import ThinningResult

_PAD = 16  # features are padded to whole registers
_CHUNK = 2**13
_CUT = 1e-10  # eigenvalues below this share of the largest are rounding


def low_rank_thin(
    x: ArrayLike,
    *,
    halvings: int | None = None,
    kernel: Kernel,
    rank: int = 256,
    delta: float = 0.5,
    scores: ArrayLike | None = None,
    rng: Seed = None,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose few points whose averages are those of many, by halvings in a space of a few features, in linear time.

    KT-SPLIT with the Nyström kernel of r landmarks L,

    .. math::

        \hat k(x, y) = k(x, L)\, k(L, L)^{-1} k(L, y) = \langle \phi(x), \phi(y) \rangle,

    whose sums over points are products with sums of features; then the leaf whose mean feature is nearest to that of
    all points.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite. Pairs are made of neighbors.
    halvings : int, optional
        m: n // 2^m points are kept, by default about √n.
    kernel : Kernel
        k, of which the MMD is taken.
    rank : int, default 256
        r, the number of landmarks drawn from the points, all of them if there are fewer.
    delta : float, default 0.5
        Probability in (0, 1) that the sub-Gaussian bound of the Nyström kernel may fail with.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices.
    n_threads : int, optional
        Threads to use; the result is the same for every number of them.

    Returns
    -------
    ThinningResult
        n // 2^m points, equally weighted and without repeats; its `mmd` is that of `kernel` itself.

    Raises
    ------
    InputError
        An argument is unusable.
    MemoryLimitError
        The features do not fit into memory.

    Notes
    -----
    n r kernel values and O(n r (r + m)) operations, 8 n r bytes. The part of the kernel that the landmarks do not see
    is thinned at random: by arXiv:2502.12063 the error is that of the best rank-r kernel plus the tail of the spectrum.

    Use it for millions of points and smooth kernels, where `compress_plus_plus` takes too long; it makes no swaps and
    is less exact otherwise.

    References
    ----------
    A. M. Carrell, A. Gong, A. Shetty, R. Dwivedi, L. Mackey, "Low-rank thinning", ICML 2025, arXiv:2502.12063.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import kernels, thinning
    >>> x = np.random.default_rng(0).normal(size=(20_000, 2))
    >>> result = thinning.low_rank_thin(x, kernel=kernels.Gaussian(2.0), rank=64, rng=0)
    >>> result.size
    156
    >>> result.gain < 0.0  # nearer to the input than every 128th point is
    True
    """
    points = check_points(x, "x")
    core_kernel(kernel)
    packed = kernel_points(kernel, points, "x", scores)
    n = len(points)
    threads, delta = check_threads(n_threads), check_delta(delta)
    rank = min(check_integer(rank, "rank", minimum=1), n)
    sizes = choose_sizes(n, None, halvings)
    needed = 8 * (n * (rank + _PAD) + 3 * rank**2)
    require_memory(needed, f"{rank} features of {n} points", "use a lower rank or compress_plus_plus")
    generator = make_generator(rng)
    landmarks = packed[np.sort(generator.choice(n, size=rank, replace=False))]
    features = _nystrom(kernel, packed, landmarks, threads)
    multipliers = split_multipliers(n, sizes.halvings, delta)
    uniforms = split_uniforms(n, sizes.halvings, generator)
    leaves, distances = _core.low_rank_split(features, multipliers, uniforms, threads)
    best = int(np.argmin(distances))
    indices = leaves.reshape(-1, sizes.size)[best].astype(np.intp)
    return ThinningResult(
        indices=indices,
        points=points[indices],
        weights=None,
        kernel=kernel,
        centered=False,
        x=points,
        input_weights=None,
        sigma=None,
        n_evaluations=n * rank + rank**2,
        n_recomputed=0,
        n_threads=threads,
        packed=None if packed is points else packed,
    )


def _nystrom(
    kernel: Kernel, packed: NDArray[np.floating], landmarks: NDArray[np.floating], n_threads: int
) -> NDArray[np.float64]:
    """Return k(x, L) k(L, L)^(-1/2), padded with zeros to whole registers."""
    core = core_kernel(kernel)
    gram = _core.kernel_gram(core, landmarks, landmarks, n_threads)
    values, vectors = interruptible(lambda: np.linalg.eigh(gram))  # a minute at rank 5000
    kept = values > _CUT * max(float(values[-1]), 0.0)
    basis = vectors[:, kept] / np.sqrt(values[kept])
    width = max(_PAD, -(-basis.shape[1] // _PAD) * _PAD)
    features = np.zeros((len(packed), width))
    for start in range(0, len(packed), _CHUNK):
        some = slice(start, start + _CHUNK)
        features[some, : basis.shape[1]] = _core.kernel_gram(core, packed[some], landmarks, n_threads) @ basis
    return features
