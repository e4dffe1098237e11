"""Kernel thinning: halvings that keep averages, then swaps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_threads, check_weights
from wassail.exceptions import InputError
from wassail.kernels import Kernel, check_points, core_kernel, kernel_points, takes_scores
from wassail.thinning._plan import (
    check_centered,
    check_delta,
    choose_sizes,
    split_multipliers,
    split_uniforms,
    stratified,
    too_few_weighted,
)
from wassail.thinning._progress import Report, thinning_reporter
from wassail.thinning.results import ThinningResult, standard_thinning

_UNTIL_CONVERGED = 2**31


def kernel_thin(
    x: ArrayLike,
    *,
    size: int | None = None,
    halvings: int | None = None,
    kernel: Kernel,
    split_kernel: Kernel | None = None,
    delta: float = 0.5,
    swap_passes: int | None = 1,
    weights: ArrayLike | None = None,
    scores: ArrayLike | None = None,
    centered: bool = False,
    unique: bool = True,
    rng: Seed = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose few points whose averages are those of many, by kernel thinning.

    .. math::

        \mathrm{MMD}_k(P_{in}, P_{out}) = \sup_{|f|_k \le 1}
        \Bigl|\tfrac1n \sum_{i} f(x_i) - \tfrac1s \sum_{j} f(x_{\pi(j)})\Bigr|

    KT-SPLIT halves the points m times into :math:`2^m` leaves, pair by pair: which of two points goes left is drawn
    such that the kernel sums of both halves stay together. KT-SWAP takes the best leaf, or standard thinning should it
    be better, and puts in the place of each of its points in turn the one that lowers the MMD most. √n points out of n
    have an MMD of :math:`O(\sqrt{\log n / n})` on compact domains, where √n independent ones have
    :math:`\Omega(n^{-1/4})`.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Points, finite. Their order matters: pairs are neighbors, as in the output of a Markov chain.
    size : int, optional
        Points to keep, at most n; √n rounded down by default. The leaves of the number of halvings that comes nearest
        are filled up or cut down greedily.
    halvings : int, optional
        m, instead of `size`: n // 2^m points are kept.
    kernel : Kernel
        k, of which the MMD is taken.
    split_kernel : Kernel, optional
        Kernel of the halvings, by default `kernel` (target KT). A square root of it gives root KT, a fractional power
        power KT, the sum of `kernel` and a power of it, each divided by its largest value, KT+.
    delta : float, default 0.5
        Probability in (0, 1) that the sub-Gaussian bound may fail with. Level l of the halvings has
        :math:`\delta 2^l / m` of it and uses :math:`2 \log(2 n_l / \delta_l)`, :math:`n_l = n / 2^l`, the schedule of
        ``split_K`` of goodpoints.
    swap_passes : int or None, default 1
        Rounds of swaps over all points; 0 for none, None until nothing changes. More lower the MMD to the input
        further.
    weights : array_like, shape (n,), optional
        Weights of the points, at least 0; equal by default. As many points as have weight are drawn by stratified
        resampling and halved; the swaps aim at the weighted points themselves. Points without weight are never chosen.
    scores : array_like, shape (n, d), optional
        For Stein kernels without a score function: ∇ log p at the points.
    centered : bool, default False
        Whether the mean of `kernel` under the distribution that is aimed at is zero, as that of a Stein kernel is: the
        output then stands for that distribution, and no longer for the input. Refused for radial kernels, whose mean
        is zero under no distribution.
    unique : bool, default True
        Whether a point may be chosen once only.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices: ``uniform(size=(m, n // 2))``, level by level and node by node, after the draws
        of resampling. With the same seed the leaves are those of ``goodpoints.kt.split_K`` index for index.
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(done, n)`` about ten times a second.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    ThinningResult
        The chosen points, equally weighted.

    Raises
    ------
    InputError
        An argument is unusable; more points are wanted than there are.
    DeviceError
        An array lives on an accelerator.

    Notes
    -----
    n(n − 1)/2 kernel values for all halvings and the mean kernel together (0.1 % more beyond ten halvings), twice as
    many with a `split_kernel` or weights; then at most n · size to choose the leaf and 3 n · size for each round of
    swaps; O(n d + 4^m) memory, at most 4^10, never a matrix of n × n. `n_evaluations` counts them all.

    With float32 points values are computed in float32, about twice as fast, as are those of a `split_kernel` always.
    Their error is bounded: decisions that it could turn are taken again in float64 (`n_recomputed`), so that the leaves
    are those of float64. Which leaf is best and the swaps of float32 points go by the rounded mean kernel: of 30 sets
    of 4096 points, all leaves and 25 of the final choices were those of float64, the others within 3 % of their MMD.

    Points left over, n mod 2^m of them at the end, are not split, but they are part of what the swaps aim at and can be
    chosen by them.

    ``goodpoints.kt.thin`` runs another routine by default (``split_X``), which up to version 0.6.3 keeps for the right
    half of each split the kernel sums over the left half, so that from the second halving on half of the leaves are
    balanced against the wrong points. That fault is not followed here.

    Use it up to some 10^5 points. Compress++ is about as exact in almost linear time. `swap_passes=None`, or
    several passes of :func:`kernel_herding`, come nearer still to the input, at a multiple of the time of the swaps.

    References
    ----------
    R. Dwivedi, L. Mackey, "Kernel thinning", JMLR 25 (2024), arXiv:2105.05842. R. Dwivedi, L. Mackey, "Generalized
    kernel thinning", ICLR 2022, arXiv:2110.01593. A. Shetty, R. Dwivedi, L. Mackey, "Distribution compression in
    near-linear time", ICLR 2022, arXiv:2111.07941.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import kernels, thinning
    >>> x = np.random.default_rng(0).normal(size=(1024, 2))
    >>> result = thinning.kernel_thin(x, size=32, kernel=kernels.Gaussian(2.0), rng=0)
    >>> result
    ThinningResult(32 of 1024 points, d=2, kernel=Gaussian(lengthscale=2.0))
    >>> result.gain < 0.0  # nearer to the input than every 32nd point is
    True
    >>> result.mmd() < 0.02
    True
    """
    points = check_points(x, "x")
    threads = check_threads(n_threads)
    delta = check_delta(delta)
    rounds = _UNTIL_CONVERGED if swap_passes is None else check_integer(swap_passes, "swap_passes", minimum=0)
    core = core_kernel(kernel)
    check_centered(centered, kernel)
    split_core = None if split_kernel is None else core_kernel(split_kernel)
    split_scores = scores if split_kernel is not None and takes_scores(split_kernel) else None
    packed = kernel_points(
        kernel, points, "x", None if split_scores is not None and not takes_scores(kernel) else scores
    )
    split = None
    if split_kernel is not None and split_core is not None and split_kernel != kernel:
        split = (split_core, kernel_points(split_kernel, points, "x", split_scores))
    given = None if weights is None else check_weights(weights, "weights", len(points))
    given = None if given is None else given / given.sum()
    shares, kept, used = given, None, packed
    if given is not None and not given.all():
        kept = np.flatnonzero(given)
        shares, used = given[kept], packed[kept]
        split = None if split is None else (split[0], split[1][kept])
    n = len(used)
    if size is not None and kept is not None and check_integer(size, "size", minimum=1) > n:
        raise InputError(too_few_weighted(size, n))
    sizes = choose_sizes(n, math.isqrt(n) if size is None and halvings is None else size, halvings)
    generator = make_generator(rng)
    order = np.arange(n, dtype=np.uintp) if shares is None else stratified(shares, generator)
    with thinning_reporter(progress, n) as report:
        chosen, variance, n_evaluations, n_recomputed = _core.kernel_thin(
            core,
            used,
            split,
            shares,
            order,
            split_multipliers(n, sizes.halvings, delta),
            split_uniforms(n, sizes.halvings, generator),
            standard_thinning(n, sizes.size, shares).astype(np.uintp),
            centered,
            unique,
            rounds,
            threads,
            report,
        )
    indices = chosen.astype(np.intp) if kept is None else kept[chosen]
    return ThinningResult(
        indices=indices,
        points=points[indices],
        weights=None,
        kernel=kernel,
        centered=centered,
        x=points,
        input_weights=given,
        sigma=None if variance is None else math.sqrt(variance),
        n_evaluations=n_evaluations,
        n_recomputed=n_recomputed,
        n_threads=threads,
        packed=None if packed is points else packed,
    )
