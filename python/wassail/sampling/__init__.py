"""Samplers for log-densities with gradients: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling.barker import barker
from wassail.sampling.ensemble import Directions, slice_sample, stretch_move
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import Taming, mala, ula
from wassail.sampling.midpoint import randomized_midpoint
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.summary import Summary

__all__ = [
    "Directions",
    "Integrator",
    "RunStatus",
    "SampleResult",
    "Summary",
    "Taming",
    "barker",
    "mala",
    "randomized_midpoint",
    "slice_sample",
    "stretch_move",
    "targets",
    "ula",
    "underdamped",
]
