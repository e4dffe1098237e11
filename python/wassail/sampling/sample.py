"""The front door: a sampler chosen for the density."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._rng import Seed
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.sampling._ensemble import is_flat
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._target import AnyTarget, gives_gradient
from wassail.sampling._values import Values
from wassail.sampling.hamiltonian import hmc_algorithm
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.microcanonical import Splitting, mams_algorithm
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult
from wassail.sampling.slices import Directions, slice_algorithm

_FEWEST = 10  # dimensions from which on velocities of norm one are worth it
_WARMUP = 500
_ROUND = 128  # dimensions that a low-rank preconditioner spans whole


@dataclass(frozen=True, slots=True)
class _Choice:
    """A sampler, and what it is run with."""

    algorithm: Algorithm
    reason: str
    precondition: Preconditioner | bool
    updates: int = 1  # of a step


def _with_gradients(d: int) -> _Choice:
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
        preconditioner, shape = Preconditioner.DIAGONAL, f"a diagonal, as {d} dimensions make more expensive"
    return _Choice(algorithm, f"{reason}; preconditioner: {shape}", preconditioner)


def _without_gradients(start: NDArray[np.float64]) -> _Choice:
    chains, d = start.shape
    if chains < max(2, 2 * d):
        why = f"{chains} chains in {d} dimensions, where 2d or more would move along their differences"
    elif is_flat(start):
        why = "starting points in a plane, which moves along their differences would never leave"
    else:
        reason = f"slice: no gradient, and {chains} chains in {d} dimensions, whose differences know its scales"
        return _Choice(slice_algorithm(Directions.DIFFERENCES), reason, precondition=False, updates=d)
    return _Choice(
        slice_algorithm(Directions.COORDINATES),
        f"slice: no gradient, and {why}; preconditioner: a scale for each coordinate",
        precondition=True,
        updates=d,
    )


def _checked_warmup(n_warmup: int | None, n_samples: int) -> int:
    """Return steps of warm-up, in which everything is adapted that other samplers can be given."""
    if n_warmup is None:
        return max(_WARMUP, check_integer(n_samples, "n_samples", minimum=0))
    steps = check_integer(n_warmup, "n_warmup", minimum=0)
    if steps == 0:
        raise InputError(
            "n_warmup must be at least 1, got 0: sample adapts its steps in warm-up; samplers by name take a step_size"
        )
    return steps


def sample(
    target: AnyTarget | Values,
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
        The log-density, see :func:`mala`; a callable may also give values only, ``X -> logp``.
    x0 : array_like of shape (chains, d)
        Starting points; four or more chains that start apart let R-hat see whether they agree.
    n_samples : int, default 1000
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw, at least 1; by default as many as draws, at least 500.
    thin : int, default 1
        Steps per draw. Of slices a step updates each coordinate once.
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
        Draws and diagnostics; ``result.algorithm`` says what was chosen and ``result.reason`` why.

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
    With a gradient the choice is :func:`mams` from 10 dimensions on and :func:`hmc` below, where unit velocities lose
    their advantage, with a low-rank preconditioner up to 128 dimensions and a diagonal above. Without one, which a
    callable tells by what it answers at x0, it is :func:`slice_sample`: along differences of chains, d updates a draw,
    where there are 2d chains that do not lie in a plane, and along coordinates elsewhere. C functions are taken to have
    gradients, and so are targets that are not made of callables.
    Where warm-up meets places too steep for the step size that suits the rest, a fifth of the trajectories have shorter
    steps (``result.shortened``). All are exact for any step size. The choice depends on the shapes alone, so that a run
    can be repeated by naming the sampler. A gradient is worth much in high dimensions: see :func:`from_jax` and
    :func:`from_torch`.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(20), np.geomspace(0.1, 10.0, 20))
    >>> result = sampling.sample(target, np.zeros((4, 20)), rng=0)
    >>> result.algorithm
    'MAMS'
    >>> result = sampling.sample(lambda x: -np.abs(x).sum(axis=1), np.zeros((4, 3)), rng=0)
    >>> result.algorithm
    'slice'
    """
    start = check_start(x0)
    has_gradient = gives_gradient(target, start)
    if store_gradients and not has_gradient:
        raise InputError("store_gradients: target gives no gradient")
    choice = _with_gradients(start.shape[1]) if has_gradient else _without_gradients(start)
    n_warmup = _checked_warmup(n_warmup, n_samples)
    return run(
        replace(choice.algorithm, reason=choice.reason),
        target,
        start,
        n_samples=n_samples,
        n_warmup=n_warmup * choice.updates,
        step_size=None,
        precondition=choice.precondition,
        thin=check_integer(thin, "thin", minimum=1) * choice.updates,
        keep=keep,
        sink=sink,
        store_gradients=store_gradients,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )
