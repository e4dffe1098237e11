"""Samplers for log-densities: draws with their diagnostics, on all cores."""

from wassail.sampling import targets
from wassail.sampling._state import resume
from wassail.sampling.autodiff import JaxDensity, TorchDensity, from_jax, from_torch
from wassail.sampling.barker import barker
from wassail.sampling.decay import PolynomialDecay
from wassail.sampling.ghmc import ghmc
from wassail.sampling.gradient_check import GradientCheck, check_gradient
from wassail.sampling.hamiltonian import hmc
from wassail.sampling.keep import Keep, Moments, Sink
from wassail.sampling.kinetic import Integrator, underdamped
from wassail.sampling.langevin import Taming, mala, ula
from wassail.sampling.malt import malt
from wassail.sampling.microcanonical import Splitting, mams, mclmc
from wassail.sampling.midpoint import randomized_midpoint
from wassail.sampling.minibatch import MinibatchSum
from wassail.sampling.pointers import CFunction, from_numba, from_nutpie, from_pointer
from wassail.sampling.preconditioner import Preconditioner
from wassail.sampling.psgld import psgld
from wassail.sampling.results import RunStatus, SampleResult
from wassail.sampling.sample import sample
from wassail.sampling.sghmc import sghmc
from wassail.sampling.sgld import sgld
from wassail.sampling.slices import Directions, slice_sample
from wassail.sampling.stan import StanTarget, from_stan
from wassail.sampling.streamed import StreamedMoments
from wassail.sampling.stretch import stretch_move
from wassail.sampling.summary import Summary
from wassail.sampling.tempered import TemperingResult, resume_tempering
from wassail.sampling.tempering import TemperingKernel, temper

__all__ = [
    "CFunction",
    "Directions",
    "GradientCheck",
    "Integrator",
    "JaxDensity",
    "Keep",
    "MinibatchSum",
    "Moments",
    "PolynomialDecay",
    "Preconditioner",
    "RunStatus",
    "SampleResult",
    "Sink",
    "Splitting",
    "StanTarget",
    "StreamedMoments",
    "Summary",
    "Taming",
    "TemperingKernel",
    "TemperingResult",
    "TorchDensity",
    "barker",
    "check_gradient",
    "from_jax",
    "from_numba",
    "from_nutpie",
    "from_pointer",
    "from_stan",
    "from_torch",
    "ghmc",
    "hmc",
    "mala",
    "malt",
    "mams",
    "mclmc",
    "psgld",
    "randomized_midpoint",
    "resume",
    "resume_tempering",
    "sample",
    "sghmc",
    "sgld",
    "slice_sample",
    "stretch_move",
    "targets",
    "temper",
    "ula",
    "underdamped",
]
