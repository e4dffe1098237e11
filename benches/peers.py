"""The solvers compared: each adapter turns one problem into a ``solve(setting)`` that is timed.

``setting`` is the solver's own stopping threshold (``tuning = "threshold"``), or a number of iterations for
solvers that have no tolerance (``"count"``). Packages are imported where they are used, so that an absent one
is a word in the table.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from measure import Solution, clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from instances import CloudProblem, Problem

MANY = 10_000_000  # iterations; the time limit ends a run first
PROBE = 20  # iterations run once to learn what one costs


@dataclass(frozen=True)
class Method:
    """One solver: its package, how it is tuned, and a factory ``prepare(problem, limit) -> solve``."""

    package: str
    tuning: Literal["threshold", "count", "once"]
    prepare: Callable[[Any, float], Callable[[float], Solution]]
    plain: bool = False  # the iterates are those of plain Sinkhorn, so the count is known beforehand


def pot_module() -> Any:
    """POT without its other backends."""
    for backend in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):
        os.environ[f"POT_BACKEND_DISABLE_{backend}"] = "1"
    warnings.simplefilter("ignore")
    import ot

    return ot


def _pot_stored(problem: Problem, _limit: float, *, method: str, **options: Any) -> Callable[[float], Solution]:
    ot = pot_module()

    def solve(threshold: float) -> Solution:
        plan, log = ot.sinkhorn(
            problem.a,
            problem.b,
            problem.cost,
            problem.epsilon,
            method=method,
            numItermax=MANY,
            stopThr=threshold,
            log=True,
            warn=False,
            **options,
        )
        iterations = int(log.get("niter", log.get("n_iter", -1))) + 1
        converged = bool(log["err"]) and bool(log["err"][-1] <= threshold)
        return Solution(iterations, converged, plan=plan)

    return solve


def _pot_cloud(problem: CloudProblem, limit: float) -> Callable[[float], Solution]:
    ot = pot_module()

    def run(threshold: float, most: int) -> Solution:
        f, g, log = ot.bregman.empirical_sinkhorn(
            problem.x,
            problem.y,
            problem.epsilon,
            isLazy=True,
            batchSize=1000,
            numIterMax=most,
            stopThr=threshold,
            log=True,
            warn=False,
        )
        errors = log["err"]
        # Its plan is exp(f + g - C / epsilon), without weights.
        f, g = (problem.epsilon * (v + np.log(len(v))) for v in (f, g))
        return Solution(int(log["niter"]) + 1, bool(errors) and errors[-1] <= threshold, f=f, g=g)

    _, seconds = clock(lambda: run(0.0, 2))
    most = max(1, int(limit / (seconds / 2)))
    return lambda threshold: run(threshold, most)


def jax_module() -> Any:
    """JAX in float64."""
    import jax
    from jax.interpreters import batching

    jax.config.update("jax_enable_x64", True)
    # ott-jax 0.6 asks for a helper that newer JAX took away; its lazy point clouds stop without it.
    batching.is_vmappable = lambda _leaf: False
    return jax


def _ott(problem: Any, make_geometry: Callable[[], Any], limit: float, **options: Any) -> Callable[[float], Solution]:
    """Compile outside the timed part; the threshold is traced, so that one program serves all settings."""
    jax = jax_module()
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    geometry = make_geometry()
    a, b = _weights(problem)

    def program(most: int) -> Callable[[float], Any]:
        def call(geom: Any, threshold: float) -> Any:
            solver = sinkhorn.Sinkhorn(threshold=threshold, max_iterations=most, implicit_diff=None, **options)
            out = solver(linear_problem.LinearProblem(geom, a, b))
            return out.f, out.g, out.errors, out.converged

        compiled = jax.jit(call).lower(geometry, 0.0).compile()
        return lambda threshold: jax.block_until_ready(compiled(geometry, threshold))

    probe = program(PROBE)
    probe(0.0)
    _, seconds = clock(lambda: probe(0.0))
    most = max(PROBE, 10 * int(limit / (seconds / PROBE) / 10))
    run = program(min(most, 1_000_000))

    def solve(threshold: float) -> Solution:
        f, g, errors, converged = run(threshold)
        used = int((np.asarray(errors) != -1).sum()) * 10
        # OTT's plan is exp((f + g - C) / epsilon) without the weights.
        f, g = (np.asarray(v) - problem.epsilon * np.log(w) for v, w in ((f, a), (g, b)))
        return Solution(used, bool(converged), f=f, g=g)

    return solve


def _weights(problem: Any) -> tuple[Any, Any]:
    if hasattr(problem, "a"):
        return problem.a, problem.b
    return np.full(len(problem.x), 1 / len(problem.x)), np.full(len(problem.y), 1 / len(problem.y))


def _ott_stored(problem: Problem, limit: float, *, momentum: float | None, lse: bool) -> Callable[[float], Solution]:
    def make() -> Any:
        import jax.numpy as jnp
        from ott.geometry import geometry

        return geometry.Geometry(cost_matrix=jnp.asarray(problem.cost), epsilon=problem.epsilon)

    return _ott(problem, make, limit, lse_mode=lse, momentum=_momentum(momentum))


def _ott_cloud(problem: CloudProblem, limit: float, *, momentum: float | None) -> Callable[[float], Solution]:
    def make() -> Any:
        import jax.numpy as jnp
        from ott.geometry import pointcloud

        x, y = jnp.asarray(problem.x), jnp.asarray(problem.y)
        return pointcloud.PointCloud(x, y, epsilon=problem.epsilon, batch_size=500)

    return _ott(problem, make, limit, momentum=_momentum(momentum))


def _momentum(value: float | None) -> Any:
    jax_module()
    from ott.solvers.linear import acceleration

    return None if value is None else acceleration.Momentum(value=value)


def _geomloss_stored(problem: Problem, _limit: float) -> Callable[[float], Solution]:
    import torch
    from geomloss import ot

    cost, a, b = (torch.as_tensor(v) for v in (problem.cost, problem.a, problem.b))

    def solve(count: float) -> Solution:
        result = ot.solve(cost, a=a, b=b, reg=problem.epsilon, max_iter=int(count))
        return Solution(int(count), converged=True, f=result.potential_a.numpy(), g=result.potential_b.numpy())

    return solve


def _geomloss_cloud(problem: CloudProblem, _limit: float) -> Callable[[float], Solution]:
    import torch
    from geomloss import ot

    x, y = torch.as_tensor(problem.x), torch.as_tensor(problem.y)

    def solve(count: float) -> Solution:
        result = ot.solve_sample(x, y, reg=problem.epsilon, max_iter=int(count))
        return Solution(int(count), converged=True, f=result.potential_a.numpy(), g=result.potential_b.numpy())

    solve(1)  # KeOps compiles its formulas at the first call
    return solve


STORED: dict[str, Method] = {
    "POT sinkhorn": Method("pot", "threshold", partial(_pot_stored, method="sinkhorn")),
    "POT log": Method("pot", "threshold", partial(_pot_stored, method="sinkhorn_log"), plain=True),
    # With POT's own tau = 1e3 the plan is wrong above n = 1000; a large tau is the kindest setting.
    "POT stabilized": Method("pot", "threshold", partial(_pot_stored, method="sinkhorn_stabilized", tau=1e9)),
    "OTT": Method("ott-jax", "threshold", partial(_ott_stored, momentum=None, lse=True)),
    "OTT momentum": Method("ott-jax", "threshold", partial(_ott_stored, momentum=1.5, lse=True)),
    "OTT kernel": Method("ott-jax", "threshold", partial(_ott_stored, momentum=1.5, lse=False)),
    "GeomLoss": Method("geomloss", "count", _geomloss_stored),
}
CLOUDS: dict[str, Method] = {
    "OTT batches": Method("ott-jax", "threshold", partial(_ott_cloud, momentum=1.5)),
    "GeomLoss KeOps": Method("geomloss", "count", _geomloss_cloud),
    "POT lazy": Method("pot", "threshold", _pot_cloud),
}
