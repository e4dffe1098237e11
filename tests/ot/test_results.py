"""The lazy parts of a result against dense NumPy."""

import pickle
import warnings

import numpy as np
import pytest

from tests.reference import sinkhorn_numpy as ref
from wassail import ot
from wassail.exceptions import InputError


def make(kind, *, zeros=False, rho=None):
    rng = np.random.default_rng(0)
    n, m, d = 45, 37, 3
    a, b = rng.random(n) + 0.1, rng.random(m) + 0.1
    if zeros:
        a[[0, 7]], b[[3, 36]] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.3
    cloud = ot.PointCloud(x, y)
    C = cloud.to_numpy()
    if kind == "forbidden":
        C[rng.random((n, m)) < 0.2] = np.inf
    cost = cloud if kind == "points" else C
    # A loose tolerance: every identity below must hold off the optimum too.
    result = ot.sinkhorn(cost, a, b, epsilon=0.5, tol=1e-3, rho=rho)
    return C, result, ref.plan(C, result.f, result.g, a, b, 0.5)


@pytest.fixture(params=["points", "array", "forbidden"])
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["positive", "zeros"])
def zeros(request):
    return request.param


@pytest.fixture(params=[None, 1.5, (np.inf, 0.7)], ids=["balanced", "unbalanced", "half"])
def case(request, kind, zeros):
    return make(kind, zeros=zeros, rho=request.param)


def test_plan(case):
    _, result, P = case
    assert np.allclose(result.plan, P, rtol=1e-12, atol=1e-18)
    assert result.plan is result.plan
    row, col = result.plan_marginals
    assert np.allclose(row, P.sum(1), rtol=1e-12, atol=1e-16)
    assert np.allclose(col, P.sum(0), rtol=1e-12, atol=1e-16)


def test_values(case):
    C, result, P = case
    a, b, epsilon = result.a, result.b, result.epsilon
    assert result.transport_cost == pytest.approx(ref.linear_cost(C, P), rel=1e-12)
    dual = ref.dual(C, result.f, result.g, a, b, epsilon, result.rho)
    assert result.dual_value == pytest.approx(dual, rel=1e-11, abs=1e-13)
    assert result.value == result.dual_value
    assert result.kl == pytest.approx(ref.kl(P, np.outer(a, b)), rel=1e-10, abs=1e-13)
    positive = P[P > 0]
    assert result.entropy == pytest.approx(-np.sum(positive * (np.log(positive) - 1)), rel=1e-11)


def test_value_is_the_objective_at_the_optimum(kind, zeros):
    for rho in (None, 1.5, (np.inf, 0.7)):
        C, loose, _ = make(kind, zeros=zeros, rho=rho)
        result = ot.sinkhorn(loose.cost, loose.a, loose.b, epsilon=0.5, rho=rho, tol=1e-13)
        objective = ref.objective(C, result.plan, result.a, result.b, 0.5, result.rho)
        assert result.value == pytest.approx(objective, rel=1e-11)
        # Weak duality, and a gap of second order: much smaller than the marginal error.
        assert loose.value <= objective + 1e-12
        assert objective - loose.value <= 0.1 * loose.marginal_error + 1e-12


@pytest.mark.parametrize("k", [None, 1, 5])
def test_apply(case, k):
    _, result, P = case
    rng = np.random.default_rng(1)
    n, m = P.shape
    v, w = (rng.normal(size=size if k is None else (size, k)) for size in (m, n))
    assert np.allclose(result.apply(v), P @ v, rtol=1e-11, atol=1e-15)
    assert np.allclose(result.apply(w, axis=0), P.T @ w, rtol=1e-11, atol=1e-15)
    assert result.apply(v).shape == (P @ v).shape
    assert np.allclose(result.apply(np.asfortranarray(v)), P @ v, rtol=1e-11, atol=1e-15)


def test_linear_operator(case):
    _, result, P = case
    operator = result.linear_operator
    rng = np.random.default_rng(2)
    v, V = rng.normal(size=P.shape[1]), rng.normal(size=(P.shape[1], 4))
    w, W = rng.normal(size=P.shape[0]), rng.normal(size=(P.shape[0], 4))
    assert operator.shape == P.shape
    assert operator.dtype == np.float64
    for got, expected in (
        (operator @ v, P @ v),
        (operator @ V, P @ V),
        (operator.T @ w, P.T @ w),
        (operator.H @ W, P.T @ W),
        (operator @ v[:, None], P @ v[:, None]),
    ):
        assert got.shape == expected.shape
        assert np.allclose(got, expected, rtol=1e-11, atol=1e-15)


def normalized(C, result):
    """Rows of the plan, normalized, also where the weight is zero."""
    g = np.where(result.b > 0, result.g, 0.0)
    weights = np.exp((g - C) / result.epsilon) * result.b
    return weights / weights.sum(1, keepdims=True)


def test_barycentric_map(case):
    C, result, _ = case
    rng = np.random.default_rng(3)
    Y = rng.normal(size=(C.shape[1], 2))
    rows = normalized(C, result)
    assert np.allclose(result.barycentric_map(y=Y), rows @ Y, rtol=1e-10, atol=1e-13)
    assert np.allclose(result.barycentric_map(y=Y[:, 0]), rows @ Y[:, 0], rtol=1e-10, atol=1e-13)


def test_potential_at_the_sources(case):
    C, result, _ = case
    tau = ref.shrinkage(result.epsilon, result.rho[0])
    g = np.where(result.b > 0, result.g, 0.0)
    expected = tau * ref.softmin_rows(C, g, result.b, result.epsilon)
    assert np.allclose(result.potential(), expected, rtol=1e-11, atol=1e-13)


def test_out_of_sample_points():
    _, result, _ = make("points", rho=1.5)
    new = np.random.default_rng(4).normal(size=(11, 3)) * 3
    C = ot.PointCloud(new, result.cost.y).to_numpy()
    rows = normalized(C, result)
    assert np.allclose(result.barycentric_map(new), rows @ result.cost.y, rtol=1e-10, atol=1e-12)
    values = np.arange(37.0)
    assert np.allclose(result.barycentric_map(new, y=values), rows @ values, rtol=1e-10, atol=1e-12)
    expected = 1.5 / 2.0 * ref.softmin_rows(C, result.g, result.b, 0.5)
    assert np.allclose(result.potential(new), expected, rtol=1e-11, atol=1e-13)


def test_out_of_sample_far_away():
    _, result, _ = make("points")
    far = np.full((1, 3), 1e6)
    image = result.barycentric_map(far)
    assert np.isfinite(image).all()
    assert np.isfinite(result.potential(far)).all()


def test_out_of_sample_costs():
    _, result, _ = make("array", zeros=True)
    new = np.random.default_rng(5).random((6, 37))
    Y = np.arange(74.0).reshape(37, 2)
    assert np.allclose(result.barycentric_map(cost_new=new, y=Y), normalized(new, result) @ Y, rtol=1e-11)
    g = np.where(result.b > 0, result.g, 0.0)
    assert np.allclose(result.potential(cost_new=new), ref.softmin_rows(new, g, result.b, 0.5), rtol=1e-11)


def test_in_sample_is_out_of_sample():
    _, result, _ = make("points")
    assert np.array_equal(result.barycentric_map(), result.barycentric_map(result.cost.x))
    assert np.array_equal(result.potential(), result.potential(result.cost.x))


def test_float32_points_keep_their_type():
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(30, 2)).astype(np.float32), rng.normal(size=(20, 2)).astype(np.float32)
    result = ot.sinkhorn(ot.PointCloud(x, y), epsilon=0.5, tol=1e-5)
    new = rng.normal(size=(5, 2))
    rows = normalized(ot.PointCloud(new, y).to_numpy(), result)
    assert np.allclose(result.barycentric_map(new), rows @ y, rtol=0, atol=1e-5)


def dense_sparsification(P, *, mass=None, k=None, threshold=None):
    """Keep the entries that one criterion names, row by row."""
    kept = np.zeros_like(P)
    for i, row in enumerate(P):
        order = np.argsort(-row, kind="stable")
        if k is not None:
            order = order[:k]
        elif mass is not None:
            count = np.searchsorted(np.cumsum(row[order]), mass * row.sum()) + 1
            order = order[:count]
        else:
            order = order[row[order] > threshold]
        kept[i, order] = row[order]
    return kept


CRITERIA = [{"mass": 0.9}, {"mass": 0.3}, {"k": 1}, {"k": 4}, {"k": 1000}, {"threshold": 1e-4}, {"threshold": 0.0}]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_sparse_plan(case, criterion):
    _, result, P = case
    sparse = result.sparse_plan(**criterion)
    assert type(sparse).__name__ == "csr_array"
    assert sparse.shape == P.shape
    assert sparse.has_sorted_indices
    assert sparse.has_canonical_format
    assert np.allclose(sparse.toarray(), dense_sparsification(P, **criterion), rtol=1e-11, atol=1e-300)
    assert (sparse.data > 0).all()


def test_sparse_plan_with_all_mass_is_the_plan():
    _, result, P = make("array")
    assert np.allclose(result.sparse_plan(mass=1.0).toarray(), P, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({}, "exactly one"),
        ({"mass": 0.5, "k": 2}, "exactly one"),
        ({"mass": 0.0}, "mass"),
        ({"mass": 1.5}, "mass"),
        ({"mass": np.nan}, "mass"),
        ({"k": 0}, "k must"),
        ({"k": 1.5}, "k must"),
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": np.inf}, "threshold"),
    ],
)
def test_sparse_plan_refuses(arguments, word):
    _, result, _ = make("array")
    with pytest.raises(InputError, match=word):
        result.sparse_plan(**arguments)


@pytest.mark.parametrize(
    ("kind", "call", "word"),
    [
        ("points", lambda r: r.barycentric_map(cost_new=np.ones((2, 37))), "x_new"),
        ("points", lambda r: r.barycentric_map(np.ones((2, 4))), "x_new"),
        ("points", lambda r: r.barycentric_map(np.ones(3)), "x_new"),
        ("points", lambda r: r.potential([[0.0, np.nan, 0.0]]), r"x_new\[0, 1\]"),
        ("array", lambda r: r.barycentric_map(), "y is needed"),
        ("array", lambda r: r.barycentric_map(np.ones((2, 3)), y=np.ones(37)), "cost_new"),
        ("array", lambda r: r.potential(cost_new=np.ones((2, 36))), "cost_new"),
        ("array", lambda r: r.potential(cost_new=np.full((2, 37), np.nan)), r"cost_new\[0, 0\]"),
        ("array", lambda r: r.barycentric_map(y=np.ones(36)), "y has 36"),
        ("array", lambda r: r.barycentric_map(cost_new=np.full((1, 37), np.inf), y=np.ones(37)), "forbidden"),
        ("array", lambda r: r.apply(np.ones(45)), "v has 45"),
        ("array", lambda r: r.apply(np.ones(37), axis=2), "axis"),
        ("array", lambda r: r.apply(np.full(37, np.inf)), r"v\[0\]"),
    ],
)
def test_maps_refuse(kind, call, word):
    _, result, _ = make(kind)
    with pytest.raises(InputError, match=word):
        call(result)


def test_mass_rescale_is_recorded():
    a = np.full(10, 0.1)
    b = np.full(8, 0.125) * (1 + 1e-6)
    result = ot.sinkhorn(np.random.default_rng(0).random((10, 8)), a, b, epsilon=0.1, tol=1e-12)
    assert result.mass_rescale == pytest.approx(1 / (1 + 1e-6), rel=1e-12)
    assert result.b.sum() == pytest.approx(a.sum(), rel=1e-14)
    assert result.converged


def test_warnings_name_what_to_change():
    C = np.random.default_rng(0).random((20, 20))
    with pytest.warns(UserWarning, match="raise epsilon, raise max_iter, or loosen tol") as record:
        ot.sinkhorn(C, epsilon=1e-4, max_iter=3)
    assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ot.sinkhorn(C, epsilon=1e-2, callback=lambda *_: True)


def test_results_cannot_be_changed_in_place():
    result = ot.sinkhorn(np.random.default_rng(0).random((4, 3)), epsilon=0.1)
    for array in (result.f, result.g, result.a, result.trace.error, pickle.loads(pickle.dumps(result)).f):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


@pytest.mark.filterwarnings("error::RuntimeWarning", "ignore::wassail.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("g", [4e10, 1e300])
def test_a_plan_too_large_for_float64_has_infinite_values(g):
    C = np.random.default_rng(0).random((4, 2)) - 1.0
    result = ot.sinkhorn(C, epsilon=80.0, max_iter=0, init=(np.zeros(4), np.full(2, g)))
    assert np.isinf(result.marginal_error)
    assert result.kl == np.inf
    assert result.entropy == result.value == result.dual_value == -np.inf
    bounds = result.certificate()
    assert (bounds.entropic_lower, bounds.entropic_upper, bounds.primal_bound) == (-np.inf, np.inf, np.inf)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_certificates_of_masses_at_the_ends_of_float64():
    C = np.random.default_rng(0).random((3, 1))
    bounds = ot.sinkhorn(C, [1e100, 1e146, 1e-42], [1e146], epsilon=0.004, max_iter=0).certificate()
    assert bounds.dual_bound <= 1e146 * C[1, 0] * (1 + 1e-12)
    assert bounds.primal_bound >= 1e146 * C[1, 0] * (1 - 1e-12)


@pytest.mark.parametrize("rho", [None, 1.0, (2.0, np.inf)])
@pytest.mark.parametrize("epsilon", [1e3, 1e5, 1e6, 1e8, 1e11, 1e14])
def test_value_at_large_epsilon(epsilon, rho):
    """What ε magnifies is the dual value itself, not what rounding left of sums of 1."""
    rng = np.random.default_rng(3)
    C, a, b = rng.random((40, 30)), rng.dirichlet(np.ones(40)), rng.dirichlet(np.ones(30))
    result = ot.sinkhorn(C, a, b, epsilon=epsilon, rho=rho)
    wide = np.longdouble
    f, g, a, b = (v.astype(wide) for v in (result.f, result.g, result.a, result.b))
    t = (f[:, None] + g - C.astype(wide)) / wide(epsilon)
    terms = [
        w @ v if np.isinf(r) else -r * (w @ np.expm1(-v / r))
        for w, v, r in ((a, f, result.rho[0]), (b, g, result.rho[1]))
    ]
    expected = sum(terms) - a @ (wide(epsilon) * np.expm1(t)) @ b
    assert result.value == pytest.approx(float(expected), rel=1e-10)
