"""Stochastic gradient Langevin dynamics with the preconditioner of RMSprop."""

from __future__ import annotations

from numpy.typing import ArrayLike

from wassail._rng import Seed
from wassail._validate import check_positive, check_real
from wassail.exceptions import InputError
from wassail.sampling._run import Report
from wassail.sampling._stochastic import run_stochastic
from wassail.sampling._target import AnyTarget
from wassail.sampling.decay import PolynomialDecay
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import SampleResult


def psgld(
    target: MinibatchSum | AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    step_size: float | PolynomialDecay,
    n_warmup: int = 0,
    decay: float = 0.99,
    damping: float = 1e-5,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample by SGLD with the diagonal preconditioner of RMSprop, of which every chain has its own.

    .. math::

        V \leftarrow \alpha V + (1 - \alpha)\, \hat g(x)^2, \qquad
        x \leftarrow x + h_t P \hat g(x) + \sqrt{2 h_t}\, P^{1/2} \xi, \qquad P = 1 / (\lambda + \sqrt V).

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
    decay : float, default 0.99
        α in [0, 1), the share of V that a step keeps.
    damping : float, default 1e-5
        λ > 0, in units of the gradient.
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
    V starts with the first squared gradient and is that of the whole gradient, not of its mean over data. P depends on
    where the chain is, and the term :math:`\nabla \cdot P` that would make up for it is left out, as in the paper: the
    bias does not vanish with h, only with 1 − α, and it adds to that of :func:`sgld`. For a law that is to be believed
    take a fixed scale (of the variables themselves) and :func:`sgld`. O(chains · n_samples · d) memory.

    References
    ----------
    Li, Chen, Carlson, Carin, "Preconditioned stochastic gradient Langevin dynamics for deep neural networks", AAAI
    2016, arXiv:1512.07666.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> y = np.random.default_rng(0).normal(size=(1000, 1))
    >>> data = sampling.MinibatchSum(lambda x, i: (y[i] - x[:, None]).sum(axis=1), n_data=1000, batch_size=100)
    >>> result = sampling.psgld(data, np.zeros((4, 1)), n_samples=1000, n_warmup=500, step_size=1e-2, thin=20, rng=0)
    >>> bool(abs(result.draws.mean() - y.mean()) < 5 * result.mcse()[0])
    True
    """
    alpha = check_real(decay, "decay")
    if not 0.0 <= alpha < 1.0:
        raise InputError(f"decay must be in [0, 1), got {decay!r}")
    return run_stochastic(
        "pSGLD",
        lambda steps: ("psgld", steps.offset, steps.power, alpha, check_positive(damping, "damping")),
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
