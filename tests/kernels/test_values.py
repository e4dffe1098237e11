"""Values against the formulas, in every dimension, precision and layout."""

import numpy as np
import pytest

from tests.kernels.formulas import CASES, NAMES
from wassail import _core, kernels

both = pytest.mark.parametrize(("kernel", "formula"), CASES, ids=NAMES)


def points(n, d, seed, scale=1.0):
    return np.random.default_rng(seed).normal(size=(n, d)) * scale


def tolerance(values, d):
    return 2e-14 * np.abs(values).max() * max(1.0, d / 20)


@both
@pytest.mark.parametrize("d", [1, 2, 3, 7, 8, 9, 40])
def test_values(kernel, formula, d):
    # In high dimension the products over coordinates would all be 0 or huge.
    x, y = points(13, d, 0, 1.5 / np.sqrt(d)), points(70, d, 1, 1.5 / np.sqrt(d))
    expected = formula(x, y)
    assert np.abs(kernel(x, y) - expected).max() <= tolerance(expected, d)
    np.testing.assert_allclose(kernel.diagonal(x), np.diag(formula(x, x)), rtol=1e-13)


@both
def test_symmetric_and_the_same_alone(kernel, formula):
    for d in (2, 12):
        x = points(41, d, 2)
        table = kernel(x)
        assert (table == table.T).all()
        assert (table == kernel(x, x)).all()
        # A pair's value does not depend on its neighbors, up to the center that both are measured from.
        np.testing.assert_allclose(kernel(x[5:6], x[7:8]), table[5:6, 7:8], rtol=1e-13, atol=1e-15 * table.max())


@both
def test_float32_points(kernel, formula):
    x = points(20, 3, 3).astype(np.float32)
    expected = formula(x.astype(float), x.astype(float))
    assert np.abs(kernel(x) - expected).max() <= tolerance(expected, 3)


@both
@pytest.mark.parametrize("d", [1, 2, 10, 100])
def test_single_precision_within_its_bound(kernel, formula, d):
    for seed, scale in enumerate((0.1, 1.0, 30.0)):
        x = points(60, d, seed, scale / np.sqrt(d))
        single = _core.kernel_gram_f32(kernel._core_kernel(), x, x, 1)
        double = kernel(x)
        bound = kernel._core_kernel().bound_f32(x)
        assert np.abs(single - double).max() <= bound


def test_the_bound_is_useful():
    x = points(500, 2, 0)
    assert kernels.Gaussian(1.0)._core_kernel().bound_f32(x) < 3e-6
    x = points(500, 100, 0)
    assert kernels.Gaussian(10.0)._core_kernel().bound_f32(x) < 1e-4


@pytest.mark.parametrize("d", [1, 7, 8, 1000])
def test_equal_points_and_far_ones(d):
    for kernel in (
        kernels.Gaussian(1.0),
        kernels.Laplace(1.0),
        kernels.Matern(2.5),
        kernels.Gaussian(1.0) * kernels.Laplace(1.0),
    ):
        x = points(9, d, 0, 1e3)
        x[:, 0] = 1e4 * np.arange(9)
        table = kernel(np.concatenate((x, x)))
        assert (np.diag(table) == 1.0).all()
        assert (np.diag(table, 9) == 1.0).all()
        off = table[:9, :9][~np.eye(9, dtype=bool)]
        assert (off >= 0.0).all()
        assert (off < 1e-100).all()


def test_clusters_far_from_the_center_keep_their_digits():
    for d in (2, 20):
        x = points(50, d, 0, 0.3 / np.sqrt(d))
        shifted = np.concatenate((x, x + 1e6))
        table = kernels.Gaussian(0.5)(shifted)
        # Differences of the points as they are stored after the shift.
        expected = kernels.Gaussian(0.5)(shifted[50:] - 1e6)
        assert np.abs(table[50:, 50:] - expected).max() < 1e-9


@pytest.mark.parametrize("lengthscale", [1e-300, 1e-150, 1e-30, 1e30, 1e150, 1e300])
@pytest.mark.parametrize("d", [2, 20])
def test_huge_and_tiny_lengths(lengthscale, d):
    x = points(10, d, 0)
    for kernel in (
        kernels.Gaussian(lengthscale),
        kernels.Laplace(lengthscale),
        kernels.LaplaceL1(lengthscale),
        kernels.Matern(3.5, lengthscale),
        kernels.Matern(0.7, lengthscale),
        kernels.RationalQuadratic(lengthscale, 0.7),
        kernels.RationalQuadratic(lengthscale, 8.0),
        kernels.BSpline(3, 1 / lengthscale),
        kernels.Sinc(1 / lengthscale),
    ):
        expected = np.ones((10, 10)) if lengthscale > 1 else np.eye(10)
        np.testing.assert_allclose(kernel(x), expected, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_huge_and_tiny_points(scale):
    x = points(10, 12, 0)
    for make in (kernels.Gaussian, kernels.Laplace, lambda l: kernels.Matern(1.5, l), kernels.RationalQuadratic):
        np.testing.assert_allclose(make(scale)(x * scale), make(1.0)(x), rtol=1e-12)


def test_bandwidths_share_an_exponential():
    x = points(30, 5, 0, 0.5)
    lengths = 2.0 ** np.arange(-6, 7)
    total = kernels.Sum(tuple(kernels.Gaussian(l) for l in lengths))
    expected = sum(kernels.Gaussian(l)(x) for l in lengths)
    np.testing.assert_allclose(total(x), expected, rtol=1e-14)
    root = kernels.Sum(tuple(kernels.Gaussian(2.0 ** (k / 2)) for k in range(9)))
    np.testing.assert_allclose(root(x), sum(kernels.Gaussian(2.0 ** (k / 2))(x) for k in range(9)), rtol=1e-14)
