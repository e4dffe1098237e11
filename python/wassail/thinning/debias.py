"""Debiased compression: weights that turn a biased sample towards its target, then few points of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._memory import require_matrix
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer
from wassail.kernels import Stein
from wassail.thinning._greedy import check_size
from wassail.thinning._plan import check_delta, split_multipliers, split_uniforms, stratified
from wassail.thinning._simplex import LowRank, descend, least_square_weights
from wassail.thinning._stein import F64, Indices, Sample, read_sample
from wassail.thinning.recombination import recombine
from wassail.thinning.results import ThinningResult, standard_thinning
from wassail.thinning.stein import select

_ROUNDS = 3  # of low-rank debiasing: each but the first starts from where the last put its weight
_STEPS = 7  # times √n of mirror descent a round
_LEAST_REST = 1e-6  # weight of all other points, below which one point is nearly all


def debias(
    x: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    kernel: Stein | None = None,
    standardize: bool = False,
    rank: int | None = None,
    rng: Seed = None,
    n_threads: int | None = None,
) -> F64:
    r"""
    Weigh a sample so that it stands for the density whose scores are known.

    .. math:: \min_{w \ge 0, \sum_i w_i = 1} \; \sum_{ij} w_i w_j k_0(x_i, x_j)

    is solved approximately, which takes out the bias of a burn-in, of approximate sampling, or of tempering.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Sample, finite.
    scores : array_like, shape (n, d), optional
        :math:`\nabla \log p` at the points. By default the kernel computes them.
    kernel : Stein, optional
        Stein kernel :math:`k_0`. By default that of the inverse multiquadric with the median distance of the sample as
        its length.
    standardize : bool, default False
        Divide each coordinate by its mean absolute deviation, and multiply its scores, before the kernel sees them.
    rank : int, optional
        Rank of an approximation of the kernel matrix, for large n. By default n greedy choices are made on all of it.
    rng : int, SeedSequence or Generator, optional
        Source of the pivots of the approximation; used with `rank` only.
    n_threads : int, optional
        Threads to use for kernel values.

    Returns
    -------
    ndarray, shape (n,)
        Weights with sum 1.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Kernel values leave the range of float64.

    Notes
    -----
    Without `rank`: Stein thinning to n points with repeats, O(n² d) time, O(n d) memory; the weights are multiples of
    1 / n. With it: three rounds of randomly pivoted Cholesky, and of accelerated mirror descent on its factor with the
    residual diagonal added, O(n (r d + r²) + n^{3/2} r) time, O(n r) memory.

    References
    ----------
    .. [1] L. Li, R. Dwivedi, L. Mackey. Debiased distribution compression. ICML 2024. arXiv:2404.12290, Alg. 3.
    .. [2] Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber. Randomly pivoted Cholesky. arXiv:2207.06503.

    Examples
    --------
    Draws of a wide normal become draws of the standard normal:

    >>> import numpy as np
    >>> from wassail import thinning
    >>> x = 2.0 * np.random.default_rng(0).normal(size=500)
    >>> w = thinning.debias(x, -x)
    >>> bool(abs(w @ x**2 - 1.0) < 0.1)
    True
    """
    sample = read_sample(x, scores, kernel, standardize=standardize, n_threads=n_threads)
    return debiased(sample, rank, make_generator(rng))[0]


def debiased(sample: Sample, rank: int | None, generator: np.random.Generator) -> tuple[F64, int]:
    """Return the weights, and the kernel values that were used."""
    n, diagonal = len(sample.points), sample.diagonal()
    if rank is None:
        indices = select(sample, diagonal / 2.0, None, n, unique=False)
        return np.bincount(indices, minlength=n) / n, n * n
    count = min(check_integer(rank, "rank", minimum=1), n)
    require_matrix(n, 2 * count, "a low-rank factor", "use a smaller rank, or thin the sample first")
    w = np.full(n, 1.0 / n)
    spent = 0
    for turn in range(_ROUNDS):
        factor, pivots = factorize(sample, w, count, generator)
        spent += n * pivots.size
        matrix = LowRank(factor, np.maximum(diagonal - np.square(factor).sum(axis=1), 0.0))
        largest, mean = float(diagonal.max()), float(w @ diagonal)
        # The first round takes the step that the analysis asks for, later ones the one of where the weight is.
        scale = largest if turn == 0 else min(mean, largest)
        w = descend(matrix, w, 1.0 / (8.0 * scale), 1.0 / (8.0 * largest), _STEPS * math.isqrt(n))
    return w, spent


def factorize(sample: Sample, w: F64, rank: int, generator: np.random.Generator) -> tuple[F64, Indices]:
    """Return F with K0 ≈ F Fᵀ, and its pivots, drawn by weight times residual."""
    return _core.rp_cholesky(sample.core, sample.packed, w, generator.random(rank), sample.n_threads)


def stein_kernel_thin(
    x: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    size: int,
    kernel: Stein | None = None,
    standardize: bool = False,
    rank: int | None = None,
    delta: float = 0.5,
    swap_passes: int = 1,
    unique: bool = False,
    rng: Seed = None,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose few equally weighted points for the density whose scores are known, from a biased sample.

    The sample is debiased, as many points as it has are taken by their weights, those are halved by KT-SPLIT, and
    KT-SWAP improves the best leaf towards the density itself.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Sample, finite.
    scores : array_like, shape (n, d), optional
        :math:`\nabla \log p` at the points. By default the kernel computes them.
    size : int
        Points to choose.
    kernel : Stein, optional
        Stein kernel :math:`k_0`. By default that of the inverse multiquadric with the median distance of the sample as
        its length.
    standardize : bool, default False
        Divide each coordinate by its mean absolute deviation, and multiply its scores, before the kernel sees them.
    rank : int, optional
        As in :func:`debias`: low-rank Stein kernel thinning. By default Stein thinning debiases.
    delta : float, default 0.5
        As in :func:`kernel_thin`.
    swap_passes : int, default 1
        Rounds of swaps over all points of the sample.
    unique : bool, default False
        Choose no point twice.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices.
    n_threads : int, optional
        Threads to use.

    Returns
    -------
    ThinningResult
        The choice, with equal weights. Its `mmd()` is their kernel Stein discrepancy.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Kernel values leave the range of float64.

    Notes
    -----
    With :math:`n' = size \cdot 2^m \ge n` points to halve: n' n kernel values for debiasing without `rank`, n'² / 2 for
    the halvings, 3 n · size for each round of swaps; O(n' d) memory. Against :func:`stein_thin` alone, whose choices
    are greedy, its averages have the sub-Gaussian error of kernel thinning.

    References
    ----------
    .. [1] L. Li, R. Dwivedi, L. Mackey. Debiased distribution compression. ICML 2024. arXiv:2404.12290, Alg. 1 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import thinning
    >>> x = 2.0 * np.random.default_rng(0).normal(size=(400, 2))
    >>> result = thinning.stein_kernel_thin(x, -x, size=20, rng=0)
    >>> result.mmd() < 0.5 * thinning.stein_thin(x[::20], -x[::20], size=20, unique=True).mmd()
    True
    """
    sample = read_sample(x, scores, kernel, standardize=standardize, n_threads=n_threads)
    n = len(sample.points)
    count, tolerance = check_size(size, n, unique=unique), check_delta(delta)
    passes = check_integer(swap_passes, "swap_passes", minimum=0)
    generator = make_generator(rng)
    halvings = ((n - 1) // count).bit_length()
    inflated = count << halvings
    if rank is None:
        greedy, spent = select(sample, sample.diagonal() / 2.0, None, inflated, unique=False), n * inflated
        order = np.sort(greedy).astype(np.uintp)
    else:
        w, spent = debiased(sample, rank, generator)
        order = stratified(w, generator, inflated)
    baseline = order[standard_thinning(inflated, count)]
    chosen, variance, n_evaluations, _ = _core.kernel_thin(
        sample.core,
        sample.packed,
        None,
        None,
        order,
        split_multipliers(inflated, halvings, tolerance),
        split_uniforms(inflated, halvings, generator),
        baseline,
        True,
        unique,
        passes,
        sample.n_threads,
        None,
    )
    sigma = None if variance is None else math.sqrt(variance)
    return sample.result(chosen.astype(np.intp), None, spent + n_evaluations, sigma=sigma)


def swap(sample: Sample, rows: F64, indices: Indices, v: F64) -> tuple[Indices, F64]:
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
    swapped = swap(sample, rows, indices, v)
    spent += n * (indices.size + int(np.count_nonzero(swapped[0] != indices)))
    indices, v = swapped
    v = least_square_weights(rows[:, indices], v)
    order = np.argsort(indices)
    indices, v = indices[order], v[order]
    return sample.result(indices[v > 0.0], v[v > 0.0], spent)
