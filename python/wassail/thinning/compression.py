"""Compress and Compress++: halvings of quarters of quarters, in almost linear time."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_threads, check_weights
from wassail.exceptions import InputError
from wassail.kernels import Kernel, check_points, core_kernel, kernel_points
from wassail.thinning._halving import F64, Halver, Indices, Points, Tree, middle
from wassail.thinning._plan import check_centered, check_delta, check_oversampling, stratified, too_few_weighted
from wassail.thinning._progress import Report, thinning_reporter
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.results import ThinningResult

if TYPE_CHECKING:
    from collections.abc import Callable

_BINS = 4


def compress(
    x: ArrayLike,
    *,
    kernel: Kernel,
    oversampling: int = 4,
    bins: int = 1,
    delta: float = 0.5,
    swap_passes: int = 1,
    scores: ArrayLike | None = None,
    rng: Seed = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose about :math:`2^g \sqrt n` points whose averages are those of all n, in almost linear time.

    .. math::

        C(S) = \mathrm{halve}\bigl(C(S_1) \cup C(S_2) \cup C(S_3) \cup C(S_4)\bigr)

    with the consecutive quarters :math:`S_i` of S, down to blocks of about :math:`4^{g+1}` points that are halved as
    they are. A halving is kernel halving (KT-SPLIT with one round) or every second point, whichever is better,
    refined by KT-SWAP, and then with a coin its result or the complement, so that its error has mean zero.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite, of any number. Blocks are made of neighbors.
    kernel : Kernel
        k, of which the MMD is taken.
    oversampling : int, default 4
        g: 0 is fastest, 4 is about as good as kernel thinning of all points at once.
    bins : int, default 1
        Parts of consecutive points that are compressed each for itself; :math:`2^g \sqrt{n \cdot bins}` points are
        left.
    delta : float, default 0.5
        Probability in (0, 1) that the sub-Gaussian bound may fail with.
    swap_passes : int, default 1
        Rounds of KT-SWAP in each halving, 0 for none.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices: ``random(count)``, halvings one after the other as they would be made in turn.
        With the same seed the choice is that of ``goodpoints.compress.compress_kt`` index for index, until an exact
        tie, which only g < 2 meets in practice: all first points of pairs against all second ones are equally good.
        There it follows its rounding, and here the second ones win.
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(done, n)``.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    ThinningResult
        n // 2^h points, equally weighted and without repeats, :math:`h = \lfloor \log_4(n / bins) \rfloor - g`; all
        of them where h is not positive.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    :math:`O(4^g n \log n)` kernel values, O(n) memory beside the points.

    Any n will do: quarters differ by a few points. Should n be no multiple of 2^h, n mod 2^h points, less than one
    point of the output stands for, take no part; they are drawn at random, one in each of as many stretches of equal
    length.

    References
    ----------
    A. Shetty, R. Dwivedi, L. Mackey, "Distribution compression in near-linear time", ICLR 2022, arXiv:2111.07941.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import kernels, thinning
    >>> x = np.random.default_rng(0).normal(size=(5000, 2))
    >>> thinning.compress(x, kernel=kernels.Gaussian(2.0), oversampling=1, rng=0)
    ThinningResult(156 of 5000 points, d=2, kernel=Gaussian(lengthscale=2.0))
    """
    points, packed, halver = _prepare(x, kernel, scores, swap_passes, n_threads)
    n, bins = len(points), check_integer(bins, "bins", minimum=1)
    if bins > n:
        raise InputError(f"bins is {bins}, there are only {n} points")
    halvings = max(0, ((n // bins).bit_length() - 1) // 2 - check_oversampling(oversampling))
    delta = check_delta(delta)
    with thinning_reporter(progress, n) as report:
        order = np.arange(n)
        indices, spent = _compress(halver, packed, order, halvings, bins, delta, make_generator(rng), report)
    return _result(points, indices, kernel, halver, packed, spent)


def compress_plus_plus(
    x: ArrayLike,
    *,
    kernel: Kernel,
    size: int | None = None,
    oversampling: int = 4,
    delta: float = 0.5,
    swap_passes: int = 1,
    weights: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    centered: bool = False,
    unique: bool = True,
    rng: Seed = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose few points whose averages are those of many, in almost linear time: kernel thinning of what Compress leaves.

    Compress takes n points to :math:`2^{g+1} \sqrt n`, kernel thinning those to :math:`\sqrt n`. The error is at most
    four times that of kernel thinning all points, in theory, for :math:`g \ge \log_2 \log(n + 1) + 3.1`; in practice
    g = 4 is within some percent of it.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite, of any number. Blocks are made of neighbors.
    kernel : Kernel
        k, of which the MMD is taken.
    size : int, optional
        Points to keep, at most n; √n rounded down by default.
    oversampling : int, default 4
        g: 0 is fastest, 4 is about as good as kernel thinning of all points at once.
    delta : float, default 0.5
        Probability in (0, 1) that the sub-Gaussian bound may fail with, divided between Compress and thinning.
    swap_passes : int, default 1
        Rounds of KT-SWAP in each halving and in the end, 0 for none.
    weights : array_like, shape (n,), optional
        Weights of the points, at least 0; equal by default. As many points as there are are drawn by stratified
        resampling, heavy points more than once; with `unique` they become one weighted point before the last thinning.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points.
    centered : bool, default False
        Whether the mean of `kernel` under the distribution that is aimed at is zero, as that of a Stein kernel is:
        the last thinning then aims at it. Halvings keep to the input.
    unique : bool, default True
        Whether a point may be chosen once only.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices. With the same seed the choice for n a power of 4 is that of
        ``goodpoints.compress.compresspp_kt`` (which has ``unique=False``) index for index, until an exact tie (see
        :func:`compress`).
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(done, n)``.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    ThinningResult
        `size` points, equally weighted.

    Raises
    ------
    InputError
        An argument is unusable; more points are wanted than there are.

    Notes
    -----
    About :math:`4^{g+1} n (\log_4 n - g)` kernel values, O(n) memory beside the points. See `compress` for n that are
    no powers of 4.

    Use it from some ten thousand points on; `kernel_thin` is as fast below, and more exact.

    References
    ----------
    A. Shetty, R. Dwivedi, L. Mackey, "Distribution compression in near-linear time", ICLR 2022, arXiv:2111.07941.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import kernels, thinning
    >>> x = np.random.default_rng(0).normal(size=(10_000, 2))
    >>> result = thinning.compress_plus_plus(x, kernel=kernels.Gaussian(2.0), oversampling=2, rng=0)
    >>> result
    ThinningResult(100 of 10000 points, d=2, kernel=Gaussian(lengthscale=2.0))
    >>> result.gain < 0.0  # nearer to the input than every 100th point is
    True
    """
    points, packed, halver = _prepare(x, kernel, scores, swap_passes, n_threads)
    check_centered(centered, kernel)
    n, g, delta = len(points), check_oversampling(oversampling), check_delta(delta)
    size = isqrt(n) if size is None else check_integer(size, "size", minimum=1)
    if size > n:
        raise InputError(f"size is {size}, there are only {n} points")
    rounds = g + 1
    deepest = ((n // _BINS).bit_length() - 1) // 2 - g
    halvings = min(deepest, (n // (size << rounds)).bit_length() - 1)
    if halvings <= 0:
        return kernel_thin(
            points,
            size=size,
            kernel=kernel,
            delta=delta,
            swap_passes=swap_passes,
            weights=weights,
            scores=scores,
            centered=centered,
            unique=unique,
            rng=rng,
            progress=progress,
            n_threads=n_threads,
        )
    shares = None if weights is None else check_weights(weights, "weights", n)
    shares = None if shares is None else shares / shares.sum()
    first, last, resample = _seeds(rng)
    order = np.arange(n) if shares is None else stratified(shares, resample).astype(np.intp)
    share = rounds / (rounds + 2**rounds * halvings)
    with thinning_reporter(progress, n) as report:
        generator = np.random.default_rng(first)
        left, spent = _compress(halver, packed, order, halvings, _BINS, delta * (1.0 - share), generator, report)
    multiplicity = None
    if unique and shares is not None:
        left, multiplicity = _distinct(left, shares, size)
    final = kernel_thin(
        points[left],
        size=size,
        weights=multiplicity,
        kernel=kernel,
        delta=delta * share,
        swap_passes=swap_passes,
        scores=None if scores is None else np.asarray(scores)[left],
        centered=centered,
        unique=unique,
        rng=last,
        n_threads=n_threads,
    )
    spent += final.n_evaluations
    return _result(points, left[final.indices], kernel, halver, packed, spent, shares, centered=centered)


def _distinct(left: Indices, shares: F64, size: int) -> tuple[Indices, F64]:
    """Return each drawn point once, and how often it was drawn; the heaviest others too where these are too few."""
    distinct, counts = np.unique(left, return_counts=True)
    weights = counts.astype(np.float64)
    if len(distinct) < size:
        rest = np.delete(np.arange(shares.size), distinct)
        rest = rest[shares[rest] > 0.0]
        heaviest = rest[np.argsort(-shares[rest], kind="stable")[: size - len(distinct)]]
        if len(distinct) + len(heaviest) < size:
            raise InputError(too_few_weighted(size, len(distinct) + len(heaviest)))
        distinct = np.concatenate((distinct, heaviest))
        weights = np.concatenate((weights, np.full(len(heaviest), 1.0)))
    return distinct, weights


def _prepare(
    x: ArrayLike, kernel: Kernel, scores: ArrayLike | None, swap_passes: int, n_threads: int | None
) -> tuple[Points, Points, Halver]:
    """Return the checked points, the same as the core reads them, and what halves them."""
    points = check_points(x, "x")
    core = core_kernel(kernel)
    packed = kernel_points(kernel, points, "x", scores)
    passes = check_integer(swap_passes, "swap_passes", minimum=0)
    return points, packed, Halver(core, middle(packed), passes, check_threads(n_threads))


def _compress(
    halver: Halver,
    x: Points,
    order: Indices,
    halvings: int,
    bins: int,
    delta: float,
    rng: np.random.Generator,
    report: Callable[[int, float, float], object] | None,
) -> tuple[Indices, int]:
    """Return what is left of the points in `order` and the number of kernel values formed."""
    tree = Tree.grow(len(order), halvings, bins)
    uniforms = rng.random(tree.n_draws)
    out = len(order) - tree.n
    if out:
        # One at random in each of as many stretches.
        order = np.delete(order, ((np.arange(out) + rng.random(out)) * (len(order) / out)).astype(np.intp))
    return tree.run(halver, x, order, uniforms, delta, report)


def _seeds(rng: Seed) -> tuple[int, int, np.random.Generator]:
    """Return the seeds of both stages, as goodpoints derives them from an integer, and a third generator."""
    if isinstance(rng, np.random.Generator):
        sequence = np.random.SeedSequence(rng.integers(2**63, size=4).tolist())
    elif isinstance(rng, np.random.SeedSequence):
        # Children of a copy: the caller's own does not count them.
        sequence = np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size)
    else:
        make_generator(rng)
        sequence = np.random.SeedSequence(None if rng is None else int(rng))
    first, last, third = sequence.spawn(3)
    return int(first.generate_state(1)[0]), int(last.generate_state(1)[0]), np.random.default_rng(third)


def _result(
    points: Points,
    indices: Indices,
    kernel: Kernel,
    halver: Halver,
    packed: Points,
    spent: int,
    shares: F64 | None = None,
    *,
    centered: bool = False,
) -> ThinningResult:
    return ThinningResult(
        indices=indices,
        points=points[indices],
        weights=None,
        kernel=kernel,
        centered=centered,
        x=points,
        input_weights=shares,
        sigma=None,
        n_evaluations=spent,
        n_recomputed=0,
        n_threads=halver.n_threads,
        packed=None if packed is points else packed,
    )
