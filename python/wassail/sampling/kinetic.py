"""Underdamped Langevin samplers."""

from __future__ import annotations

import enum

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.sampling._run import Algorithm, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

_CAREFUL = 0.9


class Integrator(enum.IntEnum):
    """
    Order of the parts of a step: A moves positions, B kicks velocities, O renews them, U is A and O solved together.

    Attributes
    ----------
    OBABO
        Exact velocities; on a Gaussian of precision a positions have variance 1 / (a (1 − h²a/4)).
    BAOAB
        Exact variance of positions on Gaussians.
    ABOBA
        The same.
    UBU
        Strong order 2, the closest to the continuous paths.
    """

    OBABO = 0
    BAOAB = 1
    ABOBA = 2
    UBU = 3


_AT_DRAWS = {Integrator.OBABO, Integrator.BAOAB}  # whose gradients are those at the draws


def underdamped(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    friction: float = 1.0,
    integrator: Integrator = Integrator.BAOAB,
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
    Sample by kinetic Langevin dynamics, one gradient a step, without rejections.

    .. math::

        dx = P^{1/2} v\, dt, \qquad dv = P^{1/2} \nabla \log \pi(x)\, dt - \gamma v\, dt + \sqrt{2\gamma}\, dW,

    discretized by a symmetric splitting with time step h.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density, see :func:`mala`.
    x0 : array_like of shape (chains, d)
        Starting points; velocities start in equilibrium.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw; by default as many as draws, at least 200, or none when there is nothing to adapt.
    step_size : float, optional
        Time step h, stable below 2 over the square root of the largest eigenvalue of −P∇² log π. A given one is never
        adapted; by default it is √(2h') with the step h' that :func:`mala` would accept 90 % of the time.
    friction : float, default 1.0
        γ; after preconditioning 1 to 2 suits most densities.
    integrator : Integrator, default BAOAB
        Order of the parts; all have the same limit as h goes to 0.
    precondition : Preconditioner or bool, optional
        Whether warm-up adapts the diagonal P; by default when it adapts the step size.
    thin : int, default 1
        Steps per draw.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while the chains run, such as
        ``ThinningStream(...).sink()``.
    store_gradients : bool, default False
        Whether gradients at the draws are kept too, as Stein methods need them. Refused for UBU, whose gradients
        are those beside the draws.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words.
    callback : callable, optional
        Called as ``callback(step, step_size, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
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

    References
    ----------
    Leimkuhler, Matthews, "Rational construction of stochastic numerical methods for molecular sampling", AMRX (2013),
    doi:10.1093/amrx/abs010.
    Sanz-Serna, Zygalakis, "Wasserstein distance estimates for the distributions of numerical approximations to ergodic
    stochastic differential equations", JMLR 22 (2021), arXiv:2104.12384.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    >>> sampling.underdamped(target, np.zeros((2, 3)), n_samples=5, step_size=0.5, rng=0).draws.shape
    (2, 5, 3)
    """
    if not isinstance(integrator, Integrator):
        raise InputError(f"integrator must be a wassail.sampling.Integrator, got {integrator!r}")
    recipe = ("kinetic", check_positive(friction, "friction"), int(integrator))
    return run(
        Algorithm(integrator.name, recipe, _CAREFUL, kinetic=True, has_scores=integrator in _AT_DRAWS),
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
