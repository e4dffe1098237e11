"""Stan models by the C interface of BridgeStan: a stub that exports its symbols, and a real model."""

import gc

import numpy as np
import pytest

from tests.sampling import stubs
from wassail import sampling
from wassail.exceptions import InputError

OPTIONS = {"n_samples": 100, "step_size": 0.05, "rng": 3}
PRECISION = np.array([1.0, 4.0, 0.25])
X0 = np.random.default_rng(0).uniform(-1, 1, size=(6, 3))

pytestmark = pytest.mark.filterwarnings("ignore::wassail.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module", params=["true", "false"])
def library(request, tmp_path_factory):
    flag = f'-DTHREADS="{request.param}"'
    return stubs.compiled(stubs.STAN, tmp_path_factory.mktemp("stan"), f"model_{request.param}", flag)


def counters(path):
    import ctypes

    opened = ctypes.CDLL(str(path))
    return [ctypes.c_int.in_dll(opened, name).value for name in ("stub_alive", "stub_messages")]


def test_a_model_is_a_target(library):
    model = sampling.from_stan(library, {"N": 3, "y": np.ones(3)})
    assert model.dim == 3
    assert model.names == ("a", "b", "c")
    assert model.threaded == ("true" in library.name)
    inside = sampling.targets.Truncated(sampling.targets.Gaussian(np.zeros(3), PRECISION), [-1.5, -9, -9], [1.5, 9, 9])
    for sampler in (sampling.mala, sampling.underdamped):
        expected = sampler(inside, X0, **OPTIONS)
        for threads in (1, 2, 5):
            found = sampler(model, X0, n_threads=threads, **OPTIONS)
            np.testing.assert_allclose(found.draws, expected.draws, rtol=1e-8, atol=1e-8)
    draws = model.constrain(found.draws)
    np.testing.assert_allclose(draws[..., 0], np.exp(found.draws[..., 0]))
    np.testing.assert_array_equal(draws[..., 1:], found.draws[..., 1:])
    without = sampling.from_stan(str(library), jacobian=False)
    assert without(X0)[0] == pytest.approx(model(X0)[0] + 10.0)


def test_errors_are_rejections_and_their_messages_are_freed(library):
    model = sampling.from_stan(library)
    result = sampling.mala(model, np.full((4, 3), 1.4), n_samples=500, step_size=0.3, rng=1)
    assert result.divergences.sum() > 0
    assert np.abs(result.draws[..., 0]).max() <= 1.5
    assert np.isnan(model([[2.0, 0.0, 0.0]])[0][0])
    with pytest.raises(InputError, match="too large"):
        model.constrain([[101.0, 0.0, 0.0]])
    with pytest.raises(InputError, match="the data are bad"):
        sampling.from_stan(library, "bad")
    start = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    wide = sampling.targets.Gaussian(np.zeros(3), np.ones(3))
    for target in (
        model,
        sampling.targets.Sum([wide, model]),
        sampling.targets.Affine(model, np.zeros(3), np.ones(3)),
        sampling.targets.Truncated(model, np.full(3, -9.0), np.full(3, 9.0)),
        sampling.targets.Transformed(model, np.full(3, -np.inf), np.full(3, np.inf)),
    ):
        with pytest.raises(InputError, match=r"x0\[1\], which says 'outside of the domain'"):
            sampling.mala(target, start, **OPTIONS)
    with pytest.raises(InputError, match=r"x0\[1\], which says 'outside of the domain'"):
        sampling.temper(model, wide, start, n_samples=5)
    assert counters(library)[1] == 0


def test_models_are_destructed(library):
    gc.collect()
    before = counters(library)[0]
    model = sampling.from_stan(library)
    density = model._core_target()
    assert counters(library)[0] == before + 1
    del model
    gc.collect()
    assert density.evaluate(X0, 1)[0].shape == (6,)  # what the core holds keeps the model
    del density
    gc.collect()
    assert counters(library)[0] == before


def test_data_come_in_any_form(library, tmp_path):
    path = tmp_path / "data.json"
    path.write_text('{"N": 1}', encoding="utf-8")
    for data in ({"N": np.int64(1)}, '{"N": 1}', path, str(path), None):
        assert sampling.from_stan(library, data).dim == 3


def test_bad_input_is_named(library, tmp_path):
    with pytest.raises(InputError, match="cannot be loaded"):
        sampling.from_stan(tmp_path / "missing.so")
    other = stubs.compiled(stubs.DENSITY, tmp_path, "density")
    with pytest.raises(InputError, match="bs_model_construct"):
        sampling.from_stan(other)
    with pytest.raises(InputError, match="seed"):
        sampling.from_stan(library, seed=2**32)
    with pytest.raises(InputError, match="data"):
        sampling.from_stan(library, 3.0)
    with pytest.raises(InputError, match="jacobian"):
        sampling.from_stan(library, jacobian=1)
    with pytest.raises(InputError, match="model"):
        sampling.from_stan(3.0)
    with pytest.raises(InputError, match="4 coordinates"):
        sampling.mala(sampling.from_stan(library), np.zeros((1, 4)), **OPTIONS)


@pytest.mark.peers
@pytest.mark.study  # compiles a model with the C++ compiler: minutes
def test_a_real_model(tmp_path):
    bridgestan = pytest.importorskip("bridgestan", reason="BridgeStan is not installed")
    code = tmp_path / "normal.stan"
    code.write_text(
        "data { int N; vector[N] s; } parameters { vector[N] x; real<lower=0> t; }"
        " model { x ~ normal(0, s); t ~ exponential(1); }",
        encoding="utf-8",
    )
    try:
        path = bridgestan.compile_model(code, make_args=["STAN_THREADS=True"])
    except Exception as error:  # noqa: BLE001  (no compiler, no download)
        pytest.skip(f"BridgeStan cannot compile here: {error}")
    data = {"N": 3, "s": [1.0, 0.5, 2.0]}
    model = sampling.from_stan(path, data)
    assert model.threaded

    def same(x):
        logp = -0.5 * (x[:, :3] ** 2 * [1.0, 4.0, 0.25]).sum(axis=1) - np.exp(x[:, 3]) + x[:, 3]
        return logp, np.column_stack([-x[:, :3] * [1.0, 4.0, 0.25], 1.0 - np.exp(x[:, 3])])

    x0 = np.zeros((4, 4))
    expected = sampling.mala(same, x0, **OPTIONS).draws
    loaded = sampling.from_stan(bridgestan.StanModel(str(path), data=data, warn=False))
    for target in (model, loaded):
        np.testing.assert_allclose(sampling.mala(target, x0, **OPTIONS).draws, expected, rtol=1e-8, atol=1e-8)
    assert sampling.check_gradient(model, x0 + 0.3).passed
