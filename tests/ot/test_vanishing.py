"""Tiny epsilon: `solve` gives the exact plan where it is proved to be the answer, and says so where it is not."""

import warnings

import numpy as np
import pytest

from wassail import ot
from wassail.exceptions import ConvergenceWarning


def problem(kind):
    """Points in the plane: with any weights the support is a tree, with equal ones it falls apart into many."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 2)), rng.normal(size=(120 if kind != "matching" else 80, 2))
    a, b = rng.random(len(x)), rng.random(len(y))
    if kind == "zeros":
        a[::3] = 0.0
    a, b = a / a.sum(), b / b.sum()
    return ot.PointCloud(x, y), *((a, b) if kind in ("weights", "zeros") else (None, None))


KINDS = ["weights", "zeros", "uniform", "matching"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epsilon", [1e-9, 1e-10, 1e-12, 1e-20, 1e-300])
@pytest.mark.filterwarnings("error")
def test_every_epsilon_is_answered(kind, epsilon):
    cost, a, b = problem(kind)
    for C in (cost, cost.to_numpy()):
        result = ot.solve(C, a, b, epsilon=epsilon)
        assert result.converged
        rows, columns = result.plan_marginals
        assert np.abs(rows - result.a).sum() + np.abs(columns - result.b).sum() < 1e-9
        assert result.transport_cost == pytest.approx(ot.exact(C, a, b).value, abs=10 * epsilon + 1e-9)
        if epsilon <= 1e-12:
            assert isinstance(result, ot.ExactResult)
            assert result.choice.algorithm == "exact"
            assert "the entropic plan differs by less than 1e-09" in result.choice.reason


@pytest.mark.parametrize("kind", KINDS)
def test_the_proof_agrees_with_newton(kind):
    """Where float64 resolves the potentials, both can be had: the same plan, and what epsilon adds to the value."""
    cost, a, b = problem(kind)
    scale = 3e-7
    exact = ot.solve(cost, a, b, epsilon=1e-12)
    newton = ot.sinkhorn_newton(cost, a, b, epsilon=scale, tol=1e-7, init=exact)
    assert newton.converged
    assert np.abs(exact.plan - newton.plan).sum() < 2e-6  # marginal errors add up along the support
    added = exact.choice.entropic_term
    assert f"adds {added:.1e} to the value" in exact.choice.reason
    assert newton.value - exact.value == pytest.approx(added / 1e-12 * scale, rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("error")
def test_newton_starts_from_exact_potentials(kind):
    """Where potentials can still hold the plan: at 3e-7 one matching in thirty ends at their rounding, and is exact."""
    cost, a, b = problem(kind)
    result = ot.solve(cost, a, b, epsilon=1e-6)
    assert isinstance(result, ot.SinkhornResult)
    assert result.converged
    assert result.n_iter < 100
    assert result.choice.algorithm == "sinkhorn_newton"
    assert "potentials of exact" in result.choice.reason


def test_a_plan_that_is_not_the_answer_is_not_given():
    """Ties but for rounding: the entropic plan is a mean of many, the exact one is one of them."""
    x, y = (np.random.default_rng(seed).normal(size=(40, 2)).round(1) for seed in (0, 1))
    C = np.abs(x[:, None] - y).sum(-1)
    with pytest.warns(ConvergenceWarning, match="could not be shown") as caught:
        result = ot.solve(C, epsilon=1e-12)
    assert isinstance(result, ot.SinkhornResult)
    assert not result.converged
    message = str(caught[0].message)
    assert "leave epsilon out" in message
    for other in ("max_iter", "sinkhorn_newton takes"):
        assert other not in message


@pytest.mark.parametrize("epsilon", [1e-6, 1e-12, 1e-30])
def test_ties_of_exact_numbers_share_their_mass(epsilon):
    """Integer costs have no rounding: the limit of small epsilon is the plan of most entropy among the optimal ones."""
    C = np.random.default_rng(1).integers(0, 4, (30, 30)).astype(float)
    result = ot.solve(C, epsilon=epsilon)
    assert result.converged
    assert np.abs(result.plan - ot.sinkhorn_newton(C, epsilon=0.03).plan).max() < 1e-7
    assert np.count_nonzero(result.plan > 1e-6) > C.shape[0] + C.shape[1]


@pytest.mark.parametrize("gap", [1e-11, 3e-10, 2e-9])
def test_slacks_decide(gap):
    """Two matchings whose values differ by `gap`: the worse one has a share of 1 / (1 + exp(gap / 2 epsilon))."""
    C = np.array([[0.0, 0.5 + gap], [0.5, 1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = ot.solve(C, epsilon=1e-11, tol=1e-9)
    assert isinstance(result, ot.ExactResult) == (gap > 1e-9)
    assert result.plan[0, 1] == pytest.approx(0.5 / (1.0 + np.exp(gap / 2e-11)), abs=1e-4)


def test_any_number_of_threads_and_a_stop():
    cost, a, b = problem("uniform")
    runs = [ot.solve(cost, a, b, epsilon=1e-12, n_threads=count) for count in (1, 2, 3)]
    assert len({run.f.tobytes() + run.entries.data.tobytes() for run in runs}) == 1
    assert ot.solve(cost, a, b, epsilon=1e-12, callback=lambda *_: True).status is ot.Status.STOPPED


@pytest.mark.parametrize(
    ("solver", "options", "words", "never"),
    [
        (ot.sinkhorn, {"max_iter": 3}, "sinkhorn_newton takes fewer", "float64"),
        (ot.sinkhorn, {"max_iter": 3, "rho": 1.0}, "raise max_iter", "sinkhorn_newton"),
        (ot.sinkhorn_newton, {"max_iter": 3}, "raise max_iter", "takes fewer"),
        (ot.sinkhorn_newton, {"tol": 1e-25}, "loosen tol", "float64 costs"),
    ],
)
def test_advice_names_what_the_call_has(solver, options, words, never):
    C = np.random.default_rng(2).random((30, 40))
    with pytest.warns(ConvergenceWarning) as caught:
        solver(C, epsilon=1e-3, **options)
    message = str(caught[0].message)
    assert words in message
    assert never not in message


def test_a_divergence_has_no_other_solver():
    x, y = np.random.default_rng(2).random((2, 30, 2))
    with pytest.warns(ConvergenceWarning, match="raise max_iter") as caught:
        ot.sinkhorn_divergence(x, y, epsilon=1e-3, max_iter=3)
    assert "sinkhorn_newton" not in str(caught[0].message)


def test_single_precision_is_named():
    rng = np.random.default_rng(2)
    cost = ot.PointCloud(rng.random((30, 2), dtype=np.float32), rng.random((40, 2), dtype=np.float32))
    with pytest.warns(ConvergenceWarning, match="pass float64 costs"):
        ot.sinkhorn_newton(cost, epsilon=1e-3, tol=1e-25)


@pytest.mark.parametrize("seed", [186, 33, 130, 5, 6])
@pytest.mark.parametrize("epsilon", [1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("solver", [ot.solve, ot.sinkhorn_newton, ot.sinkhorn])
@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_the_plan_has_the_error_that_is_reported(seed, epsilon, solver):
    """Another rounding of the same exponents is no proof of a small error."""
    C = np.random.default_rng(seed).random((8, 6))
    tol = 1e-8 if solver is ot.sinkhorn else 1e-9
    result = solver(C, epsilon=epsilon, tol=tol)
    rows, columns = result.plan.sum(axis=1), result.plan.sum(axis=0)
    error = np.abs(rows - result.a).sum() + np.abs(columns - result.b).sum()
    assert error <= tol or not result.converged
    if isinstance(result, ot.SinkhornResult):
        assert result.certificate().marginal_l1 <= max(tol, result.marginal_error * (1 + 1e-12))


def test_rounding_that_hides_the_error_is_named():
    C = np.random.default_rng(186).random((8, 6))
    with pytest.warns(ConvergenceWarning, match="rounding"):
        result = ot.sinkhorn_newton(C, epsilon=1e-8)
    assert result.status is ot.Status.STALLED
    assert isinstance(ot.solve(C, epsilon=1e-8), ot.ExactResult)
