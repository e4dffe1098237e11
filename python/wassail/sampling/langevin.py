"""Overdamped Langevin samplers."""

from __future__ import annotations

import enum

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.exceptions import InputError
from wassail.sampling._run import Algorithm, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import SampleResult

_OPTIMAL = 0.574  # Roberts and Rosenthal (1998)
_CAREFUL = 0.9  # unadjusted: a step of little bias


class Taming(enum.IntEnum):
    """
    What bounds the drift of :func:`ula`, which otherwise explodes where the gradient grows faster than linearly.

    Attributes
    ----------
    NONE
        Nothing.
    WHOLE
        P∇log π / (1 + h |P^½∇log π|): keeps the direction; shortens steps in high dimension, where gradients are long.
    COORDINATES
        Each coordinate by its own size: does not know the dimension, and keeps products of densities products.
    """

    NONE = 0
    WHOLE = 1
    COORDINATES = 2


def mala(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
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
    Sample by the Metropolis-adjusted Langevin algorithm: exact for any step size.

    The proposal

    .. math::

        y = x + h P \nabla \log \pi(x) + \sqrt{2h}\, P^{1/2} \xi, \qquad \xi \sim N(0, I),

    is accepted with probability :math:`\min\bigl(1, \pi(y) q(x|y) / (\pi(x) q(y|x))\bigr)`.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density: one of :mod:`wassail.sampling.targets`, a batched callable ``X -> (logp, grad)`` for X of shape
        (chains, d), or a C function ``int (size_t d, const double *x, double *grad, double *logp, void *user)`` as a
        numba ``cfunc``, a ctypes function or a pair (address, user data); it returns 0, > 0 where x is to be rejected,
        < 0 to stop the run.
    x0 : array_like of shape (chains, d)
        Starting points.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw, which adapt what is not given; by default as many as draws, at least 200, or none
        when there is nothing to adapt.
    step_size : float, optional
        h. A given one is never adapted; by default dual averaging finds the one that accepts 57.4 % of the proposals.
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
    One gradient a step and O(chains · n_samples · d) memory. Optimal steps shrink like :math:`d^{-1/3}`. Ctrl-C returns
    the draws made so far, with status INTERRUPTED.

    References
    ----------
    Roberts, Tweedie, "Exponential convergence of Langevin distributions and their discrete approximations", Bernoulli 2
    (1996), doi:10.2307/3318418.
    Roberts, Rosenthal, "Optimal scaling of discrete approximations to Langevin diffusions", JRSS B 60 (1998),
    doi:10.1111/1467-9868.00123.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian([1.0, -1.0], [1.0, 100.0])
    >>> result = sampling.mala(target, np.zeros((4, 2)), n_samples=1000, rng=0)
    >>> bool(np.all(np.abs(result.draws.mean(axis=(0, 1)) - [1.0, -1.0]) < 5 * result.mcse()))
    True
    """
    return run(
        Algorithm("MALA", ("mala",), _OPTIMAL, kinetic=False),
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


def ula(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    taming: Taming = Taming.NONE,
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
    Sample by the unadjusted Langevin algorithm: cheap steps, a bias of the order of the step size.

    .. math::

        x \leftarrow x + h P \nabla \log \pi(x) + \sqrt{2h}\, P^{1/2} \xi, \qquad \xi \sim N(0, I).

    Parameters
    ----------
    target : Target, callable or C function
        The log-density, see :func:`mala`.
    x0 : array_like of shape (chains, d)
        Starting points.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Steps before the first draw; by default as many as draws, at least 200, or none when there is nothing to adapt.
    step_size : float, optional
        h, stable below 2 over the largest eigenvalue of −P∇² log π. A given one is never adapted; by default it is the
        step that :func:`mala` would accept 90 % of the time, found during warm-up.
    taming : Taming, default NONE
        What bounds the drift; the bias it adds is of the order of h too.
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
        Whether gradients at the draws are kept too, as Stein methods need them.
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

    Notes
    -----
    On a Gaussian of precision a (after P) the stationary variance is :math:`a^{-1} / (1 - ha/2)`, and draws k steps
    apart have correlation :math:`(1 - ha)^k`; with a full P the covariance is
    :math:`A^{-1/2} (I - \tfrac h2 A^{1/2} P A^{1/2})^{-1} A^{-1/2}`. One gradient a step and
    O(chains · n_samples · d) memory.

    The default step is no small one in few dimensions: on unit Gaussians of 2, 20 and 100 it came out as 0.41, 0.18 and
    0.105, so that variances are 26 %, 10 % and 5.5 % too large by this formula, and were in 16 chains of 5000 draws
    (``sampling.ula(Gaussian(np.zeros(d), np.ones(d)), x0, n_samples=5000, rng=0)``). A given h of half the size leaves
    less than half of that; :func:`mala` has no bias.

    References
    ----------
    Durmus, Moulines, "Nonasymptotic convergence analysis for the unadjusted Langevin algorithm", Ann. Appl. Probab. 27
    (2017), arXiv:1507.05021.
    Brosse, Durmus, Moulines, Sabanis, "The tamed unadjusted Langevin algorithm", Stoch. Proc. Appl. 129 (2019),
    arXiv:1710.05559.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian([0.0], [1.0])
    >>> result = sampling.ula(target, np.zeros((1, 1)), n_samples=10, step_size=0.1, rng=0)
    >>> result.draws.shape
    (1, 10, 1)
    """
    if not isinstance(taming, Taming):
        raise InputError(f"taming must be a wassail.sampling.Taming, got {taming!r}")
    return run(
        Algorithm("ULA", ("ula", int(taming)), _CAREFUL, kinetic=False),
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
