"""Log-densities whose gradients JAX or torch derive."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import InputError

__all__ = ["JaxDensity", "TorchDensity", "from_jax", "from_torch"]

F64 = NDArray[np.float64]
Function = Callable[[Any], Any]


def _check(function: Function, batched: object) -> None:
    if not callable(function):
        raise InputError(f"logp must be callable, got {function!r}")
    if not isinstance(batched, bool):
        raise InputError(f"batched must be True or False, got {batched!r}")


def _double(jax: Any) -> AbstractContextManager[Any]:  # noqa: ANN401
    """Return the context in which JAX computes in float64; it was experimental once."""
    context = getattr(jax, "enable_x64", None)
    if context is None:
        context = import_module("jax.experimental").enable_x64
    double: AbstractContextManager[Any] = context(True)
    return double


@dataclass(frozen=True, eq=False)
class JaxDensity:
    """
    A batched callable ``X -> (logp, grad)`` made by :func:`from_jax`.

    Attributes
    ----------
    logp : callable
        The log-density in JAX.
    batched : bool
        Whether it takes all points at once.
    """

    logp: Function
    batched: bool
    _compiled: Function = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the transformed function; it is compiled when it is first called."""
        _check(self.logp, self.batched)
        jax = import_module("jax")
        if self.batched:

            def together(points: Any) -> Any:  # noqa: ANN401
                logp, back = jax.vjp(self.logp, points)
                return logp, back(jax.numpy.ones_like(logp))[0]

            compiled = jax.jit(together)
        else:
            compiled = jax.jit(jax.vmap(jax.value_and_grad(self.logp)))
        object.__setattr__(self, "_compiled", compiled)

    def __call__(self, points: F64) -> tuple[F64, F64]:
        """Return log-densities (n,) and gradients (n, d) of points (n, d)."""
        with _double(import_module("jax")):
            logp, grad = self._compiled(points)
            return np.asarray(logp), np.asarray(grad)


def from_jax(logp: Function, *, batched: bool = False) -> JaxDensity:
    """
    Use a log-density written in JAX; its gradient is derived.

    Parameters
    ----------
    logp : callable
        Takes a point (d,) and returns a number; with `batched`, points (n, d) and numbers (n,), each of its own point.
    batched : bool, default False
        Whether `logp` takes all points at once.

    Returns
    -------
    JaxDensity
        A batched callable, to be given to a sampler as its target.

    Raises
    ------
    InputError
        `logp` is not callable.
    ImportError
        JAX is not installed.

    Notes
    -----
    Evaluated in float64, whatever the configuration of JAX, compiled when first called and again for each other number
    of chains. One entry into Python a gradient for all chains, which move in step.

    Examples
    --------
    With JAX installed::

        import jax.numpy as jnp
        from wassail import sampling

        target = sampling.from_jax(lambda x: -0.25 * jnp.sum(x**4))
        result = sampling.mala(target, x0, n_samples=1000)
    """
    return JaxDensity(logp, batched)


@dataclass(frozen=True, eq=False)
class TorchDensity:
    """
    A batched callable ``X -> (logp, grad)`` made by :func:`from_torch`.

    Attributes
    ----------
    logp : callable
        The log-density in torch.
    batched : bool
        Whether it takes all points at once.
    device : str, optional
        Where it is evaluated.
    """

    logp: Function
    batched: bool
    device: str | None

    def __post_init__(self) -> None:
        """Check that torch is there."""
        _check(self.logp, self.batched)
        import_module("torch")

    def __call__(self, points: F64) -> tuple[F64, F64]:
        """Return log-densities (n,) and gradients (n, d) of points (n, d)."""
        torch = import_module("torch")
        x = torch.tensor(points, dtype=torch.float64, device=self.device, requires_grad=True)
        with torch.enable_grad():
            logp = self.logp(x) if self.batched else torch.func.vmap(self.logp)(x)
            (grad,) = torch.autograd.grad(logp.sum(), x)
        return logp.detach().cpu().numpy(), grad.cpu().numpy()


def from_torch(logp: Function, *, batched: bool = False, device: str | None = None) -> TorchDensity:
    """
    Use a log-density written in torch; its gradient is derived.

    Parameters
    ----------
    logp : callable
        Takes a point, a tensor (d,), and returns a number; with `batched`, points (n, d) and numbers (n,), each of its
        own point.
    batched : bool, default False
        Whether `logp` takes all points at once; a function of one point is vectorized by ``torch.func.vmap``.
    device : str, optional
        Where to evaluate, for instance "cuda"; draws stay on the host.

    Returns
    -------
    TorchDensity
        A batched callable, to be given to a sampler as its target.

    Raises
    ------
    InputError
        `logp` is not callable.
    ImportError
        torch is not installed.

    Notes
    -----
    Points are float64 tensors: parameters that `logp` refers to should be too. One entry into Python a gradient for all
    chains, which move in step.

    Examples
    --------
    With torch installed::

        from wassail import sampling

        target = sampling.from_torch(lambda x: -0.25 * (x**4).sum())
        result = sampling.mala(target, x0, n_samples=1000)
    """
    return TorchDensity(logp, batched, device)
