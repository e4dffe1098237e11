"""Built-in targets: values are those of SciPy, gradients those of differences, at any size and any scale."""

import pickle

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array, diags_array
from scipy.special import gammaln

from wassail import sampling
from wassail.exceptions import InputError

targets = sampling.targets
DIMS = [1, 2, 7, 8, 33, 100]


def points(d, n=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def spd(d, seed=1):
    root = np.random.default_rng(seed).normal(size=(d, d)) / np.sqrt(d)
    return root @ root.T + 0.5 * np.eye(d)


def check(target, x):
    found = sampling.check_gradient(target, x, rtol=1e-6)
    assert found.passed, str(found)


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("kind", ["diagonal", "dense", "sparse", "banded"])
def test_gaussian(d, kind):
    mean, x = np.linspace(-1, 1, d), points(d)
    full = spd(d)
    if kind == "diagonal":
        precision = np.geomspace(0.1, 10.0, d)
        full = np.diag(precision)
    elif kind == "dense":
        precision = full
    elif kind == "sparse":
        noise = points(d, d) * (points(d, d, seed=2) > 2)
        precision = csr_array(noise @ noise.T) + diags_array([np.ones(d)], offsets=[0])
        full = precision.toarray()
    else:
        width = min(d, 4)
        bands = [np.full(d - k, 0.5**k) for k in range(width)]
        precision = diags_array([*bands, *bands[1:]], offsets=[*range(width), *range(-1, -width, -1)])
        full = precision.toarray()
    target = targets.Gaussian(mean, precision)
    logp, grad = target(x)
    constant = 0.5 * np.linalg.slogdet(full)[1] - 0.5 * d * np.log(2 * np.pi)
    covariance = np.linalg.inv(full)
    expected = np.atleast_1d(stats.multivariate_normal(mean, covariance).logpdf(x))
    np.testing.assert_allclose(logp + constant, expected, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(grad, (mean - x) @ full, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("d", DIMS)
@pytest.mark.parametrize("full", [False, True])
def test_mixture(d, full):
    rng = np.random.default_rng(3)
    weights, means, x = [1.0, 2.0, 0.0, 5.0], rng.normal(size=(4, d)), points(d)
    covariances = np.stack([spd(d, seed) for seed in range(4)]) if full else rng.uniform(0.5, 2.0, size=(4, d))
    target = targets.GaussianMixture(weights, means, covariances)
    densities = [
        stats.multivariate_normal(m, c if full else np.diag(c)).logpdf(x)
        for m, c in zip(means, covariances, strict=True)
    ]
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(weights) / 8)[:, None] + np.array(densities)
    np.testing.assert_allclose(target(x)[0], np.logaddexp.reduce(logs, axis=0), rtol=1e-10)
    check(target, x)


def test_a_far_component_does_not_underflow():
    target = targets.GaussianMixture([1.0, 1.0], [[0.0], [1e4]], [[1.0], [1.0]])
    logp, grad = target([[-100.0], [1e4 + 2.0], [1e150]])
    np.testing.assert_allclose(logp[:2], np.log(0.5) + stats.norm.logpdf([100.0, 2.0]))
    np.testing.assert_allclose(grad[:2, 0], [100.0, -2.0])
    assert logp[2] == pytest.approx(-5e299)


@pytest.mark.parametrize("d", DIMS)
def test_student(d):
    location, precision, x = np.linspace(-1, 1, d), spd(d), points(d)
    target = targets.StudentT(location, precision, 3.5)
    expected = stats.multivariate_t(location, np.linalg.inv(precision), df=3.5)
    difference = np.atleast_1d(expected.logpdf(x)) - target(x)[0]
    np.testing.assert_allclose(difference, expected.logpdf(location), rtol=1e-9)
    check(target, x)
    product = targets.StudentTProduct(location, 2.0, 3.5)
    expected = stats.t.logpdf(x, 3.5, location, 2.0).sum(axis=1) - stats.t.logpdf(0, 3.5, 0, 2.0) * d
    np.testing.assert_allclose(product(x)[0], expected, rtol=1e-10, atol=1e-12)
    check(product, x)


@pytest.mark.parametrize("d", DIMS)
def test_laplace(d):
    location, scale, x = np.linspace(-1, 1, d), np.geomspace(0.1, 10, d), points(d)
    target = targets.Laplace(location, scale)
    expected = stats.laplace.logpdf(x, location, scale).sum(axis=1) + np.log(2 * scale).sum()
    np.testing.assert_allclose(target(x)[0], expected, rtol=1e-12)
    np.testing.assert_array_equal(target(x)[1], np.sign(location - x) * (1 / scale))
    assert (target(location[None])[1] == 0.0).all()


@pytest.mark.parametrize("k", [2, 3, 9, 40, 100])
def test_dirichlet(k):
    alpha = np.random.default_rng(4).uniform(0.2, 3.0, size=k)
    target = targets.Dirichlet(alpha)
    y = points(k - 1)
    shares = target.constrain(y)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(target.unconstrain(shares), y, rtol=1e-9, atol=1e-12)
    # The Jacobian of the log-ratios is the product of all shares.
    expected = [stats.dirichlet.logpdf(s[:-1] if k == 2 else s, alpha) + np.log(s).sum() for s in shares]
    constant = gammaln(alpha.sum()) - gammaln(alpha).sum()
    np.testing.assert_allclose(target(y)[0] + constant, expected, rtol=1e-9, atol=1e-10)
    check(target, y)
    far, grad = target(np.full((1, k - 1), 1e150))
    assert np.isfinite(far).all()
    assert np.isfinite(grad).all()


FAMILIES = {
    "logistic": (targets.LogisticRegression, lambda rng, n: (rng.random(n) < 0.4).astype(float), {}),
    "poisson": (targets.PoissonRegression, lambda rng, n: rng.poisson(2.0, n).astype(float), {}),
    "linear": (targets.LinearRegression, lambda rng, n: rng.normal(size=n), {"noise": 0.7}),
}
PRIORS = [
    None,
    targets.NormalPrior(2.0),
    targets.LaplacePrior(0.5),
    targets.ElasticNetPrior(1.0, 3.0),
]


def log_likelihood(family, y, eta):
    if family == "logistic":
        return stats.bernoulli.logpmf(y[:, None], 1 / (1 + np.exp(-eta))).sum(axis=0)
    if family == "poisson":
        return (stats.poisson.logpmf(y[:, None], np.exp(eta)) + gammaln(y + 1)[:, None]).sum(axis=0)
    return (stats.norm.logpdf(y[:, None], eta, 0.7) - stats.norm.logpdf(0, 0, 0.7)).sum(axis=0)


def log_prior(prior, x):
    match prior:
        case targets.NormalPrior():
            return -0.5 * (x**2).sum(axis=1) / prior.scale**2
        case targets.LaplacePrior():
            return -np.abs(x).sum(axis=1) / prior.scale
        case targets.ElasticNetPrior():
            return -prior.absolute * np.abs(x).sum(axis=1) - 0.5 * prior.square * (x**2).sum(axis=1)
    return np.zeros(len(x))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 1), (63, 5), (64, 8), (200, 31), (130, 100), (40, 2100)])
@pytest.mark.parametrize("prior", PRIORS, ids=["flat", "normal", "laplace", "net"])
def test_regression(family, shape, prior):
    cls, draw, options = FAMILIES[family]
    n, p = shape
    rng = np.random.default_rng(5)
    design = rng.normal(size=shape) * (rng.random(shape) < 0.5)
    offset, y, x = rng.normal(size=n), draw(rng, n), points(p) / np.sqrt(p)
    dense = cls(design, y, prior, offset, **options)
    sparse = cls(csr_array(design), y, prior, offset, **options)
    logp, grad = dense(x)
    expected = log_likelihood(family, y, offset[:, None] + design @ x.T) + log_prior(prior, x)
    np.testing.assert_allclose(logp, expected, rtol=1e-9)
    np.testing.assert_allclose(sparse(x)[0], logp, rtol=1e-11)
    np.testing.assert_allclose(sparse(x)[1], grad, rtol=1e-9, atol=1e-9)
    found = sampling.check_gradient(dense, x[:2], max_coordinates=20)
    assert found.passed, str(found)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_a_design_in_parts_is_the_same_for_any_threads_and_company():
    rng = np.random.default_rng(6)
    design, y = rng.normal(size=(9000, 40)), (rng.random(9000) < 0.5).astype(float)
    target = targets.LogisticRegression(design, y, targets.NormalPrior(1.0))
    x = points(40, n=7) / 10
    together = target(x)
    for i in range(7):  # the bits of a chain do not depend on who is evaluated with it
        alone = target(x[i : i + 1])
        assert alone[0][0] == together[0][i]
        np.testing.assert_array_equal(alone[1][0], together[1][i])
    options = {"n_samples": 20, "step_size": 1e-4, "rng": 7}
    x0 = points(40, n=140) / 10
    many = sampling.mala(target, x0, n_threads=2, **options)
    np.testing.assert_array_equal(many.draws, sampling.mala(target, x0, n_threads=1, **options).draws)
    np.testing.assert_array_equal(many.draws[:3], sampling.mala(target, x0[:3], n_threads=5, **options).draws)


def test_huge_predictors_do_not_overflow():
    target = targets.LogisticRegression([[1.0], [-1.0]], [1.0, 1.0])
    logp, grad = target([[1e5], [-1e5], [1e150], [0.0]])
    np.testing.assert_allclose(logp, [-1e5, -1e5, -1e150, -2 * np.log(2)])
    np.testing.assert_allclose(grad[:, 0], [-1.0, 1.0, -1.0, 0.0])
    tail = targets.LogisticRegression([[1.0]], [1.0])
    assert tail([[50.0]])[0][0] == pytest.approx(-np.exp(-50.0), rel=1e-14)
    poisson = targets.PoissonRegression([[1.0]], [1.0])
    assert poisson([[800.0]])[0][0] == -np.inf
    assert poisson([[-800.0]])[0][0] == -800.0


@pytest.mark.parametrize("d", [2, 3, 10, 65])
def test_funnel(d):
    target, x = targets.Funnel(d, 2.0), points(d)
    expected = stats.norm.logpdf(x[:, 0], 0, 2.0) + stats.norm.logpdf(x[:, 1:], 0, np.exp(x[:, :1] / 2)).sum(axis=1)
    constant = -0.5 * d * np.log(2 * np.pi) - np.log(2.0)
    np.testing.assert_allclose(target(x)[0] + constant, expected, rtol=1e-11)
    check(target, x)


@pytest.mark.parametrize("d", [2, 8, 66])
def test_rosenbrock(d):
    target, x = targets.Rosenbrock(d, 0.3), points(d)
    u, v = x[:, : d // 2], x[:, d // 2 :]
    expected = (stats.norm.logpdf(u, 1.0) + stats.norm.logpdf(v, u**2, np.sqrt(0.3))).sum(axis=1)
    constant = -0.5 * d * np.log(2 * np.pi) - 0.25 * d * np.log(0.3)
    np.testing.assert_allclose(target(x)[0] + constant, expected, rtol=1e-11)
    check(target, x)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 2), (3, 1), (5, 7), (4, 70)])
def test_phi4(shape):
    target, x = targets.Phi4(shape, -3.0, 1.5), points(shape[0] * shape[1])
    phi = x.reshape(-1, *shape)
    bends = sum(((np.roll(phi, -1, axis) - phi) ** 2).sum(axis=(1, 2)) for axis in (1, 2))
    expected = -(bends + (-3.0 * phi**2 + 1.5 * phi**4).sum(axis=(1, 2)))
    np.testing.assert_allclose(target(x)[0], expected, rtol=1e-11)
    check(target, x)


def test_truncated():
    mean, precision = [0.5, -0.5], spd(2)
    box = targets.TruncatedGaussian(mean, precision, [-1.0, -np.inf], [2.0, 0.0])
    x = np.array([[0.0, -1.0], [-1.5, -1.0], [0.0, 0.1], [2.0, 0.0]])
    logp, grad = box(x)
    free, free_grad = targets.Gaussian(mean, precision)(x)
    inside = [True, False, False, True]
    np.testing.assert_array_equal(logp, np.where(inside, free, -np.inf))
    np.testing.assert_array_equal(grad[inside], free_grad[inside])
    seen = []

    def inner(points):
        seen.append(points.copy())
        return -points.sum(axis=1), -np.ones_like(points)

    cut = targets.Truncated(inner, 0.0, [1.0, 2.0])
    assert cut([[0.5, 3.0], [0.5, 1.0]])[0].tolist() == [-np.inf, -1.5]
    np.testing.assert_array_equal(seen[0], [[0.5, 2.0], [0.5, 1.0]])


def test_transformed_has_the_jacobian():
    lower, upper = [-1.0, 0.0, -np.inf, -np.inf], [2.0, np.inf, 3.0, np.inf]
    inner = targets.Gaussian(np.zeros(4), spd(4))
    target = targets.Transformed(inner, lower, upper)
    y = points(4)
    x = target.constrain(y)
    assert ((x > lower) & (x < upper)).all()
    np.testing.assert_allclose(target.unconstrain(x), y, rtol=1e-10)
    h = 1e-6
    slopes = (target.constrain(y + h) - target.constrain(y - h)) / (2 * h)
    expected = inner(x)[0] + np.log(np.abs(slopes)).sum(axis=1) - np.log(3.0)
    np.testing.assert_allclose(target(y)[0], expected, rtol=1e-7)
    check(target, y)


@pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")
def test_sampling_in_a_box_both_ways():
    mean = [1.0]
    walls = (0.0, 1.5)
    law = stats.truncnorm(-1.0, 0.5, loc=1.0)
    cut = sampling.mala(targets.TruncatedGaussian(mean, [1.0], *walls), np.full((8, 1), 0.5), n_samples=4000, rng=1)
    target = targets.Transformed(targets.Gaussian(mean, [1.0]), [walls[0]], [walls[1]])
    moved = sampling.mala(target, np.zeros((8, 1)), n_samples=4000, rng=2)
    for draws in (cut.draws, target.constrain(moved.draws)):
        means = np.stack([draws.mean(axis=1), (draws**2).mean(axis=1)], axis=1)[:, :, 0]
        error = means.std(axis=0, ddof=1) / np.sqrt(8)
        scores = (means.mean(axis=0) - [law.mean(), law.var() + law.mean() ** 2]) / error
        assert np.abs(scores).max() < 6  # Student with 7 degrees of freedom


def test_sum_and_affine():
    d = 5
    prior, likelihood = targets.Gaussian(np.zeros(d), spd(d)), targets.StudentTProduct(np.ones(d), 1.0, 4.0)
    x = points(d)
    total = targets.Sum([prior, likelihood, prior])
    for part in (0, 1):
        np.testing.assert_allclose(total(x)[part], 2 * prior(x)[part] + likelihood(x)[part], rtol=1e-13)
    factor = np.linalg.cholesky(spd(d, 9))
    for root in (factor, np.diag(factor)):
        full = root if root.ndim == 2 else np.diag(root)
        moved = targets.Affine(total, np.arange(d), root)
        np.testing.assert_allclose(moved.constrain(x), np.arange(d) + x @ full.T, rtol=1e-13)
        np.testing.assert_allclose(moved.unconstrain(moved.constrain(x)), x, rtol=1e-10, atol=1e-12)
        logp, grad = total(moved.constrain(x))
        np.testing.assert_allclose(moved(x)[0], logp, rtol=1e-11)
        np.testing.assert_allclose(moved(x)[1], grad @ full, rtol=1e-10, atol=1e-11)


def test_parts_may_be_functions():
    d = 3

    def batched(x):
        return -0.25 * (x**4).sum(axis=1), -(x**3)

    built_in = targets.Gaussian(np.zeros(d), np.ones(d))
    x = points(d)
    nested = targets.Affine(targets.Sum([built_in, batched]), np.ones(d), np.full(d, 0.5))
    at = 1 + 0.5 * x
    np.testing.assert_allclose(nested(x)[0], -0.5 * (at**2).sum(axis=1) - 0.25 * (at**4).sum(axis=1), rtol=1e-12)
    check(nested, x)

    def failing(x):
        raise ZeroDivisionError("inside")

    with pytest.raises(ZeroDivisionError, match="inside"):
        targets.Sum([built_in, failing])(x)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales(scale):
    x = points(9)
    for target, unit in [
        (targets.Gaussian(np.zeros(9), np.full(9, scale**-2)), targets.Gaussian(np.zeros(9), np.ones(9))),
        (targets.StudentTProduct(np.zeros(9), scale, 3.0), targets.StudentTProduct(np.zeros(9), 1.0, 3.0)),
        (targets.Laplace(np.zeros(9), scale), targets.Laplace(np.zeros(9), 1.0)),
    ]:
        np.testing.assert_allclose(target(scale * x)[0], unit(x)[0], rtol=1e-12)
        np.testing.assert_allclose(target(scale * x)[1] * scale, unit(x)[1], rtol=1e-12)


def test_targets_pickle_and_do_not_follow_their_arrays():
    design, y = np.random.default_rng(8).normal(size=(20, 3)), np.ones(20)
    x = points(3)
    for target in [
        targets.Gaussian(np.zeros(3), spd(3)),
        targets.LogisticRegression(design, y, targets.NormalPrior(1.0)),
        targets.Truncated(targets.Laplace(np.zeros(3), 1.0), -1.0, 1.0),
        targets.Phi4((1, 3), 1.0, 1.0),
    ]:
        again = pickle.loads(pickle.dumps(target))
        np.testing.assert_array_equal(again(x)[0], target(x)[0])
    mean = np.zeros(3)
    target = targets.Gaussian(mean, np.ones(3))
    mean[:] = 5.0
    assert target(np.zeros((1, 3)))[0][0] == 0.0


def test_float32_strided_and_read_only_input():
    x = points(6).astype(np.float32)
    target = targets.Gaussian(np.zeros(6, dtype=np.float32), np.ones(6, dtype=np.float32))
    np.testing.assert_array_equal(target(x)[1], -x.astype(float))
    strided = points(12)[:, ::2]
    strided.flags.writeable = False
    np.testing.assert_array_equal(target(strided)[1], -strided)
    design = np.asfortranarray(points(4, 30))
    y = np.ones(30)
    np.testing.assert_array_equal(
        targets.LogisticRegression(design, y)(points(4))[1],
        targets.LogisticRegression(design.copy("C"), y)(points(4))[1],
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: targets.Gaussian([0.0], [np.nan]), r"precision\[0\]"),
        (lambda: targets.Gaussian([0.0, 0.0], csr_array(np.array([[1.0, 2.0], [2.0, 1.0]]))), "positive definite"),
        (lambda: targets.Gaussian([0.0, 0.0], csr_array(np.array([[1.0, 0.5], [0.0, 1.0]]))), "symmetric"),
        (lambda: targets.Gaussian([0.0], csr_array(np.eye(2))), "shape"),
        (lambda: targets.GaussianMixture([1.0], [[0.0]], [[-1.0]]), r"covariances\[0, 0\]"),
        (lambda: targets.GaussianMixture([-1.0, 2.0], [[0.0], [1.0]], [[1.0], [1.0]]), r"weights\[0\]"),
        (lambda: targets.GaussianMixture([1.0], [[0.0, 0.0]], [[[1.0, 2.0], [2.0, 1.0]]]), r"covariances\[0\]"),
        (lambda: targets.StudentT([0.0], [1.0], 0.0), "df"),
        (lambda: targets.StudentTProduct([0.0], [0.0], 1.0), r"scale\[0\]"),
        (lambda: targets.Laplace([0.0, 0.0], [1.0]), "scale has 1"),
        (lambda: targets.Dirichlet([1.0]), "two entries"),
        (lambda: targets.Dirichlet([1.0, 0.0]), r"concentration\[1\]"),
        (lambda: targets.LogisticRegression([[1.0]], [2.0]), r"observed\[0\]"),
        (lambda: targets.LogisticRegression([[np.inf]], [1.0]), r"design\[0, 0\]"),
        (lambda: targets.LogisticRegression([[1.0]], [1.0, 0.0]), "observed has 2"),
        (lambda: targets.LogisticRegression([[1.0]], [1.0], prior=3.0), "prior"),
        (lambda: targets.LogisticRegression([[1.0]], [1.0], prior=targets.NormalPrior(0.0)), "scale"),
        (lambda: targets.LogisticRegression([[1.0]], [1.0], offset=[1.0, 2.0]), "offset"),
        (lambda: targets.LogisticRegression([[1j]], [1.0]), "complex"),
        (lambda: targets.PoissonRegression([[1.0]], [-1.0]), r"observed\[0\]"),
        (lambda: targets.LinearRegression([[1.0]], [1.0], noise=0.0), "noise"),
        (lambda: targets.ElasticNetPrior(-1.0, 0.0).weights(2), "absolute"),
        (lambda: targets.Funnel(1), "d must"),
        (lambda: targets.Rosenbrock(3), "even"),
        (lambda: targets.Phi4((0, 2), 1.0, 1.0), "shape"),
        (lambda: targets.Phi4(3, 1.0, 1.0), "shape"),
        (lambda: targets.Phi4((2, 2), np.inf, 1.0), "mass_squared"),
        (lambda: targets.Truncated(targets.Funnel(2), 1.0, 1.0), r"lower\[0\]"),
        (lambda: targets.Truncated(lambda x: x, 0.0, 1.0), "vector"),
        (lambda: targets.Transformed(targets.Funnel(2), [0.0], 1.0), "2 coordinates"),
        (lambda: targets.Transformed(targets.Funnel(2), 0.0, 1.0).unconstrain([[0.0, 0.5]]), r"x\[0, 0\]"),
        (lambda: targets.Sum([]), "parts"),
        (lambda: targets.Sum([lambda x: x]), "none of them"),
        (lambda: targets.Sum([targets.Funnel(2), targets.Funnel(3)]), r"\[2, 3\]"),
        (lambda: targets.Sum(targets.Funnel(2)), "sequence"),
        (lambda: targets.Affine(targets.Funnel(2), [0.0, 0.0], [1.0, 0.0]), r"factor\[1\]"),
        (lambda: targets.Affine(targets.Funnel(2), [0.0, 0.0], np.ones((2, 2))), "invertible"),
        (lambda: targets.Affine(targets.Funnel(2), [0.0], [1.0]), "shapes"),
        (lambda: targets.Funnel(2)([1.0, 2.0]), "points"),
        (lambda: targets.Funnel(2)([[1.0]]), "points"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(InputError, match=message):
        build()
