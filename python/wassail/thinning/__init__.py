"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning._stein import SteinThinningResult
from wassail.thinning.herding import kernel_herding
from wassail.thinning.recombination import RecombinationResult, recombine
from wassail.thinning.results import ThinningResult
from wassail.thinning.standard import standard_thin
from wassail.thinning.stein import stein_thin
from wassail.thinning.support import SupportPointsResult, support_points

__all__ = [
    "RecombinationResult",
    "SteinThinningResult",
    "SupportPointsResult",
    "ThinningResult",
    "kernel_herding",
    "kernels",
    "recombine",
    "standard_thin",
    "stein_thin",
    "support_points",
]
