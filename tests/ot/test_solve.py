"""The front door: which algorithm answers which question, and that the answer is that algorithm's."""

import pickle

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import InputError, NumericalError


@pytest.fixture
def cost():
    return np.random.default_rng(3).random((30, 40))


@pytest.mark.parametrize(
    ("question", "algorithm"),
    [
        ({}, "exact"),
        ({"epsilon": 0.0}, "exact"),
        ({"epsilon": 0.5}, "sinkhorn"),
        ({"epsilon": 1e-3}, "sinkhorn_newton"),
        ({"epsilon": 1e-3, "rho": 1.0}, "sinkhorn"),
        ({"epsilon": 1e-3, "rho": np.inf}, "sinkhorn_newton"),
        ({"gamma": 0.1}, "sparse_transport"),
        ({"gamma": 10.0, "max_nonzeros": 20}, "sparse_transport"),
    ],
)
def test_question_decides(cost, question, algorithm):
    result = ot.solve(cost, **question)
    assert result.choice.algorithm == algorithm
    assert result.choice.reason
    assert result.shape == (30, 40)
    assert result.plan.shape == (30, 40)
    again = pickle.loads(pickle.dumps(result))
    assert again.choice == result.choice


def test_same_answers_as_the_algorithms(cost):
    assert ot.solve(cost).value == ot.exact(cost).value
    np.testing.assert_array_equal(ot.solve(cost, epsilon=0.5).f, ot.sinkhorn(cost, epsilon=0.5, tol=1e-9).f)
    np.testing.assert_array_equal(ot.solve(cost, epsilon=1e-3).f, ot.sinkhorn_newton(cost, epsilon=1e-3, tol=1e-9).f)
    np.testing.assert_array_equal(ot.solve(cost, gamma=0.1).f, ot.sparse_transport(cost, gamma=0.1).f)


@pytest.mark.parametrize("epsilon", [0.5, 1e-2, 1e-3])
def test_meets_the_tolerance(cost, epsilon):
    result = ot.solve(cost, epsilon=epsilon, tol=1e-11)
    assert result.converged
    plan = result.plan
    error = np.abs(plan.sum(1) - result.a).sum() + np.abs(plan.sum(0) - result.b).sum()
    assert error <= 1.1e-11


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")  # 1e-9 of a cost of 1: rounding
def test_a_constant_does_not_change_the_choice(cost):
    assert ot.solve(cost + 100.0, epsilon=1e-3).choice.algorithm == "sinkhorn_newton"
    assert ot.solve(np.ones((3, 4)), epsilon=1e-9).choice.algorithm == "sinkhorn"


def test_a_result_warm_starts(cost):
    first = ot.solve(cost, epsilon=1e-3)
    second = ot.solve(cost, epsilon=1e-3, init=first)
    assert second.n_iter < first.n_iter


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({"max_nonzeros": 3}, "gamma"),
        ({"gamma": 1.0, "epsilon": 0.1}, "gamma"),
        ({"gamma": 1.0, "rho": 1.0}, "rho"),
        ({"rho": 1.0, "max_nonzeros": 1}, "max_nonzeros cannot be combined with rho"),
        ({"epsilon": 1.0, "max_nonzeros": 1}, "max_nonzeros cannot be combined with epsilon"),
        ({"rho": 1.0}, "epsilon"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": np.nan}, "epsilon"),
        ({"epsilon": 0.1, "tol": 0.0}, "tol"),
        ({"init": 3}, "init"),
    ],
)
def test_contradictions_are_named(cost, question, words):
    with pytest.raises(InputError, match=words):
        ot.solve(cost, **question)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")  # ties
def test_the_plan_of_a_result_is_used():
    """Its arcs replace candidates of the simplex; a sparse plan near it takes fewer steps."""
    rng = np.random.default_rng(1)
    C = rng.random((150, 150))
    near = C * (1.0 + 1e-3 * rng.random(C.shape))
    first = ot.solve(C)
    whole, part = ot.solve(near, init=first), ot.solve(near, init=(first.f, first.g))
    np.testing.assert_array_equal(whole.trace.arcs, ot.exact(near, init=first).trace.arcs)
    assert whole.trace.arcs[0] < part.trace.arcs[0]
    first = ot.solve(C, gamma=0.5, max_nonzeros=3)
    whole, part = (ot.solve(near, gamma=0.5, max_nonzeros=3, init=start) for start in (first, (first.f, first.g)))
    assert whole.n_iter < part.n_iter


def test_any_result_starts_any_solver():
    square = np.random.default_rng(4).random((20, 20))
    starts = [ot.assignment(square), ot.exact(square), ot.sinkhorn(square, epsilon=0.1)]
    for start in starts:
        assert ot.exact(square, init=start).converged
        assert ot.sinkhorn(square, epsilon=0.1, init=start).converged
        assert ot.sparse_transport(square, gamma=1.0, init=start).converged
        assert ot.solve(square, epsilon=0.1, init=start).converged


@pytest.mark.parametrize("epsilon", [False, True, np.False_, "0", [0.0], np.nan, -1.0, np.inf])
def test_what_is_no_regularization_strength(cost, epsilon):
    with pytest.raises(InputError, match="epsilon must be"):
        ot.solve(cost, epsilon=epsilon)


def test_an_epsilon_out_of_scale_names_the_way_out(cost):
    with pytest.raises(NumericalError, match=r"epsilon 1e-300 is out of scale .* exact"):
        ot.sinkhorn_newton(cost, epsilon=1e-300)


def test_axis_limits_rows():
    C = np.random.default_rng(4).random((12, 5))
    result = ot.solve(C, gamma=5.0, max_nonzeros=2, axis=1)
    assert result.axis == 1
    assert (np.count_nonzero(result.plan, axis=1) <= 2).all()
    np.testing.assert_array_equal(result.f, ot.sparse_transport(C, gamma=5.0, max_nonzeros=2, axis=1).f)
    with pytest.raises(InputError, match="axis must be"):
        ot.solve(C, gamma=5.0, max_nonzeros=2, axis=2)
    with pytest.raises(InputError, match="axis needs max_nonzeros"):
        ot.solve(C, gamma=5.0, axis=1)


def test_every_solver_says_the_same_of_masses_that_differ():
    C, a, b = np.zeros((2, 2)), [0.5, 0.5], [0.5, 0.6]
    sentence = r"a sums to 1 and b to 1.1: balanced transport needs equal masses. Divide each by its sum, or"
    for ask in (
        {},
        {"epsilon": 1.0},
        {"epsilon": 1e-3},
        {"gamma": 1.0},
    ):
        with pytest.raises(InputError, match=sentence):
            ot.solve(C, a, b, **ask)
    with pytest.raises(InputError, match=sentence):
        ot.wasserstein_1d([0.0, 1.0], [0.0, 1.0], a, b)
    with pytest.raises(InputError, match=r"a\[0\] sums to 1 and b\[0\] to 1.1: balanced"):
        ot.sinkhorn_batch([C], [a], [b], epsilon=1.0)


def clouds(d, n=120):
    """Squared distances between two Gaussian clouds."""
    rng = np.random.default_rng([n, d])
    return ot.PointCloud(rng.normal(size=(n, d)), 0.8 * rng.normal(size=(n, d)) + 0.3).to_numpy()


def many_sweeps():
    """A cost and an epsilon of 0.01 of its mean where sweeps converge slowly."""
    C = clouds(3)
    return C, 0.01 * C.mean()


@pytest.mark.filterwarnings("error")
def test_few_sweeps_stay():
    C = clouds(2)
    epsilon = 0.02 * C.mean()
    result = ot.solve(C, epsilon=epsilon)
    same = ot.sinkhorn(C, epsilon=epsilon, tol=1e-9)
    assert result.choice.algorithm == "sinkhorn"
    assert f"{same.n_iter} were enough" in result.choice.reason
    assert type(result.trace) is ot.SinkhornTrace
    np.testing.assert_array_equal(result.f, same.f)
    np.testing.assert_array_equal(result.trace.error, same.trace.error)


@pytest.mark.filterwarnings("error")  # no word of sweeps that were tried
def test_many_sweeps_end_in_newton():
    C, epsilon = many_sweeps()
    calls = []
    result = ot.solve(C, epsilon=epsilon, callback=lambda *state: calls.append(state))
    assert result.converged
    assert result.choice.algorithm == "sinkhorn_newton"
    assert "sweeps were tried and left a marginal error of" in result.choice.reason
    tried = int(result.choice.reason.split(" of the mean cost: ")[1].split()[0])
    trace = result.trace
    assert result.n_iter == trace.error.size == trace.newton.size == trace.step.size > tried
    assert not trace.newton[:tried].any()
    assert trace.newton[tried:].any()
    counts = [count for count, _, _ in calls]
    assert counts == sorted(set(counts))
    assert counts[-1] == result.n_iter
    for count, scale, error in calls:
        assert (trace.epsilon[count - 1], trace.error[count - 1]) == (scale, error)
    # It went on from the sweeps, and is no longer than Newton alone; sweeps alone would have been.
    alone = ot.sinkhorn_newton(C, epsilon=epsilon)
    assert result.n_iter - tried < alone.n_iter
    assert np.abs(result.plan - alone.plan).sum() < 1e-6
    runs = [ot.solve(C, epsilon=epsilon, n_threads=k) for k in (1, 2, 3)]
    assert len({run.f.tobytes() + run.trace.error.tobytes() + run.choice.reason.encode() for run in runs}) == 1


def test_both_stages_stop():
    C, epsilon = many_sweeps()
    whole = ot.solve(C, epsilon=epsilon)
    first = ot.solve(C, epsilon=epsilon, callback=lambda count, *_: count >= 5)
    assert first.status is ot.Status.STOPPED
    assert (first.n_iter, first.choice.algorithm) == (5, "sinkhorn")
    last = ot.solve(C, epsilon=epsilon, callback=lambda count, *_: count >= whole.n_iter - 1)
    assert last.status is ot.Status.STOPPED
    assert (last.n_iter, last.choice.algorithm) == (whole.n_iter - 1, "sinkhorn_newton")


def test_a_trial_far_from_the_answer_is_dropped():
    """Grids in L1 leave sweeps where Newton does worse than from nothing: then it starts anew."""
    ticks = np.stack(np.meshgrid(np.arange(14.0), np.arange(14.0)), axis=-1).reshape(-1, 2)
    C = np.abs(ticks[:, None] - ticks[None]).sum(-1)
    rng = np.random.default_rng(5)
    a, b = (np.exp(-((ticks - rng.uniform(2, 11, 2)) ** 2).sum(1) / 8) + 1e-3 for _ in range(2))
    b *= a.sum() / b.sum()
    epsilon = 0.006 * C.mean()
    result = ot.solve(C, a, b, epsilon=epsilon)
    alone = ot.sinkhorn_newton(C, a, b, epsilon=epsilon)
    assert result.choice.algorithm == "sinkhorn_newton"
    np.testing.assert_array_equal(result.f, alone.f)


def test_a_zero_weight_in_a_trial():
    C, epsilon = many_sweeps()
    a = np.full(len(C), 1.0)
    a[3] = 0.0
    b = np.full(len(C), a.sum() / len(C))
    result = ot.solve(C, a, b, epsilon=epsilon)
    assert result.converged
    assert np.isfinite(result.f).all()
    assert not result.plan[3].any()


def test_a_near_start_goes_to_newton():
    C, epsilon = many_sweeps()
    first = ot.solve(C, epsilon=epsilon)
    nearby = C + 1e-4 * epsilon * np.random.default_rng(1).normal(size=C.shape)
    calls = []
    result = ot.solve(nearby, epsilon=epsilon, init=first, callback=lambda *state: calls.append(state))
    alone = ot.sinkhorn_newton(nearby, epsilon=epsilon, init=first)
    assert result.choice.algorithm == "sinkhorn_newton"
    assert f"init leaves a marginal error of {alone.trace.error[0]:.1e}" in result.choice.reason
    assert result.n_iter == alone.n_iter <= 4
    np.testing.assert_array_equal(result.f, alone.f)
    assert [count for count, _, _ in calls] == list(range(1, result.n_iter + 1))


def test_a_far_start_is_looked_at_once():
    """Then sweeps are tried from it, and counts, trace and calls are those of all."""
    C, epsilon = clouds(2), 0.02 * clouds(2).mean()
    start = ot.solve(C, epsilon=1.5 * epsilon)
    calls = []
    result = ot.solve(C, epsilon=epsilon, init=start, callback=lambda *state: calls.append(state))
    alone = ot.sinkhorn(C, epsilon=epsilon, tol=1e-9, init=start)
    assert alone.trace.error[0] > 0.01
    assert result.choice.algorithm == "sinkhorn"
    assert f"{result.n_iter} were enough" in result.choice.reason
    assert result.n_iter == result.trace.error.size == alone.n_iter + 1
    np.testing.assert_array_equal(result.f, alone.f)
    assert calls[0][2] == pytest.approx(calls[1][2], rel=1e-3)
    for count, scale, error in calls:
        assert (result.trace.epsilon[count - 1], result.trace.error[count - 1]) == (scale, error)
    assert [count for count, _, _ in calls] == sorted({count for count, _, _ in calls})


def test_a_far_start_of_many_sweeps():
    C, epsilon = many_sweeps()
    start = ot.sinkhorn_newton(C, epsilon=3 * epsilon)
    result = ot.solve(C, epsilon=epsilon, init=start)
    trace = result.trace
    assert result.converged
    assert result.choice.algorithm == "sinkhorn_newton"
    tried = int(result.choice.reason.split(" of the mean cost: ")[1].split()[0])
    assert not trace.newton[:tried].any()
    assert trace.newton[tried:].any()
    assert result.n_iter == trace.error.size == trace.newton.size
    first = ot.solve(C, epsilon=epsilon, init=start, callback=lambda *_: True)
    assert (first.n_iter, first.status) == (1, ot.Status.STOPPED)
