"""What samplers with estimated gradients share: steps that are given, and targets that are sums over data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike

from wassail._memory import require_memory
from wassail._rng import Seed
from wassail._validate import check_integer, check_positive
from wassail.exceptions import InputError
from wassail.sampling._run import Algorithm, Report, check_start, run
from wassail.sampling._session import Recipe
from wassail.sampling._target import AnyTarget
from wassail.sampling.decay import PolynomialDecay
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.results import SampleResult

_INT64 = 8


@dataclass(frozen=True)
class _Constant:
    """Steps that do not shrink."""

    start: float
    offset: float = 1.0
    power: float = 0.0


def run_stochastic(
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
        Algorithm(name, recipe(decay), None, kinetic=False, has_scores=False),
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
