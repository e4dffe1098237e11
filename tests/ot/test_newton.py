"""Sinkhorn-Newton: accurate where Sinkhorn's iteration is slow, honest where float64 ends."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import sinkhorn_numpy as ref
from tests.reference import sns_numpy as sns
from wassail import ot
from wassail.exceptions import ConvergenceWarning, InputError

COUNTS = (1, 2, 3, 5, 8)


def weights(rng, n):
    w = rng.random(n) + 0.1
    return w / w.sum()


def true_error(C, result):
    """Marginal error of the returned pair in extended precision, which plain float64 is too coarse for."""
    wide = np.longdouble
    f, g, a, b = (v.astype(wide) for v in (result.f, result.g, result.a, result.b))
    rows, columns = np.zeros(f.size, wide), np.zeros(g.size, wide)
    for i in range(f.size):
        p = a[i] * b * np.exp((f[i] + g - C[i].astype(wide)) / wide(result.epsilon))
        rows[i] = p.sum()
        columns += p
    return float(np.abs(rows - a).sum() + np.abs(columns - b).sum())


def image(rng, side):
    """A digit-like density: strokes along a random curve, nothing elsewhere."""
    ticks = np.linspace(0, 1, side)
    u, v = np.meshgrid(ticks, ticks, indexing="ij")
    t = np.linspace(0, 1, 60)[:, None, None]
    c = rng.uniform(0.2, 0.8, (4, 2))
    bezier = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
    x, y = (sum(w * c[k, axis] for k, w in enumerate(bezier)) for axis in (0, 1))
    strokes = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 0.04**2)).max(0).ravel()
    density = np.where(strokes > 0.05, strokes, 0.0) + 1e-6
    return density / density.sum()


def grid(side, power):
    ticks = np.arange(float(side))
    pixels = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), -1).reshape(-1, 2)
    return (np.abs(pixels[:, None] - pixels[None]) ** power).sum(-1)


def cloud(rng, n, m, d):
    x, y = rng.normal(size=(n, d)), 0.8 * rng.normal(size=(m, d)) + 0.3
    return ((x[:, None] - y[None]) ** 2).sum(-1)


def instance(name):
    """A cost with two weights."""
    rng = np.random.default_rng(5)
    if name == "gauss2":
        return cloud(rng, 240, 200, 2), weights(rng, 240), weights(rng, 200)
    if name == "gauss10":
        return cloud(rng, 220, 220, 10), np.full(220, 1 / 220), np.full(220, 1 / 220)
    if name == "uniform":
        return rng.random((200, 260)), weights(rng, 200), weights(rng, 260)
    side = 14
    return grid(side, 1 if name == "grid l1" else 2), image(rng, side), image(rng, side)


INSTANCES = ("gauss2", "gauss10", "uniform", "grid l1", "grid squared l2")


@pytest.mark.parametrize("fraction", [1e-2, 1e-3, 2e-4])
@pytest.mark.parametrize("name", INSTANCES)
def test_reaches_1e12(name, fraction):
    C, a, b = instance(name)
    epsilon = fraction * C.max()
    result = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, tol=1e-12)
    assert result.converged, result
    assert result.marginal_error <= 1e-12
    # Rounding of the potentials themselves: |f|/ε units in the last place.
    assert true_error(C, result) <= 1e-12 + 1.2e-16 * max(np.abs(result.f).max(), np.abs(result.g).max()) / epsilon


def assignment(n, seed=0):
    return np.random.default_rng(seed).random((n, n)), np.full(n, 1 / n)


def test_random_assignment_of_the_paper():
    """n = 500, eta = 1200: 29 iterations in the paper's table, 56 199 of Sinkhorn's."""
    C, _ = assignment(500)
    result = ot.sinkhorn_newton(C, epsilon=1 / 1200, tol=1e-12)
    assert result.converged
    assert result.n_iter <= 45
    assert true_error(C, result) <= 1.2e-12
    last = result.trace.newton & (result.trace.epsilon == result.epsilon)
    assert (result.trace.density[last] < 0.05).all()


def test_agrees_with_the_papers_listing():
    C, w = assignment(80, 1)
    eta = 300.0
    x, y, errors = sns.sns(C, w, w, eta, n_sinkhorn=20, n_newton=30, share=20 / 80, tol=1e-13)
    assert errors[-1] < 1e-12
    assert len(errors) < 40
    result = ot.sinkhorn_newton(C, epsilon=1 / eta, tol=1e-12)
    assert np.abs(result.plan - sns.plan(C, x, y, eta)).sum() < 1e-10
    f, g = sns.to_potentials(x, y, w, w, eta)
    assert np.abs(f[:, None] + g - result.f[:, None] - result.g).max() < 1e-11


@pytest.mark.parametrize("power", [1, 2])
def test_digit_like_images(power):
    rng = np.random.default_rng(8)
    C = grid(28, power)
    C /= C.max()
    result = ot.sinkhorn_newton(C, image(rng, 28), image(rng, 28), epsilon=1 / 1200, tol=1e-12)
    assert result.converged
    assert true_error(C, result) <= 1.3e-12


def test_same_answer_as_sinkhorn():
    rng = np.random.default_rng(2)
    C, a, b = rng.random((70, 90)), weights(rng, 70), weights(rng, 90)
    ours, theirs = (solve(C, a, b, epsilon=0.02, tol=1e-11) for solve in (ot.sinkhorn_newton, ot.sinkhorn))
    assert np.abs(ours.plan - theirs.plan).sum() < 1e-9
    assert ours.value == pytest.approx(theirs.value, rel=1e-10)
    assert ours.certificate().entropic_gap < 1e-9


@pytest.mark.parametrize(("n", "m"), [(3, 4), (40, 30), (90, 150)])
@pytest.mark.parametrize("epsilon", [1.0, 0.1, 0.01])
def test_manufactured(n, m, epsilon):
    """Any potentials solve the problem between the marginals of their own plan."""
    rng = np.random.default_rng((n, m))
    C, f, g = rng.random((n, m)), 0.3 * rng.normal(size=n), 0.3 * rng.normal(size=m)
    g = g + (C - f[:, None] - g).min(0)
    f = f + (C - f[:, None] - g).min(1)
    T = np.exp((f[:, None] + g - C) / epsilon)
    T /= T.sum()
    result = ot.sinkhorn_newton(C, T.sum(1), T.sum(0), epsilon=epsilon, tol=1e-13)
    assert result.status in (ot.Status.CONVERGED, ot.Status.STALLED)
    assert np.abs(result.plan - T).sum() < 1e-10


@pytest.mark.peers
def test_pot():
    pot = pytest.importorskip("ot", reason="POT is not installed")
    rng = np.random.default_rng(3)
    C, a, b = rng.random((40, 30)), weights(rng, 40), weights(rng, 30)
    theirs = pot.sinkhorn(a, b, C, 0.01, method="sinkhorn_log", numItermax=100_000, stopThr=1e-12)
    ours = ot.sinkhorn_newton(C, a, b, epsilon=0.01, tol=1e-12)
    assert np.abs(ours.plan - theirs).sum() < 1e-8


def test_low_epsilon_is_the_exact_assignment():
    from scipy.optimize import linear_sum_assignment

    C, _ = assignment(60, 4)
    rows, columns = linear_sum_assignment(C)
    result = ot.sinkhorn_newton(C, epsilon=1e-4, tol=1e-10)
    assert result.converged
    bounds = result.certificate()
    assert bounds.dual_bound <= C[rows, columns].mean() <= bounds.primal_bound
    assert bounds.gap < 1e-3 * C[rows, columns].mean()


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cityblock"])
def test_point_clouds(metric):
    rng = np.random.default_rng(6)
    points = ot.PointCloud(rng.normal(size=(150, 3)), rng.normal(size=(190, 3)) + 0.5, cost=metric)
    C = points.to_numpy()
    result = ot.sinkhorn_newton(points, epsilon=2e-3 * C.max(), tol=1e-12)
    assert result.converged
    stored = ot.sinkhorn_newton(C, epsilon=2e-3 * C.max(), tol=1e-12)
    assert np.abs(result.plan - stored.plan).sum() < 1e-9


@pytest.mark.slow
def test_streamed_clouds():
    """Above the size at which a kernel is kept, the Hessian comes from a streamed sweep."""
    rng = np.random.default_rng(7)
    points = ot.PointCloud(rng.random((4200, 2)), rng.random((4100, 2)))
    result = ot.sinkhorn_newton(points, epsilon=1e-3, tol=1e-9)
    assert result.converged
    assert (result.trace.density[result.trace.newton] < 0.15).any()
    assert result.certificate().marginal_l1 <= 1.01e-9


def test_trace():
    C, a, b = instance("gauss10")
    seen = []
    result = ot.sinkhorn_newton(
        C, a, b, epsilon=1e-3 * C.max(), callback=lambda *state: seen.append(state), progress=lambda *state: None
    )
    trace = result.trace
    assert isinstance(trace, ot.NewtonTrace)
    fields = (trace.error, trace.epsilon, trace.newton, trace.density, trace.cg_iterations, trace.step)
    assert {field.shape for field in fields} == {(result.n_iter,)}
    assert len(seen) == result.n_iter
    assert [state[2] for state in seen] == list(trace.error)
    assert trace.error[-1] == result.marginal_error
    assert not trace.newton[0]
    assert trace.newton.any()
    assert (np.diff(trace.epsilon) <= 0).all()
    plain = ~trace.newton
    assert (trace.cg_iterations[plain] == 0).all()
    assert (trace.step[plain] == 1).all()
    assert ((trace.density > 0) & (trace.density <= 1)).all()
    assert ((trace.step >= 0) & (trace.step <= 1)).all()
    assert trace.cg_iterations[trace.newton & (trace.step == 1)].all()
    assert "newton=" in repr(trace)


def test_warm_start_takes_a_third():
    """A slightly changed problem from the potentials of the first, against one from scratch."""
    spent = {"cold": 0, "warm": 0}
    for name in ("gauss10", "uniform", "grid l1"):
        C, a, b = instance(name)
        epsilon = 1e-3 * C.max()
        first = ot.sinkhorn_newton(C, a, b, epsilon=epsilon)
        rng = np.random.default_rng(9)
        changed = C + 0.1 * epsilon * rng.random(C.shape)
        cold = ot.sinkhorn_newton(changed, a, b, epsilon=epsilon)
        for init in (first, (first.f, first.g)):
            warm = ot.sinkhorn_newton(changed, a, b, epsilon=epsilon, init=init)
            assert warm.converged
            spent["cold"] += cold.n_iter
            spent["warm"] += warm.n_iter
            assert np.abs(warm.plan - cold.plan).sum() < 1e-6
        again = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, init=first)
        assert again.n_iter <= 3
    assert 3 * spent["warm"] <= spent["cold"]


@pytest.mark.filterwarnings("ignore:sinkhorn_newton reached max_iter")
@pytest.mark.parametrize("fraction", [1e-3, 2e-4])
def test_warm_start_at_weights_that_split_a_matching(fraction):
    """New weights at low epsilon open entries that held next to nothing: still a warm start is shorter."""
    C, a, b = instance("gauss10")
    rng = np.random.default_rng(3)
    a = 1.0 + 1e-2 * rng.random(a.size)
    a /= a.sum()
    epsilon = fraction * C.max()
    first = ot.sinkhorn_newton(C, epsilon=epsilon)
    cold = ot.sinkhorn_newton(C, a, b, epsilon=epsilon)
    warm = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, init=first)
    assert cold.converged
    assert warm.converged
    assert np.abs(warm.plan - cold.plan).sum() < 1e-6
    assert warm.n_iter < cold.n_iter
    runs = [ot.sinkhorn_newton(C, a, b, epsilon=epsilon, init=first, n_threads=k) for k in (1, 2, 3)]
    assert len({run.f.tobytes() + run.trace.error.tobytes() for run in runs}) == 1
    # Too few sweeps for a leap: the pair that is returned is no worse than the first one.
    short = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, init=first, max_iter=12, callback=lambda *_: False)
    assert short.marginal_error <= short.trace.error[0]


def digest(result):
    trace = result.trace
    parts = (result.f, result.g, trace.error, trace.epsilon, trace.density, trace.cg_iterations, trace.step)
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


@pytest.mark.parametrize("kind", ["array", "float32", "fortran", "points"])
def test_threads_do_not_change_a_bit(kind):
    rng = np.random.default_rng(10)
    C = rng.random((700, 600))
    cost = {
        "array": C,
        "float32": C.astype(np.float32),
        "fortran": np.asfortranarray(C),
        "points": ot.PointCloud(rng.normal(size=(600, 2)), rng.normal(size=(700, 2))),
    }[kind]
    epsilon = 0.02 if kind == "points" else 2e-3
    results = [ot.sinkhorn_newton(cost, epsilon=epsilon, tol=1e-8, n_threads=count) for count in COUNTS]
    assert results[0].converged
    assert len({digest(result) for result in results}) == 1


def test_float32_costs():
    C = np.random.default_rng(11).random((120, 100)).astype(np.float32)
    result = ot.sinkhorn_newton(C, epsilon=1e-3, tol=1e-12)
    assert result.converged  # float64 arithmetic on float32 costs
    assert true_error(C, result) <= 1.2e-12


def test_layouts_and_transposes():
    rng = np.random.default_rng(12)
    C, a, b = rng.random((80, 50)), weights(rng, 80), weights(rng, 50)
    plan = ot.sinkhorn_newton(C, a, b, epsilon=3e-3, tol=1e-12).plan
    wide = np.zeros((160, 100))
    wide[::2, ::2] = C
    for same in (np.asfortranarray(C), wide[::2, ::2]):
        assert np.abs(ot.sinkhorn_newton(same, a, b, epsilon=3e-3, tol=1e-12).plan - plan).sum() < 1e-11
    assert np.abs(ot.sinkhorn_newton(C.T, b, a, epsilon=3e-3, tol=1e-12).plan.T - plan).sum() < 1e-11


def test_zero_weights_and_forbidden_arcs():
    rng = np.random.default_rng(13)
    C, a, b = rng.random((40, 40)), weights(rng, 40), weights(rng, 40)
    C[rng.random(C.shape) < 0.5] = np.inf
    np.fill_diagonal(C, 0.5)
    b = a.copy()
    b[[3, 7]] = 0.0
    a[[3, 7]] = 0.0
    a, b = a / a.sum(), b / b.sum()
    result = ot.sinkhorn_newton(C, a, b, epsilon=5e-3, tol=1e-11)
    assert result.converged
    assert (result.plan[~np.isfinite(C)] == 0.0).all()
    assert (result.plan[[3, 7]] == 0.0).all()
    assert np.abs(result.plan.sum(1) - a).sum() < 1e-10


def test_blocks_that_hardly_meet():
    """Two clusters of unequal mass far apart: mass has to cross a gap of many ε."""
    rng = np.random.default_rng(14)
    x = np.concatenate([rng.random((60, 2)), rng.random((60, 2)) + 4.0])
    y = np.concatenate([rng.random((60, 2)), rng.random((60, 2)) + 4.0])
    a, b = weights(rng, 120), weights(rng, 120)
    result = ot.sinkhorn_newton(ot.PointCloud(x, y), a, b, epsilon=0.05, tol=1e-11)
    assert result.converged


def test_mass_that_rounding_makes_unreachable_is_not_called_converged():
    C = np.full((4, 4), np.inf)
    C[:2, :2] = C[2:, 2:] = 0.0
    with pytest.warns(ConvergenceWarning):
        result = ot.sinkhorn_newton(C, [0.25 + 1e-7, 0.25, 0.25, 0.25], np.full(4, 0.25), epsilon=0.1, max_iter=200)
    assert not result.converged
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()


@pytest.mark.parametrize("fraction", [10.0, 1.0, 1e-1, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("name", INSTANCES)
def test_honest_at_any_epsilon(name, fraction):
    C, a, b = instance(name)
    epsilon = fraction * C.max()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, tol=1e-9, max_iter=250)
    assert bool(caught) != result.converged
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()
    error = true_error(C, result)
    rounding = 64 * np.finfo(np.float64).eps / fraction
    assert np.isfinite(error)
    if result.converged:
        assert error <= 1e-9 + rounding
    assert error == pytest.approx(result.marginal_error, rel=1e-3, abs=rounding)


def test_impossible_tolerance_is_a_stall():
    C = np.random.default_rng(15).random((60, 50))
    with pytest.warns(ConvergenceWarning, match="raise epsilon"):
        result = ot.sinkhorn_newton(C, epsilon=1e-3, tol=1e-18)
    assert result.status is ot.Status.STALLED
    assert result.marginal_error < 1e-12


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1.0, 1e30, 1e150])
def test_scales(scale):
    C = np.random.default_rng(16).random((30, 40))
    result = ot.sinkhorn_newton(scale * C, epsilon=scale * 1e-2, tol=1e-10)
    assert result.converged
    assert np.abs(result.plan - ot.sinkhorn_newton(C, epsilon=1e-2, tol=1e-10).plan).sum() < 1e-7


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (6, 1), (2, 2)])
def test_small_sizes(n, m):
    C = np.random.default_rng((n, m)).random((n, m))
    result = ot.sinkhorn_newton(C, epsilon=0.01, tol=1e-12)
    assert result.converged
    assert np.abs(result.plan.sum(1) - 1 / n).max() < 1e-12


def test_duplicates():
    C = np.random.default_rng(17).random((20, 30))
    once = ot.sinkhorn_newton(C, epsilon=0.01, tol=1e-11)
    twice = ot.sinkhorn_newton(np.repeat(C, 2, axis=0), epsilon=0.01, tol=1e-11)
    assert np.abs(twice.plan.reshape(20, 2, 30).sum(1) - once.plan).sum() < 1e-9


def test_max_iter_counts_all_sweeps():
    C, a, b = instance("gauss10")
    for most in (0, 1, 7, 20):
        with pytest.warns(ConvergenceWarning, match="max_iter"):
            result = ot.sinkhorn_newton(C, a, b, epsilon=1e-4 * C.max(), tol=1e-12, max_iter=most)
        assert result.n_iter <= most
        assert true_error(C, result) == pytest.approx(result.marginal_error, rel=1e-6)


def test_a_callback_stops():
    C, a, b = instance("uniform")
    result = ot.sinkhorn_newton(C, a, b, epsilon=1e-3, callback=lambda n, *_: n >= 5)
    assert result.status is ot.Status.STOPPED
    assert result.n_iter == 5


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"epsilon": None}, "epsilon"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"tol": 0.0}, "tol"),
        ({"max_iter": -1}, "max_iter"),
        ({"anneal": 2.0}, "anneal"),
        ({"init": 3.0}, "init"),
        ({"callback": 3}, "callback"),
        ({"n_threads": 0}, "n_threads"),
        ({"a": [0.5, 0.5, -0.1]}, "a"),
        ({"b": [0.0, 0.0]}, "b"),
        ({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0]}, "mass"),
    ],
)
def test_bad_arguments(options, match):
    with pytest.raises(InputError, match=match):
        ot.sinkhorn_newton(np.ones((3, 2)), **{"epsilon": 0.1, **options})


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_bad_costs(value):
    C = np.ones((3, 2))
    C[1, 1] = value
    with pytest.raises(InputError, match=r"cost\[1, 1\]"):
        ot.sinkhorn_newton(C, epsilon=0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1.0, 0.1, 1e-2, 1e-3]),
    st.sampled_from([np.float64, np.float32]),
)
def test_never_wrong(n, m, seed, fraction, dtype):
    rng = np.random.default_rng(seed)
    C = (rng.random((n, m)) ** 3).astype(dtype)
    a, b = rng.dirichlet(np.full(n, 0.3)) + 1e-9, rng.dirichlet(np.full(m, 0.3)) + 1e-9
    a, b = a / a.sum(), b / b.sum()
    epsilon = fraction * float(C.max())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = ot.sinkhorn_newton(C, a, b, epsilon=epsilon, tol=1e-8, max_iter=400)
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()
    error = ref.marginal_error(C, result.f, result.g, result.a, result.b, epsilon)
    assert error == pytest.approx(result.marginal_error, rel=1e-3, abs=1e-12 / fraction)
    assert result.converged == (result.marginal_error <= 1e-8)


@pytest.mark.parametrize(("d", "seed"), [(10, 0), (10, 1), (2, 2)])
def test_nearly_even_weights(d, seed):
    """What one point has too much travels along arcs that carry little: potentials move by hundreds of epsilons."""
    rng = np.random.default_rng(seed)
    C = cloud(rng, 400, 400, d)
    a, b = rng.uniform(0.99, 1.01, 400), rng.uniform(0.99, 1.01, 400)
    result = ot.sinkhorn_newton(C, a / a.sum(), b / b.sum(), epsilon=2e-4 * C.max(), tol=1e-11)
    assert result.converged
    assert result.n_iter < 120
    assert result.trace.cg_iterations.sum() < 4000


@pytest.mark.parametrize("fraction", [1e-2, 1e-3, 2e-4])
@pytest.mark.parametrize("power", [1, 2])
def test_warm_starts_of_slightly_changed_costs(power, fraction):
    """Three sweeps of eight, and half of the products, or less: none of them anneals."""
    rng = np.random.default_rng(power)
    C = cloud(rng, 300, 280, 3) ** (power / 2)
    epsilon = fraction * C.max()
    first = ot.sinkhorn_newton(C, epsilon=epsilon)
    changed = C + 1e-2 * epsilon * rng.standard_normal(C.shape)
    cold = ot.sinkhorn_newton(changed, epsilon=epsilon)
    warm = ot.sinkhorn_newton(changed, epsilon=epsilon, init=first)
    assert cold.converged
    assert warm.converged
    assert 8 * warm.n_iter <= 3 * cold.n_iter
    assert 2 * warm.trace.cg_iterations.sum() <= cold.trace.cg_iterations.sum()
    again = ot.sinkhorn_newton(C, epsilon=epsilon, init=first)
    assert again.n_iter == 1
    assert again.converged


@pytest.mark.parametrize("fraction", [1e-2, 2e-3])
def test_one_step_of_a_warm_start(fraction):
    """The start is looked at in float64 at once: one step from it, and what is reported is the plan's error."""
    rng = np.random.default_rng(3)
    C = cloud(rng, 300, 280, 3)
    epsilon = fraction * C.max()
    first = ot.sinkhorn_newton(C, epsilon=epsilon)
    changed = C + 1e-6 * epsilon * rng.standard_normal(C.shape)
    warm = ot.sinkhorn_newton(changed, epsilon=epsilon, init=first)
    assert warm.converged
    assert list(warm.trace.newton) == [False, True]
    assert true_error(changed, warm) == pytest.approx(warm.marginal_error, rel=1e-2)
    assert warm.marginal_error <= 1e-9
    threads = [ot.sinkhorn_newton(changed, epsilon=epsilon, init=first, n_threads=k).f for k in (1, 2, 3)]
    assert all(np.array_equal(f, threads[0]) for f in threads)


def test_a_start_from_afar():
    """What the first look finds large goes on in float32, to the answer of a run from nothing."""
    rng = np.random.default_rng(4)
    C = cloud(rng, 300, 280, 3)
    epsilon = 1e-2 * C.max()
    far = ot.sinkhorn_newton(C, epsilon=epsilon, init=(rng.normal(size=300), 100.0 * rng.normal(size=280)))
    assert far.converged
    assert far.value == pytest.approx(ot.sinkhorn_newton(C, epsilon=epsilon).value, rel=1e-9)


def test_small_flows_of_a_dense_plan():
    """Small flows through a plan that is not sparse are lost in products in float32: then all entries are kept."""
    rng = np.random.default_rng([200, 2])
    cloud = ot.PointCloud(rng.normal(size=(200, 2)), 0.8 * rng.normal(size=(200, 2)) + 0.3)
    C = cloud.to_numpy()
    for cost in (C, cloud):
        result = ot.sinkhorn_newton(cost, epsilon=0.01 * C.mean(), tol=1e-11)
        assert result.converged
        assert result.n_iter < 50  # plain sweeps took hundreds


@pytest.mark.parametrize("seed", range(3))
def test_parts_on_weak_arcs_are_not_thrown_far(seed):
    """Parts of the plan hang on tiny entries: linear steps, which sent them far away, took 35 to 50 sweeps."""
    rng = np.random.default_rng(seed)
    C = ot.PointCloud(rng.normal(size=(200, 10)), rng.normal(size=(200, 10)) + 0.2).to_numpy()
    result = ot.sinkhorn_newton(C, epsilon=2e-4 * C.max(), tol=1e-12)
    assert result.converged
    assert result.n_iter <= 32


def test_a_stall_says_in_which_stage():
    C = np.random.default_rng(0).random((20, 20))
    with pytest.warns(
        ConvergenceWarning, match=r"stalled after \d+ sweeps \((Newton's steps|Sinkhorn's sweeps), epsilon 0.001\)"
    ):
        ot.sinkhorn_newton(C, epsilon=1e-3, tol=1e-300)
    with pytest.warns(ConvergenceWarning, match=r"max_iter after 1 sweeps \(Sinkhorn's sweeps, epsilon"):
        ot.sinkhorn_newton(C, epsilon=1e-3, max_iter=1)


@pytest.mark.parametrize("seed", [855891640205, 53, 713, 774, 1240])
def test_steps_do_not_follow_each_other_in_a_circle(seed):
    """One along which the dual fell, and one that undid it, were both taken for progress, for ever."""
    g = np.random.default_rng(seed)
    n, m = g.integers(3, 60, 2)
    C, a, b = g.random((n, m)), g.dirichlet(np.full(n, 0.3)), g.dirichlet(np.full(m, 0.3))
    result = ot.sinkhorn_newton(C, a, b, epsilon=1e-3 * C.mean(), max_iter=200)
    assert result.converged
    assert true_error(C, result) <= 1e-9
