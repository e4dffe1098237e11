"""Stein kernel thinning: debiasing, then kernel thinning."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer
from wassail.kernels import Stein
from wassail.thinning._greedy import check_size
from wassail.thinning._plan import check_delta, split_multipliers, split_uniforms, stratified
from wassail.thinning._stein import read_sample
from wassail.thinning.debias import debiased
from wassail.thinning.results import ThinningResult, standard_thinning
from wassail.thinning.stein import select


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
    chosen, variance, n_evaluations, n_recomputed = _core.kernel_thin(
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
    sigma = None if variance is None else math.sqrt(max(variance, 0.0))
    spent += n_evaluations
    indices = chosen.astype(np.intp)
    if indices.size < count:
        # The debiased sample repeats points, so a choice without repeats runs out of it: greedy choices fill it up.
        further = select(sample, sample.diagonal() / 2.0, None, count, unique=True)
        spent += n * count
        indices = np.concatenate([indices, further[~np.isin(further, indices)][: count - indices.size]])
    return sample.result(indices, None, spent, sigma=sigma, n_recomputed=n_recomputed)
