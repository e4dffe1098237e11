"""Optimal transport: entropic solvers with certificates, divergences, and closed forms."""

from wassail.ot.batch import sinkhorn_batch
from wassail.ot.certificate import Certificate
from wassail.ot.costs import PNorm
from wassail.ot.divergence import DivergenceResult, sinkhorn_divergence
from wassail.ot.epsilon import suggest_epsilon
from wassail.ot.gaussian import (
    GaussianMap,
    GaussianPlan,
    QuadraticForm,
    gaussian_map,
    gaussian_sinkhorn,
    gaussian_sinkhorn_divergence,
    gaussian_wasserstein,
)
from wassail.ot.geometry import ArrayCost, PointCloud, as_cost
from wassail.ot.newton import NewtonTrace, sinkhorn_newton
from wassail.ot.results import SinkhornResult, SinkhornTrace, Status
from wassail.ot.sinkhorn import sinkhorn
from wassail.ot.sparse import SparseTransportResult, SparseTransportTrace, sparse_transport
from wassail.ot.univariate import wasserstein_1d

__all__ = [
    "ArrayCost",
    "Certificate",
    "DivergenceResult",
    "GaussianMap",
    "GaussianPlan",
    "NewtonTrace",
    "PNorm",
    "PointCloud",
    "QuadraticForm",
    "SinkhornResult",
    "SinkhornTrace",
    "SparseTransportResult",
    "SparseTransportTrace",
    "Status",
    "as_cost",
    "gaussian_map",
    "gaussian_sinkhorn",
    "gaussian_sinkhorn_divergence",
    "gaussian_wasserstein",
    "sinkhorn",
    "sinkhorn_batch",
    "sinkhorn_divergence",
    "sinkhorn_newton",
    "sparse_transport",
    "suggest_epsilon",
    "wasserstein_1d",
]
