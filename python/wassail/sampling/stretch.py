"""The stretch move of an ensemble, which needs no gradient."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_real
from wassail.exceptions import InputError
from wassail.sampling._ensemble import check_ensemble, first_steps
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._target import AnyTarget
from wassail.sampling._values import Values
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.results import SampleResult

STRETCH = Algorithm("stretch move", ("stretch",), None, kinetic=False, has_scores=False)
LONGEST = 2.0


def stretch_move(
    target: AnyTarget | Values,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    stretch: float = LONGEST,
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
        gradient is not looked at (a C function need not write it). A function of one point works too, with a warning.
    x0 : array_like of shape (chains, d)
        Starting points, at least 2d and not in a plane.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
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
        Called as ``callback(step, stretch, acceptance)`` several times a second; True stops the run.
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
        The density, callback or sink raised, or a C function gave up; ``error.result`` has the draws made before.
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
    check_ensemble(start, "")
    return run(
        STRETCH,
        target,
        start,
        n_samples=n_samples,
        n_warmup=first_steps(n_warmup, n_samples),
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
