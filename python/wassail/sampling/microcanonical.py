"""Microcanonical samplers: velocities of norm one that turn with the force."""

from __future__ import annotations

import enum
import math

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.exceptions import InputError
from wassail.sampling._run import Algorithm, Length, LengthRule, Report, check_start, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

_ACCEPTANCE = 0.9
_JITTER = 0.5  # of the number of steps, around its mean
_ENERGY = 5e-4  # squared error of the energy, a dimension and step
_SHARE = 0.4  # of the autocorrelation time
_MEMORY = 2.5  # autocorrelation time in trajectories, when they are long enough
_FEWEST = 2  # dimensions


class Splitting(enum.IntEnum):
    """
    How a step alternates between turns of the velocity and moves of the position.

    Attributes
    ----------
    LEAPFROG
        Half a turn, a move, half a turn: one gradient.
    MINIMAL_NORM
        Two moves between three turns, with the least error (McLachlan 1995, doi:10.1137/0916010): two gradients, and
        steps more than twice as long.
    """

    LEAPFROG = 0
    MINIMAL_NORM = 1


def _dimension(x0: ArrayLike) -> int:
    d = int(check_start(x0).shape[1])
    if d < _FEWEST:
        raise InputError("x0 has one coordinate: velocities of norm one need at least two to turn in, use hmc or mala")
    return d


def _checked(splitting: Splitting) -> int:
    if not isinstance(splitting, Splitting):
        raise InputError(f"splitting must be a wassail.sampling.Splitting, got {splitting!r}")
    return int(splitting)


def mams_algorithm(d: int, trajectory_length: float | None, splitting: Splitting) -> Algorithm:
    """Return what :func:`mams` runs in d dimensions."""
    recipe = ("trajectory", True, _checked(splitting), 0.0, 0.0, _JITTER)
    length = Length("trajectory_length", trajectory_length, math.sqrt(d), LengthRule.MEMORY, _MEMORY)
    return Algorithm("MAMS", recipe, _ACCEPTANCE, kinetic=False, length=length)


def mclmc(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    decoherence_length: float | None = None,
    splitting: Splitting = Splitting.LEAPFROG,
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
    Sample by microcanonical Langevin Monte Carlo, without rejections.

    .. math::

        dx = P^{1/2} u\, dt, \qquad
        du = (I - u u^\top) \Bigl( \frac{P^{1/2} \nabla \log \pi(x)}{d - 1}\, dt + \eta\, dW \Bigr),

    with unit velocities u that forget where they went over a length L. The energy would be conserved without the errors
    of the integrator, which are all the bias there is.

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
        h, a length: about :math:`\sqrt d` times the time step of other samplers. A given one is never adapted; by
        default the one with which the energy is off by 5e-4 d in the mean square.
    decoherence_length : float, optional
        L. A given one is never adapted; by default 0.4 of the length of path in which coordinates are forgotten.
    splitting : Splitting, default LEAPFROG
        How a step is made.
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
        Draws and diagnostics, which do not see the bias.

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
    One gradient a draw with LEAPFROG. Draws are as correlated as short steps are: `thin` keeps fewer. d ≥ 2, and d of
    some tens suits it.

    Nothing is accepted or rejected, so that the step size leaves a bias that no number of draws takes away and no
    diagnostic sees. At the default one the variances of a Gaussian of 100 dimensions and condition 100 were 3.5 % too
    large (2.6 to 4.7 % by coordinate), with MINIMAL_NORM 2 % too small; the squared error of second moments over their
    variance was 6e-4 (2e-4), that of 1600 (5000) independent draws, beyond which more draws do not help. On a logistic
    posterior of 31 dimensions variances were within 1 % on average (``benches/sampling_bias.py``). The bias falls as
    h², so that half the step that a first run found leaves a quarter of it; :func:`mams` has none.

    References
    ----------
    Robnik, De Luca, Silverstein, Seljak, "Microcanonical Hamiltonian Monte Carlo", JMLR 24 (2023), arXiv:2212.08549.
    Robnik, Seljak, "Fluctuation without dissipation: microcanonical Langevin Monte Carlo" (2023), arXiv:2303.18221.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(50), np.ones(50))
    >>> result = sampling.mclmc(target, np.zeros((4, 50)), n_samples=50, thin=20, rng=0)
    >>> result.draws.shape
    (4, 50, 50)
    """
    recipe = ("persistent", True, _checked(splitting), 0.0, 1.0, False)
    length = Length("decoherence_length", decoherence_length, math.sqrt(_dimension(x0)), LengthRule.SHARE, _SHARE)
    return run(
        Algorithm("MCLMC", recipe, _ENERGY, kinetic=False, by_energy=True, length=length),
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


def mams(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    trajectory_length: float | None = None,
    splitting: Splitting = Splitting.LEAPFROG,
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
    Sample by the Metropolis-adjusted microcanonical sampler.

    From a fresh unit velocity the isokinetic dynamics

    .. math::

        \dot x = P^{1/2} u, \qquad \dot u = (I - u u^\top) \frac{P^{1/2} \nabla \log \pi(x)}{d - 1}

    are followed for n steps of size h, and accepted with probability :math:`\min(1, e^{-\Delta})`, where
    :math:`\Delta` sums :math:`(d - 1) \log(\cosh \delta + \langle e, u \rangle \sinh \delta)` over the turns of u by
    :math:`\delta = h |g|/(d - 1)` towards e = g/|g|, less the change of :math:`\log \pi`. As in
    :func:`hmc` the number n is random and the same for all chains.

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
        h, a length: about :math:`\sqrt d` times the time step of other samplers. A given one is never adapted; by
        default dual averaging finds the one that accepts 90 % of the trajectories, and a fifth of them have shorter
        steps where warm-up meets places too steep for it (``result.shortened``).
    trajectory_length : float, optional
        L, the mean length of a trajectory, at most 1024 steps. A given one is never adapted; by default warm-up finds
        the one after which the coordinates have a mean autocorrelation time of 2.5 trajectories, or their squares one
        of 1.25 where that is shorter.
    splitting : Splitting, default LEAPFROG
        How a step is made.
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
    L/h gradients a draw with LEAPFROG. d ≥ 2.

    References
    ----------
    Robnik, Cohn-Gordon, Seljak, "Metropolis adjusted microcanonical Hamiltonian Monte Carlo" (2025), arXiv:2503.01707.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(50), np.ones(50))
    >>> result = sampling.mams(target, np.zeros((4, 50)), n_samples=50, thin=5, rng=0)
    >>> result.draws.shape
    (4, 50, 50)
    """
    return run(
        mams_algorithm(_dimension(x0), trajectory_length, splitting),
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
