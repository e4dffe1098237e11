"""Stein kernels against derivatives of their base, and against closed forms of the discrepancy."""

import numpy as np
import pytest

from wassail import kernels
from wassail.exceptions import InputError, NumericalError

BASES = [
    (kernels.Gaussian(1.3), lambda q: np.exp(-q / (2 * 1.3**2))),
    (kernels.InverseMultiquadric(0.7, 1.2, 0.5), lambda q: (1.44 + q / 0.49) ** -0.5),
    (kernels.InverseMultiquadric(0.7, 1.2, 0.37), lambda q: (1.44 + q / 0.49) ** -0.37),
    (kernels.RationalQuadratic(0.9, 2.0), lambda q: (1 + q / (4 * 0.81)) ** -2.0),
    (
        kernels.Matern(1.5, 1.1),
        lambda q: (1 + np.sqrt(3 * q) / 1.1) * np.exp(-np.sqrt(3 * q) / 1.1),
    ),
    (
        kernels.Matern(2.5, 1.1),
        lambda q: (1 + np.sqrt(5 * q) / 1.1 + 5 * q / (3 * 1.21)) * np.exp(-np.sqrt(5 * q) / 1.1),
    ),
    (
        kernels.Gaussian(1.3) + 0.5 * kernels.InverseMultiquadric(),
        lambda q: np.exp(-q / (2 * 1.3**2)) + 0.5 * (1 + q) ** -0.5,
    ),
]
bases = pytest.mark.parametrize(("base", "profile"), BASES, ids=[repr(base)[:50] for base, _ in BASES])


def by_differences(k, x, y, sx, sy, h=1e-4):
    """Apply the Langevin operator in both arguments by central differences."""
    steps = np.eye(len(x)) * h
    in_x = np.array([(k(x + e, y) - k(x - e, y)) / (2 * h) for e in steps])
    in_y = np.array([(k(x, y + e) - k(x, y - e)) / (2 * h) for e in steps])
    mixed = sum((k(x + e, y + e) - k(x + e, y - e) - k(x - e, y + e) + k(x - e, y - e)) / (4 * h * h) for e in steps)
    return mixed + in_x @ sy + in_y @ sx + k(x, y) * (sx @ sy)


@bases
@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("kind", ["none", "number", "matrix"])
def test_the_formula(base, profile, d, kind):
    rng = np.random.default_rng(d)
    root, drift = rng.normal(size=(d, d)), rng.normal(size=(d, d))
    metric = {"none": np.eye(d), "number": 0.3 * np.eye(d), "matrix": root @ root.T + np.eye(d)}[kind]
    given = {"none": None, "number": 0.3, "matrix": metric}[kind]

    def score(x):
        return np.sin(x) - x @ drift

    x, y = rng.normal(size=(3, d)), rng.normal(size=(4, d))
    table = kernels.Stein(base, score, preconditioner=given)(x, y)
    k = lambda a, b: profile((a - b) @ metric @ (a - b))  # noqa: E731
    expected = [[by_differences(k, a, b, score(a), score(b)) for b in y] for a in x]
    np.testing.assert_allclose(table, expected, atol=2e-6 * np.abs(expected).max())


@bases
def test_diagonal_and_symmetry(base, profile):
    x = np.random.default_rng(0).normal(size=(40, 3))
    for metric in (None, 2.0, np.diag([1.0, 2.0, 3.0])):
        kernel = kernels.Stein(base, lambda x: -(x**3), preconditioner=metric)
        table = kernel(x)
        assert np.abs(table - table.T).max() <= 1e-13 * np.abs(table).max()
        np.testing.assert_allclose(np.diag(table), kernel.diagonal(x), rtol=1e-12)
        assert np.linalg.eigvalsh(table).min() > -1e-11 * np.abs(table).max()


def test_inverse_multiquadric_as_in_the_paper():
    # arXiv:2005.03952, with L the inverse covariance and c = 1, beta = -1/2.
    rng = np.random.default_rng(1)
    x, scores = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    metric = kernels.covariance_preconditioner(x)
    kernel = kernels.Stein(preconditioner=metric)
    packed = kernels.kernel_points(kernel, x, "x", scores)
    assert packed.shape == (30, 8)
    table = kernels.Stein(score=lambda _: scores, preconditioner=metric)(x)
    delta = x[:, None] - x[None]
    turned = delta @ metric
    q, b = 1 + (delta * turned).sum(-1), -0.5
    expected = (
        -4 * b * (b - 1) * (turned**2).sum(-1) / q ** (2 - b)
        - 2 * b * (np.trace(metric) + ((scores[:, None] - scores[None]) * turned).sum(-1)) / q ** (1 - b)
        + scores @ scores.T / q ** (-b)
    )
    np.testing.assert_allclose(table, expected, rtol=1e-12, atol=1e-13)


def test_mean_zero_under_the_target():
    # Gauss-Hermite integrates the product with a standard normal exactly enough.
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    x = np.linspace(-3, 3, 7)
    for base in (kernels.Gaussian(1.0), kernels.RationalQuadratic(3.0, 1.0)):
        table = kernels.Stein(base, lambda x: -x)(x, nodes)
        assert np.abs(table @ weights).max() < 1e-6
        assert np.abs(table).max() > 0.5


@pytest.mark.parametrize(("mean", "scale", "length", "d"), [(0.0, 1.5, 1.0, 2), (0.7, 1.0, 2.0, 3), (0.3, 0.6, 0.8, 1)])
def test_closed_form_discrepancy(mean, scale, length, d):
    # P = N(0, I), Q = N(mean, scale² I): KSD² = (l²/c)^(d/2) (|mu|² + d (s²−1)²/c), c = l² + 2 s²; by a tensor rule.
    nodes, weights = np.polynomial.hermite_e.hermegauss({1: 60, 2: 24, 3: 13}[d])
    grid = np.stack(np.meshgrid(*[nodes] * d, indexing="ij"), -1).reshape(-1, d)
    mass = np.prod(np.stack(np.meshgrid(*[weights / weights.sum()] * d, indexing="ij"), -1), axis=-1).ravel()
    x = mean + scale * grid
    table = kernels.Stein(kernels.Gaussian(length), lambda x: -x)(x)
    c = length**2 + 2 * scale**2
    expected = (length**2 / c) ** (d / 2) * (d * mean**2 + d * (scale**2 - 1) ** 2 / c)
    np.testing.assert_allclose(mass @ table @ mass, expected, rtol=3e-3)
    diagonal = d * scale**2 + d * mean**2 + d / length**2
    np.testing.assert_allclose(mass @ np.diag(table), diagonal, rtol=1e-10)


def test_preconditioners():
    x = np.random.default_rng(0).normal(size=(200, 3))
    median = kernels.median_heuristic(x)
    assert kernels.median_preconditioner(x) == 1 / median**2
    assert kernels.scaled_median_preconditioner(x, size=20) == pytest.approx(np.log(20) / median**2)
    np.testing.assert_allclose(kernels.covariance_preconditioner(x), np.linalg.inv(np.cov(x, rowvar=False)), rtol=1e-9)
    scaled = x * [1e-100, 1.0, 1e100]
    np.testing.assert_allclose(
        kernels.covariance_preconditioner(scaled) * np.outer([1e-100, 1.0, 1e100], [1e-100, 1.0, 1e100]),
        kernels.covariance_preconditioner(x),
        rtol=1e-9,
    )
    for bad in (x[:3], np.c_[x, x[:, 0]], np.c_[x, np.ones(200)]):
        with pytest.raises(InputError, match="covariance"):
            kernels.covariance_preconditioner(bad)


def test_bad_input():
    x = np.zeros((3, 2))
    stein = kernels.Stein
    for base in (kernels.Laplace(1.0), kernels.Matern(0.7), kernels.Linear(), kernels.Sinc(1.0)):
        with pytest.raises(InputError, match="base"):
            stein(base, lambda x: -x)
    with pytest.raises(InputError, match="score must be callable"):
        stein(kernels.Gaussian(1.0), x)
    with pytest.raises(InputError, match="no score"):
        stein()(x)
    with pytest.raises(InputError, match=r"score\(x\) must have the shape"):
        stein(score=lambda x: x[:, :1])(x)
    with pytest.raises(InputError, match=r"score\(x\)\[0, 0\] is nan"):
        stein(score=lambda x: x * np.nan)(x)
    for bad in (0.0, -1.0, np.nan, np.ones((2, 3)), -np.eye(2), np.array([[1.0, 2.0], [0.0, 1.0]])):
        with pytest.raises(InputError, match="preconditioner"):
            stein(score=lambda x: -x, preconditioner=bad)
    with pytest.raises(InputError, match="preconditioner"):
        stein(score=lambda x: -x, preconditioner=np.eye(3))(x)
    with pytest.raises(InputError, match="compose"):
        stein(score=lambda x: -x) + kernels.Gaussian(1.0)
    with pytest.raises(InputError, match="takes none"):
        kernels.kernel_points(kernels.Gaussian(1.0), x, "x", x)
    with pytest.raises(NumericalError, match="range"):
        stein(score=lambda x: np.full_like(x, 1e160))(x)


def test_extreme_scales_are_finite():
    x = np.random.default_rng(0).normal(size=(20, 3))
    for length in (1e-45, 1e90):
        for base in (kernels.Gaussian(length), kernels.Matern(1.5, length), kernels.InverseMultiquadric(length)):
            assert np.isfinite(kernels.Stein(base, lambda x: 1e80 * np.sin(x))(x)).all()
    with pytest.raises(NumericalError, match="range"):
        kernels.Stein(kernels.Gaussian(1e-60), np.negative)(x)


def test_sums_of_stein_kernels():
    x = np.random.default_rng(0).normal(size=(9, 2))
    score = np.negative
    one, two = kernels.Stein(kernels.Gaussian(1.0), score), kernels.Stein(kernels.Gaussian(2.0), score)
    np.testing.assert_allclose((one + 2.0 * two)(x), one(x) + 2.0 * two(x), rtol=1e-14)
    np.testing.assert_allclose((one * two)(x), one(x) * two(x), rtol=1e-14)
    assert one == kernels.Stein(kernels.Gaussian(1.0), score)
    assert one != two
    assert hash(one) == hash(kernels.Stein(kernels.Gaussian(1.0), score))
