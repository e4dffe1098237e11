"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling._state import resume
from wassail.sampling.hamiltonian import ghmc, hmc, malt
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import mala, ula
from wassail.sampling.microcanonical import Splitting, mams, mclmc
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.sample import sample
from wassail.sampling.streamed import StreamedMoments
from wassail.sampling.summary import Summary

__all__ = [
    "Integrator",
    "Keep",
    "Moments",
    "Preconditioner",
    "RunStatus",
    "SampleResult",
    "Sink",
    "Splitting",
    "StreamedMoments",
    "Summary",
    "ghmc",
    "hmc",
    "mala",
    "malt",
    "mams",
    "mclmc",
    "resume",
    "sample",
    "targets",
    "ula",
    "underdamped",
]
