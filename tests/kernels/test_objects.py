"""Kernels as objects: algebra, powers, equality, pickles; functions of the user; bad input."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.special import j0

from tests.kernels.formulas import CASES, NAMES
from wassail import kernels
from wassail.exceptions import InputError

PLAIN = [kernel for kernel, _ in CASES if "Callable" not in repr(kernel)]


@pytest.mark.parametrize("kernel", PLAIN, ids=[repr(k)[:60] for k in PLAIN])
def test_value_semantics(kernel):
    copy = pickle.loads(pickle.dumps(kernel))
    assert copy == kernel
    assert hash(copy) == hash(kernel)
    assert repr(copy) == repr(kernel)
    assert eval(repr(kernel), vars(kernels)) == kernel  # noqa: S307
    assert kernel != kernels.Gaussian(0.123)


def test_algebra():
    one, two = kernels.Gaussian(1.0), kernels.Laplace(2.0)
    assert one + two == kernels.Sum((one, two))
    assert (one + two) + one == kernels.Sum((one, two, one))
    assert 2.0 * (one + 3 * two) == kernels.Sum((one, two), (2.0, 6.0))
    assert (one * two) * one == kernels.Product((one, two, one))
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="weights"):
            bad * one
    with pytest.raises(TypeError):
        one + 1.0
    with pytest.raises(InputError, match="kernels"):
        kernels.Sum(())
    with pytest.raises(InputError, match="weights"):
        kernels.Sum((one, two), (1.0,))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), d=st.integers(1, 12), which=st.sampled_from(PLAIN))
def test_positive_semidefinite(seed, d, which):
    x = np.random.default_rng(seed).normal(size=(25, d)) / np.sqrt(d)
    x[3] = x[7]  # duplicates are allowed
    table = which(x)
    assert np.linalg.eigvalsh(table).min() >= -1e-12 * np.abs(table).max() * 25


def hankel(kernel, frequency):
    """Return the Fourier transform of a radial kernel in the plane at a frequency, up to 2 pi."""
    r = np.linspace(0.0, 40.0, 20_001)
    values = kernel([[0.0, 0.0]], np.c_[r, np.zeros_like(r)])[0]
    return simpson(values * j0(frequency * r) * r, x=r)


@pytest.mark.parametrize(
    ("kernel", "alpha"),
    [
        (kernels.Gaussian(1.5), 0.5),
        (kernels.Matern(3.5, 1.2), 0.6),
        (kernels.Laplace(0.9), 0.9),
        (kernels.Matern(1.5), 2.0),
    ],
)
def test_powers_are_powers_of_the_transform(kernel, alpha):
    power = kernel.power(alpha, dimension=2)
    frequencies = (0.3, 1.0, 2.0)
    logs = [np.log(hankel(power, w)) - alpha * np.log(hankel(kernel, w)) for w in frequencies]
    assert np.ptp(logs) < 2e-4


def test_powers():
    assert kernels.Gaussian(2.0).root(dimension=5) == kernels.Gaussian(np.sqrt(0.5) * 2.0)
    assert kernels.Sinc(1.0).power(0.7, dimension=3) == kernels.Sinc(1.0)
    assert kernels.BSpline(5).power(2 / 3, dimension=1) == kernels.BSpline(3)
    assert kernels.BSpline(3).root(dimension=1) == kernels.BSpline(1)
    assert kernels.Sobolev(2).root(dimension=1) == kernels.Sobolev(1)
    assert kernels.InverseMultiquadric().root(dimension=2) == kernels.InverseMultiquadric(beta=0.75)
    assert (4.0 * kernels.Gaussian(1.0)).root(dimension=1) == 2.0 * kernels.Gaussian(np.sqrt(0.5))
    for kernel, message in (
        (kernels.Laplace(1.0), "alpha > 2/3"),
        (kernels.Matern(0.5), "alpha > 0.666667"),
        (kernels.BSpline(5), "alpha in 2/6, 4/6"),
        (kernels.Sobolev(1), "alpha in 1/1"),
        (kernels.Linear(), "no power"),
        (kernels.Energy(), "no power"),
        (kernels.Gaussian(1.0) + kernels.Laplace(1.0), "no power"),
    ):
        with pytest.raises(InputError, match=message):
            kernel.root(dimension=2)
        assert kernel.power(1.0, dimension=2) is not None
    with pytest.raises(InputError, match="alpha"):
        kernels.Gaussian(1.0).power(0.0, dimension=2)


def test_sobolev_is_centered():
    # A fine lattice integrates to machine precision's neighborhood: s = 1 converges as 1/n².
    lattice = np.arange(4000)[:, None] / 4000
    for s in (1, 2, 3):
        table = kernels.Sobolev(s)([[0.1], [0.77]], lattice)
        assert np.abs(table.mean(1)).max() < 1e-6
    assert kernels.Sobolev(1).diagonal(np.zeros((1, 3)))[0] == pytest.approx((1 + np.pi**2 / 3) ** 3 - 1)


class PrivateError(Exception):
    pass


def test_callables_raise_what_they_raise():
    error = PrivateError("mine")

    def broken(x, y):
        raise error

    with pytest.raises(PrivateError) as caught:
        kernels.from_callable(broken)([1.0, 2.0])
    assert caught.value is error
    with pytest.raises(PrivateError) as caught:
        kernels.from_callable(broken).diagonal([1.0, 2.0])
    assert caught.value is error
    with pytest.raises(PrivateError):
        (kernels.Gaussian(1.0) * kernels.from_callable(broken))(np.zeros((600, 2)), n_threads=2)


def test_callables_see_plain_points_only():
    seen = []

    def values(x, y):
        seen.append((x, y))
        x[:] = np.nan  # theirs to spoil
        return np.ones((x.shape[0], y.shape[0]))

    points = np.arange(1.0, 78.0)[:, None] * [1.0, -1.0]
    kernel = kernels.from_callable(values)
    assert (kernel(points) == 1.0).all()
    assert all(a.dtype == np.float64 and a.flags.c_contiguous and a.shape[1] == 2 for pair in seen for a in pair)
    assert {tuple(p) for _, y in seen for p in y} == {tuple(p) for p in points}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda x, y: np.zeros((1, 1)), "shape"),
        (lambda x, y: np.zeros(3), "2-D"),
        (lambda x, y: np.full((len(x), len(y)), np.nan), "nan"),
        (lambda x, y: None, "kernel function"),
        (lambda x, y: np.zeros((len(x), len(y)), complex), "complex"),
    ],
)
def test_callables_are_checked(bad, message):
    with pytest.raises(InputError, match=message):
        kernels.from_callable(bad)([1.0, 2.0, 3.0])


def test_callables_may_call_back():
    inner = kernels.Gaussian(1.0)
    x = np.random.default_rng(0).normal(size=(700, 2))
    np.testing.assert_array_equal((kernels.from_callable(inner) * kernels.Gaussian(3.0))(x[:9]).shape, (9, 9))
    table = (kernels.from_callable(inner.__call__) * kernels.Gaussian(3.0))(x, n_threads=2)
    np.testing.assert_allclose(table, inner(x) * kernels.Gaussian(3.0)(x), rtol=1e-13)


def test_bandwidths():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3000, 2)), rng.normal(size=(50, 2)) + 5.0
    median = kernels.median_heuristic(x)
    assert median == kernels.median_heuristic(x)
    assert median == pytest.approx(1.665, rel=0.05)  # sqrt(2 chi²_2) has median 1.665
    assert kernels.median_heuristic(x, rng=0) == kernels.median_heuristic(x, rng=0) != median
    assert kernels.median_heuristic(x, y) > median
    for scale in (1e-150, 1e150):
        assert kernels.median_heuristic(scale * x) == pytest.approx(scale * median, rel=1e-12)
    assert kernels.median_heuristic([0.0] * 10 + [3.0]) == 3.0
    grid = kernels.bandwidths(x, y, count=5)
    assert grid.shape == (5,)
    assert (np.diff(np.log(grid)) > 0).all()
    assert kernels.bandwidths(x, count=1).shape == (1,)
    for bad in ([1.0, 1.0], [1.0]):
        with pytest.raises(InputError):
            kernels.median_heuristic(bad)
    with pytest.raises(InputError, match="coordinates"):
        kernels.median_heuristic(x, y[:, :1])


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, "1", None, True, [1.0]])
def test_bad_parameters(bad):
    for make in (
        kernels.Gaussian,
        kernels.Laplace,
        kernels.LaplaceL1,
        kernels.Matern,
        kernels.InverseMultiquadric,
        kernels.RationalQuadratic,
        kernels.Sinc,
        kernels.BSpline,
        kernels.Sobolev,
        kernels.Energy,
        kernels.Polynomial,
    ):
        with pytest.raises(InputError):
            make(bad)
    for bad_value in (2, 9):
        with pytest.raises(InputError, match="degree"):
            kernels.BSpline(bad_value)
    with pytest.raises(InputError, match="exponent"):
        kernels.Energy(2.0)
    with pytest.raises(InputError, match="smoothness"):
        kernels.Sobolev(4)


def test_bad_points():
    kernel = kernels.Gaussian(1.0)
    for bad in ([np.nan], [np.inf], [], [[[1.0]]], ["a"], [1j]):
        with pytest.raises((InputError, TypeError)):
            kernel(bad)
    with pytest.raises(InputError, match="coordinates"):
        kernel([[1.0, 2.0]], [[1.0]])
    frozen = np.asfortranarray(np.random.default_rng(0).normal(size=(9, 4)))
    frozen.setflags(write=False)
    np.testing.assert_array_equal(kernel(frozen), kernel(frozen.copy("C")))
    np.testing.assert_array_equal(kernel(frozen[::2, ::-1]), kernel(frozen[::2, ::-1].copy()))


def test_names():
    assert len(NAMES) == len(CASES)


def test_sums_of_lists():
    parts = [kernels.Gaussian(1.0), kernels.Laplace(2.0), kernels.Linear()]
    assert sum(parts) == parts[0] + parts[1] + parts[2]
    for wrong in (lambda: 1 + parts[0], lambda: parts[0] + 0.5, lambda: "" + parts[0]):
        with pytest.raises(TypeError):
            wrong()


def test_arithmetic_with_arrays_and_quotients():
    kernel = kernels.Gaussian(1.0)
    with pytest.raises(TypeError):
        np.array([2.0, 3.0]) * kernel
    assert np.float64(2.0) * kernel == kernel * 2.0
    assert (kernel / 4.0)(0.0 * np.ones(1))[0, 0] == 0.25
    with pytest.raises(InputError, match="divisor must be"):
        kernel / 0.0


@pytest.mark.parametrize(
    "make", [kernels.Gaussian, kernels.Laplace, kernels.LaplaceL1, lambda length: kernels.Matern(2.5, length)]
)
def test_lengthscales_that_squares_cannot_hold_are_refused(make):
    with pytest.raises(InputError, match="lengthscale must be at least 1e-300"):
        make(1e-310)


@pytest.mark.parametrize("nu", [20.25, 50.0, 99.5, 100.0])
def test_matern_of_large_order_near_zero(nu):
    z = np.array([1e-4, 1e-3, 1e-2, 0.03, 0.06, 0.2])
    square = z**2 / 4.0
    # The series of the kernel in z², to terms below rounding.
    terms = [np.ones_like(z)]
    for k in range(1, 8):
        terms.append(-terms[-1] * square / (k * (nu - k)))
    distances = z / np.sqrt(2.0 * nu)
    found = kernels.Matern(nu)(np.zeros(1), distances)[0]
    assert found == pytest.approx(np.sum(terms, axis=0), abs=1e-11)
