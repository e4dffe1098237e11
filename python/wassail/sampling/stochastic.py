"""Langevin samplers with gradients estimated from parts of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._memory import require_memory
from wassail._rng import Seed
from wassail._validate import check_integer, check_positive, check_real
from wassail.exceptions import InputError
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._session import Recipe
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import SampleResult

_INT64 = 8
_NEVER = 1.0  # nothing is tuned


@dataclass(frozen=True)
class PolynomialDecay:
    r"""
    Steps :math:`h_t = h (1 + t / b)^{-\kappa}` that shrink as a run goes on, warm-up included.

    Parameters
    ----------
    start : float
        h.
    offset : float, default 1000
        b, steps.
    power : float, default 1/3
        κ in (0, 1]; 1/3 is the best for averages, which are to be weighted by the steps.

    Raises
    ------
    InputError
        A value is out of range.

    References
    ----------
    Teh, Thiery, Vollmer, "Consistency and fluctuations for stochastic gradient Langevin dynamics", JMLR 17 (2016),
    arXiv:1409.0578.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.PolynomialDecay(0.1, offset=1.0, power=1.0).at(3).item()
    0.025
    """

    start: float
    offset: float = 1000.0
    power: float = 1.0 / 3.0

    def __post_init__(self) -> None:
        """Check the values."""
        check_positive(self.start, "start")
        check_positive(self.offset, "offset")
        if not 0.0 < check_real(self.power, "power") <= 1.0:
            raise InputError(f"power must be in (0, 1], got {self.power!r}")

    def at(self, step: ArrayLike) -> NDArray[np.float64]:
        """
        Return the size of steps, which are also the weights of the draws they end in.

        Parameters
        ----------
        step : array_like
            Numbers t = 0, 1, ... of steps, warm-up included.

        Returns
        -------
        ndarray
            Sizes.
        """
        return np.asarray(self.start * (1.0 + np.asarray(step, dtype=np.float64) / self.offset) ** -self.power)


@dataclass(frozen=True)
class _Constant:
    """Steps that do not shrink."""

    start: float
    offset: float = 1.0
    power: float = 0.0


def _run(
    name: str,
    recipe: Callable[[PolynomialDecay | _Constant], Recipe],
    target: MinibatchSum | AnyTarget,
    x0: ArrayLike,
    step_size: float | PolynomialDecay,
    *,
    n_samples: int,
    n_warmup: int,
    thin: int,
    keep: Keep | Moments | None,
    sink: Sink | None,
    rng: Seed,
    progress: bool,
    callback: Report | None,
    n_threads: int | None,
) -> SampleResult:
    """Run chains whose steps are never adapted."""
    if step_size is None:
        raise InputError("step_size is required: estimated gradients cannot tell whether a step is too long")
    decay: PolynomialDecay | _Constant
    decay = step_size if isinstance(step_size, PolynomialDecay) else _Constant(check_positive(step_size, "step_size"))
    start = check_start(x0)
    if isinstance(target, MinibatchSum):
        require_memory(_INT64 * start.shape[0] * target.batch_size, "indices of a step", "a smaller batch_size")
    return run(
        Algorithm(name, recipe(decay), _NEVER, kinetic=False, has_scores=False),
        target._prepare(start.shape[1]) if isinstance(target, MinibatchSum) else target,  # noqa: SLF001
        start,
        n_samples=n_samples,
        n_warmup=check_integer(n_warmup, "n_warmup", minimum=0),
        step_size=decay.start,
        precondition=False,
        thin=thin,
        keep=keep,
        sink=sink,
        rng=rng,
        progress=progress,
        callback=callback,
        n_threads=n_threads,
    )


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
        Draws of each chain.
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
        Called as ``callback(step, step_size, acceptance)`` now and then; a true value stops the run.
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
    return _run(
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
        Draws of each chain.
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
        Called as ``callback(step, step_size, acceptance)`` now and then; a true value stops the run.
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
    return _run(
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


def sghmc(
    target: MinibatchSum | AnyTarget,
    x0: ArrayLike,
    *,
    n_samples: int,
    step_size: float | PolynomialDecay,
    n_warmup: int = 0,
    friction: float = 1.0,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> SampleResult:
    r"""
    Sample by stochastic gradient Hamiltonian Monte Carlo: velocities average the noise of the estimates.

    .. math::

        v \leftarrow e^{-\gamma h_t} v + \sqrt{1 - e^{-2 \gamma h_t}}\, \xi + h_t\, \hat g(x), \qquad
        x \leftarrow x + h_t v.

    Parameters
    ----------
    target : MinibatchSum, Target, callable or C function
        The density; of one that is no :class:`MinibatchSum` (see :func:`mala`) the exact gradient is taken.
    x0 : array_like of shape (chains, d)
        Starting points.
    n_samples : int
        Draws of each chain.
    step_size : float or PolynomialDecay
        h, or how it shrinks. Never adapted: estimated gradients cannot tell whether a step is too long.
    n_warmup : int, default 0
        Steps before the first draw.
    friction : float, default 1
        γ > 0, per unit of time.
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
        Called as ``callback(step, step_size, acceptance)`` now and then; a true value stops the run.
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
    h is a step in time, the square root of that of :func:`sgld`, stable below 2 over the square root of the largest
    eigenvalue of −∇² log π. Errors of the estimate of variance σ² heat the chain: to first order in h positions and
    velocities are too wide by the factor :math:`1 + h\sigma^2 / (2\gamma)`. On Gaussians the law is that of a linear
    recursion of (x, v), a discrete Lyapunov equation. Velocities start in equilibrium. O(chains · n_samples · d)
    memory.

    References
    ----------
    Chen, Fox, Guestrin, "Stochastic gradient Hamiltonian Monte Carlo", ICML 2014, arXiv:1402.4102; here the friction of
    a step is solved exactly.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> y = np.random.default_rng(0).normal(size=(1000, 1))
    >>> data = sampling.MinibatchSum(lambda x, i: (y[i] - x[:, None]).sum(axis=1), n_data=1000, batch_size=100)
    >>> options = dict(n_samples=1000, n_warmup=500, thin=20, rng=0)
    >>> result = sampling.sghmc(data, np.zeros((4, 1)), step_size=5e-3, friction=30, **options)
    >>> bool(abs(result.draws.mean() - y.mean()) < 5 * result.mcse()[0])
    True
    """
    gamma = check_positive(friction, "friction")
    return _run(
        "SGHMC",
        lambda decay: ("sghmc", decay.offset, decay.power, gamma),
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
