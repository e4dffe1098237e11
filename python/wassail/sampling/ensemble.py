"""Samplers for densities without gradients: the stretch move of an ensemble, and slice sampling."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._rng import Seed
from wassail._validate import check_integer, check_real
from wassail.exceptions import InputError
from wassail.sampling._prepared import Prepared
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._target import AnyTarget, as_core
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.pointers import resolve
from wassail.sampling.results import SampleResult
from wassail.sampling.targets import Target

Values: TypeAlias = Callable[[NDArray[np.float64]], Any]

_WIDENINGS = 0.5  # of all changes of an interval: its width is right
_LEAST_WARMUP = 200
_HELP = "target(X) must return logp of shape (chains,), or (logp, grad), for X of shape (chains, d)"


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


def _values_only(target: AnyTarget | Values, dim: int) -> Prepared:
    """Return a density whose gradient is never looked at."""
    if isinstance(target, Target | tuple) or not callable(target) or resolve(target) is not None:
        return Prepared(as_core(target, dim))
    return Prepared(_core.Target.from_callable(_values(target), dim))


def _values(function: Values) -> Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Check what a batched callable gives, and add the gradient that nobody reads."""

    def checked(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        answer = function(points)
        if isinstance(answer, tuple) and answer:
            answer = answer[0]
        if np.iscomplexobj(answer):
            raise InputError(f"target returned complex numbers: {_HELP}")
        try:
            logp = np.ascontiguousarray(answer, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"target returned no real numbers ({error}): {_HELP}") from error
        if logp.shape != points.shape[:1]:
            raise InputError(f"target returned shape {logp.shape} for {points.shape}: {_HELP}")
        return logp, np.zeros_like(points)

    return checked


def _check_ensemble(start: NDArray[np.float64], least: int, remedy: str) -> None:
    """Refuse ensembles that never leave a subspace."""
    chains, d = start.shape
    if chains < least:
        raise InputError(f"x0 has {chains} chains, at least {least} are needed in {d} dimensions{remedy}")
    spread = start - start.mean(axis=0)
    spread /= np.maximum(np.abs(spread).max(axis=0), np.finfo(float).tiny)
    if np.linalg.matrix_rank(spread) < d:
        raise InputError("x0 lies in a plane that the chains, moving along their differences, would never leave")


def stretch_move(
    target: AnyTarget | Values,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    stretch: float = 2.0,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample an ensemble by stretch moves: no gradient, no tuning, the same on every affine image of a density.

    Every chain moves on the line through a random chain of the other half,

    .. math::

        y = x_j + z (x_i - x_j), \qquad z \sim 1/\sqrt{z} \text{ on } [1/a, a],

    accepted with probability :math:`\min(1, z^{d-1} \pi(y) / \pi(x_i))`.

    Parameters
    ----------
    target : callable, Target or C function
        The log-density: ``X -> logp`` for X of shape (chains / 2, d), or anything that :func:`mala` takes, whose
        gradient is not looked at (a C function need not write it).
    x0 : array_like of shape (chains, d)
        Starting points, at least 2d and not in a plane.
    n_samples : int
        Draws of each chain.
    n_warmup : int, optional
        Steps before the first draw; by default as many as draws, at least 200.
    stretch : float, default 2
        a > 1, the longest stretch. Never adapted.
    thin : int, default 1
        Steps per draw; one step proposes for every chain once.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while the chains run, such as
        ``ThinningStream(...).sink()``.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words.
    callback : callable, optional
        Called as ``callback(step, stretch, acceptance)`` now and then; a true value stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics. The chains look at each other and are not independent: errors from single chains are
        optimistic while they have not forgotten x0.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        The density raised or gave up; ``error.result`` holds the draws made before.
    MemoryLimitError
        The draws would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, or steps diverged.

    Notes
    -----
    One evaluation a step and chain, half the ensemble at once. Good to about ten dimensions; beyond them chains forget
    their start over a number of steps that grows faster than d, and :func:`slice_sample` or a gradient serves better.

    References
    ----------
    Goodman, Weare, "Ensemble samplers with affine invariance", CAMCoS 5 (2010), doi:10.2140/camcos.2010.5.65.
    Foreman-Mackey, Hogg, Lang, Goodman, "emcee: the MCMC hammer", PASP 125 (2013), arXiv:1202.3665.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> x0 = np.random.default_rng(0).normal(size=(20, 2))
    >>> bump = lambda x: -((x - [1.0, 2.0]) ** 2).sum(axis=1)
    >>> result = sampling.stretch_move(bump, x0, n_samples=500, thin=20, rng=0)
    >>> bool(np.all(np.abs(result.draws.mean(axis=(0, 1)) - [1.0, 2.0]) < 5 * result.mcse()))
    True
    """
    longest = check_real(stretch, "stretch")
    if not 1.0 < longest < np.inf:
        raise InputError(f"stretch must be above 1 and finite, got {stretch!r}")
    start = check_start(x0)
    _check_ensemble(start, max(2, 2 * start.shape[1]), "")
    return run(
        Algorithm("stretch move", ("stretch",), _WIDENINGS, kinetic=False, has_scores=False),
        _values_only(target, start.shape[1]),
        start,
        n_samples=n_samples,
        n_warmup=_warmup(n_warmup, n_samples),
        step_size=longest,
        precondition=False,
        thin=thin,
        keep=keep,
        sink=sink,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )


def _warmup(n_warmup: int | None, n_samples: int) -> int:
    """Fill in the default: without a gradient, starting points are rarely good ones."""
    if n_warmup is None:
        return max(_LEAST_WARMUP, check_integer(n_samples, "n_samples", minimum=1))
    return check_integer(n_warmup, "n_warmup", minimum=0)


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
        gradient is not looked at (a C function need not write it).
    x0 : array_like of shape (chains, d)
        Starting points; for ``Directions.DIFFERENCES`` at least 2d, not in a plane.
    n_samples : int
        Draws of each chain.
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
        Called as ``callback(update, width, acceptance)`` now and then; a true value stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics; its `thin`, `n_warmup` and `n_gradients` count updates, d of them a step along
        coordinates, and not evaluations. For differences the chains look at each other and are not independent.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        The density raised or gave up; ``error.result`` holds the draws made before.
    MemoryLimitError
        The draws would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, or the density was not a number somewhere.

    Notes
    -----
    About five evaluations an update. A batched callable gets all chains that are still searching at once. Intervals
    widen at most 64 times an update, so that a width that is far too small takes a while and stays exact. Infinite
    log-densities are outside of the support; NaN counts as outside too, and as a divergence.

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
        _check_ensemble(start, max(4, 2 * d), ": more chains, or other directions")
    updates = d if directions is Directions.COORDINATES else 1
    every, warmup = check_integer(thin, "thin", minimum=1), _warmup(n_warmup, n_samples)
    return run(
        Algorithm("slice", ("slice", int(directions)), _WIDENINGS, kinetic=False, has_scores=False),
        _values_only(target, d),
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
