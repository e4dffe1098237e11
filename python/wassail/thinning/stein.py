"""Stein thinning: the best points of a sample for the density whose scores are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._validate import check_real
from wassail.exceptions import InputError
from wassail.kernels import Stein
from wassail.thinning._greedy import check_size, unfinished
from wassail.thinning._progress import Report, thinning_reporter
from wassail.thinning._stein import F64, Indices, Sample, read_sample, vector
from wassail.thinning.results import ThinningResult


def stein_thin(
    x: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    size: int,
    kernel: Stein | None = None,
    standardize: bool = False,
    unique: bool = False,
    log_density: ArrayLike | None = None,
    curvature: ArrayLike | None = None,
    regularization: float | None = None,
    progress: bool | Report = False,
    n_threads: int | None = None,
) -> ThinningResult:
    r"""
    Choose points greedily by their kernel Stein discrepancy to a density p that is known up to its constant.

    .. math:: x_t = \arg\min_{x \in \{x_i\}} \tfrac12 k_0(x, x) + \sum_{s < t} k_0(x_s, x)

    The sample may be biased, such as a Markov chain with its burn-in, or one of another density.

    Parameters
    ----------
    x : array_like, shape (n, d) or (n,)
        Sample, finite; float32 is read as it is and computed in float64.
    scores : array_like, shape (n, d), optional
        :math:`\nabla \log p` at the points. By default the kernel computes them.
    size : int
        m, the number of points to choose.
    kernel : Stein, optional
        Stein kernel :math:`k_0`. By default that of the inverse multiquadric with the median distance of the sample as
        its length.
    standardize : bool, default False
        Divide each coordinate by its mean absolute deviation, and multiply its scores, before the kernel sees them.
    unique : bool, default False
        Choose no point twice. By default that is allowed, as in the paper: a point that is chosen twice counts twice.
    log_density : array_like, shape (n,), optional
        :math:`\log p` at the points up to a constant, for the regularized form [2]_, which minimizes
        :math:`k_0(x, x) + \Delta^+ \log p(x) - \lambda t \log p(x) + 2 \sum_{s < t} k_0(x_s, x)`. It keeps away from
        stationary points of low density and notices wrong proportions of modes.
    curvature : array_like, shape (n,), optional
        :math:`\Delta^+ \log p`, the sum of the positive parts of the second derivatives
        :math:`\partial^2 \log p / \partial x_k^2`, none negative; 0 by default.
    regularization : float, optional
        :math:`\lambda \ge 0`; 1 / m by default. Needs `log_density`.
    progress : bool or callable, default False
        True draws a bar; a function is called as ``progress(done, size)`` about ten times a second.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Returns
    -------
    ThinningResult
        Chosen points in the order of choice, with equal weights. Its `mmd()` is their kernel Stein discrepancy.

    Raises
    ------
    InputError
        An argument is unusable.
    NumericalError
        Kernel values leave the range of float64.

    Notes
    -----
    O(m n d) time, O(n d) memory: each choice takes one row of n kernel values. Ties go to the first point.

    Use it on the output of a sampler whose bias matters. At O(n²) cost :func:`stein_kernel_thin` often comes nearer to
    the target with as many points, and :func:`stein_recombine` nearer still, with weights. For an unbiased sample, or
    without scores, use :func:`kernel_thin`.

    References
    ----------
    .. [1] M. Riabiz et al. Optimal thinning of MCMC output. JRSS B 84 (2022). arXiv:2005.03952.
    .. [2] C. Bénard, B. Staber, S. Da Veiga. Kernel Stein discrepancy thinning: a theoretical perspective of
       pathologies and a practical fix with regularization. NeurIPS 2023. arXiv:2301.13528.

    Examples
    --------
    Half of this sample of a standard normal has not arrived yet:

    >>> import numpy as np
    >>> from wassail import thinning
    >>> x = np.random.default_rng(0).normal(size=(400, 2)) + np.where(np.arange(400) < 200, 3.0, 0.0)[:, None]
    >>> result = thinning.stein_thin(x, -x, size=40)
    >>> bool(np.abs(result.points.mean(axis=0)).max() < 0.1)
    True
    """
    sample = read_sample(x, scores, kernel, standardize=standardize, n_threads=n_threads)
    n = len(sample.points)
    count = check_size(size, n, unique=unique)
    constant, slope = sample.diagonal() / 2.0, None
    if curvature is not None:
        positive = vector(curvature, "curvature", n)
        if positive.min() < 0.0:
            where = int(np.argmin(positive))
            raise InputError(f"curvature[{where}] is {positive[where]}: it is a sum of positive parts")
        constant += positive / 2.0
    if log_density is not None:
        strength = 1.0 / count if regularization is None else check_real(regularization, "regularization")
        if not 0.0 <= strength < math.inf:
            raise InputError(f"regularization must be finite and at least 0, got {regularization!r}")
        slope = vector(log_density, "log_density", n) * (-strength / 2.0)
    elif regularization is not None:
        raise InputError("regularization needs log_density")
    with thinning_reporter(progress, count, "Stein thinning", "choices") as report:
        chosen = select(sample, constant, slope, count, unique=unique, report=report)
    return sample.result(chosen, None, count * n)


def select(
    sample: Sample,
    constant: F64,
    slope: F64 | None,
    size: int,
    *,
    unique: bool,
    report: Callable[[int, float, float], object] | None = None,
) -> Indices:
    """Return the greedy choice."""
    passes = (size, bool(unique), np.zeros(1), np.zeros(0))
    found = _core.greedy_select(sample.core, sample.packed, constant, slope, passes, sample.n_threads, report)
    if found is None:
        raise unfinished()
    return found[0]
