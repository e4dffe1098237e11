"""What callables are taken for, and where warnings about them point."""

import functools
import inspect

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import ConvergenceWarning, DensityError, InputError, PerformanceWarning

SCALES = np.array([1.0, 4.0, 9.0, 16.0])
SQUARE = np.random.default_rng(0).normal(size=(4, 4))
MORE = np.random.default_rng(0).normal(size=(10, 3))

quiet = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")


def one(x):
    return -0.5 * (x[0] ** 2 + 4 * x[1] ** 2 + 9 * x[2] ** 2 + 16 * x[3] ** 2), -SCALES * np.stack([*x])


def down(x):
    return -0.5 * np.sum((SCALES * x.T).T * x, axis=0), -(SCALES * x.T).T


@quiet
@pytest.mark.parametrize("function", [one, down])
def test_one_point_of_as_many_coordinates_as_chains(function):
    """What a function of one point answers to a square looks like a batch."""
    with pytest.warns(PerformanceWarning, match="one point at a time"):
        result = sampling.sample(function, SQUARE, rng=0)
    np.testing.assert_allclose(result.draws.std(axis=(0, 1)), SCALES**-0.5, rtol=0.15)


@quiet
@pytest.mark.parametrize("start", [SQUARE, MORE, MORE[:2]])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_rounding_makes_no_difference(start, kind):
    """A batch may be summed in another order than one row is, and asked once or twice more than is drawn from."""
    calls = []

    def noisy(x):
        calls.append(len(x))
        logp = (1e3 - 0.5 * (x**2).sum(axis=1)).astype(kind)
        return logp * (1.0 + np.finfo(kind).eps * (len(x) % 3)), -x

    calls.clear()
    result = sampling.mala(noisy, start, n_samples=20, step_size=0.1, rng=0)
    assert calls.count(len(start)) == result.n_gradients
    assert calls.count(1) == (2 if len(start) == 2 else 1)


@pytest.mark.parametrize("start", [MORE, MORE[:2], MORE[:3]])
@pytest.mark.parametrize("reduce", [np.max, np.min, np.mean, np.sum])
@pytest.mark.parametrize(
    "sampler", [sampling.sample, functools.partial(sampling.ula, n_samples=5, step_size=0.1), sampling.check_gradient]
)
def test_rows_that_depend_on_each_other(start, reduce, sampler):
    def density(x):
        logp = -0.5 * (x**2).sum(axis=1)
        return logp - reduce(logp), -x

    with pytest.raises(InputError, match="must not depend on the others"):
        sampler(density, start, rng=0)
    if sampler is sampling.sample:
        with pytest.raises(InputError, match="must not depend on the others"):
            sampler(lambda x: density(x)[0], start, rng=0)


@quiet
def test_what_cannot_be_compared_passes():
    words = np.random.default_rng(0)
    noisy = lambda x: (-0.5 * (x**2).sum(axis=1) + words.normal(size=len(x)), -x)  # noqa: E731
    sampling.ula(noisy, MORE, n_samples=5, step_size=0.1, rng=0)

    def fixed(x):
        if len(x) != len(MORE):
            raise ValueError("made for ten")
        return -0.5 * (x**2).sum(axis=1), -x

    sampling.ula(fixed, MORE, n_samples=5, step_size=0.1, rng=0)


def test_functions_for_numba_are_told():
    for sampler in (sampling.sample, functools.partial(sampling.mala, n_samples=5)):
        with pytest.raises(InputError, match="from_numba"):
            sampler(lambda x, grad: 0.0, SQUARE)


@pytest.mark.filterwarnings("always")
def test_warnings_point_at_the_line_that_samples():
    data = sampling.MinibatchSum(lambda x, i: x[:, None].sum(axis=1), n_data=10, batch_size=2)
    wide = sampling.targets.Gaussian(np.zeros(4), np.ones(4) / 100)
    values = lambda x: one(x)[0]  # noqa: E731
    calls = [
        lambda: sampling.sgld(data, MORE, n_samples=50, step_size=1e-6),
        lambda: sampling.psgld(data, MORE, n_samples=50, step_size=1e-6),
        lambda: sampling.sghmc(data, MORE, n_samples=50, step_size=1e-6, friction=1.0),
        lambda: sampling.sample(one, SQUARE, n_samples=20),
        lambda: sampling.mala(one, SQUARE, n_samples=20, n_threads=2),
        lambda: sampling.slice_sample(values, SQUARE, n_samples=20),
        lambda: sampling.temper(one, wide, SQUARE, n_samples=50),
        lambda: sampling.check_gradient(one, SQUARE),
    ]
    first = inspect.currentframe().f_lineno - len(calls) - 1
    seen = set()
    for k, call in enumerate(calls):
        with pytest.warns((PerformanceWarning, ConvergenceWarning)) as caught:
            call()
        for warning in caught:
            assert (warning.filename, warning.lineno) == (__file__, first + k)
            seen.add(warning.category)
    assert seen == {PerformanceWarning, ConvergenceWarning}


@quiet
@pytest.mark.parametrize("threads", [1, 2])
def test_callbacks_answer_yes_or_no(threads):
    options = {"n_samples": 200, "step_size": 0.1, "rng": 0, "n_threads": threads}
    normal = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    for answer, complete in ((None, True), (False, True), (np.bool_(0), True), (True, False), (np.bool_(1), False)):
        result = sampling.ula(normal, MORE, callback=lambda *_, said=answer: said, **options)
        assert (result.draws.shape[1] == 200) == complete
    for answer in (np.nan, "no", 0, 1, 1.0, [], np.zeros(2)):
        with pytest.raises(DensityError, match=r"the callback failed after .*must return True to stop"):
            sampling.ula(normal, MORE, callback=lambda *_, said=answer: said, **options)


def test_resume_names_what_was_lost():
    def function(x):
        if len(x) > len(MORE):
            raise ValueError
        return x

    wide = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    with pytest.raises(DensityError) as caught:
        sampling.ula(wide, MORE, n_samples=5, step_size=0.1, keep=sampling.Keep(function=function))
    with pytest.raises(InputError, match="cannot go on: what takes up its draws failed"):
        caught.value.result.resume(5)
    tempered = sampling.temper(wide, wide, MORE, n_samples=5, n_warmup=5)
    with pytest.raises(InputError, match="the TemperingResult has a resume"):
        tempered.samples.resume(5)


@quiet
@pytest.mark.parametrize("kernel", [sampling.mala, sampling.hmc, sampling.slice_sample])
def test_answers_in_arrays_that_are_used_again(kernel):
    """The look at single rows does not spoil the first answer."""
    logp, grad = np.empty(4), np.empty((4, 3))

    def reusing(x):
        n = len(x)
        np.einsum("ij,ij->i", x, -0.5 * x, out=logp[:n])
        np.negative(x, out=grad[:n])
        return logp[:n], grad[:n]

    def copying(x):
        return tuple(part.copy() for part in reusing(x))

    start = np.array([[4.0, 4, 4], [1, 1, 1], [0.1, 0, 0], [-1, 0, 2]])
    one, other = (kernel(f, start, n_samples=40, n_warmup=40, rng=0) for f in (reusing, copying))
    again = kernel(reusing, start, n_samples=15, n_warmup=40, rng=0).resume(25)
    np.testing.assert_array_equal(one.draws, other.draws)
    np.testing.assert_array_equal(one.draws, again.draws)


@pytest.mark.filterwarnings("error")
def test_warnings_that_are_errors_are_not_blamed_on_the_density():
    with pytest.raises(PerformanceWarning, match="one point at a time"):
        sampling.mala(one, MORE[:, [0, 1, 2, 0]], n_samples=10, step_size=0.1, rng=0)


@pytest.mark.parametrize("part", [0, 1])
def test_masked_answers_are_refused(part):
    def masked(x):
        answer = [-0.5 * (x**2).sum(axis=1), -x]
        answer[part] = np.ma.masked_less(answer[part], -5.0)
        return tuple(answer)

    with pytest.raises(InputError, match="masked array"):
        sampling.mala(masked, MORE, n_samples=10, step_size=0.1, rng=0)
    with pytest.raises(InputError, match="masked array"):
        sampling.slice_sample(lambda x: masked(x)[0] if part == 0 else masked(x)[1][:, 0], MORE, n_samples=10, rng=0)


def failing(function, times):
    """Return the function, which raises that often before it answers."""
    calls = []

    def first_fails(x):
        calls.append(len(x))
        if len(calls) <= times:
            raise ZeroDivisionError("for once")
        return function(x)

    return first_fails


@pytest.mark.parametrize("times", [1, 2, 1000])
@pytest.mark.parametrize("with_gradient", [True, False])
@pytest.mark.parametrize("sampler", [sampling.sample, sampling.slice_sample, sampling.stretch_move])
def test_what_a_first_look_raises_is_told(sampler, with_gradient, times):
    def density(x):
        logp = -0.5 * (x**2).sum(axis=1)
        return (logp, -x) if with_gradient else logp

    with pytest.raises(DensityError, match=r"the log-density failed .*: for once") as caught:
        sampler(failing(density, times), MORE, n_samples=5)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert times < 1000 or caught.value.result.draws.shape == (10, 0, 3)


@quiet
def test_what_all_points_raise_is_told_where_one_is_taken():
    def one_of_three(x):
        if x.ndim > 1:
            raise LookupError("rows\nand columns " + 300 * "x")
        return -0.5 * (x**2).sum(), -x

    for sampler in (sampling.sample, sampling.mala, sampling.slice_sample):
        with pytest.warns(
            PerformanceWarning, match=r"one point at a time \(of all at once it raised LookupError: rows"
        ):
            sampler(one_of_three, MORE, n_samples=5)


@quiet
def test_densities_for_one_number_of_points_have_no_gradient_either():
    def fixed(x):  # as many chains as coordinates
        if x.shape != (4, 4):
            raise ValueError("made for four")
        return -0.5 * (x**2).sum(axis=1)

    with pytest.raises(DensityError, match="made for four"):  # slices ask about fewer
        sampling.sample(fixed, SQUARE, n_samples=5)
