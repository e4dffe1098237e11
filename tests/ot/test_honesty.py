"""Whatever the problem and wherever it ends: the error is that of the returned pair, and the bounds are ordered."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from tests.reference import sinkhorn_numpy as ref
from wassail import ot
from wassail.exceptions import InputError


@dataclass
class Instance:
    cost: np.ndarray
    a: np.ndarray
    b: np.ndarray
    epsilon: float
    rho: tuple
    tol: float
    max_iter: int
    options: dict


def make_cost(rng):
    n, m = rng.integers(1, 90, 2)
    kind = rng.integers(0, 4)
    if kind == 0:
        C = rng.random((n, m))
    elif kind == 1:
        C = np.where(rng.random((n, m)) < 0.3, np.inf, rng.random((n, m)))
        C[:, 0] = C[0] = 1.0  # no point without an arc; often feasible
    elif kind == 2:
        C = rng.integers(0, 4, (n, m)).astype(float)  # ties
    else:
        C = ot.PointCloud(10 * rng.normal(size=(n, 3)), rng.normal(size=(m, 3))).to_numpy()
    return C.astype(np.float32) if rng.random() < 0.3 else C


def make_weights(rng, size):
    w = np.maximum(rng.random(size) ** rng.integers(1, 20), 1e-200)
    return w / w.sum()


def make(seed):
    rng = np.random.default_rng(seed)
    C = make_cost(rng)
    top = max(float(C[np.isfinite(C)].max()), 1e-3)
    rho = ref.BALANCED
    if rng.random() < 0.5:
        rho = tuple(float(r) if rng.random() < 0.8 else np.inf for r in top * 10.0 ** rng.uniform(-3, 4, 2))
    return Instance(
        cost=C,
        a=make_weights(rng, C.shape[0]),
        b=make_weights(rng, C.shape[1]),
        epsilon=top * 10.0 ** rng.uniform(-6, 1),
        rho=rho,
        tol=10.0 ** rng.uniform(-10, -2),
        max_iter=int(rng.choice([1, 3, 30, 300, 1000])),
        options={
            "anneal": "auto" if rng.random() < 0.5 else None,
            "relaxation": ["auto", None, 1.5][rng.integers(0, 3)],
        },
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
@example(10815)
@example(5638)
@example(5642)
@example(5647)
@example(10170)
def test_error_and_bounds(seed):
    p = make(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = ot.sinkhorn(
                p.cost, p.a, p.b, epsilon=p.epsilon, rho=p.rho, tol=p.tol, max_iter=p.max_iter, **p.options
            )
        except InputError as error:
            if "leaves no plan" not in str(error):
                raise
            reject()
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()
    assert result.n_iter <= p.max_iter
    assert result.trace.error.size == result.n_iter
    assert not np.isnan(result.trace.error).any()
    assert np.isfinite(result.plan).all()
    error = ref.marginal_error(p.cost, result.f, result.g, p.a, result.b, p.epsilon, p.rho)
    finite = p.cost[np.isfinite(p.cost)]
    # Rounding of f + g − C, divided by ε, moves that share of the mass.
    noise = 1e-13 * (np.abs(finite).max() + np.abs(result.f).max() + np.abs(result.g).max()) / p.epsilon
    if result.converged:
        assert error <= 1.001 * p.tol + noise * (1 + result.plan.sum())
    assert error == pytest.approx(result.marginal_error, rel=1e-3, abs=noise * (1 + result.plan.sum()))
    bounds = result.certificate()
    assert bounds.entropic_lower <= bounds.entropic_upper
    assert bounds.dual_bound <= bounds.primal_bound
