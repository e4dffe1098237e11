"""Stochastic gradient Langevin dynamics."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail.sampling._run import Report
from wassail.sampling._stochastic import run_stochastic
from wassail.sampling._target import AnyTarget
from wassail.sampling.decay import PolynomialDecay
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import SampleResult


def sgld(
    target: MinibatchSum | AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    step_size: float | PolynomialDecay,
    n_warmup: int = 0,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample by stochastic gradient Langevin dynamics: steps of :func:`ula` with estimated gradients.

    .. math::

        x \leftarrow x + h_t\, \hat g(x) + \sqrt{2 h_t}\, \xi, \qquad \xi \sim N(0, I).

    Parameters
    ----------
    target : MinibatchSum, Target, callable or C function
        The density; of one that is no :class:`MinibatchSum` (see :func:`mala`) the exact gradient is taken.
    x0 : array_like of shape (chains, d)
        Starting points.
    n_samples : int
        Draws of each chain; 0 only warms up, for ``result.resume``.
    step_size : float or PolynomialDecay
        h, or how it shrinks. Never adapted: estimated gradients cannot tell whether a step is too long.
    n_warmup : int, default 0
        Steps before the first draw.
    thin : int, default 1
        Steps per draw.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while the chains run, such as
        ``ThinningStream(...).sink()``.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words, those of the subsets among them.
    callback : callable, optional
        Called as ``callback(step, step_size, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    SampleResult
        Draws and diagnostics, which do not see the bias; `log_density` is that of the point before, and 0 for a
        :class:`MinibatchSum`, which has none. `n_gradients` counts estimates, and one at the start.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        A function raised or gave up; ``error.result`` holds the draws made before.
    MemoryLimitError
        The draws, or the indices of a step, would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, or an estimate was not finite.

    Notes
    -----
    On a Gaussian of precision a, with an estimate whose error has variance σ² everywhere, the stationary variance is
    :math:`a^{-1} (1 + h\sigma^2/2) / (1 - ha/2)`: the noise of the estimate, of the order N²/m, has to be small against
    2/h. If instead the estimate is :math:`-\hat a x` with :math:`E\hat a = a` and variance s², as with control variates
    at the mode, it is :math:`a^{-1} / (1 - h (a^2 + s^2) / (2a))`. Constant steps keep that bias; shrinking ones lose
    it, and averages are then to be weighted by ``step_size.at(step)``. O(chains · n_samples · d) memory.

    References
    ----------
    Welling, Teh, "Bayesian learning via stochastic gradient Langevin dynamics", ICML 2011.
    Brosse, Durmus, Moulines, "The promises and pitfalls of stochastic gradient Langevin dynamics", NeurIPS 2018,
    arXiv:1811.10072.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> y = np.random.default_rng(0).normal(size=(1000, 1))
    >>> data = sampling.MinibatchSum(lambda x, i: (y[i] - x[:, None]).sum(axis=1), n_data=1000, batch_size=100)
    >>> result = sampling.sgld(data, np.zeros((4, 1)), n_samples=1000, n_warmup=500, step_size=1e-4, thin=20, rng=0)
    >>> bool(abs(result.draws.mean() - y.mean()) < 5 * result.mcse()[0])
    True
    """
    return run_stochastic(
        "SGLD",
        lambda decay: ("sgld", decay.offset, decay.power),
        target,
        x0,
        step_size,
        n_samples=n_samples,
        n_warmup=n_warmup,
        thin=thin,
        keep=keep,
        sink=sink,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )
