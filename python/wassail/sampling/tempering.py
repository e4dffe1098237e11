"""Parallel tempering: many modes, and normalizing constants."""

from __future__ import annotations

import enum
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive
from wassail.exceptions import InputError
from wassail.sampling._bar import Report
from wassail.sampling._ensemble import first_steps
from wassail.sampling._ladder import Ladder
from wassail.sampling._run import Schedule, check_keep, check_start
from wassail.sampling._session import Hooks, Plan, begin
from wassail.sampling._target import AnyTarget
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.targets import Gaussian
from wassail.sampling.tempered import TemperingResult, finish

_FEWEST_RUNGS = 2


class TemperingKernel(enum.Enum):
    """
    What moves every rung of :func:`temper`.

    Attributes
    ----------
    MALA
        Steps of :func:`mala`.
    BARKER
        Steps of :func:`barker`.
    """

    MALA = "MALA"
    BARKER = "Barker"


_KERNELS = {
    TemperingKernel.MALA: (("mala",), 0.574),
    TemperingKernel.BARKER: (("barker",), 0.4),
}


def temper(
    target: AnyTarget,
    reference: Gaussian,
    x0: ArrayLike,
    *,
    n_samples: int,
    n_warmup: int | None = None,
    step_size: float | None = None,
    n_rungs: int = 10,
    n_steps: int = 3,
    kernel: TemperingKernel = TemperingKernel.MALA,
    thin: int = 1,
    keep: Keep | Moments | None = None,
    sink: Sink | None = None,
    store_gradients: bool = False,
    rng: Seed = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> TemperingResult:
    r"""
    Sample several modes by non-reversible parallel tempering, and estimate the normalizing constant.

    Every chain is a ladder of densities

    .. math::

        \log \pi_\beta(x) = (1 - \beta) \log \pi_0(x) + \beta \log \pi(x), \qquad 0 = \beta_0 < \dots < \beta_K = 1,

    from a Gaussian, drawn from exactly, to the target. A scan moves every rung by `n_steps` of the kernel, and swaps
    even and odd pairs of neighbors in turn, with probability
    :math:`\min(1, \exp((\beta_k - \beta_{k+1})(U(x_{k+1}) - U(x_k))))`, :math:`U = \log \pi - \log \pi_0`.

    Parameters
    ----------
    target : Target, callable or C function
        The log-density with its gradient, see :func:`mala`. It may be −inf where the reference is not.
    reference : targets.Gaussian
        π_0: as wide as the target with all its modes. Its scales precondition the kernel.
    x0 : array_like of shape (chains, d)
        Starting points of the ladders.
    n_samples : int
        Draws of each ladder; 0 only warms up, for ``result.resume``.
    n_warmup : int, optional
        Scans before the first draw, which move the rungs to where swaps are rejected equally often; by default as many
        as draws, at least 200. With 0 the rungs are :math:`(k / K)^3`.
    step_size : float, optional
        h of the kernel, on all rungs. A given one is never adapted; by default every rung finds its own.
    n_rungs : int, default 10
        K + 1 ≥ 2; about twice `TemperingResult.barrier` is best.
    n_steps : int, default 3
        Steps of the kernel between swaps.
    kernel : TemperingKernel, default MALA
        What moves the rungs.
    thin : int, default 1
        Scans per draw.
    keep : Keep or Moments, optional
        What is kept of the draws, and whether in a file; by default all of them, in memory.
    sink : Sink, optional
        Its ``push(chain, step, x, grad)`` takes up every draw while the ladders run, such as
        ``ThinningStream(...).sink()``.
    store_gradients : bool, default False
        Whether to keep ∇ log π at the draws in ``result.samples.gradients``, for Stein methods.
    rng : int, SeedSequence or Generator, optional
        Source of the key of all random words.
    callback : callable, optional
        Called as ``callback(scan, step_size, acceptance)`` several times a second; True stops the run.
    progress : bool, default False
        Whether to draw a tqdm bar.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    TemperingResult
        Draws, the ladder, round trips, and the normalizing constant with its error.

    Raises
    ------
    InputError
        An argument is unusable, or the density is not finite at a starting point.
    DensityError
        The density, callback or sink raised, or a C function gave up; ``error.result``, a `TemperingResult`, has the
        draws made before.
    MemoryLimitError
        The draws would not fit.

    Warns
    -----
    ConvergenceWarning
        Chains do not agree, steps diverged, or swaps are nearly always rejected.

    Notes
    -----
    ``(n_rungs - 1) * n_steps + 1`` gradients a scan and ladder. Ladders go to different threads, and the rungs of one
    ladder too where gradients take long. A batched callable gets all rungs of all chains at once.

    O(chains · (n_samples · (d + n_rungs) + n_rungs · d)) memory: the log ratios of target and reference on all rungs,
    n_rungs numbers a draw, stay in memory whatever `keep` says, as the normalizing constant is made of them.

    References
    ----------
    Syed, Bouchard-Côté, Deligiannidis, Doucet, "Non-reversible parallel tempering: a scalable highly parallel MCMC
    scheme", JRSS B 84 (2022), arXiv:1905.02939.
    Xie, Lewis, Fan, Kuo, Chen, "Improving marginal likelihood estimation for Bayesian phylogenetic model selection",
    Syst. Biol. 60 (2011), doi:10.1093/sysbio/syq085.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> def two_modes(x):  # of equal weight, at -6 and 6
    ...     return np.logaddexp(-0.5 * (x[:, 0] - 6) ** 2, -0.5 * (x[:, 0] + 6) ** 2), 6 * np.tanh(6 * x) - x
    >>> wide = sampling.targets.Gaussian([0.0], [1 / 40])
    >>> result = sampling.temper(two_modes, wide, np.full((4, 1), 6.0), n_samples=1000, rng=0)
    >>> bool(abs((result.samples.draws > 0).mean() - 0.5) < 0.1)
    True
    >>> bool(abs(result.log_normalizer - np.log(2 * np.sqrt(2 * np.pi))) < 4 * result.log_normalizer_error)
    True
    """
    ladder = Ladder(
        reference,
        check_integer(n_rungs, "n_rungs", minimum=_FEWEST_RUNGS),
        check_integer(n_steps, "n_steps", minimum=1),
    )
    if not isinstance(kernel, TemperingKernel):
        raise InputError(f"kernel must be a wassail.sampling.TemperingKernel, got {kernel!r}")
    n_warmup = first_steps(n_warmup, n_samples)
    schedule = Schedule.checked(n_samples, n_warmup, thin, adapts="step_size" if step_size is None else None)
    start = check_start(x0)
    hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
    d = start.shape[1]
    if reference.dim != d:
        raise InputError(f"x0 has {d} coordinates, the reference has {reference.dim}")
    far = ~np.isfinite(reference(start)[0])
    if far.any():
        raise InputError(
            f"x0[{int(far.argmax())}] is so far from the reference that its log-density is not finite there"
        )
    recipe, acceptance = _KERNELS[kernel]
    first = d ** (-1.0 / 3.0) if step_size is None else check_positive(step_size, "step_size")
    plan = Plan(
        name=f"tempered {kernel.value}",
        recipe=recipe,
        key=int(make_generator(rng).integers(0, 2**64, dtype=np.uint64)),
        n_warmup=schedule.n_warmup,
        thin=schedule.thin,
        step=(first, acceptance if step_size is None else None, False, False, 0),
        length=(0.0, 0, 0.0),
        has_length=False,
        reason="",
        has_scores=True,
        wanted=replace(check_keep(keep, start, store_gradients=store_gradients), rungs=ladder.rungs),
        ladder=ladder,
    )
    return begin(plan, target, start, schedule.n_samples, hooks, finish(ladder))
