"""Generalized Hamiltonian Monte Carlo."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.sampling._run import Algorithm, Length, LengthRule, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

_ACCEPTANCE = 0.95  # a rejection turns the chain back
_SHARE = 0.4  # of the autocorrelation time


def ghmc(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    decoherence_length: float | None = None,
    precondition: Preconditioner | bool | None = None,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    store_gradients: bool = False,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample by generalized Hamiltonian Monte Carlo: one leapfrog step at a time, with velocities that last.

    A step renews :math:`v \leftarrow e^{-h/T} v + \sqrt{1 - e^{-2h/T}}\, \xi`, makes one leapfrog step of size h, and
    accepts it with probability :math:`\min(1, e^{-\Delta H})`; a rejection leaves x and turns v around.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density, see :func:`mala`.
    x0 : array_like of shape (chains, d)
        Starting points.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw, which adapt what is not given; by default as many as draws, at least 200, or none
        when there is nothing to adapt.
    step_size : float, optional
        h. A given one is never adapted; by default dual averaging finds the one that accepts 95 % of the steps:
        rejections turn chains back.
    decoherence_length : float, optional
        T, the time in which velocities are forgotten. A given one is never adapted; by default it is a share of the
        autocorrelation time that warm-up sees.
    precondition : Preconditioner or bool, optional
        What warm-up learns about the shape of the density; True is a diagonal, which is the default when it adapts the
        step size.
    thin : int, default 1
        Steps per draw.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while chains run, as ``ThinningStream(...).sink()`` does.
    store_gradients : bool, default False
        Whether gradients at the draws are kept too, as Stein methods need them.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words: the same seed gives the same bits for any number of threads.
    callback : callable, optional
        Called as ``callback(step, step_size, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar; it never changes a draw.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics.

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
    One gradient a draw, and memory for one velocity a chain. Draws are as correlated as short steps are: `thin` keeps
    fewer.

    References
    ----------
    Horowitz, "A generalized guided Monte Carlo algorithm", Phys. Lett. B 268 (1991), doi:10.1016/0370-2693(91)90812-5.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(5), np.ones(5))
    >>> result = sampling.ghmc(target, np.zeros((4, 5)), n_samples=50, thin=20, rng=0)
    >>> result.draws.shape
    (4, 50, 5)
    """
    recipe = ("persistent", False, 0, 0.0, 1.0, True)
    length = Length("decoherence_length", decoherence_length, 1.0, LengthRule.SHARE, _SHARE)
    return run(
        Algorithm("GHMC", recipe, _ACCEPTANCE, kinetic=False, length=length),
        target,
        x0,
        n_samples=n_samples,
        n_warmup=n_warmup,
        step_size=step_size,
        precondition=precondition,
        thin=thin,
        keep=keep,
        sink=sink,
        store_gradients=store_gradients,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )
