"""Optimal transport, distribution compression and sampling at the speed of the machine: NumPy arrays in and out."""

from wassail import discrepancy, kernels, ot, sampling, thinning
from wassail._config import get_num_threads, set_num_threads, show_config
from wassail._core import __version__

__all__ = [
    "__version__",
    "discrepancy",
    "get_num_threads",
    "kernels",
    "ot",
    "sampling",
    "set_num_threads",
    "show_config",
    "thinning",
]
