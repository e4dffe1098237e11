"""Stein kernels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail._validate import check_positive
from wassail.exceptions import InputError, NumericalError
from wassail.kernels._base import Kernel, core_kernel
from wassail.kernels.radial import InverseMultiquadric

_SMALLEST = 1e-150

Score: TypeAlias = Callable[[NDArray[np.float64]], ArrayLike]  # (n, d) -> (n, d)


def _check_scores(value: ArrayLike, x: NDArray[Any], name: str) -> NDArray[Any]:
    """Return finite scores of the shape of the points."""
    scores = real_array(value, name, ndim=(1, 2))
    if scores.ndim == 1 and x.shape == (scores.size, 1):
        scores = scores[:, None]
    if scores.shape != x.shape:
        raise InputError(f"{name} must have the shape of the points {x.shape}, got {scores.shape}")
    check_finite(scores, name)
    return scores


def _check_preconditioner(value: Any) -> float | NDArray[np.float64]:  # noqa: ANN401  (users pass anything)
    """Return a positive number, or a private symmetric positive definite matrix."""
    if value is None:
        return 1.0
    if np.ndim(value) == 0:
        return check_positive(value, "preconditioner")
    matrix = np.array(real_array(value, "preconditioner", ndim=(2,)), dtype=np.float64, order="C")
    check_finite(matrix, "preconditioner")
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"preconditioner must be square, got shape {matrix.shape}")
    if np.abs(matrix - matrix.T).max() > 1e-8 * np.abs(matrix).max():
        raise InputError("preconditioner must be symmetric")
    matrix = (matrix + matrix.T) / 2.0
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise InputError("preconditioner must be positive definite") from None
    matrix.setflags(write=False)
    return matrix


@dataclass(frozen=True, slots=True, eq=False)
class Stein(Kernel):
    r"""
    Langevin Stein kernel of a target density p, known by its score :math:`s = \nabla \log p`.

    .. math::
        k_0(x, y) = \nabla_x\!\cdot\!\nabla_y k + \nabla_x k \cdot s(y) + \nabla_y k \cdot s(x)
        + k\, s(x)\!\cdot\!s(y)

    of a radial base k. Its mean under p is 0 in either argument, so that its mean over all pairs of a sample is the
    squared kernel Stein discrepancy of the sample to p.

    Parameters
    ----------
    base : Kernel, default: InverseMultiquadric()
        Smooth and radial: Gaussian, InverseMultiquadric, RationalQuadratic, Matern of half-integer order from 3/2, and
        their sums.
    score : callable, optional
        ``score(X)`` of points X (n, d), float64, returns ∇ log p at each, (n, d). Without it the functions that the
        kernel is given to need `scores`.
    preconditioner : float or array_like of shape (d, d), optional
        Symmetric positive definite L: the base is that of :math:`\sqrt{(x-y)^T L (x-y)}` instead of :math:`|x-y|`.
        A number stands for that multiple of the identity.

    Raises
    ------
    InputError
        The base is no smooth radial kernel, or the preconditioner no positive definite matrix; later, the score returns
        the wrong shape or what is not finite.

    Notes
    -----
    A value costs O(d), of points that are prepared in O(d), O(d²) with a matrix.

    References
    ----------
    .. [1] C. J. Oates, M. Girolami, N. Chopin. Control functionals for Monte Carlo integration. JRSS B 79 (2017).
       arXiv:1410.2392.
    .. [2] M. Riabiz et al. Optimal thinning of MCMC output. JRSS B 84 (2022). arXiv:2005.03952.

    Examples
    --------
    A standard normal has the score -x:

    >>> import numpy as np
    >>> from wassail import kernels
    >>> kernel = kernels.Stein(kernels.Gaussian(1.0), lambda x: -x)
    >>> kernel(np.array([[0.0], [1.0]])).round(6)
    array([[ 1.      , -0.606531],
           [-0.606531,  2.      ]])
    """

    base: Kernel = field(default_factory=InverseMultiquadric)
    score: Score | None = None
    _: KW_ONLY
    preconditioner: float | NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Check the parts."""
        if not core_kernel(self.base).is_smooth:
            raise InputError(f"base must be a smooth radial kernel, such as InverseMultiquadric(), got {self.base!r}")
        if self.score is not None and not callable(self.score):
            raise InputError(f"score must be callable as score(X), got {self.score!r}; arrays are passed as scores=")
        object.__setattr__(self, "preconditioner", _check_preconditioner(self.preconditioner))

    def _core_kernel(self) -> _core.Kernel:
        base, metric = core_kernel(self.base), self.preconditioner
        if isinstance(metric, np.ndarray):
            return base.stein_matrix(np.ascontiguousarray(np.linalg.cholesky(metric).T), metric)
        return base.stein(1.0 if metric is None else metric)

    def _points(self, x: NDArray[Any], name: str, scores: ArrayLike | None) -> NDArray[Any]:
        if isinstance(self.preconditioner, np.ndarray) and x.shape[1] != self.preconditioner.shape[0]:
            size = self.preconditioner.shape[0]
            raise InputError(f"{name} has {x.shape[1]} coordinates and the preconditioner of the kernel {size}")
        if scores is None:
            if self.score is None:
                raise InputError(f"the kernel has no score: give Stein(base, score), or the scores of {name}")
            checked = _check_scores(self.score(x.astype(np.float64)), x, f"score({name})")
        else:
            checked = _check_scores(scores, x, "scores")
        self._check_scale(checked)
        return np.concatenate((x, checked), axis=1)

    def _check_scale(self, scores: NDArray[Any]) -> None:
        """Refuse a length whose fourth power, a factor of one of the terms, leaves the range of float64."""
        metric = self.preconditioner
        d = metric.shape[0] if isinstance(metric, np.ndarray) else 1
        scale = float(self._core_kernel().diagonal(np.zeros((1, 2 * d)))[0])  # 1 / length², where scores are 0
        # Large scores make up for a term that is lost.
        lost = scale < _SMALLEST and np.abs(scores).max() < math.sqrt(_SMALLEST)
        if lost or scale > 1.0 / _SMALLEST:
            raise NumericalError(
                f"1 / length^2 of the Stein kernel is {scale:.3g}, and its square beyond the range of floating-point "
                "numbers: rescale the points and the scores"
            )

    def _layout(self) -> object:
        return (Stein, self.score)

    def _key(self) -> tuple[object, ...]:
        metric = self.preconditioner
        return (self.base, self.score, (metric.shape, metric.tobytes()) if isinstance(metric, np.ndarray) else metric)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Stein) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())
