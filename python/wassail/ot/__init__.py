"""Optimal transport: entropic and exact solvers with certificates, divergences, and closed forms."""

from wassail.ot._basis import ExactTrace
from wassail.ot._slices import SlicedGradient
from wassail.ot._sparse_certificate import SparseCertificate
from wassail.ot.assignment import AssignmentResult, assignment
from wassail.ot.batch import sinkhorn_batch
from wassail.ot.certificate import Certificate
from wassail.ot.circle import wasserstein_circle
from wassail.ot.costs import PNorm
from wassail.ot.distance import wasserstein_distance
from wassail.ot.divergence import DivergenceResult, sinkhorn_divergence
from wassail.ot.epsilon import suggest_epsilon
from wassail.ot.exact import ExactResult, exact
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
from wassail.ot.max_sliced import MaxSlicedResult, max_sliced_wasserstein
from wassail.ot.newton import NewtonTrace, sinkhorn_newton
from wassail.ot.partial import PartialResult, partial
from wassail.ot.results import Choice, SinkhornResult, SinkhornTrace, Status
from wassail.ot.sinkhorn import sinkhorn
from wassail.ot.sliced import SlicedResult, sliced_wasserstein
from wassail.ot.solve import solve
from wassail.ot.sparse import SparseTransportResult, SparseTransportTrace, sparse_transport
from wassail.ot.univariate import wasserstein_1d

__all__ = [
    "ArrayCost",
    "AssignmentResult",
    "Certificate",
    "Choice",
    "DivergenceResult",
    "ExactResult",
    "ExactTrace",
    "GaussianMap",
    "GaussianPlan",
    "MaxSlicedResult",
    "NewtonTrace",
    "PNorm",
    "PartialResult",
    "PointCloud",
    "QuadraticForm",
    "SinkhornResult",
    "SinkhornTrace",
    "SlicedGradient",
    "SlicedResult",
    "SparseCertificate",
    "SparseTransportResult",
    "SparseTransportTrace",
    "Status",
    "as_cost",
    "assignment",
    "exact",
    "gaussian_map",
    "gaussian_sinkhorn",
    "gaussian_sinkhorn_divergence",
    "gaussian_wasserstein",
    "max_sliced_wasserstein",
    "partial",
    "sinkhorn",
    "sinkhorn_batch",
    "sinkhorn_divergence",
    "sinkhorn_newton",
    "sliced_wasserstein",
    "solve",
    "sparse_transport",
    "suggest_epsilon",
    "wasserstein_1d",
    "wasserstein_circle",
    "wasserstein_distance",
]
