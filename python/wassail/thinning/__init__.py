"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.results import ThinningResult

__all__ = ["ThinningResult", "kernel_thin", "kernels"]
