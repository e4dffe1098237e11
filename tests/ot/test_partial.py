"""Partial transport: linear programming as the oracle, limits, price and potentials."""

import numpy as np
import pytest
from scipy.optimize import linprog

from wassail import ot
from wassail.exceptions import InputError


def instance(seed, n, m):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, m)), rng.random(n) + 0.1, rng.random(m) + 0.1


def by_highs(C, a, b, mass):
    n, m = C.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(
        C.ravel(),
        A_ub=np.vstack([rows, columns]),
        b_ub=np.concatenate([a, b]),
        A_eq=np.ones((1, n * m)),
        b_eq=[mass],
        method="highs",
    )
    assert found.status == 0
    return found.fun


def check(result, C, a, b, mass):
    plan = result.plan
    assert result.converged
    assert (plan.sum(axis=1) <= a * (1 + 1e-14)).all()
    assert (plan.sum(axis=0) <= b * (1 + 1e-14)).all()
    assert plan.sum() == pytest.approx(mass, rel=1e-14)
    assert result.marginal_error < 1e-13
    assert (result.f <= 1e-15).all()
    assert (result.g <= 1e-15).all()
    assert (C - result.f[:, None] - result.g - result.price >= -1e-13).all()
    dual = a @ result.f + b @ result.g + result.price * mass
    assert dual == pytest.approx(result.value, rel=1e-11, abs=1e-12)
    used = plan > 0
    assert result.value == pytest.approx((C[used] * plan[used]).sum(), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (8, 5), (20, 30)])
def test_against_highs(n, m, share):
    C, a, b = instance((n, m), n, m)
    mass = share * min(a.sum(), b.sum())
    result = ot.partial(C, a, b, mass=mass)
    check(result, C, a, b, mass)
    assert result.value == pytest.approx(by_highs(C, a, b, mass), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("mass", [1e-300, 1e-30, 1e-16])
def test_very_little_mass(mass):
    """All of it takes the cheapest arc."""
    C, a, b = instance(2, 20, 30)
    result = ot.partial(C, a, b, mass=mass)
    assert result.converged
    assert result.value == pytest.approx(C.min() * mass, rel=1e-13)
    assert result.price == pytest.approx(C.min(), rel=1e-13)
    assert result.sparse_plan().sum() == pytest.approx(mass, rel=1e-13)


def test_the_price_is_the_derivative():
    C, a, b = instance(1, 40, 50)
    mass, h = 10.0, 1e-6
    middle = ot.partial(C, a, b, mass=mass)
    ends = [ot.partial(C, a, b, mass=mass + t).value for t in (-h, h)]
    assert (ends[1] - ends[0]) / (2 * h) == pytest.approx(middle.price, rel=1e-5)


def test_huge_costs_leave_the_small_ones_exact():
    """What a big-M for the dummies would ruin."""
    C = np.array([[1e-8, 1e150], [1e150, 3e-8]])
    result = ot.partial(C, [1.0, 1.0], [1.0, 1.0], mass=1.25)
    assert result.value == 1e-8 + 0.25 * 3e-8
    assert result.price == 3e-8


def test_all_mass_is_exact_transport():
    C, a, b = instance(2, 60, 50)
    a, b = a / a.sum(), b / b.sum()
    assert ot.partial(C, a, b, mass=1.0).value == pytest.approx(ot.exact(C, a, b).value, rel=1e-12)


def test_points_weights_of_zero_and_forbidden_arcs():
    rng = np.random.default_rng(3)
    cloud = ot.PointCloud(rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 1.0)
    a, b = rng.random(300), rng.random(200)
    a[::5], b[::7] = 0.0, 0.0
    check(ot.partial(cloud, a, b, mass=30.0), cloud.to_numpy(), a, b, 30.0)
    C = cloud.to_numpy()
    C[rng.random(C.shape) < 0.7] = np.inf
    C[1] = np.inf
    check(ot.partial(C, a, b, mass=30.0), C, a, b, 30.0)


def test_warm_start_and_threads():
    C, a, b = instance(4, 600, 500)
    cold = ot.partial(C, a, b, mass=100.0)
    warm = [ot.partial(C, a, b, mass=101.0, init=cold, n_threads=count) for count in (1, 2, 5)]
    check(warm[0], C, a, b, 101.0)
    for other in warm[1:]:
        assert np.array_equal(other.plan, warm[0].plan)
        assert np.array_equal(other.f, warm[0].f)


@pytest.mark.parametrize(("n", "m"), [(1, 3000), (3000, 1), (2, 3000), (3, 1000)])
@pytest.mark.parametrize("mass", [1e-4, 0.3, 0.9, 0.999, 1.0])
def test_few_points_on_one_side(n, m, mass):
    """The cheapest arcs take the mass: the start knows them, and hardly a pivot is left where one point sends all."""
    rng = np.random.default_rng(5)
    C = rng.normal(size=(n, m))
    result = ot.partial(C, mass=mass)
    check(result, C, result.a, result.b, mass)
    if min(n, m) == 1:
        cheapest = np.sort(C.ravel())
        units = np.minimum(mass * C.size - np.arange(C.size), 1.0).clip(0.0)
        assert result.value == pytest.approx(units @ cheapest / C.size, rel=1e-12)
        assert result.n_iter < 50


@pytest.mark.parametrize(
    ("mass", "match"), [(0.0, "mass"), (-1.0, "mass"), (np.nan, "mass"), (1.5, "at most 1 can"), ("x", "mass")]
)
def test_bad_mass(mass, match):
    with pytest.raises(InputError, match=match):
        ot.partial(np.ones((3, 3)), mass=mass)


def test_no_plan():
    with pytest.raises(InputError, match="no plan"):
        ot.partial(np.array([[1.0, 2.0], [np.inf, np.inf]]), mass=0.8)


@pytest.mark.peers
def test_pot():
    pot = pytest.importorskip("ot", reason="POT is not installed")
    C, a, b = instance(5, 50, 60)
    C = C - C.min()  # POT takes nonnegative costs
    a, b = a / a.sum(), b / b.sum()
    plan = pot.partial.partial_wasserstein(a, b, C, m=0.4)
    assert ot.partial(C, a, b, mass=0.4).value == pytest.approx((plan * C).sum(), rel=1e-8)


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
@pytest.mark.parametrize("mass", [0.1, 0.5, 0.9])
def test_a_stopped_run_gives_its_plan(stop, mass):
    calls = []
    result = ot.partial(
        np.random.default_rng(0).random((30, 30)), mass=mass, callback=lambda *_: calls.append(0) or len(calls) >= stop
    )
    assert result.status in (ot.Status.STOPPED, ot.Status.CONVERGED)
    assert (result.plan.sum(1) <= 1 / 30 * (1 + 1e-12)).all()


@pytest.mark.parametrize("mass", [0.5, 1.0])
def test_no_arc_at_all_is_named(mass):
    with pytest.raises(InputError, match="cost"):
        ot.partial([[np.inf]], mass=mass)


@pytest.mark.parametrize("as_pair", [False, True])
def test_a_start_for_another_mass_is_not_used(as_pair):
    """It would take more pivots than none; one for about the same mass takes fewer."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(400, 2)), rng.normal(size=(400, 2)) + 1.0
    C = ot.PointCloud(x, y).to_numpy()
    cold = ot.partial(C, mass=0.3)
    for start in (ot.exact(C), ot.sinkhorn(C, epsilon=0.1), ot.partial(C, mass=0.9)):
        warm = ot.partial(C, mass=0.3, init=(start.f, start.g) if as_pair else start)
        np.testing.assert_array_equal(warm.trace.pivots, cold.trace.pivots)
    near = ot.partial(C, mass=0.31)
    assert ot.partial(C, mass=0.3, init=(near.f, near.g) if as_pair else near).n_iter < cold.n_iter
    whole = ot.partial(C, mass=1.0, init=ot.exact(C))
    assert whole.n_iter < ot.partial(C, mass=1.0).n_iter


def test_masses_are_shown_without_rounding():
    ones = np.full(20, 0.1)
    assert np.cumsum(ones)[-1] != 2.0
    with pytest.raises(InputError, match=r"mass is 3, a sums to 2 and b to 2: at most 2 can"):
        ot.partial(np.zeros((20, 20)), np.cumsum(ones)[-1] / 20 * np.ones(20), ones, mass=3.0)
