"""The Barker sampler: gradients that cannot throw a chain out."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.sampling._run import Algorithm, Report, run
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.results import SampleResult

_OPTIMAL = 0.4  # Vogrinc, Livingstone and Zanella (2023)


def barker(
    target: AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    precondition: bool | None = None,
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
    Sample by Barker proposals: exact, and forgiving where the step size is wrong or scales differ.

    Each coordinate moves by :math:`b_i z_i` with :math:`z = \sqrt{2h}\, P^{1/2} \xi`, :math:`\xi \sim N(0, I)` and a
    random sign

    .. math::

        \Pr(b_i = 1) = \frac{1}{1 + \exp(-z_i \, \partial_i \log \pi(x))},

    and the whole move is accepted with probability :math:`\min\bigl(1, \pi(y) q(x|y) / (\pi(x) q(y|x))\bigr)`.

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
        h, which means the same as in :func:`mala` when it is small. A given one is never adapted; by default dual
        averaging finds the one that accepts 40 % of the proposals, or down to a quarter where hard edges reject them.
    precondition : bool, optional
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
    One gradient a step, three exponentials and a logarithm more a coordinate than :func:`mala`, and
    O(chains · n_samples · d) memory. At their best steps :func:`mala` is about twice as efficient in high dimension.
    The gradient only chooses signs: where it is huge, a proposal is still no longer than its noise. Take it for
    light-tailed densities, for chains that start far out, and for scales that are not known within a factor of 3.

    References
    ----------
    Livingstone, Zanella, "The Barker proposal: combining robustness and efficiency in gradient-based MCMC", JRSS B 84
    (2022), arXiv:1908.11812.
    Vogrinc, Livingstone, Zanella, "Optimal design of the Barker proposal and other locally balanced
    Metropolis-Hastings algorithms", Biometrika 110 (2023), arXiv:2201.01123.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian([1.0, -1.0], [1.0, 100.0])
    >>> result = sampling.barker(target, np.zeros((4, 2)), n_samples=2000, rng=0)
    >>> bool(np.all(np.abs(result.draws.mean(axis=(0, 1)) - [1.0, -1.0]) < 5 * result.mcse()))
    True
    """
    return run(
        Algorithm("Barker", ("barker",), _OPTIMAL, kinetic=False),
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
