"""Gaussian closed forms at their limits: extreme parameters, singular measures, scales, bad input."""

import math
import pickle

import mpmath
import numpy as np
import pytest

from tests.reference.gaussian_grid import covariance, pair
from wassail.exceptions import InputError, NumericalError
from wassail.ot import gaussian_map, gaussian_sinkhorn, gaussian_sinkhorn_divergence, gaussian_wasserstein

INF = math.inf


def test_small_epsilon_is_bures():
    mean_a, cov_a, mean_b, cov_b = pair(3)
    squared = gaussian_wasserstein(mean_a, cov_a, mean_b, cov_b) ** 2
    transport = gaussian_map(mean_a, cov_a, mean_b, cov_b)
    gaps = []
    for epsilon in (1e-2, 1e-4, 1e-6):
        form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon)
        gaps.append((form.transport_cost - squared) / epsilon)
        assert form.transport_cost > squared
        assert abs(form.barycentric_map.matrix - transport.matrix).max() < 10.0 * epsilon
    np.testing.assert_allclose(gaps[1:], 1.5, rtol=1e-2)  # dε/2 above W2²
    tiny = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=1e-14)
    assert tiny.value == pytest.approx(squared, rel=1e-11)
    assert gaussian_sinkhorn_divergence(mean_a, cov_a, mean_b, cov_b, epsilon=1e-7) == pytest.approx(squared, rel=1e-6)


def test_large_epsilon_is_independence():
    mean_a, cov_a, mean_b, cov_b = pair(3)
    form = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=1e9)
    independent = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b)
    assert form.value == pytest.approx(independent, rel=1e-7)
    assert abs(form.cross_covariance).max() < 1e-7
    squared = np.sum((mean_a - mean_b) ** 2)
    assert gaussian_sinkhorn_divergence(mean_a, cov_a, mean_b, cov_b, epsilon=1e6) == pytest.approx(squared, rel=1e-4)


@pytest.mark.parametrize("rho", [1e4, 1e8, 1e12, 1e200])
def test_large_rho_is_balanced(rho):
    mean_a, cov_a, mean_b, cov_b = pair(3)
    hard = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=0.2, mass_a=1.5, mass_b=1.5)
    soft = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=0.2, rho=rho, mass_a=1.5, mass_b=1.5)
    near = 50.0 / rho + 1e-12
    for name in ("value", "mass", "transport_cost", "kl", "mean", "covariance"):
        np.testing.assert_allclose(getattr(soft, name), getattr(hard, name), rtol=near, atol=near, err_msg=name)
    assert soft.value <= hard.value + 1e-12
    np.testing.assert_allclose(soft.f.constant + soft.g.constant, hard.f.constant + hard.g.constant, rtol=near)


@pytest.mark.parametrize("dim", range(1, 9))
def test_rounding_times_a_huge_rho_stays_out_of_the_value(dim):
    hard = gaussian_sinkhorn(*pair(dim), epsilon=0.2)
    soft = gaussian_sinkhorn(*pair(dim), epsilon=0.2, rho=(1e200, 1e100))
    assert soft.value == pytest.approx(hard.value, rel=1e-11)


@pytest.mark.parametrize("variance", [1e2, 1e6, 1e12])
@pytest.mark.parametrize("rho", [0.1, 10.0])
def test_hard_side_keeps_its_covariance(variance, rho):
    form = gaussian_sinkhorn(0.0, 1.0, 0.0, variance, epsilon=1.0, rho=(rho, INF))
    assert form.covariance[1, 1] == pytest.approx(variance, rel=1e-13)
    form = gaussian_sinkhorn(0.0, variance, 0.0, 1.0, epsilon=1.0, rho=(INF, rho))
    assert form.covariance[0, 0] == pytest.approx(variance, rel=1e-13)


@pytest.mark.parametrize("variance", [1e2, 1e5, 1e8])
def test_wide_gaussians_against_forty_digits(variance):
    """Epsilon and rho far below the variances: where the plan's covariance cancels."""
    with mpmath.workdps(40):
        half, gamma, first, second = map(mpmath.mpf, (0.5, 1.0, variance, 2.0 * variance))
        tau, lam = gamma / (2 * half + gamma), half + gamma / 2
        soft_a, soft_b = (gamma / 2 * (1 - lam / (v + lam)) for v in (first, second))
        c = mpmath.sqrt(soft_a * soft_b / tau + half**2 / 4) - half / 2
        spread = float((1 + c / lam) * (first - first**2 / (first + second + lam)))
        cross = float(c + (1 + c / lam) * first * second / (first + second + lam))
    form = gaussian_sinkhorn(0.0, variance, 0.0, 2.0 * variance, epsilon=1.0, rho=1.0)
    assert form.covariance[0, 0] == pytest.approx(spread, rel=1e-15 * variance + 1e-13)
    assert form.cross_covariance[0, 0] == pytest.approx(cross, rel=1e-15 * variance + 1e-13)


def test_divergence():
    mean_a, cov_a, mean_b, cov_b = pair(4)
    assert gaussian_sinkhorn_divergence(mean_a, cov_a, mean_a, cov_a, epsilon=0.3) == 0.0
    assert gaussian_sinkhorn_divergence(mean_a, cov_a, mean_a, cov_a, epsilon=0.3, rho=2.0) == 0.0
    shift = np.array([1.0, 2.0, 3.0, 4.0])
    assert gaussian_sinkhorn_divergence(mean_a, cov_a, mean_a + shift, cov_a, epsilon=0.3) == pytest.approx(30.0)
    forward = gaussian_sinkhorn_divergence(mean_a, cov_a, mean_b, cov_b, epsilon=0.3, rho=1.0, mass_b=1.7)
    backward = gaussian_sinkhorn_divergence(mean_b, cov_b, mean_a, cov_a, epsilon=0.3, rho=1.0, mass_a=1.7)
    assert forward == pytest.approx(backward, rel=1e-12)
    assert forward > 0.0
    masses = gaussian_sinkhorn_divergence(mean_a, cov_a, mean_a, cov_a, epsilon=0.3, rho=1.0, mass_b=1.0 + 1e-4)
    assert 0.0 < masses < 1e-6  # second order in the difference
    options = {"epsilon": 0.3, "rho": 1.0}
    cross = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, **options, mass_b=1.7).value
    own_a = gaussian_sinkhorn(mean_a, cov_a, mean_a, cov_a, **options).value
    own_b = gaussian_sinkhorn(mean_b, cov_b, mean_b, cov_b, **options, mass_a=1.7, mass_b=1.7).value
    assert forward == pytest.approx(cross - 0.5 * own_a - 0.5 * own_b + 0.15 * 0.7**2, rel=1e-12)
    with pytest.raises(InputError, match="rho must be one number"):
        gaussian_sinkhorn_divergence(0, 1, 0, 1, epsilon=1.0, rho=(1.0, 2.0))


@pytest.mark.parametrize("rho", [None, 0.8])
def test_singular_covariances_are_the_problem_on_their_subspace(rho):
    basis, _ = np.linalg.qr(np.random.default_rng(5).normal(size=(5, 2)))
    cov_a, cov_b, shift = covariance(2, 1), covariance(2, 2), np.array([0.3, -0.8])
    small = gaussian_sinkhorn(np.zeros(2), cov_a, shift, cov_b, epsilon=0.5, rho=rho)
    large = gaussian_sinkhorn(
        np.zeros(5), basis @ cov_a @ basis.T, basis @ shift, basis @ cov_b @ basis.T, epsilon=0.5, rho=rho
    )
    for name in ("value", "mass", "transport_cost", "kl"):
        assert getattr(large, name) == pytest.approx(getattr(small, name), rel=1e-9), name
    both = np.block([[basis, np.zeros((5, 2))], [np.zeros((5, 2)), basis]])
    np.testing.assert_allclose(large.covariance, both @ small.covariance @ both.T, atol=1e-9)
    points = np.random.default_rng(6).normal(size=(9, 2))
    np.testing.assert_allclose(large.f(points @ basis.T), small.f(points), atol=1e-8)
    np.testing.assert_allclose(large.g(points @ basis.T), small.g(points), atol=1e-8)


def test_points_are_gaussians():
    form = gaussian_sinkhorn([0.0, 0.0], np.zeros((2, 2)), [3.0, 4.0], np.zeros((2, 2)), epsilon=0.1)
    assert (form.value, form.transport_cost, form.kl, form.mass) == (25.0, 25.0, 0.0, 1.0)
    assert gaussian_wasserstein([0.0, 0.0], np.zeros((2, 2)), [3.0, 4.0], np.zeros((2, 2))) == 5.0
    mixed = gaussian_sinkhorn(0.0, 0.0, 0.0, 2.0, epsilon=0.1)  # only the independent plan exists
    assert mixed.value == pytest.approx(2.0)
    assert mixed.kl == 0.0
    assert mixed.g(1.5) - mixed.g(0.0) == pytest.approx(2.25)  # all mass comes from the origin
    assert mixed.f(1.0) - mixed.f(0.0) == pytest.approx(1.0 - 40.0)  # x² − ε log E exp(2xy/ε)


@pytest.mark.parametrize("scale", [1e-100, 1e-10, 1e10, 1e70])
def test_scale(scale):
    mean_a, cov_a, mean_b, cov_b = pair(3)
    unit = gaussian_sinkhorn(mean_a, cov_a, mean_b, cov_b, epsilon=0.3, rho=(1.0, 2.0))
    square = scale * scale
    form = gaussian_sinkhorn(
        scale * mean_a, square * cov_a, scale * mean_b, square * cov_b, epsilon=0.3 * square, rho=(square, 2.0 * square)
    )
    assert form.value / square == pytest.approx(unit.value, rel=1e-10)
    assert form.mass == pytest.approx(unit.mass, rel=1e-10)
    np.testing.assert_allclose(form.covariance / square, unit.covariance, rtol=1e-9)
    distance = gaussian_wasserstein(scale * mean_a, square * cov_a, scale * mean_b, square * cov_b)
    assert distance / scale == pytest.approx(gaussian_wasserstein(mean_a, cov_a, mean_b, cov_b), rel=1e-10)


def test_far_apart_loses_its_mass_but_no_digits():
    form = gaussian_sinkhorn(0.0, 1.0, 1e4, 1.0, epsilon=0.1, rho=1.0, mass_a=2.0, mass_b=3.0)
    assert form.mass == 0.0
    assert form.value == pytest.approx(2.0 + 3.0 + 0.1 * 6.0, rel=1e-12)


GOOD = (np.zeros(2), np.eye(2), np.ones(2), np.eye(2))
BAD = [
    (0, [0.0, math.nan], r"mean_a\[1\]"),
    (2, [math.inf, 0.0], r"mean_b\[0\]"),
    (1, [[1.0, math.nan], [0.0, 1.0]], r"cov_a\[0, 1\]"),
    (3, [[1.0, 0.5], [0.2, 1.0]], r"cov_b is not symmetric: cov_b\[0, 1\]"),
    (1, [[1.0, 2.0], [2.0, 1.0]], "cov_a is not positive semidefinite"),
    (3, [[-1.0, 0.0], [0.0, -2.0]], "cov_b is not positive semidefinite"),
    (1, np.eye(3), r"cov_a must have shape \(2, 2\)"),
    (3, 1.0, r"cov_b must have shape \(2, 2\)"),
    (1, [1.0, 1.0], "cov_a must be 0-D or 2-D"),
    (0, np.zeros((2, 2)), "mean_a must be 0-D or 1-D"),
    (2, [], "mean_b is empty"),
    (1, np.eye(2) * 1j, "cov_a has complex dtype"),
    (1, np.ma.masked_array(np.eye(2)), "cov_a is a masked array"),
]


@pytest.mark.parametrize("function", [gaussian_wasserstein, gaussian_map, gaussian_sinkhorn])
@pytest.mark.parametrize(("position", "value", "message"), BAD)
def test_bad_measures(function, position, value, message):
    arguments = list(GOOD)
    arguments[position] = value
    options = {"epsilon": 1.0} if function is gaussian_sinkhorn else {}
    with pytest.raises(InputError, match=message):
        function(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"epsilon": math.inf}, "epsilon"),
        ({"epsilon": 1.0, "rho": 0.0}, "rho"),
        ({"epsilon": 1.0, "rho": (1.0, math.nan)}, "rho"),
        ({"epsilon": 1.0, "mass_a": 0.0}, "mass_a"),
        ({"epsilon": 1.0, "mass_b": -1.0}, "mass_b"),
        ({"epsilon": 1.0, "mass_b": 1.1}, "mass_b"),
    ],
)
@pytest.mark.parametrize("function", [gaussian_sinkhorn, gaussian_sinkhorn_divergence])
def test_bad_options(function, options, message):
    with pytest.raises(InputError, match=message):
        function(*GOOD, **options)


def test_different_spaces():
    with pytest.raises(InputError, match="mean_b has dimension 3"):
        gaussian_wasserstein(np.zeros(2), np.eye(2), np.zeros(3), np.eye(3))


def test_out_of_range_is_an_error_not_nan():
    with pytest.raises(NumericalError, match="too small against the covariances"):
        gaussian_sinkhorn(0.0, 1.0, 0.0, 1.0, epsilon=1e-200)
    with pytest.raises(NumericalError, match="rescale"), np.errstate(over="ignore"):
        gaussian_sinkhorn(-1e200, 1.0, 1e200, 1.0, epsilon=1.0)


def test_float32_covariance_with_its_rounding():
    cov = covariance(4, 1)
    rough = cov.astype(np.float32)
    rough[0, 1] *= 1.0 + 2e-7
    distance = gaussian_wasserstein(np.zeros(4, np.float32), rough, np.zeros(4), cov)
    assert distance < 1e-6


def test_results_pickle_and_show():
    form = gaussian_sinkhorn(*pair(2), epsilon=0.5, rho=1.0)
    again = pickle.loads(pickle.dumps(form))
    assert repr(again) == repr(form)
    assert "\n" not in repr(form)
    np.testing.assert_array_equal(again.barycentric_map([0.1, 0.2]), form.barycentric_map([0.1, 0.2]))
    with pytest.raises(AttributeError):
        form.value = 0.0
    with pytest.raises(InputError, match=r"x must have shape \(..., 2\)"):
        form.f([1.0, 2.0, 3.0])
    line = gaussian_sinkhorn(0.0, 1.0, 1.0, 2.0, epsilon=0.5)
    assert line.f(0.3).shape == ()
    assert line.f([0.3, 0.4]).shape == (2,)
    assert line.f([[0.3], [0.4]]).shape == (2,)
    assert line.barycentric_map([[0.3], [0.4]]).shape == (2, 1)
    np.testing.assert_array_equal(line.barycentric_map([[0.3], [0.4]])[:, 0], line.barycentric_map([0.3, 0.4]))
