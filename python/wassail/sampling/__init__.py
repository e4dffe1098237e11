"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling._state import resume
from wassail.sampling.autodiff import JaxDensity, TorchDensity, from_jax, from_torch
from wassail.sampling.gradient_check import GradientCheck, check_gradient
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import mala, ula
from wassail.sampling.pointers import CFunction, from_numba, from_nutpie, from_pointer
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.stan import StanTarget, from_stan
from wassail.sampling.streamed import StreamedMoments
from wassail.sampling.summary import Summary

__all__ = [
    "CFunction",
    "GradientCheck",
    "Integrator",
    "JaxDensity",
    "Keep",
    "Moments",
    "RunStatus",
    "SampleResult",
    "Sink",
    "StanTarget",
    "StreamedMoments",
    "Summary",
    "TorchDensity",
    "check_gradient",
    "from_jax",
    "from_numba",
    "from_nutpie",
    "from_pointer",
    "from_stan",
    "from_torch",
    "mala",
    "resume",
    "targets",
    "ula",
    "underdamped",
]
