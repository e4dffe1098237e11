"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling._state import resume
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import mala, ula
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.streamed import StreamedMoments
from wassail.sampling.summary import Summary

__all__ = [
    "Integrator",
    "Keep",
    "Moments",
    "RunStatus",
    "SampleResult",
    "Sink",
    "StreamedMoments",
    "Summary",
    "mala",
    "resume",
    "targets",
    "ula",
    "underdamped",
]
