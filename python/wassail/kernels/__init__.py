"""Reproducing kernels: objects that compose, never strings."""

from wassail.kernels._base import Kernel
from wassail.kernels._base import check_points as check_points
from wassail.kernels._base import core_kernel as core_kernel
from wassail.kernels._base import kernel_points as kernel_points
from wassail.kernels.preconditioners import (
    covariance_preconditioner,
    median_preconditioner,
    scaled_median_preconditioner,
)
from wassail.kernels.radial import Gaussian, InverseMultiquadric
from wassail.kernels.stein import Stein

__all__ = [
    "Gaussian",
    "InverseMultiquadric",
    "Kernel",
    "Stein",
    "covariance_preconditioner",
    "median_preconditioner",
    "scaled_median_preconditioner",
]
