"""Densities that are sums over data, seen through random parts of the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._validate import check_integer
from wassail.exceptions import InputError
from wassail.sampling._prepared import Prepared

F64: TypeAlias = NDArray[np.float64]
I64: TypeAlias = NDArray[np.int64]

_CHUNK = 2**16  # data whose gradient at the center is summed at once


@dataclass(frozen=True, eq=False)
class MinibatchSum:
    r"""
    Log-density :math:`\log p(x) + \sum_{i=1}^N \log p(y_i | x)`, whose gradient is estimated from some of the data.

    With a fresh subset B of m data, all subsets equally likely, every chain and step its own,

    .. math::

        \hat g(x) = \nabla \log p(x) + \frac Nm \sum_{i \in B} g_i(x), \qquad g_i(x) = \nabla \log p(y_i | x),

    or with control variates at a center c

    .. math::

        \hat g(x) = \nabla \log p(x) + \sum_{i=1}^N g_i(c) + \frac Nm \sum_{i \in B} \bigl(g_i(x) - g_i(c)\bigr).

    Parameters
    ----------
    gradient : callable
        ``gradient(X, indices) -> (n, d)``: for each row of X, of shape (n, d), the sum of :math:`g_i` over the data i
        in its row of `indices`, of shape (n, m).
    n_data : int
        N.
    batch_size : int
        m ≤ N.
    prior_gradient : callable, optional
        ``prior_gradient(X) -> (n, d)``: gradients of log p(x); by default 0.
    center : array_like of shape (d,), optional
        c, best near the mode. The whole gradient is taken there once, and each step evaluates its data at c as well.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    Subsets have no repetitions within, and do not depend on each other: their errors have covariance
    :math:`N^2 (1 - m/N) S / m`, S that of the :math:`g_i(x)` (divisor N − 1), and m = N is the exact gradient. With
    control variates they vanish at c, and on quadratic densities of equal curvatures everywhere.

    References
    ----------
    Baker, Fearnhead, Fox, Nemeth, "Control variates for stochastic gradient MCMC", Stat. Comput. 29 (2019),
    arXiv:1706.05439.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> y = np.random.default_rng(0).normal(size=(1000, 2))
    >>> data = sampling.MinibatchSum(lambda x, i: (y[i] - x[:, None]).sum(axis=1), n_data=1000, batch_size=50)
    >>> sampling.sgld(data, np.zeros((4, 2)), n_samples=5, step_size=1e-4, rng=0).draws.shape
    (4, 5, 2)
    """

    gradient: Callable[[F64, I64], Any]
    n_data: int
    batch_size: int
    prior_gradient: Callable[[F64], Any] | None = None
    center: ArrayLike | None = None

    def __post_init__(self) -> None:
        """Check what can be without calling anything."""
        for name in ("gradient", "prior_gradient"):
            value = getattr(self, name)
            if not callable(value) and not (value is None and name == "prior_gradient"):
                raise InputError(f"{name} must be callable, got {value!r}")
        n_data = check_integer(self.n_data, "n_data", minimum=1)
        if check_integer(self.batch_size, "batch_size", minimum=1) > n_data:
            raise InputError(f"batch_size is {self.batch_size}, more than the {n_data} data")

    def _prepare(self, dim: int) -> Prepared:
        """Return the density of the core; with a center, the whole gradient is taken there."""
        scale = self.n_data / self.batch_size
        center = self._center(dim)
        constant = np.zeros(dim) if center is None else self._whole(center)

        def estimate(points: F64, indices: I64) -> F64:
            n = points.shape[0]
            if center is None:
                total = scale * self._sum(points, indices)
            else:
                both = np.concatenate([points, np.broadcast_to(center, points.shape)])
                sums = self._sum(both, np.concatenate([indices, indices]))
                total = constant + scale * (sums[:n] - sums[n:])
            return (
                total
                if self.prior_gradient is None
                else total + _checked(self.prior_gradient(points), points.shape, "prior_gradient(X)")
            )

        return Prepared(_core.Target.from_minibatches(estimate, dim, self.n_data, self.batch_size))

    def _sum(self, points: F64, indices: I64) -> F64:
        return _checked(self.gradient(points, indices), points.shape, "gradient(X, indices)")

    def _center(self, dim: int) -> F64 | None:
        if self.center is None:
            return None
        center = real_array(self.center, "center", ndim=(1,)).astype(np.float64)
        check_finite(center, "center")
        if center.shape != (dim,):
            raise InputError(f"center must have shape ({dim},), got {center.shape}")
        return center

    def _whole(self, center: F64) -> F64:
        """Return the sum of all gradients at the center."""
        total = np.zeros(center.size)
        for start in range(0, self.n_data, _CHUNK):
            some = np.arange(start, min(start + _CHUNK, self.n_data))[None, :]
            total += self._sum(center[None, :], some)[0]
        return total


def _checked(answer: Any, shape: tuple[int, ...], what: str) -> F64:  # noqa: ANN401
    """Return what a callable gave as a contiguous float64 array, or say what it should give."""
    if np.iscomplexobj(answer):
        raise InputError(f"{what} returned complex numbers")
    try:
        grad = np.ascontiguousarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must return a real array of shape {shape}: {error}") from error
    if grad.shape != shape:
        raise InputError(f"{what} must return an array of shape {shape}, got {grad.shape}")
    return grad
