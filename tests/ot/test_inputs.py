"""Bad input gets a clear error that names the argument, odd but good input the right answer."""

import math

import numpy as np
import pytest

from wassail import ot
from wassail._validate import match_masses
from wassail.exceptions import DeviceError, InputError, MemoryLimitError, WassailError

C = np.random.default_rng(0).random((5, 4))
EYE = 1.0 - np.eye(3)


def solve(cost=C, a=None, b=None, **options):
    return ot.sinkhorn(cost, a, b, **{"epsilon": 0.1, **options})


def changed(array, index, value):
    copy = np.array(array, dtype=float)
    copy[index] = value
    return copy


class OnDevice:
    """An array on an accelerator, as CuPy and PyTorch show it."""

    shape = (5, 4)
    ndim = 2

    def __dlpack_device__(self):
        return (2, 0)

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("must not be converted")


class OnHost:
    """Any object with __array__."""

    def __array__(self, dtype=None, copy=None):
        return np.array(C, dtype=dtype)


@pytest.mark.parametrize(
    ("cost", "match"),
    [
        (changed(C, (2, 1), np.nan), r"cost\[2, 1\] is nan"),
        (changed(C, (4, 3), -np.inf), r"cost\[4, 3\] is -inf"),
        (changed(C, (0, 0), np.nan).astype(np.float32), r"cost\[0, 0\] is nan"),
        (np.asfortranarray(changed(C, (2, 1), np.nan)), r"cost\[2, 1\] is nan"),
        (changed(C, 3, np.inf), "row 3"),
        (changed(C, (slice(None), 2), np.inf), "column 2"),
        (np.zeros((0, 4)), "cost is empty"),
        (np.zeros((5, 0)), "cost is empty"),
        ([], "cost is empty"),
        (np.zeros((2, 3, 4)), "cost must be"),
        (3.0, "cost must be"),
        (C + 1j, "complex"),
        (C.astype(object), "object"),
        ([[1.0, None], [2.0, 3.0]], r"cost\[0, 1\] is of type NoneType: .* numbers is wanted"),
        (None, r"cost is None: a matrix of shape \(n, m\) or a PointCloud is wanted"),
        ({}, "cost is of type builtins.dict"),
        ([[1.0], [2.0, 3.0]], "cost"),
        (np.ma.masked_array(C, mask=C > 0.5), "masked"),
        (np.asmatrix(C), "matrix"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.zeros((2, 2), dtype="datetime64[s]"), "real numbers"),
    ],
)
def test_bad_costs(cost, match):
    with pytest.raises(InputError, match=match):
        solve(cost)


def test_sparse_cost():
    from scipy.sparse import csr_array

    with pytest.raises(InputError, match="sparse"):
        solve(csr_array(C))


def test_the_argument_order_of_pot_is_explained():
    with pytest.raises(InputError, match=r"cost is 1-D.*\(cost, a, b\), not \(a, b, M\) as in POT"):
        ot.sinkhorn(np.full(5, 0.2), np.full(4, 0.25), C, epsilon=0.1)
    with pytest.raises(InputError, match="POT"):
        ot.sinkhorn([0.2] * 5, [0.25] * 4, C, epsilon=0.1)
    for arguments, options in [(([0.2] * 5, [0.25] * 4, C, 0.1), {}), (([0.2] * 5, [0.25] * 4, C), {"reg": 0.1})]:
        with pytest.raises(TypeError, match=r"sinkhorn\(cost, a, b, ...\), not \(a, b, M, reg\) as in POT"):
            ot.sinkhorn(*arguments, **options)
    for function in (ot.solve, ot.exact, ot.partial, ot.sinkhorn_newton, ot.sparse_transport):
        with pytest.raises(TypeError, match=rf"{function.__name__}\(cost, a, b, ...\), not \(a, b, M, reg\) as in POT"):
            function([0.2] * 5, [0.25] * 4, C, 0.1)


@pytest.mark.parametrize(
    ("a", "b", "match"),
    [
        ([0.2] * 4, None, "a has 4 entries, 5"),
        (None, [0.2] * 5, "b has 5 entries, 4"),
        ([0.5, 0.5, 0.5, -0.25, -0.25], None, r"a\[3\] is -0.25"),
        (None, [0.5, 0.5, np.nan, 0.0], r"b\[2\] is nan"),
        ([1.0, np.inf, 0, 0, 0], None, r"a\[1\] is inf"),
        ([0.0] * 5, None, "a sums to 0"),
        (None, [0.0] * 4, "b sums to 0"),
        ([1.0] * 5, [1.0] * 4, "5 and b to 4"),
        ([0.2] * 5, [0.251] * 4, "rho"),
        ([[0.2] * 5], None, "a must be 1-D"),
        (np.ones((5, 2)), None, r"a must be 1-D.*PointCloud\(x, y\)"),
        (0.2, None, "a must be 1-D"),
        (np.array([0.2] * 5) + 0j, None, "complex"),
        (np.ma.masked_array([0.2] * 5), None, "masked"),
        (["x"] * 5, None, "real numbers"),
        ([1e308] * 5, [1e308] * 4, "a sums to inf"),
    ],
)
def test_bad_weights(a, b, match):
    with pytest.raises(InputError, match=match):
        solve(C, a, b)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"epsilon": None}, "epsilon is required.*suggest_epsilon"),
        ({"epsilon": 0}, "exact solver"),
        ({"epsilon": 0.0}, "suggest_epsilon"),
        ({"epsilon": -1.0}, "positive"),
        ({"epsilon": np.nan}, "positive"),
        ({"epsilon": np.inf}, "finite"),
        ({"epsilon": "auto"}, "real number"),
        ({"epsilon": [0.1]}, "epsilon"),
        ({"epsilon": True}, "real number"),
        ({"epsilon": np.array([0.1])}, "real number"),
        ({"rho": np.array([1.0, 2.0, 3.0])}, "pair"),
        ({"tol": 0.0}, "tol"),
        ({"tol": -1e-3}, "tol"),
        ({"tol": np.nan}, "tol"),
        ({"max_iter": -1}, "max_iter"),
        ({"max_iter": 10.0}, "max_iter must be an integer"),
        ({"max_iter": True}, "max_iter must be an integer"),
        ({"max_iter": 2**70}, "max_iter"),
        ({"rho": 0.0}, "rho"),
        ({"rho": -1.0}, "rho"),
        ({"rho": np.nan}, "rho"),
        ({"rho": (1.0, 2.0, 3.0)}, "pair"),
        ({"rho": "auto"}, "rho"),
        ({"anneal": 0.0}, "anneal"),
        ({"anneal": 1.5}, "anneal"),
        ({"anneal": "never"}, "anneal"),
        ({"relaxation": 2.0}, "relaxation"),
        ({"relaxation": 0.0}, "relaxation"),
        ({"relaxation": "more"}, "relaxation"),
        ({"n_threads": 0}, "n_threads"),
        ({"n_threads": 1.0}, "n_threads"),
        ({"callback": 3}, "callback"),
        ({"progress": "yes"}, "progress"),
        ({"init": np.zeros(5)}, "init"),
        ({"init": (np.zeros(4), np.zeros(4))}, r"init\[0\] has 4"),
        ({"init": (np.zeros(5), np.zeros(5))}, r"init\[1\] has 5"),
        ({"init": (changed(np.zeros(5), 2, np.nan), np.zeros(4))}, r"init\[0\]\[2\] is nan"),
    ],
)
def test_bad_options(options, match):
    with pytest.raises(InputError, match=match):
        solve(**options)


def test_epsilon_has_no_default():
    with pytest.raises(InputError, match="suggest_epsilon"):
        ot.sinkhorn(C)


def test_unknown_options_are_refused():
    with pytest.raises(TypeError, match="reg"):
        ot.sinkhorn(C, reg=0.1)


@pytest.mark.parametrize(
    ("x", "y", "match"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"x\[:, None\]"),
        (np.zeros((3, 2)), np.zeros(3), r"y\[:, None\]"),
        (np.zeros((3, 2)), np.zeros((3, 1)), "dimension 2, y of dimension 1"),
        (np.zeros((0, 2)), np.zeros((3, 2)), "x is empty"),
        (np.zeros((3, 0)), np.zeros((3, 0)), "x is empty"),
        ([[0.0], [np.nan]], [[0.0]], r"x\[1, 0\] is nan"),
        ([[0.0]], [[np.inf]], r"y\[0, 0\] is inf"),
        ([[1e200]], [[-1e200]], "range of float64"),
        ([[1e-170, 0.0]], [[0.0, 0.0]], "range of float64"),
        ([[1j]], [[0.0]], "complex"),
        (np.ma.masked_array([[1.0]]), [[0.0]], "masked"),
    ],
)
def test_bad_points(x, y, match):
    with pytest.raises(InputError, match=match):
        ot.PointCloud(x, y)


@pytest.mark.parametrize("cost", ["l2", "sqeuclid", None, 2, ot.PNorm, ["euclidean"]])
def test_bad_cost_names(cost):
    with pytest.raises((InputError, TypeError), match=r"cost must be one of|unhashable"):
        ot.PointCloud([[0.0]], [[1.0]], cost=cost)


def test_bad_norms():
    for p in (0.5, -1.0, np.nan, "2"):
        with pytest.raises(InputError, match="p must"):
            ot.PNorm(p)
    for power in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(InputError, match="power"):
            ot.PNorm(2, power=power)


def test_cosine_of_the_zero_vector():
    with pytest.raises(InputError, match=r"y\[1\] is the zero vector"):
        ot.PointCloud([[1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], cost="cosine")


def test_devices():
    with pytest.raises(DeviceError, match=r"cost lives on an accelerator.*\.get\(\)"):
        solve(OnDevice())
    with pytest.raises(DeviceError, match="b lives"):
        solve(C, None, OnDevice())
    with pytest.raises(DeviceError, match="x lives"):
        ot.PointCloud(OnDevice(), C)


def test_errors_are_also_the_usual_ones():
    assert issubclass(InputError, ValueError)
    assert issubclass(InputError, WassailError)
    assert issubclass(DeviceError, TypeError)
    assert issubclass(MemoryLimitError, MemoryError)


GOOD = {
    "list": C.tolist(),
    "tuple": tuple(map(tuple, C)),
    "fortran": np.asfortranarray(C),
    "strided": np.repeat(np.repeat(C, 3, axis=0), 2, axis=1)[::3, ::2],
    "negative strides": C[::-1, ::-1].copy()[::-1, ::-1],
    "transposed": C.T.copy().T,
    "byte-swapped": C.astype(C.dtype.newbyteorder()),
    "longdouble": C.astype(np.longdouble),
    "__array__": OnHost(),
    "unaligned": np.frombuffer(b"x" + C.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(5, 4),
    "field": np.array([tuple(row) for row in C.reshape(-1, 1)], dtype=[("c", "f8")])["c"].reshape(5, 4),
    "packed field": np.array([(1, row) for row in C.ravel()], dtype=[("k", "i1"), ("c", "f8")])["c"].reshape(5, 4),
    "subclass": C.view(type("Mine", (np.ndarray,), {})),
}


@pytest.mark.parametrize("cost", GOOD.values(), ids=GOOD.keys())
def test_good_arrays(cost):
    # Fortran order is solved from the other side: the path and the gauge differ, the plan does not.
    assert np.allclose(solve(cost, tol=1e-13).plan, solve(C, tol=1e-13).plan, rtol=1e-10, atol=0)


def test_read_only_arrays_are_not_written():
    cost, a, b = C.copy(), np.full(5, 0.2), np.full(4, 0.25)
    for array in (cost, a, b):
        array.flags.writeable = False
    assert np.array_equal(solve(cost, a, b).f, solve(C).f)


def test_input_is_left_alone():
    cost, a, b = C.copy(), np.full(5, 0.2), np.full(4, 0.25) * (1 + 1e-7)
    copies = cost.copy(), a.copy(), b.copy()
    solve(cost, a, b)
    for array, copy in zip((cost, a, b), copies, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.bool_])
def test_integers_become_float64(dtype):
    result = solve(EYE.astype(dtype))
    assert result.cost.values.dtype == np.float64
    assert np.array_equal(result.f, solve(EYE).f)


@pytest.mark.parametrize(
    ("dtype", "kept"), [(np.float16, np.float32), (np.float32, np.float32), (np.float64, np.float64)]
)
def test_floats_keep_their_precision(dtype, kept):
    assert solve(EYE.astype(dtype), tol=1e-4).cost.values.dtype == kept
    cloud = ot.PointCloud(np.eye(3, dtype=dtype), np.eye(3, dtype=dtype))
    assert cloud.x.dtype == kept


def test_no_copy_of_costs():
    for cost in (C, np.asfortranarray(C), C[::2, ::-1], C.astype(np.float32).T):
        assert np.shares_memory(ot.as_cost(cost).values, cost)


def test_one_point_each():
    result = solve([[2.0]])
    assert result.plan == pytest.approx(np.ones((1, 1)))
    cloud = ot.PointCloud([[1.0, 2.0]], [[4.0, 6.0]], cost="euclidean")
    assert solve(cloud).transport_cost == pytest.approx(5.0)


def test_duplicates_share_their_mass():
    x = np.random.default_rng(1).normal(size=(6, 2))
    y = np.random.default_rng(2).normal(size=(4, 2))
    once = solve(ot.PointCloud(x, y), tol=1e-12)
    twice = solve(ot.PointCloud(np.repeat(x, 2, axis=0), y), tol=1e-12)
    assert np.allclose(twice.plan.reshape(6, 2, 4).sum(1), once.plan, atol=1e-11)
    assert solve(ot.PointCloud(x[[0] * 5], x[[0] * 3])).transport_cost == 0.0


@pytest.mark.parametrize("exponent", [-100, -30, -3, 3, 30, 100])
def test_scales_of_costs(exponent):
    scale = 2.0**exponent
    base, scaled = solve(C, tol=1e-10), solve(C * scale, epsilon=0.1 * scale, tol=1e-10)
    assert scaled.converged
    assert np.allclose(scaled.plan, base.plan, rtol=1e-8, atol=1e-12)
    assert scaled.value == pytest.approx(base.value * scale, rel=1e-9)


@pytest.mark.parametrize("exponent", [-100, -20, 20, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scales_of_points(exponent, dtype):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 3)).astype(dtype), rng.normal(size=(15, 3)).astype(dtype)
    scale = 2.0**exponent
    base = solve(ot.PointCloud(x, y), epsilon=1.0, tol=1e-5)
    cloud = ot.PointCloud(x * dtype(scale), y * dtype(scale))
    scaled = solve(cloud, epsilon=scale**2, tol=1e-5)
    assert scaled.converged
    assert np.allclose(scaled.plan, base.plan, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mass", [1e-12, 1e-3, 1e6, 1e12])
def test_scales_of_mass(mass):
    base, scaled = solve(C, tol=1e-10), solve(C, np.full(5, mass / 5), np.full(4, mass / 4), tol=1e-10)
    assert scaled.converged
    assert np.allclose(scaled.plan, mass * base.plan, rtol=1e-7)


def test_weights_over_many_magnitudes():
    a = 10.0 ** -np.arange(0.0, 300.0, 60.0)
    a /= a.sum()
    result = solve(C, a, tol=1e-12)
    assert result.converged
    assert np.isfinite(result.f).all()
    assert np.allclose(result.plan.sum(1), a, rtol=1e-6, atol=1e-12)


def test_masses_that_differ_by_float32_rounding():
    rng = np.random.default_rng(4)
    for n in (10, 1000, 100_000):
        a, b = (rng.random(n).astype(np.float32) for _ in range(2))
        a, b = a / np.cumsum(a)[-1], b / np.cumsum(b)[-1]  # the sloppiest of float32 sums
        rescaled, factor = match_masses(a.astype(float), b.astype(float))
        assert factor == pytest.approx(float(a.sum(dtype=float) / b.sum(dtype=float)), rel=1e-12)
        assert rescaled.sum() == pytest.approx(a.sum(dtype=float), rel=1e-12)


def test_rho_allows_any_mass():
    result = solve(C, [1.0] * 5, [1.0] * 4, rho=1.0)
    assert result.converged
    assert result.mass_rescale == 1.0
    assert result.b.sum() == 4.0
    assert solve(C, [1.0] * 5, [1.0] * 4, rho=(None, 1.0)).rho == (math.inf, 1.0)
    for rho in ([1.0, 2.0], np.array([1.0, 2.0]), (np.float32(1.0), 2)):
        assert solve(C, rho=rho).rho == (1.0, 2.0)
    assert solve(C, rho=np.array(1.0), epsilon=np.array(0.1)).rho == (1.0, 1.0)


def test_zero_weight_hides_a_forbidden_row():
    cost = changed(C, 3, np.inf)
    result = solve(cost, [0.25, 0.25, 0.25, 0.0, 0.25])
    assert result.converged
    assert result.f[3] == np.inf
    assert not np.isnan(result.plan).any()
    assert result.plan[3].sum() == 0.0
    assert np.isfinite(result.value)
    again = solve(cost, result.a, init=result)  # inf is allowed where the weight is zero
    assert again.converged


def test_row_connected_only_to_zero_weights():
    cost = changed(C, (1, slice(0, 2)), np.inf)
    with pytest.raises(InputError, match="row 1"):
        solve(cost, None, [0.5, 0.5, 0.0, 0.0])


def test_a_cloud_has_no_arrays_of_its_own_to_write():
    cloud = ot.PointCloud(np.zeros((2, 1)), np.ones((2, 1)))
    with pytest.raises(ValueError, match="read-only"):
        cloud.x[0] = 1.0
    with pytest.raises(AttributeError):
        cloud.cost = "euclidean"


def test_suggest_epsilon():
    assert ot.suggest_epsilon(EYE) == pytest.approx(0.05 * EYE.mean())
    assert ot.suggest_epsilon(EYE, fraction=0.5) == pytest.approx(0.5 * EYE.mean())
    forbidden = changed(EYE, (0, 1), np.inf)
    assert ot.suggest_epsilon(forbidden) == pytest.approx(0.05 * forbidden[np.isfinite(forbidden)].mean())
    assert ot.suggest_epsilon(EYE - 10.0) == pytest.approx(ot.suggest_epsilon(EYE))
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(5000, 3)), rng.normal(size=(3000, 3)) + 1.0
    assert ot.suggest_epsilon(ot.PointCloud(x, y)) == pytest.approx(0.05 * 9.0, rel=0.1)
    for bad in (np.zeros((2, 2)), np.full((2, 2), np.inf)):
        with pytest.raises(InputError, match="no scale"):
            ot.suggest_epsilon(bad)
    with pytest.raises(InputError, match="fraction"):
        ot.suggest_epsilon(EYE, fraction=0.0)
    with pytest.raises(InputError, match=r"cost\[0, 0\]"):
        ot.suggest_epsilon(changed(EYE, (0, 0), np.nan))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ot.sinkhorn(C, epsilon=10**400), "epsilon is too large for a float64"),
        (lambda: ot.sinkhorn(C, epsilon=0.1, rho=[[1], 2]), "rho must be a real number"),
        (lambda: ot.sinkhorn(C, epsilon=0.1, max_iter=2**63), "max_iter must be below"),
        (lambda: ot.sinkhorn(C, epsilon=0.1, n_threads=2**70), "n_threads must be below"),
        (lambda: ot.sinkhorn(C.astype("g") * np.longdouble("1e400"), epsilon=0.1), "beyond the range of float64"),
        (lambda: ot.sinkhorn(C, epsilon=0.1).apply(np.ones(4), axis=1.0), "axis must be"),
        (lambda: ot.sinkhorn(C, epsilon=0.1).apply(np.ones(4), axis=np.array([0, 1])), "axis must be"),
        (lambda: ot.PointCloud(C, C, cost=["euclidean"]), "cost must be one of"),
        (lambda: ot.suggest_epsilon(np.array([[1.7e308, 1.7e308], [1.7e308, 1e308]])), "overflows"),
        (lambda: ot.sinkhorn_divergence(C, C), r"PointCloud\(x, y\)"),
    ],
)
def test_odd_scalars(call, match):
    with pytest.raises(InputError, match=match):
        call()


def test_data_frames_are_arrays():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    rng = np.random.default_rng(0)
    cost, a = rng.random((8, 9)), rng.dirichlet(np.ones(8))
    frame, series = pandas.DataFrame(cost), pandas.Series(a, index=range(100, 108))
    assert ot.exact(frame, series).value == ot.exact(cost, a).value
    assert ot.solve(frame, series, epsilon=0.01).value == pytest.approx(ot.solve(cost, a, epsilon=0.01).value)
    with pytest.raises(InputError, match=r"cost\[0, 9\] is of type str"):
        ot.exact(frame.assign(name="q"))
    with pytest.raises(InputError, match=r"convert it with astype\(float\)"):
        ot.exact(frame.astype(object))
