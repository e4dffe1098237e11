"""Every kernel that leaves its density unchanged, for tests that hold for all of them: one line joins another."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from wassail import sampling
from wassail.sampling import Directions, TemperingKernel


@dataclass(frozen=True)
class Kernel:
    """
    A sampler with its step size for densities of unit scale.

    Attributes
    ----------
    sampler : callable
        ``sampler(target, x0, n_samples=, n_warmup=, thin=, rng=)`` that returns a SampleResult.
    reversible : bool
        Whether one step satisfies detailed balance in one dimension.
    ensemble : bool
        Whether chains look at each other.
    forgets : int
        Steps after which a draw is nearly independent of the one before, on such densities in two dimensions.
    """

    sampler: Callable
    reversible: bool = True
    ensemble: bool = False
    forgets: int = 12


def tempered(target, x0, *, kernel, **options):
    """Run two rungs: the draws of the reference below are always exact, so that the top keeps its law alone."""
    d = np.shape(x0)[1]
    wide = sampling.targets.Gaussian(np.full(d, 0.3), np.full(d, 0.4))
    options = {"n_warmup": 0, **options}
    return sampling.temper(target, wide, x0, n_rungs=2, n_steps=1, step_size=0.4, kernel=kernel, **options).samples


def slices(directions, width):
    """Return a slice sampler."""
    return partial(sampling.slice_sample, directions=directions, step_size=width)


KERNELS = {
    "mala": Kernel(partial(sampling.mala, step_size=0.5)),
    "barker": Kernel(partial(sampling.barker, step_size=0.5)),
    "hmc": Kernel(partial(sampling.hmc, step_size=0.5, trajectory_length=1.5)),
    "malt": Kernel(partial(sampling.malt, step_size=0.5, trajectory_length=1.5, friction=1.0)),
    # Reversible up to a flip of velocities only.
    "ghmc": Kernel(partial(sampling.ghmc, step_size=0.5, decoherence_length=1.0), reversible=False),
    # Needs two dimensions.
    "mams": Kernel(partial(sampling.mams, step_size=0.7, trajectory_length=2.0), reversible=False),
    "slice along coordinates": Kernel(slices(Directions.COORDINATES, 1.5)),
    "slice along normals": Kernel(slices(Directions.NORMALS, 1.5)),
    "slice along differences": Kernel(slices(Directions.DIFFERENCES, 1.0), ensemble=True),
    "stretch": Kernel(sampling.stretch_move, ensemble=True, forgets=150),
    # A move and then a swap, each reversible: their product is not.
    "tempered mala": Kernel(partial(tempered, kernel=TemperingKernel.MALA), reversible=False),
    "tempered barker": Kernel(partial(tempered, kernel=TemperingKernel.BARKER), reversible=False),
}
