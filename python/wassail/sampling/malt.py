"""Metropolis-adjusted Langevin trajectories."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_positive
from wassail.sampling._run import Algorithm, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.hamiltonian import ACCEPTANCE, length_of
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult


def malt(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    trajectory_length: float | None = None,
    friction: float | None = None,
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
    Sample by Metropolis-adjusted Langevin trajectories.

    From a fresh velocity, n steps OBABO of the kinetic Langevin dynamics

    .. math::

        dx = P^{1/2} v\, dt, \qquad dv = P^{1/2} \nabla \log \pi(x)\, dt - \gamma v\, dt + \sqrt{2\gamma}\, dW

    are accepted together with probability :math:`\min(1, e^{-\Delta})`, where :math:`\Delta` sums the errors of the
    energy of the parts BAB. As O leaves the law of v alone, every length and friction is exact, and friction does what
    random lengths do in :func:`hmc`: no frequency resonates.

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
        T = nh, the time of a trajectory, at most 1024 steps (T/h is rounded up or down at random). A given one is never
        adapted; by default warm-up finds it as in :func:`hmc`.
    friction : float, optional
        γ; by default 1/T.
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
    T/h gradients and normals a draw.

    References
    ----------
    Riou-Durand, Vogrinc, "Metropolis adjusted Langevin trajectories: a robust alternative to Hamiltonian Monte Carlo"
    (2022), arXiv:2202.13230.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(5), np.ones(5))
    >>> result = sampling.malt(target, np.zeros((4, 5)), n_samples=50, rng=0)
    >>> result.draws.shape
    (4, 50, 5)
    """
    damping = (0.0, 1.0) if friction is None else (check_positive(friction, "friction"), 0.0)
    recipe = ("trajectory", False, 0, *damping, 0.0)
    return run(
        Algorithm("MALT", recipe, ACCEPTANCE, kinetic=False, length=length_of(trajectory_length)),
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
