"""Weights that turn a biased sample towards its target."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._memory import require_matrix
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer
from wassail.kernels import Stein
from wassail.thinning._simplex import LowRank, descend
from wassail.thinning._stein import F64, Indices, Sample, read_sample
from wassail.thinning.stein import select

_ROUNDS = 3  # of low-rank debiasing: each but the first starts from where the last put its weight
_STEPS = 7  # times √n of mirror descent a round


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
