"""Slice sampling, which needs no gradient."""

from __future__ import annotations

import enum

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.sampling._ensemble import check_ensemble, first_steps
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._target import AnyTarget
from wassail.sampling._values import Values
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.results import SampleResult

_WIDENINGS = 0.5  # of all changes of an interval: its width is right


class Directions(enum.IntEnum):
    """
    Lines that :func:`slice_sample` moves along; all sample the same law.

    Attributes
    ----------
    COORDINATES
        Every coordinate in turn, d updates a step: for coordinates that depend little on each other.
    NORMALS
        A random direction, one update a step.
    DIFFERENCES
        Differences of two other chains, one update a step: knows scales and correlations of the density, and needs at
        least 2d chains, half of which move at once.
    """

    COORDINATES = 0
    NORMALS = 1
    DIFFERENCES = 2


def slice_algorithm(directions: Directions) -> Algorithm:
    """Return what :func:`slice_sample` runs."""
    return Algorithm("slice", ("slice", int(directions)), _WIDENINGS, kinetic=False, has_scores=False)


def slice_sample(
    target: AnyTarget | Values,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    directions: Directions = Directions.COORDINATES,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample along lines by slices: no gradient, no rejections, hardly any tuning.

    On the line :math:`x + t v` a level :math:`\log \pi(x) + \log u` is drawn; an interval of the given width around
    :math:`t = 0` steps out until both ends are below the level, and shrinks to points of it that are below until one is
    not.

    Parameters
    ----------
    target : callable, Target or C function
        The log-density: ``X -> logp`` for X of shape (n, d), n ≤ chains, or anything that :func:`mala` takes, whose
        gradient is not looked at (a C function need not write it). A function of one point works too, with a warning.
    x0 : array_like of shape (chains, d)
        Starting points; for ``Directions.DIFFERENCES`` at least 2d, not in a plane.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw; by default as many as draws, at least 200.
    step_size : float, optional
        Width of the first interval, for differences in units of them. A given one is never adapted; by default warm-up
        finds the one at which intervals widen as often as they shrink, in units of the spread of each coordinate.
    directions : Directions, default COORDINATES
        Lines to move along.
    thin : int, default 1
        Steps per draw; a step along coordinates updates each of them once.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while the chains run, such as
        ``ThinningStream(...).sink()``.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words.
    callback : callable, optional
        Called as ``callback(update, width, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics; its `thin` and `n_warmup` count updates, d of them a step along coordinates, and
        `n_gradients` evaluations. For differences the chains look at each other and are not independent.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        The density, callback or sink raised, or a C function gave up; ``error.result`` has the draws made before.
    MemoryLimitError
        The draws would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, the density was not a number somewhere, or `step_size` is far too wide.

    Notes
    -----
    About five evaluations an update. A batched callable gets all chains that are still searching at once. Intervals
    widen at most 64 times an update, and shrink by a third on average: widths that are far off stay exact and take a
    while, 1e300 instead of 1 more than a thousand evaluations. Where the log-density is −inf is outside of the support;
    +inf and NaN count as outside too, and as divergences.

    References
    ----------
    Neal, "Slice sampling", Ann. Statist. 31 (2003), doi:10.1214/aos/1056562461.
    Karamanis, Beutler, "Ensemble slice sampling", Stat. Comput. 31 (2021), arXiv:2002.06212.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> result = sampling.slice_sample(lambda x: -np.abs(x).sum(axis=1), np.zeros((8, 2)), n_samples=1000, rng=0)
    >>> bool(np.all(np.abs(result.draws.mean(axis=(0, 1))) < 5 * result.mcse()))
    True
    """
    if not isinstance(directions, Directions):
        raise InputError(f"directions must be a wassail.sampling.Directions, got {directions!r}")
    start = check_start(x0)
    d = start.shape[1]
    if directions is Directions.DIFFERENCES:
        check_ensemble(start, ": more chains, or other directions", least=4)
    updates = d if directions is Directions.COORDINATES else 1
    every, warmup = check_integer(thin, "thin", minimum=1), first_steps(n_warmup, n_samples)
    return run(
        slice_algorithm(directions),
        target,
        start,
        n_samples=n_samples,
        n_warmup=warmup * updates,
        step_size=step_size,
        precondition=step_size is None and directions is not Directions.DIFFERENCES,
        thin=every * updates,
        keep=keep,
        sink=sink,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )
