"""Posteriors of generalized linear models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._arrays import check_finite, first_index, real_array, show_index
from wassail._memory import require_memory
from wassail._validate import check_positive
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, sized, vector
from wassail.sampling.targets.priors import Prior

__all__ = ["LinearRegression", "LogisticRegression", "PoissonRegression"]

Matrix: TypeAlias = Any  # an array, or a sparse matrix of SciPy

_FLOAT64 = 8
_LOGISTIC, _POISSON, _LINEAR = range(3)


def _design(value: Matrix) -> Matrix:
    """Return an array, or a sparse matrix in rows, of finite float64."""
    if hasattr(value, "tocsr"):
        from scipy.sparse import csr_array

        if value.dtype.kind not in "fiub":
            raise InputError(f"design has dtype {value.dtype}: pass real numbers")
        matrix = csr_array(value, dtype=np.float64)
        if 0 in matrix.shape:
            raise InputError(f"design is empty: shape {matrix.shape}")
        if not np.isfinite(matrix.data).all():
            raise InputError("design has entries that are not finite")
        return matrix
    design = real_array(value, "design", ndim=(2,))
    check_finite(design, "design")
    copies = 1 + (design.dtype != np.float64 or not design.flags.c_contiguous)
    size = copies * _FLOAT64 * design.size
    require_memory(size, f"a copy of the design, {design.shape}", "pass it as a sparse matrix, or fewer rows")
    return np.ascontiguousarray(design, dtype=np.float64)


def _checked(
    model: _Regression, restrict: Callable[[F64], np.ndarray[Any, np.dtype[np.bool_]]], wanted: str
) -> dict[str, object]:
    design = _design(model.design)
    n, p = design.shape
    observed = vector(model.observed, "observed")
    if observed.size != n:
        raise InputError(f"observed has {observed.size} entries, the design has {n} rows")
    bad = ~restrict(observed)
    if bad.any():
        index = first_index(bad)
        raise InputError(f"observed{show_index(index)} is {observed[index]}: it must be {wanted}")
    if model.prior is not None:
        if not callable(getattr(model.prior, "weights", None)):
            raise InputError(f"prior must be NormalPrior, LaplacePrior, ElasticNetPrior or None, got {model.prior!r}")
        model.prior.weights(p)
    offset = None if model.offset is None else sized(model.offset, "offset", n)
    return {"design": design, "observed": observed, "offset": offset}


@dataclass(frozen=True, eq=False)
class _Regression(BuiltIn):
    """Fields of all models."""

    design: Matrix
    observed: ArrayLike
    prior: Prior | None = None
    offset: ArrayLike | None = None

    def _core_model(self, family: tuple[int, float]) -> _core.Target:
        n, p = self.design.shape
        design = self.design
        if not isinstance(design, np.ndarray):
            design = (design.indptr.astype(np.int64), design.indices.astype(np.int64), design.data)
        offset = np.zeros(n) if self.offset is None else np.asarray(self.offset)
        prior = (np.zeros(p), np.zeros(p)) if self.prior is None else self.prior.weights(p)
        return _core.Target.regression(design, family, np.asarray(self.observed), offset, prior)


@dataclass(frozen=True, eq=False)
class LogisticRegression(_Regression):
    r"""
    Posterior of logistic regression, :math:`\sum_i \bigl[y_i \eta_i - \log(1 + e^{\eta_i})\bigr] + \log p(\theta)`.

    Parameters
    ----------
    design : array_like or sparse matrix of SciPy, of shape (n, p)
        X; :math:`\eta = o + X\theta`. A column of ones is an intercept.
    observed : array_like of shape (n,)
        y: 0 or 1, or shares in between.
    prior : NormalPrior, LaplacePrior or ElasticNetPrior, optional
        log p(θ). Without one the prior is flat, and where a plane separates the classes the posterior is none.
    offset : array_like of shape (n,), optional
        o, zeros by default.

    Raises
    ------
    InputError
        Shapes do not fit, or an entry is unusable.
    MemoryLimitError
        The copy of the design would not fit.

    Notes
    -----
    A gradient reads the design once, O(n p), or O(entries) of a sparse one. The design is copied in the order that
    registers want (a later change of the array changes nothing); designs beyond 10^5 entries are shared among threads.
    :math:`\log(1 + e^\eta)` is exact for any η. Constants of the prior are left out.

    Examples
    --------
    >>> from wassail import sampling
    >>> X, y = [[1.0, 0.5], [1.0, -2.0], [1.0, 1.5]], [1.0, 0.0, 1.0]
    >>> target = sampling.targets.LogisticRegression(X, y, prior=sampling.targets.NormalPrior(2.0))
    >>> logp, grad = target([[0.0, 0.0]])
    >>> round(float(logp[0]), 6), grad.tolist()
    (-2.079442, [[0.5, 2.0]])
    """

    def __post_init__(self) -> None:
        """Check and copy what is given."""
        self._keep(**_checked(self, lambda y: (y >= 0.0) & (y <= 1.0), "in [0, 1]"))

    def _build(self) -> _core.Target:
        return self._core_model((_LOGISTIC, 0.0))


@dataclass(frozen=True, eq=False)
class PoissonRegression(_Regression):
    r"""
    Posterior of Poisson regression, :math:`\sum_i \bigl[y_i \eta_i - e^{\eta_i}\bigr] + \log p(\theta)`.

    Parameters
    ----------
    design : array_like or sparse matrix of SciPy, of shape (n, p)
        X; :math:`\eta = o + X\theta`.
    observed : array_like of shape (n,)
        y, counts (not negative).
    prior : NormalPrior, LaplacePrior or ElasticNetPrior, optional
        log p(θ), flat by default.
    offset : array_like of shape (n,), optional
        o, for instance logarithms of exposures; zeros by default.

    Raises
    ------
    InputError
        Shapes do not fit, or an entry is unusable.
    MemoryLimitError
        The copy of the design would not fit.

    Notes
    -----
    Costs and copies as of :class:`LogisticRegression`. Where a rate overflows the log-density is −inf. Constants, of
    the prior and :math:`-\log y_i!`, are left out.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.PoissonRegression([[1.0], [1.0]], [2.0, 0.0])
    >>> target([[0.0]])
    (array([-2.]), array([[0.]]))
    """

    def __post_init__(self) -> None:
        """Check and copy what is given."""
        self._keep(**_checked(self, lambda y: y >= 0.0, "not negative"))

    def _build(self) -> _core.Target:
        return self._core_model((_POISSON, 0.0))


@dataclass(frozen=True, eq=False)
class LinearRegression(_Regression):
    r"""
    Posterior of linear regression with known noise, :math:`-\tfrac{1}{2 s^2} \sum_i (y_i - \eta_i)^2 + \log p(\theta)`.

    Parameters
    ----------
    design : array_like or sparse matrix of SciPy, of shape (n, p)
        X; :math:`\eta = o + X\theta`.
    observed : array_like of shape (n,)
        y.
    prior : NormalPrior, LaplacePrior or ElasticNetPrior, optional
        log p(θ), flat by default.
    offset : array_like of shape (n,), optional
        o, zeros by default.
    noise : float, default 1
        s, positive.

    Raises
    ------
    InputError
        Shapes do not fit, or an entry is unusable.
    MemoryLimitError
        The copy of the design would not fit.

    Notes
    -----
    Costs and copies as of :class:`LogisticRegression`. With a normal prior the posterior is a Gaussian, which needs no
    sampler. Constants are left out.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.LinearRegression([[1.0], [2.0]], [1.0, 3.0], noise=0.5)
    >>> target([[1.0]])
    (array([-2.]), array([[8.]]))
    """

    noise: float = 1.0

    def __post_init__(self) -> None:
        """Check and copy what is given."""
        checked = _checked(self, np.isfinite, "finite")
        noise = check_positive(self.noise, "noise")
        if not np.isfinite(noise**-2):
            raise InputError(f"noise is {noise}: its inverse square is not finite")
        self._keep(**checked, noise=noise)

    def _build(self) -> _core.Target:
        return self._core_model((_LINEAR, self.noise**-2))
