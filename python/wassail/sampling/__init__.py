"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import mala, ula
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.summary import Summary

__all__ = ["Integrator", "RunStatus", "SampleResult", "Summary", "mala", "targets", "ula", "underdamped"]
