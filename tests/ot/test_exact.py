"""Exact transport: oracles, manufactured solutions, known answers, degenerate and extreme problems."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from wassail import ot
from wassail.exceptions import ConvergenceWarning, InputError, NumericalError

COUNTS = (1, 2, 3, 5, 8)


def weights(rng, n):
    w = rng.random(n) + 0.05
    return w / w.sum()


def by_highs(C, a, b):
    """The optimal value by SciPy's linear programming; forbidden arcs are left out."""
    n, m = C.shape
    i, j = np.nonzero(np.isfinite(C))
    arcs = np.arange(i.size)
    rows = csr_array((np.ones(i.size), (i, arcs)), shape=(n, i.size)).toarray()
    columns = csr_array((np.ones(i.size), (j, arcs)), shape=(m, i.size)).toarray()
    found = linprog(C[i, j], A_eq=np.vstack([rows, columns])[:-1], b_eq=np.concatenate([a, b])[:-1], method="highs")
    assert found.status == 0
    return found.fun


def check(result, C, a, b):
    """All that an optimal basis promises."""
    plan = result.sparse_plan()
    n, m = C.shape
    assert result.converged
    assert plan.shape == (n, m)
    assert (plan.data > 0.0).all()
    assert np.abs(plan.sum(axis=1) - a).max() < 1e-15 * a.sum()
    assert np.abs(plan.sum(axis=0) - b).max() < 4e-15 * a.sum()
    scale = np.abs(result.f)[:, None] + np.abs(result.g) + np.where(np.isfinite(C), np.abs(C), 0.0)
    slack = C - result.f[:, None] - result.g
    assert (slack >= -4e-16 * scale).all()
    i, j = plan.nonzero()
    value = math.fsum(C[i, j] * plan[i, j])
    assert result.value == pytest.approx(value, rel=1e-13, abs=1e-300)
    largest = np.abs(C[i, j]).max()
    assert 0.0 <= result.gap <= 1e-12 * max(abs(value), a.sum() * largest)
    dual = math.fsum(a * result.f) + math.fsum(b * result.g)
    assert dual == pytest.approx(value, rel=1e-11, abs=1e-13 * a.sum() * scale.max())
    # A forest has as many arcs as nodes less components.
    graph = csr_array((np.ones(i.size), (i, n + j)), shape=(n + m, n + m))
    assert i.size == n + m - connected_components(graph, directed=False)[0]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 7), (7, 1), (2, 2), (12, 17), (40, 23), (300, 280)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_against_highs(n, m, dtype):
    rng = np.random.default_rng((n, m))
    C = (rng.random((n, m)) - 0.3).astype(dtype)
    a, b = weights(rng, n), weights(rng, m)
    result = ot.exact(C, a, b)
    check(result, C.astype(np.float64), result.a, result.b)
    if n * m < 2000:
        assert result.value == pytest.approx(by_highs(C.astype(np.float64), a, b), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 4))
def test_small_integer_problems(n, m, seed, levels, units):
    """Ties everywhere."""
    rng = np.random.default_rng(seed)
    C = rng.integers(-levels, levels + 1, (n, m)).astype(float)
    a = np.bincount(rng.integers(0, n, units * n * m), minlength=n).astype(float)
    b = np.bincount(rng.integers(0, m, units * n * m), minlength=m).astype(float)
    result = ot.exact(C, a, b)
    check(result, C, a, b)
    assert result.value == pytest.approx(by_highs(C, a, b), abs=1e-7)
    assert result.value == round(result.value)


def manufactured(rng, n, m, slack):
    """A cost whose unique optimal plan lives on a random spanning tree."""
    order = rng.permutation(n + m)
    order = np.concatenate([[rng.integers(n)], n + rng.permutation(m)[:1], order])
    sources, sinks, plan = [], [], np.zeros((n, m))
    for v in dict.fromkeys(order.tolist()):
        if v < n:
            if sinks:
                plan[v, rng.choice(sinks)] = rng.random() + 0.1
            sources.append(v)
        else:
            if sources:
                plan[rng.choice(sources), v - n] = rng.random() + 0.1
            sinks.append(v - n)
    f, g = rng.normal(size=n), rng.normal(size=m)
    C = f[:, None] + g + np.where(plan > 0.0, 0.0, slack + rng.random((n, m)))
    return C, plan / plan.sum(), f, g


@pytest.mark.parametrize(("n", "m"), [(5, 4), (60, 90), (700, 600)])
@pytest.mark.parametrize("slack", [1.0, 1e-3])
def test_manufactured(n, m, slack):
    rng = np.random.default_rng(n)
    C, plan, f, g = manufactured(rng, n, m, slack)
    result = ot.exact(C, plan.sum(axis=1), plan.sum(axis=0))
    check(result, C, result.a, result.b)
    assert np.abs(result.plan - plan).max() < 1e-14
    assert set(zip(*result.sparse_plan().nonzero(), strict=True)) == set(zip(*plan.nonzero(), strict=True))
    assert np.ptp(result.f - f) < 1e-12
    assert np.ptp(result.g - g) < 1e-12


def test_metamorphic():
    rng = np.random.default_rng(3)
    n, m = 150, 130
    C, a, b = rng.random((n, m)), weights(rng, n), weights(rng, m)
    plan = ot.exact(C, a, b).plan
    rows, columns = rng.permutation(n), rng.permutation(m)
    permuted = ot.exact(C[np.ix_(rows, columns)], a[rows], b[columns])
    assert np.abs(permuted.plan - plan[np.ix_(rows, columns)]).max() < 1e-15
    u, v = rng.normal(size=n), rng.normal(size=m)
    assert np.abs(ot.exact(C + u[:, None] + v, a, b).plan - plan).max() < 1e-15
    assert np.abs(ot.exact(C.T, b, a).plan.T - plan).max() < 1e-15
    assert np.abs(ot.exact(7.0 * C, a, 1.0 * b).plan - plan).max() < 1e-15


@pytest.mark.parametrize("exponent", [-490, -150, 150, 490])
def test_scales_of_costs_change_nothing(exponent):
    rng = np.random.default_rng(4)
    C, a, b = rng.normal(size=(200, 220)), weights(rng, 200), weights(rng, 220)
    once, scaled = ot.exact(C, a, b), ot.exact(C * 2.0**exponent, a, b)
    check(scaled, C * 2.0**exponent, a, scaled.b)
    assert np.array_equal(once.plan, scaled.plan)
    assert scaled.value == once.value * 2.0**exponent


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scales_of_weights(scale):
    rng = np.random.default_rng(5)
    C, a, b = rng.random((30, 40)), weights(rng, 30), weights(rng, 40)
    result = ot.exact(C, a * scale, b * scale)
    assert result.converged
    assert result.value / scale == pytest.approx(ot.exact(C, a, b).value, rel=1e-12)


def test_weights_of_many_magnitudes():
    rng = np.random.default_rng(6)
    C, a, b = rng.random((60, 60)), 10.0 ** rng.uniform(-15, 0, 60), 10.0 ** rng.uniform(-15, 0, 60)
    result = ot.exact(C, a / a.sum(), b / b.sum())
    check(result, C, result.a, result.b)
    rows, columns = result.plan_marginals
    assert np.abs(rows / result.a - 1.0).max() < 1e-12
    assert np.abs(columns / result.b - 1.0).max() < 1e-6  # the sums of a and b differ by rounding of the largest


@pytest.mark.parametrize("value", [0.0, 1.0, -2.5])
def test_constant_costs(value):
    C = np.full((50, 40), value)
    result = ot.exact(C)
    check(result, C, result.a, result.b)
    assert result.value == pytest.approx(value, abs=1e-15)


def test_a_grid_with_ties():
    side = np.arange(14.0)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    cloud = ot.PointCloud(x, x + np.array([3.0, 1.0]))
    result = ot.exact(cloud)
    check(result, cloud.to_numpy(), result.a, result.b)
    assert result.value == pytest.approx(10.0, rel=1e-13)
    cost = ot.PointCloud(x, x[::-1], cost="cityblock")
    assert ot.exact(cost).value == 0.0


@pytest.mark.parametrize("d", [1, 2, 10, 40])
def test_exact_maps(d):
    """y = ∇φ(x) with φ convex is optimal for the squared distance."""
    rng = np.random.default_rng(d)
    n = 400
    x, centers, w = rng.normal(size=(n, d)), rng.normal(size=(5, d)), rng.random(5)
    t = x[:, None] - centers
    y = x + np.einsum("k,nkd->nd", w, t / np.linalg.norm(t, axis=2)[..., None])
    shuffle, a = rng.permutation(n), weights(rng, n)
    result = ot.exact(ot.PointCloud(x, y[shuffle]), a, a[shuffle])
    assert result.converged
    image = np.argmax(result.plan, axis=1)
    assert np.array_equal(shuffle[image], np.arange(n))
    assert result.value == pytest.approx((a * ((x - y) ** 2).sum(axis=1)).sum(), rel=1e-11)


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean"])
def test_translations(cost):
    rng = np.random.default_rng(8)
    x, t = rng.normal(size=(500, 3)), np.array([1.0, -2.0, 0.5])
    power = 2 if cost == "sqeuclidean" else 1
    result = ot.exact(ot.PointCloud(x, x[::-1] + t, cost=cost))
    assert result.converged
    assert result.value == pytest.approx(np.linalg.norm(t) ** power, rel=1e-11)


@pytest.mark.parametrize("cost", ["sqeuclidean", "euclidean"])
@pytest.mark.parametrize("noise", [0.0, 1e-3, 1e-6, 1e-12])
def test_clouds_that_nearly_agree(cost, noise):
    """Rounding of potentials of size 1 would hide the value."""
    rng = np.random.default_rng(22)
    x = rng.normal(size=(300, 2))
    cloud = ot.PointCloud(x, x + noise * rng.normal(size=x.shape), cost=cost)
    result = ot.exact(cloud)
    check(result, cloud.to_numpy(), result.a, result.b)
    assert result.value <= cloud.to_numpy().diagonal().mean() * (1.0 + 1e-14)


def test_on_the_line():
    rng = np.random.default_rng(9)
    x, y, a, b = rng.normal(size=150), rng.normal(size=170), weights(rng, 150), weights(rng, 170)
    found = ot.exact(ot.PointCloud(x[:, None], y[:, None], cost="euclidean"), a, b).value
    assert found == pytest.approx(ot.wasserstein_1d(x, y, a, b, p=1), rel=1e-12)


def test_points_and_arrays_agree():
    rng = np.random.default_rng(10)
    cloud = ot.PointCloud(rng.normal(size=(600, 2)), rng.normal(size=(500, 2)))
    C = cloud.to_numpy()
    of_points, of_array = ot.exact(cloud), ot.exact(C)
    fortran, strided = ot.exact(np.asfortranarray(C)), ot.exact(np.repeat(C, 2, axis=1)[:, ::2])
    for result in (of_points, of_array, fortran, strided):
        check(result, C, result.a, result.b)
        assert np.abs(result.plan - of_array.plan).max() < 1e-15


def test_float32_points_are_certified_in_float64():
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(300, 3)).astype(np.float32), rng.normal(size=(300, 3)).astype(np.float32)
    result = ot.exact(ot.PointCloud(x, y))
    check(result, ot.PointCloud(x, y).to_numpy(), result.a, result.b)


def test_zero_weights_have_valid_potentials():
    rng = np.random.default_rng(12)
    C, a, b = rng.random((50, 60)), weights(rng, 50), weights(rng, 60)
    a[::3], b[::4] = 0.0, 0.0
    a, b = a / a.sum(), b / b.sum()
    result = ot.exact(C, a, b)
    check(result, C, a, result.b)
    inner = ot.exact(C[np.ix_(a > 0, b > 0)], a[a > 0], result.b[b > 0])
    assert result.value == pytest.approx(inner.value, rel=1e-14)


def test_zero_weights_and_forbidden_arcs():
    C = np.full((4, 4), np.inf)
    C[0, 0], C[1, 1], C[2, 3], C[0, 3], C[2, 0] = 1.0, 2.0, 3.0, 0.5, -1.0
    a, b = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.5, 0.5, 0.0, 0.0])
    result = ot.exact(C, a, b)
    check(result, C, a, b)
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()


@pytest.mark.parametrize("share", [0.3, 0.8, 0.95])
def test_forbidden_arcs(share):
    rng = np.random.default_rng(13)
    n = 40
    a, b = np.full(n, 1.0 / n), np.full(n, 1.0 / n)
    C = rng.random((n, n))
    C[(rng.random((n, n)) < share) & ~np.eye(n, dtype=bool)] = np.inf
    result = ot.exact(C, a, b)
    check(result, C, a, b)
    assert result.value == pytest.approx(by_highs(C, a, b), rel=1e-9)


def test_blocks_that_do_not_meet():
    """The finite arcs are not connected, and the masses of the blocks differ by rounding."""
    rng = np.random.default_rng(14)
    C = np.full((60, 70), np.inf)
    parts = [(slice(0, 20), slice(0, 30)), (slice(20, 45), slice(30, 50)), (slice(45, 60), slice(50, 70))]
    a, b = rng.random(60), rng.random(70)
    for rows, columns in parts:
        C[rows, columns] = rng.random(C[rows, columns].shape)
        a[rows] /= 3 * a[rows].sum()
        b[columns] /= 3 * b[columns].sum()
    result = ot.exact(C, a, b)
    assert result.converged
    assert result.marginal_error < 1e-14
    assert (C - result.f[:, None] - result.g >= -1e-13).all()
    alone = [ot.exact(C[part], 3 * a[part[0]], 3 * b[part[1]]).value for part in parts]
    assert result.value == pytest.approx(sum(alone) / 3, rel=1e-12)


@pytest.mark.filterwarnings("ignore:exact")
@pytest.mark.parametrize("size", [1e308, 1.7e308])
def test_costs_at_the_end_of_the_range(size):
    """Sums of costs overflow: the answer is right, or an error or the status says that it is not."""
    C = size * (2.0 * np.random.default_rng(21).random((20, 20)) - 1.0)
    best = ot.exact(C / 2.0**20).value * 2.0**20
    try:
        result = ot.exact(C)
    except NumericalError:
        return
    assert result.marginal_error < 1e-13
    assert result.dual_value <= best * (1.0 - 1e-12)
    assert result.value >= best * (1.0 + 1e-12)
    if result.converged:
        check(result, C, result.a, result.b)


def test_infeasible():
    C = np.array([[0.0, np.inf, np.inf], [1.0, np.inf, np.inf], [0.0, 1.0, 2.0]])
    with pytest.raises(InputError, match=r"cost leaves no plan.*0\.333"):
        ot.exact(C)


def test_sums_that_differ_by_rounding():
    """Float32 weights, and 5 points against 960."""
    rng = np.random.default_rng(15)
    a, b = rng.random(5).astype(np.float32), rng.random(960).astype(np.float32)
    a, b = a / a.sum(), b / b.sum()
    C = rng.random((5, 960))
    result = ot.exact(C, a, b)
    check(result, C, result.a, result.b)
    assert abs(result.mass_rescale - 1.0) < 1e-6


def test_warm_start():
    rng = np.random.default_rng(16)
    C, a, b = rng.random((500, 500)), weights(rng, 500), weights(rng, 500)
    cold = ot.exact(C, a, b)
    near = C + 1e-4 * rng.random(C.shape)
    for init in (cold, (cold.f, cold.g), ot.sinkhorn(C, a, b, epsilon=1e-2)):
        warm = ot.exact(near, a, b, init=init)
        check(warm, near, a, warm.b)
    assert ot.exact(near, a, b, init=cold).n_iter < 0.5 * cold.n_iter


@pytest.mark.parametrize("solver", ["exact", "partial", "assignment"])
@pytest.mark.parametrize("kind", ["uniform", "cloud"])
def test_steps_of_a_warm_start(solver, kind):
    """None where nothing changed, few where costs change by a hundredth; the answer is that of a cold start."""
    rng = np.random.default_rng(23)
    x, y = rng.normal(size=(700, 2)), rng.normal(size=(700, 2))
    C = rng.random((700, 700)) if kind == "uniform" else ot.PointCloud(x, y).to_numpy()
    near = C * (1.0 + 0.01 * rng.random(C.shape))
    options = {"mass": 0.7} if solver == "partial" else {}
    solve = getattr(ot, solver)
    first, cold = solve(C, **options), solve(near, **options)
    again, warm = solve(C, init=first, **options), solve(near, init=first, **options)
    assert (again.n_iter, again.trace.arcs.size) == (0, 1)
    assert again.value == pytest.approx(first.value, rel=1e-14)
    assert warm.converged
    assert warm.value == pytest.approx(cold.value, rel=1e-12)
    assert warm.n_iter < 0.5 * cold.n_iter


@pytest.mark.parametrize("solver", ["exact", "assignment"])
def test_a_warm_start_takes_tight_arcs_only(solver):
    """The arcs of the old basis and next to none else, where they make a tree that no arc improves; else many."""
    rng = np.random.default_rng(24)
    x, y = rng.normal(size=(700, 2)), rng.normal(size=(700, 2))
    C = ot.PointCloud(x, y).to_numpy()
    solve = getattr(ot, solver)
    first = solve(C)
    for change, few in ((0.0, True), (1e-9, True), (0.01, False)):
        near = C * (1.0 + change * rng.random(C.shape))
        warm = solve(near, init=first)
        cold = solve(near)
        assert warm.converged
        assert warm.gap <= 1e-12 * max(abs(warm.value), np.abs(near[warm.plan > 0]).max())
        assert warm.value == pytest.approx(cold.value, rel=1e-12)
        assert np.array_equal(warm.plan > 0, cold.plan > 0)
        assert (warm.trace.arcs[0] < 2 * sum(C.shape)) == few
        assert (warm.n_iter == 0) == few


def test_a_warm_start_from_a_plan_that_is_not_optimal():
    """The plan moves the masses, but its arcs say nothing on where the optimum is."""
    rng = np.random.default_rng(25)
    C = rng.random((600, 600))
    first = ot.assignment(rng.random((600, 600)))
    check(ot.exact(C, init=first), C, np.full(600, 1 / 600), np.full(600, 1 / 600))
    closed = np.where(first.plan > 0, np.inf, C)
    check(ot.exact(closed, init=first), closed, np.full(600, 1 / 600), np.full(600, 1 / 600))


def test_warm_start_with_other_weights():
    """Points gain and lose weight, arcs of the earlier plan are forbidden, the plan is no basis."""
    rng = np.random.default_rng(24)
    C, a, b = rng.random((150, 200)), weights(rng, 150), weights(rng, 200)
    first = ot.exact(C, a, b)
    other_a, other_b = weights(rng, 150), weights(rng, 200)
    other_a[::5], other_b[::7] = 0.0, 0.0
    other_a, other_b = other_a / other_a.sum(), other_b / other_b.sum()
    blocked = np.where(first.plan > 0.003, np.inf, C)
    for cost, p, q in ((C, other_a, other_b), (blocked, a, b), (blocked, other_a, other_b)):
        warm = ot.exact(cost, p, q, init=first)
        check(warm, cost, p, warm.b)
        assert warm.value == pytest.approx(ot.exact(cost, p, q).value, rel=1e-12)
    quadratic = ot.sparse_transport(C, a, b, gamma=1.0)
    check(ot.exact(C, a, b, init=quadratic), C, a, b)


def test_certificate():
    rng = np.random.default_rng(26)
    C, a, b = rng.normal(size=(200, 150)), weights(rng, 200), weights(rng, 150)
    a[::6] = 0.0
    a /= a.sum()
    result = ot.exact(C, a, b)
    certificate = result.certificate()
    assert isinstance(certificate, ot.Certificate)
    assert certificate.dual_bound <= result.dual_value <= result.value <= certificate.primal_bound
    assert 0.0 < certificate.gap < 1e-11
    assert (certificate.entropic_lower, certificate.entropic_upper) == (
        certificate.dual_bound,
        certificate.primal_bound,
    )
    assert certificate.marginal_l1 == pytest.approx(result.marginal_error, abs=1e-16)
    entropic = ot.sinkhorn(C, a, b, epsilon=0.1).certificate()
    assert entropic.dual_bound <= certificate.primal_bound
    assert certificate.dual_bound <= entropic.primal_bound
    part = ot.partial(C, a, b, mass=0.4)
    found = part.certificate()
    assert found.dual_bound <= part.value <= found.primal_bound
    assert found.gap < 1e-11
    halted = ot.exact(rng.random((300, 300)), callback=lambda *_: True).certificate()
    assert halted.dual_bound < halted.primal_bound


@pytest.mark.parametrize("kind", ["array", "points", "ties"])
def test_any_number_of_threads(kind):
    rng = np.random.default_rng(17)
    cost = {
        "array": rng.random((700, 800)),
        "points": ot.PointCloud(rng.normal(size=(900, 3)), rng.normal(size=(800, 3))),
        "ties": rng.integers(0, 4, (600, 600)).astype(float),
    }[kind]
    results = [ot.exact(cost, n_threads=count) for count in COUNTS]
    first = results[0]
    for result in results[1:]:
        assert np.array_equal(result.f, first.f)
        assert np.array_equal(result.g, first.g)
        assert np.array_equal(result.entries.data, first.entries.data)
        assert np.array_equal(result.entries.indices, first.entries.indices)
        assert (result.n_iter, result.value, result.gap) == (first.n_iter, first.value, first.gap)


def test_callback_stops_with_a_feasible_plan():
    C = np.random.default_rng(18).random((1000, 1000))
    seen = []

    def stop(n_iter, epsilon, error):
        seen.append((n_iter, epsilon, error))
        return n_iter > 0

    result = ot.exact(C, callback=stop)
    assert result.status is ot.Status.STOPPED
    assert not result.converged
    assert result.marginal_error < 1e-13
    best = ot.exact(C).value
    assert result.dual_value <= best + 1e-12 <= result.value + 2e-12
    assert seen[0][:1] == (0,)
    early = ot.exact(C, callback=lambda *_: True)
    assert early.status is ot.Status.STOPPED
    assert early.dual_value <= best <= early.value


def test_result():
    rng = np.random.default_rng(19)
    result = ot.exact(rng.random((30, 20)))
    again = pickle.loads(pickle.dumps(result))
    assert np.array_equal(again.plan, result.plan)
    assert repr(result).startswith("ExactResult(30x20, value=")
    assert repr(result.trace) == f"ExactTrace(sweeps={result.trace.arcs.size})"
    assert result.trace.violations[-1] == 0
    assert result.bounds == (result.value - result.gap, result.value)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"init": np.zeros(3)}, "init"),
        ({"init": (np.zeros(3), np.zeros(2))}, r"init\[1\]"),
        ({"n_threads": 0}, "n_threads"),
        ({"callback": 1}, "callback"),
        ({"a": [1.0, -1.0, 1.0]}, r"a\[1\]"),
        ({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0, 2.0]}, "a sums"),
        ({"cost": [[0.0, np.nan], [0.0, 1.0]]}, r"cost\[0, 1\] is nan"),
        ({"cost": [[0.0, 1.0], [np.inf, np.inf]]}, "row 1"),
        ({"cost": [1.0, 2.0]}, "1-D"),
    ],
)
def test_bad_input(options, match):
    with pytest.raises(InputError, match=match):
        ot.exact(**{"cost": np.ones((3, 3)), **options})


@pytest.mark.peers
def test_pot():
    pot = pytest.importorskip("ot", reason="POT is not installed")
    rng = np.random.default_rng(20)
    for n, m in ((80, 80), (200, 300)):
        C, a, b = rng.random((n, m)), weights(rng, n), weights(rng, m)
        result = ot.exact(C, a, b)
        assert np.abs(result.plan - pot.emd(a, b, C)).max() < 1e-12


def test_forbidden_arcs_may_keep_back_what_float32_rounds_only():
    """No plan exists; weights of float32 cannot say so, those of float64 can."""
    C, a, b = [[0.0, np.inf], [1.0, 1.0]], np.array([0.5, 0.5]), np.array([0.5 - 1e-7, 0.5 + 1e-7])
    with pytest.raises(InputError, match=r"leaves no plan: .* at least 1e-07 of the mass"):
        ot.exact(C, a, b)
    with pytest.raises(InputError, match="leaves no plan"):
        ot.solve(C, a, b, epsilon=0.1)
    assert ot.exact(C, a.astype(np.float32), b.astype(np.float32)).marginal_error < 1e-6
    assert ot.exact(C, a, b[::-1]).converged


def test_a_gap_that_rounding_leaves_is_warned_of():
    C = np.array([[-1e-6, -1e11], [1e11, -1e6]])
    for solver in (ot.exact, ot.assignment, ot.solve):
        with pytest.warns(ConvergenceWarning, match=r"may cost up to .* more than the best one"):
            result = solver(C)
        assert result.status is ot.Status.STALLED


def test_an_overflow_names_mass_and_cost():
    with pytest.raises(NumericalError, match=r"mass times cost leaves the range .* mass is 2e\+200"):
        ot.exact(np.full((2, 2), 1e150), np.full(2, 1e200), np.full(2, 1e200))


def test_the_bar_counts_pivots_and_shows_the_gap(capsys):
    C = np.random.default_rng(22).random((40, 40))
    for solver in (ot.exact, ot.assignment, lambda cost, **options: ot.partial(cost, mass=0.5, **options)):
        solver(C, progress=True)
        shown = capsys.readouterr().err
        assert "pivots" in shown
        assert "gap=" in shown
    ot.sparse_transport(C, gamma=1.0, progress=True)
    assert "gamma=1, marginal error=" in capsys.readouterr().err


@pytest.mark.parametrize("mass", [1.0, 1e-3])
def test_costs_whose_sums_overflow(mass):
    """Sums of costs overflow there; those made smaller by a power of two have the same plan."""
    C = np.random.default_rng(0).random((4, 3)) + 1.0
    expected = ot.exact(C * 2.0**-10)
    found = ot.exact(C * 2.0**1023, np.full(4, mass / 4), np.full(3, mass / 3))
    assert found.converged
    assert found.value * 2.0**-1023 == pytest.approx(mass * expected.value * 2.0**10, rel=1e-14)
    assert found.dual_value <= found.value
    np.testing.assert_allclose(found.plan, mass * expected.plan, rtol=1e-14)
