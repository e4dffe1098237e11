"""Reproducing kernels: objects that compose, never strings."""

from wassail.kernels._base import Kernel
from wassail.kernels._base import check_points as check_points
from wassail.kernels._base import core_kernel as core_kernel
from wassail.kernels._base import kernel_layout as kernel_layout
from wassail.kernels._base import kernel_points as kernel_points
from wassail.kernels._base import takes_scores as takes_scores
from wassail.kernels.algebra import Product, Sum
from wassail.kernels.bandwidths import bandwidths, median_heuristic
from wassail.kernels.custom import CallableKernel, from_callable
from wassail.kernels.inner import Energy, Linear, Polynomial
from wassail.kernels.matern import Laplace, Matern
from wassail.kernels.orbit import GroupAverage
from wassail.kernels.preconditioners import (
    covariance_preconditioner,
    median_preconditioner,
    scaled_median_preconditioner,
)
from wassail.kernels.radial import Gaussian, InverseMultiquadric, RationalQuadratic
from wassail.kernels.stein import Stein
from wassail.kernels.tensor import BSpline, LaplaceL1, Sinc, Sobolev

__all__ = [
    "BSpline",
    "CallableKernel",
    "Energy",
    "Gaussian",
    "GroupAverage",
    "InverseMultiquadric",
    "Kernel",
    "Laplace",
    "LaplaceL1",
    "Linear",
    "Matern",
    "Polynomial",
    "Product",
    "RationalQuadratic",
    "Sinc",
    "Sobolev",
    "Stein",
    "Sum",
    "bandwidths",
    "covariance_preconditioner",
    "from_callable",
    "median_heuristic",
    "median_preconditioner",
    "scaled_median_preconditioner",
]
