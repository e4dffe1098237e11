"""Targets made of callables that give values only: they have the draws of those that give gradients too."""

import pickle

import numpy as np
import pytest

from wassail import sampling
from wassail.exceptions import InputError, PerformanceWarning
from wassail.sampling import targets

# Short runs, on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")

D = 3
X0 = np.random.default_rng(0).normal(size=(8, D))
PRIOR = targets.Gaussian(np.zeros(D), np.array([1.0, 4.0, 0.25]))
WALLS = np.array([-np.inf, -2.0, -1.5]), np.array([1.0, np.inf, 2.5])
FACTOR = np.array([[2.0, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, -0.25, 3.0]])


def values(x):
    return -0.25 * (x**4).sum(axis=1)


def both(x):
    return values(x), -(x**3)


def inside(part):
    """Targets of the same density, made of this part."""
    return {
        "Transformed": targets.Transformed(part, *WALLS),
        "Truncated": targets.Truncated(part, *WALLS),
        "Affine": targets.Affine(part, np.ones(D), FACTOR),
        "diagonal": targets.Affine(part, np.ones(D), np.full(D, 0.5)),
        "Sum": targets.Sum([PRIOR, part]),
        "nested": targets.Transformed(targets.Sum([targets.Affine(part, np.zeros(D), np.ones(D)), PRIOR]), *WALLS),
    }


KINDS = list(inside(values))
every = pytest.mark.parametrize("kind", KINDS)


def start(target):
    """Return points where it is positive."""
    return np.clip(X0, -1.4, 0.9) if isinstance(target, targets.Truncated) else X0


@every
@pytest.mark.parametrize("sampler", [sampling.slice_sample, sampling.stretch_move])
def test_values_make_the_draws_that_pairs_make(kind, sampler):
    alone, expected = inside(values)[kind], inside(both)[kind]
    options = {"n_samples": 50, "n_warmup": 30, "rng": 1}
    found, wanted = (sampler(target, start(target), **options) for target in (alone, expected))
    np.testing.assert_array_equal(found.draws, wanted.draws)
    np.testing.assert_allclose(found.log_density, expected(found.draws.reshape(-1, D))[0].reshape(8, 50), rtol=1e-12)
    again = sampler(pickle.loads(pickle.dumps(alone)), start(alone), **options)
    np.testing.assert_array_equal(again.draws, wanted.draws)


@every
def test_slices_are_chosen(kind):
    target = inside(values)[kind]
    result = sampling.sample(target, start(target), n_samples=20, n_warmup=20, rng=0)
    assert (result.algorithm, "no gradient" in result.reason) == ("slice", True)
    assert sampling.sample(inside(both)[kind], start(target), n_samples=20, n_warmup=20, rng=0).algorithm == "HMC"
    with pytest.raises(InputError, match="store_gradients: target gives no gradient"):
        sampling.sample(target, start(target), n_samples=20, store_gradients=True)


@every
def test_they_cannot_be_called(kind):
    """A call returns the gradient too."""
    with pytest.raises(InputError, match="slice_sample or stretch_move"):
        inside(values)[kind](np.zeros((2, D)))
    assert inside(both)[kind](np.zeros((2, D)))[1].shape == (2, D)


@every
def test_the_first_look_is_where_they_are_evaluated(kind):
    seen = []

    def looked_at(x):
        seen.append(x.copy())
        return values(x)

    target = inside(looked_at)[kind]
    sampling.sample(target, start(target), n_samples=0, n_warmup=1, rng=0)
    first = seen[0]
    seen.clear()
    sampling.slice_sample(target, start(target), n_samples=0, n_warmup=0, step_size=1.0, rng=0)
    np.testing.assert_allclose(first, seen[0], rtol=1e-12, atol=1e-14)


def test_they_are_asked_where_there_are_values():
    seen = []

    def log_gamma(x):
        seen.append(x.min())
        return 2.0 * np.log(x[:, 0]) - x[:, 0]

    half = targets.Transformed(log_gamma, [0.0], np.inf)
    result = sampling.sample(half, np.random.default_rng(0).normal(size=(8, 1)), n_samples=2000, rng=0)
    assert min(seen) > 0.0
    assert result.algorithm == "slice"
    x = half.constrain(result.draws)
    assert abs(x.mean() - 3.0) < 4.5 * x.std() / np.sqrt(result.ess()[0].min())
    with pytest.raises(InputError, match="x0 has 2 coordinates, the target has 1"):
        sampling.sample(half, np.zeros((4, 2)), n_samples=5)


def test_outside_of_walls_they_are_not_called():
    def inner(x):
        assert (np.abs(x) <= 1.0).all()
        return values(x)

    box = targets.Truncated(inner, -np.ones(D), np.ones(D))
    for sampler in (sampling.slice_sample, sampling.sample):
        result = sampler(box, np.clip(X0, -0.9, 0.9), n_samples=200, rng=0)
        assert np.abs(result.draws).max() <= 1.0
        with pytest.raises(InputError, match=r"not finite at x0\[0\]"):
            sampler(box, X0 + 3.0, n_samples=5)


@pytest.mark.parametrize("sampler", [sampling.slice_sample, sampling.stretch_move])
@pytest.mark.parametrize("gives", ["value", "pair"])
def test_functions_of_one_point(sampler, gives):
    def one(x):
        if x.ndim > 1:
            raise TypeError("one at a time")
        return -0.25 * (x**4).sum() if gives == "value" else (-0.25 * (x**4).sum(), -(x**3))

    options = {"n_samples": 30, "n_warmup": 10, "rng": 3}
    for wrapped in (lambda part: part, lambda part: inside(part)["Transformed"]):
        with pytest.warns(PerformanceWarning, match="one point at a time"):
            found = sampler(wrapped(one), X0, **options)
        np.testing.assert_allclose(found.draws, sampler(wrapped(values), X0, **options).draws, rtol=1e-9, atol=1e-12)


def test_states_go_on(tmp_path):
    target = inside(values)["nested"]
    options = {"n_warmup": 30, "rng": 4}
    whole = sampling.slice_sample(target, X0, n_samples=50, **options)
    first = sampling.slice_sample(target, X0, n_samples=20, **options)
    first.save_state(tmp_path / "state.npz")
    np.testing.assert_array_equal(first.resume(30).draws, whole.draws)
    more = sampling.resume(tmp_path / "state.npz", inside(values)["nested"], 30)
    np.testing.assert_array_equal(more.draws, whole.draws[:, 20:])
