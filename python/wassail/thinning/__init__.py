"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning.compression import compress, compress_plus_plus
from wassail.thinning.debias import debias
from wassail.thinning.herding import kernel_herding
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.low_rank import low_rank_thin
from wassail.thinning.recombination import RecombinationResult, recombine
from wassail.thinning.results import ThinningResult
from wassail.thinning.standard import standard_thin
from wassail.thinning.stein import stein_thin
from wassail.thinning.stein_kernel import stein_kernel_thin
from wassail.thinning.stein_recombination import stein_recombine
from wassail.thinning.stream import ThinningSink, ThinningStream
from wassail.thinning.support import SupportPointsResult, support_points

__all__ = [
    "RecombinationResult",
    "SupportPointsResult",
    "ThinningResult",
    "ThinningSink",
    "ThinningStream",
    "compress",
    "compress_plus_plus",
    "debias",
    "kernel_herding",
    "kernel_thin",
    "kernels",
    "low_rank_thin",
    "recombine",
    "standard_thin",
    "stein_kernel_thin",
    "stein_recombine",
    "stein_thin",
    "support_points",
]
