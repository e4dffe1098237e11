"""Every route to a density uses the same random words: same seed, same draws."""

import ctypes
import sys
import threading
import warnings

import numpy as np
import pytest

from tests.sampling import stubs
from wassail import sampling
from wassail.exceptions import DensityError, InputError, PerformanceWarning

PRECISION = np.array([1.0, 4.0, 0.25])
GAUSSIAN = sampling.targets.Gaussian(np.zeros(3), PRECISION)
X0 = np.random.default_rng(0).normal(size=(5, 3))
MANY = np.random.default_rng(1).normal(size=(200, 3))
OPTIONS = {"n_samples": 100, "step_size": 0.1, "rng": 11}
SAMPLERS = [sampling.mala, sampling.ula, sampling.underdamped]

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")


def batched(points):
    grad = -PRECISION * points
    return 0.5 * (grad * points).sum(axis=1), grad


def scalar(x):
    grad = -PRECISION * x
    return 0.5 * float(grad @ x), grad


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return stubs.load(stubs.compiled(stubs.DENSITY, tmp_path_factory.mktemp("density"), "density"))


def agree(target, sampler, x0=X0, expected=GAUSSIAN):
    """The first 100 draws agree to 1e-8."""
    found, wanted = (sampler(t, x0, **OPTIONS).draws for t in (target, expected))
    np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_python(sampler):
    agree(batched, sampler)
    agree(GAUSSIAN.__call__, sampler)
    with pytest.warns(PerformanceWarning, match="one point at a time"):
        agree(scalar, sampler)
    agree(sampling.targets.Sum([GAUSSIAN, lambda x: (np.zeros(len(x)), np.zeros_like(x))]), sampler)
    half = sampling.targets.Gaussian(np.zeros(3), PRECISION / 2)
    agree(sampling.targets.Sum([half, half]), sampler)
    agree(sampling.targets.Affine(batched, np.zeros(3), np.eye(3)), sampler)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_equal_bits_give_equal_bits(sampler):
    """The same function in lock step, and chain by chain behind other densities."""
    expected = sampler(GAUSSIAN, X0, **OPTIONS).draws
    np.testing.assert_array_equal(sampler(GAUSSIAN.__call__, X0, **OPTIONS).draws, expected)
    moved = sampling.targets.Affine(GAUSSIAN, np.zeros(3), np.ones(3))
    np.testing.assert_array_equal(sampler(moved, X0, **OPTIONS).draws, expected)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_c_functions(library, sampler):
    from scipy import LowLevelCallable

    address = ctypes.cast(library.single, ctypes.c_void_p).value
    routes = [
        library.single,
        library.batched,
        (address, 0),
        (library.single, 0),
        (library.single, np.zeros(1)),
        sampling.from_pointer(address),
        sampling.from_pointer(library.batched),
        sampling.from_pointer(ctypes.cast(library.batched, ctypes.c_void_p).value, batched=True),
        LowLevelCallable(library.single),
        LowLevelCallable(library.batched),
    ]
    draws = [sampler(route, X0, **OPTIONS).draws for route in routes]
    for other in draws[1:]:  # the same code behind all of them
        np.testing.assert_array_equal(other, draws[0])
    np.testing.assert_allclose(draws[0], sampler(GAUSSIAN, X0, **OPTIONS).draws, rtol=1e-8, atol=1e-8)


def test_many_chains_in_company(library):
    """Batched functions get several chains at a time, and nobody sees it."""
    for threads in (1, 2, 5):
        draws = sampling.mala(library.batched, MANY, n_threads=threads, **OPTIONS).draws
        np.testing.assert_array_equal(draws, sampling.mala(library.single, MANY, n_threads=1, **OPTIONS).draws)
    np.testing.assert_array_equal(draws[:3], sampling.mala(library.single, MANY[:3], **OPTIONS).draws)


def test_user_data_arrive(library):
    from scipy import LowLevelCallable

    shift = np.array([3.0])
    moved = sampling.targets.Gaussian(np.full(3, 3.0), PRECISION)
    pointer = ctypes.cast(shift.ctypes.data, ctypes.c_void_p)
    for target in [
        (library.single, shift),
        (library.batched, shift),
        sampling.from_pointer(library.single, shift),
        sampling.from_pointer(library.single, shift.ctypes.data),
        sampling.from_pointer(library.single, ctypes.byref(ctypes.c_double(3.0))),
        LowLevelCallable(library.single, pointer),
    ]:
        agree(target, sampling.mala, expected=moved)


def test_return_codes(library):
    x0 = np.zeros((1, 3))
    high = sampling.targets.Truncated(library.single, -np.inf, np.full(3, np.inf))
    assert np.isnan(high([[2e5, 0.0, 0.0]])[0][0])  # 7: rejected
    with pytest.raises(DensityError, match="gave up"):
        high([[2e6, 0.0, 0.0]])
    wide = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    start = np.concatenate([x0, x0 + 2e5])  # 7 at a start: a bad starting point
    with pytest.raises(InputError, match=r"not finite at x0\[1\], or its C function rejects that point"):
        sampling.mala(library.single, start, **OPTIONS)
    with pytest.raises(InputError, match=r"not finite at x0\[1\]"):
        sampling.temper(library.single, wide, start, n_samples=5)


@pytest.mark.parametrize("batched", [False, True])
def test_a_c_function_that_gives_up_says_so_wherever_it_does(library, batched):
    function = library.batched if batched else library.single
    wide = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    start = np.array([[0.0, 0.0, 0.0], [2e6, 0.0, 0.0]])  # −1
    for target in (
        function,
        sampling.targets.Sum([wide, function]),
        sampling.targets.Truncated(function, np.full(3, -np.inf), np.full(3, np.inf)),
    ):
        with pytest.raises(DensityError, match=r"failed at the start of chain [01]: its C function gave up") as caught:
            sampling.mala(target, start[1:] if batched else start, **OPTIONS)
        assert caught.value.result.draws.shape[1] == 0
    with pytest.raises(DensityError, match="at the start of chain 1: its C function gave up"):
        sampling.temper(library.single, wide, start, n_samples=5)
    # In the middle it is the same error, which says when.
    with pytest.raises(DensityError, match=r"for chain 0 at step \d+, after \d+ draws of each chain: its C function"):
        sampling.ula(giving_up(), X0[:1], **OPTIONS)


C_TYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_size_t, *[ctypes.POINTER(ctypes.c_double)] * 3, ctypes.c_void_p)


def giving_up():
    """Return a C function of a flat density that gives up at its fifth call."""
    calls = []

    def call(d, x, grad, logp, user):
        calls.append((x, user))
        logp[0] = 0.0
        for i in range(d):
            grad[i] = 0.0
        return -1 if len(calls) == 5 else 0

    return C_TYPE(call)


@pytest.mark.peers
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_cffi(library, sampler, tmp_path):
    cffi = pytest.importorskip("cffi", reason="cffi is not installed")
    ffi = cffi.FFI()
    ffi.cdef("int single(size_t d, const double *x, double *grad, double *logp, void *user);")
    ffi.cdef("int batched(size_t n, size_t d, const double *X, double *G, double *logp, void *user);")
    opened = ffi.dlopen(library._name)
    agree(opened.single, sampler)
    agree(opened.batched, sampler)
    shift = ffi.new("double *", 3.0)
    agree((opened.single, shift), sampler, expected=sampling.targets.Gaussian(np.full(3, 3.0), PRECISION))


@pytest.mark.peers
def test_numba():
    numba = pytest.importorskip("numba", reason="numba is not installed")
    precision = PRECISION

    def density(x, grad):
        if x[0] > 100.0:
            raise ValueError("too far")
        logp = 0.0
        for i in range(x.size):
            grad[i] = -precision[i] * x[i]
            logp += 0.5 * grad[i] * x[i]
        return logp

    plain, jitted = sampling.from_numba(density), sampling.from_numba(numba.njit(density))
    for sampler in SAMPLERS:
        agree(plain, sampler)
        agree(jitted, sampler)
    agree(plain.keep, sampling.mala)  # the cfunc itself
    far = sampling.targets.Truncated(plain, np.full(3, -np.inf), np.inf)
    assert np.isnan(far([[101.0, 0.0, 0.0]])[0][0])
    doubles = numba.types.CPointer(numba.types.float64)
    size = numba.types.uintp
    signature = numba.types.intc(size, size, doubles, doubles, doubles, numba.types.voidptr)

    @numba.cfunc(signature)
    def several(n, d, x, grad, logp, user):
        for k in range(n):
            logp[k] = 0.0
            for i in range(d):
                grad[k * d + i] = -precision[i] * x[k * d + i]
                logp[k] += 0.5 * grad[k * d + i] * x[k * d + i]
        return 0

    agree(several, sampling.mala)
    agree(several, sampling.mala, MANY)


@pytest.mark.peers
def test_numba_functions_return_a_number():
    numba = pytest.importorskip("numba", reason="numba is not installed")

    def several(x, grad):
        grad[:] = -x
        return -0.5 * x**2

    def several_twice(x, grad):
        grad[:] = -x
        return -0.5 * x**2, 1.0

    def of_zero_dimensions(x, grad):
        grad[:] = -x
        return np.array(1.0)

    for function in (several, numba.njit(several), several_twice, of_zero_dimensions, lambda x, grad: None):
        with pytest.raises(InputError, match="by numba instead of a real number"):
            sampling.from_numba(function)

    def whole(x, grad):
        grad[:] = -x
        return 1

    arrays = numba.float64[:], numba.float64[:]
    for function in (whole, numba.njit(numba.float64(*arrays))(whole)):
        sampling.mala(sampling.from_numba(function), X0, n_samples=3, step_size=0.1, rng=0)


@pytest.mark.peers
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_jax(sampler):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    agree(sampling.from_jax(lambda x: -0.5 * jax.numpy.sum(PRECISION * x**2)), sampler)
    agree(sampling.from_jax(lambda x: -0.5 * jax.numpy.sum(PRECISION * x**2, axis=1), batched=True), sampler)


@pytest.mark.peers
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_torch(sampler):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    precision = torch.tensor(PRECISION)
    agree(sampling.from_torch(lambda x: -0.5 * (precision * x**2).sum()), sampler)
    agree(sampling.from_torch(lambda x: -0.5 * (precision * x**2).sum(dim=1), batched=True), sampler)


@pytest.mark.peers
def test_pymc_through_nutpie():
    nutpie = pytest.importorskip("nutpie", reason="nutpie is not installed")
    pymc = pytest.importorskip("pymc", reason="PyMC is not installed")
    with pymc.Model() as model:
        pymc.Normal("x", 0.0, 1.0 / np.sqrt(PRECISION), shape=3)
    compiled = nutpie.compile_pymc_model(model)
    assert compiled.n_dim == 3
    for sampler in SAMPLERS:
        agree(sampling.from_nutpie(compiled), sampler)


def test_from_nutpie_reads_function_and_data(library):
    class Compiled:
        compiled_logp_func = library.single
        user_data = np.array([3.0])

    agree(
        sampling.from_nutpie(Compiled()), sampling.mala, expected=sampling.targets.Gaussian(np.full(3, 3.0), PRECISION)
    )
    with pytest.raises(InputError, match="nutpie"):
        sampling.from_nutpie(object())


def test_scalar_functions_warn_once_and_only_where_they_must():
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerformanceWarning)
        sampling.ula(batched, X0[:1], **OPTIONS)
    with pytest.warns(PerformanceWarning, match="def target") as seen:
        sampling.ula(scalar, X0[:1], **OPTIONS)
    assert len([w for w in seen if w.category is PerformanceWarning]) == 1
    calls = []

    def later(points):
        calls.extend([None] * (len(points) == len(X0)))
        return batched(points) if len(calls) < 5 else (0.0, points[0])

    # A batched function that fails later is not taken for a scalar one, and what it gave before is there.
    with pytest.raises(DensityError, match="shapes") as caught:
        sampling.ula(later, X0, **OPTIONS)
    assert caught.value.result.draws.shape == (5, 3, 3)
    assert isinstance(caught.value.__cause__, InputError)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_no_route_holds_the_interpreter(library):
    """A thread of Python goes on while a C function is sampled."""
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.001):
            ticks.append(None)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        sampling.mala(library.single, X0, n_samples=200_000, step_size=0.1, rng=1)
    finally:
        stop.set()
        thread.join()
    assert len(ticks) > 20


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda: sampling.from_pointer("f"), "function"),
        (lambda: sampling.from_pointer(-5), "addresses"),
        (lambda: sampling.from_pointer(2**64), "addresses"),
        (lambda: sampling.from_pointer(4096, "data"), "user_data"),
        (lambda: sampling.from_pointer(4096, batched=1), "batched"),
        (lambda: sampling.from_pointer(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_double)(int)), "1 arguments"),
        (lambda: sampling.ula(4096, X0, **OPTIONS), "target"),
        (lambda: sampling.ula((0, 0), X0, **OPTIONS), "null"),
        (lambda: sampling.from_numba(3), "callable"),
        (lambda: sampling.from_pointer(0), "function must be"),
    ],
)
def test_bad_pointers_are_named(target, message):
    with pytest.raises(InputError, match=message):
        target()
