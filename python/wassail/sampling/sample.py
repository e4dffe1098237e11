"""The front door: a sampler chosen for the density."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_integer
from wassail.sampling._run import Report, check_start, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.hamiltonian import hmc_algorithm
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.microcanonical import Splitting, mams_algorithm
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

_FEWEST = 10  # dimensions from which on velocities of norm one are worth it
_WARMUP = 500
_ROUND = 128  # dimensions that a low-rank preconditioner spans whole


def sample(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int = 1000,
    n_warmup: int | None = None,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    store_gradients: bool = False,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    """
    Sample a density by what suits it, adapting all there is to adapt.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density, see :func:`mala`.
    x0 : array_like of shape (chains, d)
        Starting points; four or more chains that start apart let R-hat see whether they agree.
    n_samples : int, default 1000
        Draws of each chain.
    n_warmup : int, optional
        Steps before the first draw; by default as many as draws, at least 500.
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
        Called as ``callback(step, step_size, acceptance)`` now and then; a true value stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar; it never changes a draw.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics; ``result.algorithm`` says what was chosen and ``result.reason`` why.

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
    The choice is :func:`mams` from 10 dimensions on and :func:`hmc` below, where unit velocities lose their advantage,
    with a low-rank preconditioner up to 128 dimensions and a diagonal above. Both are exact for any step size. It
    depends on the shapes alone, so that a run can be repeated by naming the sampler.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(20), np.geomspace(0.1, 10.0, 20))
    >>> result = sampling.sample(target, np.zeros((4, 20)), rng=0)
    >>> result.algorithm
    'MAMS'
    """
    start = check_start(x0)
    d = start.shape[1]
    if d >= _FEWEST:
        algorithm = mams_algorithm(d, None, Splitting.LEAPFROG)
        reason = f"MAMS: {d} dimensions, where it takes the fewest gradients of the samplers without bias"
    else:
        algorithm = hmc_algorithm(None)
        reason = f"HMC: in {d} dimensions unit velocities have no advantage"
    if d == 1:
        preconditioner, shape = Preconditioner.DIAGONAL, "a scale, as there is one coordinate"
    elif d <= _ROUND:
        preconditioner, shape = Preconditioner.LOW_RANK, "low rank, which spans all directions"
    else:
        preconditioner, shape = (
            Preconditioner.DIAGONAL,
            f"a diagonal, as {d} dimensions make more expensive",
        )
    return run(
        replace(algorithm, reason=f"{reason}; preconditioner: {shape}"),
        target,
        start,
        n_samples=n_samples,
        n_warmup=max(_WARMUP, check_integer(n_samples, "n_samples", minimum=1)) if n_warmup is None else n_warmup,
        step_size=None,
        precondition=preconditioner,
        thin=thin,
        keep=keep,
        sink=sink,
        store_gradients=store_gradients,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )
