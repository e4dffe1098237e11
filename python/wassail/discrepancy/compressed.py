"""Two-sample tests of many points: compress, then test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_real, check_threads
from wassail.discrepancy._samples import F64, check_sums, read_pair
from wassail.discrepancy.results import p_value_error
from wassail.exceptions import InputError
from wassail.kernels import Kernel, check_points, core_kernel, kernel_points

# points, rng -> indices of some of them, or a result that has them
Compress: TypeAlias = Callable[[NDArray[Any], np.random.Generator], Any]


@dataclass(frozen=True, eq=False, repr=False)
class CompressedTest:
    r"""
    Result of a compress-then-test.

    Attributes
    ----------
    reject : bool
        Whether the hypothesis is rejected at level `alpha`; where the statistic equals simulated ones, at random, so
        that the level is exactly `alpha`.
    alpha : float
        Level of the test.
    p_value : float
        :math:`(1 + \#\{b : T_b \ge T\}) / (B + 1)`, which needs no chance: valid, and at least as large as the level at
        which `reject` holds.
    standard_error : float
        Monte Carlo standard error of `p_value`.
    statistic : float
        MMD² of the compressed samples (V-statistic).
    null : ndarray, shape (B,)
        The statistics of permuted bins.
    n_bins : tuple of int
        Bins of x and of y.
    bin_size, coreset_size : int
        Points of a bin, and what they were compressed to. Points beyond ``n_bins * bin_size`` were not used.
    """

    reject: bool
    alpha: float
    p_value: float
    standard_error: float
    statistic: float
    null: F64
    n_bins: tuple[int, int]
    bin_size: int
    coreset_size: int

    def __repr__(self) -> str:
        return (
            f"CompressedTest(reject={self.reject} at alpha={self.alpha:g}, p_value={self.p_value:.4g} ± "
            f"{self.standard_error:.1g}, bins={self.n_bins}, {self.bin_size} points to {self.coreset_size} each)"
        )


def compress_then_test(
    x: ArrayLike,
    y: ArrayLike,
    kernel: Kernel,
    *,
    compress: Compress,
    n_bins: int = 32,
    alpha: float = 0.05,
    n_permutations: int = 39,
    rng: Seed = None,
    n_threads: int | None = None,
) -> CompressedTest:
    r"""
    Test whether two samples come from one distribution, from compressed bins of their points.

    Both samples are cut into bins of one size, each bin is replaced by a coreset, and MMD² of the coresets is compared
    with that of the bins in other orders. Under the hypothesis the coresets of all bins are exchangeable, whatever the
    compression does: the level is exactly α.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        First sample.
    y : array_like of shape (m, d) or (m,)
        Second sample.
    kernel : Kernel
        Of `wassail.kernels`.
    compress : callable
        ``compress(points, rng)`` returns the indices of the points of a bin that stand for it, equally many for each
        bin, or a result with such `indices`, as all functions of `wassail.thinning` do. It must not depend on which
        sample the bin is of.
    n_bins : int, default 32
        Bins of both samples together, shared in proportion to their sizes; at least one each.
    alpha : float, default 0.05
        Level, in (0, 1).
    n_permutations : int, default 39
        Number of simulations.
    rng : int, SeedSequence or Generator, optional
        Source of the permutations, of ties, and of what `compress` draws.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    CompressedTest
        Decision, p-value with its Monte Carlo error, sizes.

    Raises
    ------
    InputError
        An argument is unusable, or coresets differ in size.
    NumericalError
        Sums overflow.

    Notes
    -----
    What the compression takes, and (n_bins · coreset_size)² / 2 evaluations. Coresets of √n points lose next to
    nothing of the power of :func:`mmd_test`.

    References
    ----------
    C. Domingo-Enrich, R. Dwivedi, L. Mackey, "Compress then test: powerful kernel testing in near-linear time", AISTATS
    2023, arXiv:2301.05974, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy, kernels, thinning
    >>> x = np.random.default_rng(0).normal(size=(2, 4096))
    >>> kernel = kernels.Gaussian(1.0)
    >>> def compress(points, rng):
    ...     return thinning.compress_plus_plus(points, kernel=kernel, oversampling=0, rng=rng)
    >>> discrepancy.compress_then_test(x[0], x[1] + 0.2, kernel, compress=compress, rng=0)
    CompressedTest(reject=True at alpha=0.05, p_value=0.025 ± 0.02, bins=(16, 16), 256 points to 16 each)
    """
    read_pair(x, y, kernel)
    left, right = check_points(x, "x"), check_points(y, "y")
    bins = check_integer(n_bins, "n_bins", minimum=2)
    level = check_real(alpha, "alpha")
    if not 0.0 < level < 1.0:
        raise InputError(f"alpha must be in (0, 1), got {alpha!r}")
    count = check_integer(n_permutations, "n_permutations", minimum=1)
    if not callable(compress):
        raise InputError(f"compress must be callable as compress(points, rng), got {compress!r}")
    generator = make_generator(rng)
    n, m = left.shape[0], right.shape[0]
    first = min(max(1, round(bins * n / (n + m))), bins - 1)
    size = min(n // first, m // (bins - first))
    if size < 1:
        raise InputError(f"n_bins is {bins}: more than the points")
    parts = [left[k * size : (k + 1) * size] for k in range(first)]
    parts += [right[k * size : (k + 1) * size] for k in range(bins - first)]
    coresets = [_compressed(part, compress, generator) for part in parts]
    if len({coreset.shape[0] for coreset in coresets}) > 1:
        raise InputError("compress returned coresets of different sizes: bins of one size need one size of coresets")
    means = _bin_means(core_kernel(kernel), kernel, coresets, check_threads(n_threads))
    labels = np.where(np.arange(bins) < first, 1.0 / first, -1.0 / (bins - first))
    orders = np.stack([labels, *(generator.permutation(labels) for _ in range(count))])
    statistics = ((orders[:, :, None] * means).sum(axis=1) * orders).sum(axis=1)
    rounding = 64.0 * float(np.finfo(left.dtype).eps) * float(np.abs(means).max())
    observed, null = float(statistics[0]), statistics[1:].copy()
    above = int((null > observed + rounding).sum())
    ties = int((np.abs(null - observed) <= rounding).sum())
    p_value = (1 + above + ties) / (count + 1)
    # The rank of the data among its ties is drawn: uniform on 0..ties, and once more within the rank for the exact
    # level.
    exact = (above + generator.random() * (1 + ties)) / (count + 1)
    return CompressedTest(
        exact <= level,
        level,
        p_value,
        p_value_error(p_value, count),
        observed,
        null,
        (first, bins - first),
        size,
        coresets[0].shape[0],
    )


def _compressed(points: NDArray[Any], compress: Compress, rng: np.random.Generator) -> NDArray[Any]:
    """Return the chosen points of a bin."""
    given = points.view()
    given.setflags(write=False)
    answer: object = compress(given, rng)
    indices = np.asarray(getattr(answer, "indices", answer))
    if indices.ndim != 1 or indices.size == 0 or indices.dtype.kind not in "iu":
        kind = f"{indices.dtype} of shape {indices.shape}" if isinstance(answer, np.ndarray) else repr(answer)
        raise InputError(f"compress must return a vector of indices, or a result that has `indices`, got {kind}")
    wrong = (indices < 0) | (indices >= points.shape[0])
    if wrong.any():
        raise InputError(f"compress returned index {indices[wrong.argmax()]} of a bin of {points.shape[0]} points")
    chosen: NDArray[Any] = points[indices]
    return chosen


def _bin_means(core: _core.Kernel, kernel: Kernel, coresets: list[NDArray[Any]], n_threads: int) -> F64:
    """Return the mean kernel value between each two coresets."""
    points = np.concatenate(coresets)
    size, count = coresets[0].shape[0], len(coresets)
    weights = np.repeat(np.eye(count), size, axis=1) / size
    packed = kernel_points(kernel, points, "x")
    sums = _core.kernel_symmetric_sums(core, packed, weights, n_threads)
    sums += weights * _core.kernel_diagonal(core, packed)
    means: F64 = sums.reshape(count, count, size).mean(axis=2)
    check_sums(means)
    return (means + means.T) / 2.0
