"""Distribution compression: few points whose averages are as good as those of many."""

from wassail import kernels
from wassail.thinning.compression import compress, compress_plus_plus
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.low_rank import low_rank_thin
from wassail.thinning.results import ThinningResult
from wassail.thinning.stream import ThinningSink, ThinningStream

__all__ = [
    "ThinningResult",
    "ThinningSink",
    "ThinningStream",
    "compress",
    "compress_plus_plus",
    "kernel_thin",
    "kernels",
    "low_rank_thin",
]
