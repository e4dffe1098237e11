"""Stein recombination: debiasing, then few points with weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._memory import require_matrix
from wassail._rng import Seed, make_generator
from wassail.kernels import Stein
from wassail.thinning._greedy import check_size
from wassail.thinning._simplex import least_square_weights
from wassail.thinning._stein import F64, Indices, Sample, read_sample
from wassail.thinning.debias import debiased, factorize
from wassail.thinning.recombination import recombine
from wassail.thinning.results import ThinningResult

_LEAST_REST = 1e-6  # weight of all other points, below which one point is nearly all


def stein_recombine(
    x: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    size: int,
    kernel: Stein | None = None,
    standardize: bool = False,
    rank: int | None = None,
    rng: Seed = None,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose few points with weights for the density whose scores are known, from a biased sample.

    The sample is debiased, then recombined so that averages of the leading features of the kernel stay what they are;
    each point that is left is replaced by the best one for its place, and the weights become the best on the simplex.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Sample, finite.
    scores : array_like, shape (n, d), optional
        :math:`\nabla \log p` at the points. By default the kernel computes them.
    size : int
        Most points to choose.
    kernel : Stein, optional
        Stein kernel :math:`k_0`. By default that of the inverse multiquadric with the median distance of the sample as
        its length.
    standardize : bool, default False
        Divide each coordinate by its mean absolute deviation, and multiply its scores, before the kernel sees them.
    rank : int, optional
        As in :func:`debias`.
    rng : int, SeedSequence or Generator, optional
        Source of the pivots.
    n_threads : int, optional
        Threads to use for kernel values.

    Returns
    -------
    ThinningResult
        At most `size` points in the order of the input, with positive weights. Its `mmd()` is their
        kernel Stein discrepancy.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Kernel values leave the range of float64.

    Notes
    -----
    The time of :func:`debias`, and O(size · n d + size² n + size³ log n) for the rest. With weights, fewer points reach
    the same discrepancy as with :func:`stein_thin`. Best weights may be zero: then fewer points are left.

    References
    ----------
    .. [1] L. Li, R. Dwivedi, L. Mackey. Debiased distribution compression. ICML 2024. arXiv:2404.12290, Alg. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import thinning
    >>> x = 2.0 * np.random.default_rng(0).normal(size=(300, 2))
    >>> result = thinning.stein_recombine(x, -x, size=12, rng=0)
    >>> result.mmd() < thinning.stein_thin(x, -x, size=12).mmd()
    True
    """
    sample = read_sample(x, scores, kernel, standardize=standardize, n_threads=n_threads)
    n = len(sample.points)
    count = check_size(size, n, unique=True)
    generator = make_generator(rng)
    w, spent = debiased(sample, rank, generator)
    require_matrix(n, 3 * count, "features of the kernel", "use a smaller size")
    indices, v = np.arange(n), w
    if n > count:
        factor, pivots = factorize(sample, w, count - 1, generator)
        spent += n * pivots.size
        kept = recombine(factor if pivots.size else np.zeros(n), w)
        indices, v = kept.indices, kept.weights
    rows = _core.kernel_gram(sample.core, sample.packed[indices], sample.packed, sample.n_threads)
    swapped = _swap(sample, rows, indices, v)
    spent += n * (indices.size + int(np.count_nonzero(swapped[0] != indices)))
    indices, v = swapped
    v = least_square_weights(rows[:, indices], v)
    order = np.argsort(indices)
    indices, v = indices[order], v[order]
    return sample.result(indices[v > 0.0], v[v > 0.0], spent)


def _swap(sample: Sample, rows: F64, indices: Indices, v: F64) -> tuple[Indices, F64]:
    """
    Put in the place of each point in turn the one that lowers the discrepancy most, with the best weight for it.

    `rows` holds k0 of the chosen points to all, and follows the choice.
    """
    indices, v, diagonal = indices.copy(), v.copy(), sample.diagonal()
    embedding = v @ rows
    for slot, old in enumerate(indices):
        value, rest = float(v @ embedding[indices]), 1.0 - v[slot]
        if not rest > _LEAST_REST:
            continue
        others = (embedding - v[slot] * rows[slot]) / rest
        w = np.where(np.arange(v.size) == slot, 0.0, v / rest)
        own = float(w @ others[indices])
        bend = own - 2.0 * others + diagonal
        share = np.clip((own - others) / np.where(bend > 0.0, bend, np.inf), 0.0, 1.0)
        values = own - 2.0 * share * (own - others) + share**2 * bend
        values[np.delete(indices, slot)] = np.inf
        new = int(np.argmin(values))
        if not values[new] < value:
            continue
        if new != old:
            indices[slot] = new
            rows[slot] = _core.kernel_gram(sample.core, sample.packed[[new]], sample.packed, sample.n_threads)[0]
        v = (1.0 - share[new]) * w
        v[slot] = share[new]
        embedding = v @ rows
    return indices, v
