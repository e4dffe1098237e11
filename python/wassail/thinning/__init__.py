"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning.results import ThinningResult

__all__ = ["ThinningResult", "kernels"]
