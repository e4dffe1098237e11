"""Our algorithms by name: a new one joins with a line, and takes part as soon as the package has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wassail import sampling

if TYPE_CHECKING:
    import numpy as np
    from sampling_problems import Problem

ALGORITHMS: dict[str, tuple[str, dict[str, Any]]] = {
    "MALA": ("mala", {}),
    "Barker": ("barker", {}),
    "ULA": ("ula", {}),
    "OBABO": ("underdamped", {"integrator": sampling.Integrator.OBABO}),
    "BAOAB": ("underdamped", {}),
    "GHMC": ("ghmc", {}),
    "MALT": ("malt", {}),
    "HMC": ("hmc", {}),
    "MAMS": ("mams", {}),
    "MCLMC": ("mclmc", {}),
    "sample": ("sample", {}),
}


def available() -> list[str]:
    """Return the names of what is there."""
    return [name for name, (function, _) in ALGORITHMS.items() if hasattr(sampling, function)]


def target(problem: Problem, *, native: bool = True) -> tuple[Any, str]:
    """Return what is sampled and how it is called: built in, else a C function."""
    targets = sampling.targets
    if native and problem.built_in is not None:
        try:
            return problem.built_in(targets), "built-in"
        except AttributeError:  # not in this version
            pass
    import sampling_native

    return sampling_native.pointer(problem), "C pointer"


def run(name: str, density: Any, x0: np.ndarray, draws: int, warmup: int, seed: int, **options: Any) -> Any:
    """Run an algorithm with everything else at its default."""
    function, own = ALGORITHMS[name]
    return getattr(sampling, function)(density, x0, n_samples=draws, n_warmup=warmup, rng=seed, **own, **options)
