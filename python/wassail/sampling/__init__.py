"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling.hamiltonian import ghmc, hmc, malt
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import mala, ula
from wassail.sampling.microcanonical import Splitting, mams, mclmc
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.sample import sample
from wassail.sampling.summary import Summary

__all__ = [
    "Integrator",
    "Preconditioner",
    "RunStatus",
    "SampleResult",
    "Splitting",
    "Summary",
    "ghmc",
    "hmc",
    "mala",
    "malt",
    "mams",
    "mclmc",
    "sample",
    "targets",
    "ula",
    "underdamped",
]
