"""Built-in log-densities: evaluated in the core, on all cores, without entering Python."""

from wassail.sampling.targets._base import Target
from wassail.sampling.targets.algebra import Affine, Sum
from wassail.sampling.targets.bounds import Transformed, Truncated, TruncatedGaussian
from wassail.sampling.targets.dirichlet import Dirichlet
from wassail.sampling.targets.gaussian import Gaussian
from wassail.sampling.targets.heavy import Laplace, StudentT, StudentTProduct
from wassail.sampling.targets.mixture import GaussianMixture
from wassail.sampling.targets.priors import ElasticNetPrior, LaplacePrior, NormalPrior
from wassail.sampling.targets.regression import LinearRegression, LogisticRegression, PoissonRegression
from wassail.sampling.targets.shapes import Funnel, Phi4, Rosenbrock

__all__ = [
    "Affine",
    "Dirichlet",
    "ElasticNetPrior",
    "Funnel",
    "Gaussian",
    "GaussianMixture",
    "Laplace",
    "LaplacePrior",
    "LinearRegression",
    "LogisticRegression",
    "NormalPrior",
    "Phi4",
    "PoissonRegression",
    "Rosenbrock",
    "StudentT",
    "StudentTProduct",
    "Sum",
    "Target",
    "Transformed",
    "Truncated",
    "TruncatedGaussian",
]
