"""Use the installed package once: it imports without extras, solves, certifies and pickles."""

import pickle

import numpy as np

import wassail
from wassail import ot

rng = np.random.default_rng(0)
x, y = rng.normal(size=(300, 3)), rng.normal(size=(200, 3)) + 1
result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, tol=1e-8)
certificate = result.certificate()

assert result.converged, result
assert result.marginal_error <= 1e-8, result
assert np.allclose(result.plan.sum(axis=1), 1 / 300, rtol=0, atol=1e-10)
assert certificate.entropic_lower <= result.value <= certificate.entropic_upper + 1e-9, certificate
assert np.array_equal(pickle.loads(pickle.dumps(result)).f, result.f)  # noqa: S301
wassail.show_config()
