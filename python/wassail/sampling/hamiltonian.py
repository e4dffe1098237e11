"""Hamiltonian Monte Carlo."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.sampling._run import Algorithm, Length, LengthRule, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

ACCEPTANCE = 0.8
_JITTER = 0.5  # of the number of steps, around its mean
_FIRST = 1.5  # length to start from, in standard deviations
_MEMORY = 2.5  # autocorrelation time in trajectories, when they are long enough


def length_of(value: float | None) -> Length:
    """Return the length of trajectories, and how it is found."""
    return Length("trajectory_length", value, _FIRST, LengthRule.MEMORY, _MEMORY)


def hmc_algorithm(trajectory_length: float | None) -> Algorithm:
    """Return what :func:`hmc` runs."""
    recipe = ("trajectory", False, 0, 0.0, 0.0, _JITTER)
    length = length_of(trajectory_length)
    return Algorithm("HMC", recipe, ACCEPTANCE, kinetic=False, length=length)


def hmc(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    trajectory_length: float | None = None,
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
    Sample by Hamiltonian Monte Carlo with trajectories of random length.

    From a fresh velocity :math:`v \sim N(0, I)` the leapfrog integrator follows

    .. math::

        \dot x = P^{1/2} v, \qquad \dot v = P^{1/2} \nabla \log \pi(x)

    for n steps of size h, and the end is accepted with probability :math:`\min(1, e^{-\Delta H})`,
    :math:`H = |v|^2/2 - \log \pi(x)`. The number n is uniform on the whole numbers around :math:`T/h` between
    :math:`T/(2h)` and :math:`3T/(2h)`, the same for all chains at a step: no frequency of the density resonates.

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
        h. A given one is never adapted; by default dual averaging finds the one that accepts 80 % of the trajectories,
        and a fifth of them have shorter steps where warm-up meets places too steep for it (``result.shortened``).
    trajectory_length : float, optional
        T, the mean time of a trajectory, at most 1024 steps. A given one is never adapted; by default warm-up finds
        the one after which the coordinates have a mean autocorrelation time of 2.5 trajectories, or their squares one
        of 1.25 where that is shorter.
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
    T/h gradients a draw. Optimal steps shrink like :math:`d^{-1/4}`. One chain is enough to adapt the length, more
    chains learn it from fewer steps. ``result.length`` holds T, ``result.n_gradients`` what was paid.

    References
    ----------
    Neal, "MCMC using Hamiltonian dynamics", Handbook of Markov Chain Monte Carlo (2011), arXiv:1206.1901.
    Hoffman, Radul, Sountsov, "An adaptive-MCMC scheme for setting trajectory lengths in Hamiltonian Monte Carlo",
    AISTATS (2021), which adapts T by another rule.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(5), np.ones(5))
    >>> result = sampling.hmc(target, np.zeros((4, 5)), n_samples=400, rng=0)
    >>> result.draws.shape
    (4, 400, 5)
    """
    return run(
        hmc_algorithm(trajectory_length),
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
