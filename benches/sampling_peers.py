"""NUTS and MALA of blackjax, numpyro and nutpie: draws, gradients of each draw, and seconds beside compilation."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sampling_problems import Problem


@dataclass
class Outcome:
    """Draws (chains, n, d), gradients of each and of a chain's warm-up; seconds of both, and of compilation."""

    draws: np.ndarray
    gradients: np.ndarray
    warmup_gradients: float
    seconds: float
    warmup_seconds: float
    compile_seconds: float


def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def _timed(call: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    out = call()
    return out, time.perf_counter() - begun


def _compiled(jax: Any, function: Any, *arguments: Any) -> tuple[Any, float]:
    """Compile ahead, so that no run is spent on it."""
    return _timed(lambda: jax.jit(function).lower(*arguments).compile())


def nutpie(problem: Problem, x0: np.ndarray, draws: int, warmup: int, seed: int) -> Outcome:
    """NUTS over the same C pointer as ours; the classes are those that nutpie makes of a PyMC model."""
    import nutpie as library
    from numba import cfunc, types
    from nutpie.compile_pymc import CompiledPyMCModel
    from sampling_native import pointer

    d, numbers = problem.dim, types.CPointer(types.double)

    @cfunc(types.int32(types.size_t, types.size_t, numbers, numbers, types.voidptr))
    def expand(dim, _size, x, out, _user):
        for i in range(dim):
            out[i] = x[i]
        return 0

    function, compiling = _timed(lambda: pointer(problem))
    model = CompiledPyMCModel(
        dims={},
        compiled_logp_func=function,
        compiled_expand_func=expand,
        initial_point_func=lambda seed: np.random.default_rng(seed).normal(size=d),
        shared_data={},
        user_data=np.zeros(1),
        n_expanded=d,
        shape_info=(["x"], [slice(0, d)], [(d,)]),
        logp_func=None,
        expand_func=None,
        _n_dim=d,
        _shapes={"x": (d,)},
        _coords={},
    )
    options = {"chains": len(x0), "cores": os.cpu_count(), "seed": seed, "progress_bar": False}
    trace, spent = _timed(lambda: library.sample(model, draws=draws, tune=warmup, **options))
    gradients = np.asarray(trace.sample_stats.n_steps, dtype=float)
    before = float(np.asarray(trace.warmup_sample_stats.n_steps, dtype=float).sum(axis=1).mean())
    # One call makes both: its time is divided by gradients.
    share = before / (before + gradients.sum(axis=1).mean())
    kept = np.asarray(trace.posterior.x)
    return Outcome(kept, gradients, before, spent * (1 - share), spent * share, compiling)


def numpyro(problem: Problem, x0: np.ndarray, draws: int, warmup: int, seed: int) -> Outcome:
    """NUTS with its defaults, all chains in one vectorized program."""
    jax = _jax()
    from numpyro.infer import MCMC, NUTS

    start = jax.numpy.asarray(x0 if len(x0) > 1 else x0[0])
    fields = ("num_steps",)

    mcmc = MCMC(
        NUTS(potential_fn=lambda x: -problem.jax(x, jax.numpy)),
        num_warmup=warmup,
        num_samples=draws,
        num_chains=len(x0),
        chain_method="vectorized",
        progress_bar=False,
    )

    def count() -> np.ndarray:
        return np.asarray(mcmc.get_extra_fields(group_by_chain=True)["num_steps"], dtype=float)

    def warm() -> np.ndarray:
        mcmc.warmup(jax.random.key(seed), init_params=start, extra_fields=fields, collect_warmup=True)
        return count()

    def draw() -> np.ndarray:
        mcmc.run(jax.random.key(seed + 1), extra_fields=fields)
        return count()

    before, warm_first = _timed(warm)
    _, first = _timed(draw)
    gradients, spent = _timed(draw)
    # A second warm-up would take as long again: its time is that of its gradients.
    warm_seconds = spent * float(before.sum() / gradients.sum())
    compiling = max(warm_first - warm_seconds, 0.0) + max(first - spent, 0.0)
    kept = np.asarray(mcmc.get_samples(group_by_chain=True))
    return Outcome(kept, gradients, float(before.sum(axis=1).mean()), spent, warm_seconds, compiling)


def blackjax(problem: Problem, x0: np.ndarray, draws: int, warmup: int, seed: int) -> Outcome:
    """NUTS after window adaptation, each chain on its own, all in one vectorized program."""
    jax = _jax()
    import blackjax as library

    def density(x: Any) -> Any:
        return problem.jax(x, jax.numpy)

    def adapt(key: Any, x: Any) -> Any:
        tuner = library.window_adaptation(library.nuts, density)
        (state, parameters), info = tuner.run(key, x, num_steps=warmup)
        return state, parameters, info.info.num_integration_steps

    def chain(key: Any, state: Any, parameters: Any) -> Any:
        kernel = library.nuts(density, **parameters)

        def step(state: Any, key: Any) -> Any:
            state, info = kernel.step(key, state)
            return state, (state.position, info.num_integration_steps)

        return jax.lax.scan(step, state, jax.random.split(key, draws))[1]

    keys = jax.random.split(jax.random.key(seed), (2, len(x0)))
    tune, first = _compiled(jax, jax.vmap(adapt), keys[0], x0)
    (state, parameters, before), warm_seconds = _timed(lambda: jax.block_until_ready(tune(keys[0], x0)))
    run, second = _compiled(jax, jax.vmap(chain), keys[1], state, parameters)
    (kept, counts), spent = _timed(lambda: jax.block_until_ready(run(keys[1], state, parameters)))
    gradients = np.asarray(counts, dtype=float)
    warm = float(np.asarray(before, dtype=float).sum(axis=1).mean())
    return Outcome(np.asarray(kept), gradients, warm, spent, warm_seconds, first + second)


def blackjax_mala(problem: Problem, x0: np.ndarray, draws: int, step_size: float, seed: int) -> Outcome:
    """MALA of a given step size, vectorized over chains; only the last position is kept, so that no memory is timed."""
    jax = _jax()
    import blackjax as library

    kernel = library.mala(lambda x: problem.jax(x, jax.numpy), step_size)

    def chain(key: Any, x: Any) -> Any:
        def step(state: Any, key: Any) -> Any:
            return kernel.step(key, state)[0], None

        return jax.lax.scan(step, kernel.init(x), jax.random.split(key, draws))[0].position

    keys = jax.random.split(jax.random.key(seed), len(x0))
    run, compiling = _compiled(jax, jax.vmap(chain), keys, x0)
    kept, spent = _timed(lambda: jax.block_until_ready(run(keys, x0)))
    return Outcome(np.asarray(kept)[:, None], np.ones((len(x0), draws)), 0.0, spent, 0.0, compiling)


def emcee(problem: Problem, x0: np.ndarray, draws: int, warmup: int, seed: int) -> Outcome:
    """Stretch moves of walkers that are evaluated together; densities are counted, not gradients."""
    import emcee as library

    walkers = max(len(x0), 2 * problem.dim + 2)
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(walkers, problem.dim))
    np.random.seed(seed)  # noqa: NPY002 (that is what it draws from)
    sampler = library.EnsembleSampler(walkers, problem.dim, lambda x: problem.batch(x)[0], vectorize=True)
    state, warm_seconds = _timed(lambda: sampler.run_mcmc(start, warmup, store=False))
    _, spent = _timed(lambda: sampler.run_mcmc(state, draws))
    kept = sampler.get_chain().swapaxes(0, 1)
    return Outcome(kept, np.ones(kept.shape[:2]), warmup, spent, warm_seconds, 0.0)


NUTS = {"nutpie": nutpie, "blackjax": blackjax, "numpyro": numpyro}
