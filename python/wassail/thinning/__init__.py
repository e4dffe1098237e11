"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning.debias import debias
from wassail.thinning.herding import kernel_herding
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.recombination import RecombinationResult, recombine
from wassail.thinning.results import ThinningResult
from wassail.thinning.standard import standard_thin
from wassail.thinning.stein import stein_thin
from wassail.thinning.stein_kernel import stein_kernel_thin
from wassail.thinning.stein_recombination import stein_recombine
from wassail.thinning.support import SupportPointsResult, support_points

__all__ = [
    "RecombinationResult",
    "SupportPointsResult",
    "ThinningResult",
    "debias",
    "kernel_herding",
    "kernel_thin",
    "kernels",
    "recombine",
    "standard_thin",
    "stein_kernel_thin",
    "stein_recombine",
    "stein_thin",
    "support_points",
]
