"""MMD and KSD against tables, closed forms and each other."""

import numpy as np
import pytest
from tests.reference.discrepancy_numpy import off_diagonal, paired, stein, u_statistic

from wassail import discrepancy, kernels
from wassail.exceptions import InputError, NumericalError

RNG = np.random.default_rng(0)
KERNEL = kernels.Gaussian(1.3)
STEIN = kernels.Stein(kernels.Gaussian(1.3), lambda x: -x)


def samples(n=70, m=55, d=3, dtype=np.float64):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, d)).astype(dtype), (rng.normal(size=(m, d)) + 0.3).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
def test_mmd_is_that_of_the_tables(dtype, weighted):
    x, y = samples(dtype=dtype)
    a, b = (RNG.random(70), RNG.random(55)) if weighted else (np.ones(70), np.ones(55))
    result = discrepancy.mmd(x, y, KERNEL, a=a, b=b)
    a, b = a / a.sum(), b / b.sum()
    kx, ky, kxy = KERNEL(x), KERNEL(y), KERNEL(x, y)
    tolerance = 1e-14 if dtype == np.float64 else 1e-6
    biased = a @ kx @ a + b @ ky @ b - 2 * a @ kxy @ b
    unbiased = a @ off_diagonal(kx) @ a / (1 - a @ a) + b @ off_diagonal(ky) @ b / (1 - b @ b) - 2 * a @ kxy @ b
    assert result.biased == pytest.approx(biased, abs=tolerance)
    assert result.unbiased == pytest.approx(unbiased, abs=tolerance)
    assert result.distance == pytest.approx(np.sqrt(biased), abs=tolerance)
    g = off_diagonal(kx) @ a / (1 - a) - kxy @ b
    f = off_diagonal(ky) @ b / (1 - b) - a @ kxy
    variance = 4 * ((a**2 * (g - a @ g) ** 2).sum() + (b**2 * (f - b @ f) ** 2).sum())
    assert result.standard_error() == pytest.approx(np.sqrt(variance), rel=1e-5 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_ksd_is_that_of_the_table(weighted):
    x, _ = samples()
    w = RNG.random(70) if weighted else np.ones(70)
    result = discrepancy.ksd(x, STEIN, weights=w)
    w = w / w.sum()
    c = 1 / (2 * 1.3**2)
    h = stein(lambda q: np.exp(-c * q), lambda q: -c * np.exp(-c * q), lambda q: c * c * np.exp(-c * q), x, -x)
    assert result.biased == pytest.approx(w @ h @ w, rel=1e-12)
    assert result.unbiased == pytest.approx(w @ off_diagonal(h) @ w / (1 - w @ w), rel=1e-11)
    g = off_diagonal(h) @ w / (1 - w)
    assert result.standard_error() == pytest.approx(2 * np.sqrt((w**2 * (g - w @ g) ** 2).sum()), rel=1e-10)
    scored = discrepancy.ksd(x, kernels.Stein(kernels.Gaussian(1.3)), scores=-x, weights=w)
    assert scored.biased == pytest.approx(result.biased, rel=1e-14)


def test_mmd_of_normals_has_its_closed_form():
    """E of the U-statistic, z-scored by its standard error: E k = (v/(v+2))^{d/2} exp(-|m|²/(2(v+2)))."""
    d, v, n = 2, 1.5, 4000
    rng = np.random.default_rng(3)
    shift = np.array([0.6, -0.2])
    result = discrepancy.mmd(rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift, kernels.Gaussian(np.sqrt(v)))
    exact = 2 * (v / (v + 2)) ** (d / 2) * (1 - np.exp(-(shift @ shift) / (2 * (v + 2))))
    assert abs(result.unbiased - exact) < 4 * result.standard_error()
    assert 0.1 * exact > result.standard_error() > 0


def test_ksd_of_normals_has_its_closed_form():
    """KSD² = (ℓ²/c)^{d/2} (|μ|² + d (s²−1)²/c), c = ℓ² + 2 s²."""
    d, l, s, n = 3, 1.2, 1.4, 4000
    mu = np.array([0.3, -0.5, 0.1])
    x = mu + s * np.random.default_rng(4).normal(size=(n, d))
    result = discrepancy.ksd(x, kernels.Stein(kernels.Gaussian(l), lambda x: -x))
    c = l * l + 2 * s * s
    exact = (l * l / c) ** (d / 2) * (mu @ mu + d * (s * s - 1) ** 2 / c)
    assert abs(result.unbiased - exact) < 4 * result.standard_error()
    assert 0.2 * exact > result.standard_error() > 0
    diagonal = d * s * s + mu @ mu + d / l**2
    assert result.biased == pytest.approx(((n - 1) * result.unbiased + diagonal) / n, rel=0.02)


def test_v_statistic_of_a_normal_sample():
    """E MMD²(P_m, Q_m) = 2 (1 − PPk) / m for P = Q and k(x, x) = 1."""
    d, v, m, repeats = 2, 4.0, 50, 400
    rng = np.random.default_rng(5)
    kernel = kernels.Gaussian(np.sqrt(v))
    found = [
        discrepancy.mmd(rng.normal(size=(m, d)), rng.normal(size=(m, d)), kernel).biased for _ in range(repeats)
    ]
    exact = 2 * (1 - (v / (v + 2)) ** (d / 2)) / m
    assert abs(np.mean(found) - exact) < 4 * np.std(found) / np.sqrt(repeats)


def test_standard_errors_are_those_of_repetitions():
    rng = np.random.default_rng(6)
    kernel = kernels.Gaussian(1.0)
    runs = [discrepancy.mmd(rng.normal(size=200), rng.normal(size=300) + 1.0, kernel) for _ in range(300)]
    spread = np.std([r.unbiased for r in runs])
    assert np.mean([r.standard_error() for r in runs]) == pytest.approx(spread, rel=0.15)
    for estimate in (discrepancy.block_mmd, discrepancy.linear_mmd, discrepancy.incomplete_mmd):
        options = {"n_bands": 5} if estimate is discrepancy.incomplete_mmd else {}
        runs = [estimate(rng.normal(size=400), rng.normal(size=400) + 1.0, kernel, **options) for _ in range(300)]
        z = (np.mean([r.value for r in runs]) - _mean_shift(1.0)) / (np.std([r.value for r in runs]) / np.sqrt(300))
        assert abs(z) < 4
        spread = np.std([r.value for r in runs])
        assert np.sqrt(np.mean([r.standard_error**2 for r in runs])) == pytest.approx(spread, rel=0.15)


def _mean_shift(shift):
    return 2 * np.sqrt(1 / 3) * (1 - np.exp(-(shift**2) / 6))


@pytest.mark.parametrize("n", [2, 3, 40, 101])
def test_blocks_and_bands(n):
    x, y = samples(n, n)
    h, h0 = paired(KERNEL, x, y), STEIN(x)
    for table, block, bands, linear in (
        (h, lambda **k: discrepancy.block_mmd(x, y, KERNEL, **k),
         lambda **k: discrepancy.incomplete_mmd(x, y, KERNEL, **k), lambda: discrepancy.linear_mmd(x, y, KERNEL)),
        (h0, lambda **k: discrepancy.block_ksd(x, STEIN, **k),
         lambda **k: discrepancy.incomplete_ksd(x, STEIN, **k), lambda: discrepancy.linear_ksd(x, STEIN)),
    ):  # fmt: skip
        assert bands(n_bands=n + 5).value == pytest.approx(u_statistic(table), abs=1e-13)
        assert block(block_size=n).value == pytest.approx(u_statistic(table), abs=1e-13)
        reach = max(1, n // 7)
        near = [table[i, j] for i in range(n) for j in range(i + 1, min(i + reach + 1, n))]
        found = bands(n_bands=reach)
        assert (found.n_pairs, found.value) == (len(near), pytest.approx(np.mean(near), abs=1e-13))
        if n % 2 == 0:
            assert linear().value == pytest.approx(np.mean([table[i, i + 1] for i in range(0, n, 2)]), abs=1e-13)
        assert linear().n_batches == n // 2


def test_mmd_with_the_u_statistic_is_that_of_the_pairs():
    x, y = samples(60, 60)
    full = discrepancy.mmd(x, y, KERNEL)
    paired_u = discrepancy.incomplete_mmd(x, y, KERNEL, n_bands=10**9).value
    kxy = KERNEL(x, y)
    assert paired_u == pytest.approx(
        full.unbiased + 2 * kxy.mean() - 2 * off_diagonal(kxy).sum() / (60 * 59), abs=1e-13
    )


def test_weights_are_repetitions():
    x, y = samples(10, 8)
    counts = np.array([1, 2, 0, 3, 1, 1, 2, 1, 0, 4])
    weighted = discrepancy.mmd(x, y, KERNEL, a=counts)
    repeated = discrepancy.mmd(np.repeat(x, counts, axis=0), y, KERNEL)
    assert weighted.biased == pytest.approx(repeated.biased, abs=1e-14)
    assert discrepancy.ksd(x, STEIN, weights=counts).biased == pytest.approx(
        discrepancy.ksd(np.repeat(x, counts, axis=0), STEIN).biased, rel=1e-12
    )


def test_a_boundary_weighs_the_kernel():
    """k_w(x, y) = w(x) k(x, y) w(y): its Stein kernel by finite differences of the definition."""
    rng = np.random.default_rng(8)
    x = rng.uniform(0.1, 0.9, size=(12, 2))
    box = discrepancy.BoxBoundary(0.0, [1.0, np.inf])
    kernel = kernels.Stein(kernels.Gaussian(0.7), lambda x: 1 - 2 * x)
    found = discrepancy.ksd(x, kernel, boundary=box)

    def k(p, q):
        return box(p[None])[0][0] * box(q[None])[0][0] * np.exp(-((p - q) @ (p - q)) / (2 * 0.49))

    def operate(f, p, axis, step=1e-4):
        """(∂_axis + s_axis) f."""
        e = np.eye(2)[axis] * step
        return (f(p + e) - f(p - e)) / (2 * step) + (1 - 2 * p[axis]) * f(p)

    h = [
        [sum(operate(lambda q: operate(lambda p: k(p, q), x[i], t), x[j], t) for t in range(2)) for j in range(12)]  # noqa: B023
        for i in range(12)
    ]
    assert found.biased == pytest.approx(np.mean(h), rel=1e-5)


def test_a_bounded_density_needs_its_boundary():
    """A uniform sample on [0, 1] has score 0: the plain KSD does not vanish, the one with the boundary does."""
    x = np.random.default_rng(9).uniform(size=4000)
    kernel = kernels.Stein(kernels.Gaussian(0.5), np.zeros_like)
    plain = discrepancy.ksd(x, kernel)
    bounded = discrepancy.ksd(x, kernel, boundary=discrepancy.BoxBoundary(0.0, 1.0))
    assert plain.unbiased > 10 * plain.standard_error()
    assert abs(bounded.unbiased) < 5e-3
    assert bounded.unbiased < 1e-2 * plain.unbiased


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y, t: discrepancy.mmd(x, y, KERNEL, n_threads=t).biased,
        lambda x, y, t: discrepancy.mmd(x, y, KERNEL, n_threads=t).standard_error(),
        lambda x, y, t: discrepancy.ksd(x, STEIN, n_threads=t).biased,
        lambda x, y, t: discrepancy.block_mmd(x, y, KERNEL, n_threads=t).value,
        lambda x, y, t: discrepancy.incomplete_ksd(x, STEIN, n_threads=t).value,
    ],
)
def test_threads_do_not_matter(call):
    x, y = samples(1500, 1500)
    assert call(x, y, 1) == call(x, y, 2) == call(x, y, 5)


def test_one_point_and_duplicates():
    one = discrepancy.mmd([[1.0, 2.0]], [[1.0, 2.0]], KERNEL)
    assert one.biased == 0.0
    with pytest.raises(InputError, match="x has one point"):
        _ = one.unbiased
    same = np.ones((30, 2))
    result = discrepancy.mmd(same, same, KERNEL)
    assert abs(result.biased) < 1e-15
    assert abs(result.unbiased) < 1e-15
    assert discrepancy.mmd(same, same + 1e150, KERNEL).biased == pytest.approx(2.0)
    assert np.isfinite(discrepancy.ksd(same[:1], STEIN).biased)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: discrepancy.mmd([[np.nan]], [[1.0]], KERNEL), "x.0, 0. is nan"),
        (lambda: discrepancy.mmd([[1.0]], [[np.inf]], KERNEL), "y.0, 0. is inf"),
        (lambda: discrepancy.mmd([[1.0]], [[1.0, 2.0]], KERNEL), "x has points of 1 coordinates and y of 2"),
        (lambda: discrepancy.mmd([], [1.0], KERNEL), "x is empty"),
        (lambda: discrepancy.mmd([1.0], [1.0], "gaussian"), "kernel"),
        (lambda: discrepancy.mmd([1.0], [1.0], KERNEL, a=[-1.0]), "a.0. is -1"),
        (lambda: discrepancy.mmd([1.0, 2.0], [1.0], KERNEL, a=[0.0, 0.0]), "a sums to 0"),
        (lambda: discrepancy.mmd([1.0, 2.0], [1.0], KERNEL, a=[1.0]), "a has 1 entries, 2"),
        (lambda: discrepancy.ksd([1.0], KERNEL), "Stein kernel"),
        (lambda: discrepancy.ksd([1.0], kernels.Stein()), "no score"),
        (lambda: discrepancy.block_mmd([1.0, 2.0], [1.0, 2.0, 3.0], KERNEL), "pairs x with y"),
        (lambda: discrepancy.block_mmd([1.0, 2.0], [1.0, 2.0], KERNEL, block_size=3), "block_size is 3"),
        (lambda: discrepancy.linear_mmd([1.0], [1.0], KERNEL), "at least 2"),
        (lambda: discrepancy.incomplete_mmd([1.0, 2.0], [1.0, 2.0], KERNEL, n_bands=0), "n_bands"),
        (lambda: discrepancy.ksd([1.5], STEIN, boundary=discrepancy.BoxBoundary(0.0, 1.0)), "x.0. is not inside"),
        (lambda: discrepancy.ksd([0.5], STEIN, boundary=lambda x: (x, x)), "boundary"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_overflow_is_said():
    with pytest.raises(NumericalError, match="overflow"):
        discrepancy.ksd([[1e200], [2e200]], kernels.Stein(kernels.Gaussian(1e200), lambda x: -x))


def test_odd_arrays_are_read():
    x, y = samples(20, 20)
    expected = discrepancy.mmd(x, y, KERNEL).biased
    frozen = x.copy()
    frozen.flags.writeable = False
    assert discrepancy.mmd(np.asfortranarray(frozen), y[::-1][::-1], KERNEL).biased == expected
