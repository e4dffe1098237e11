"""Gaussians by their precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from wassail import _core
from wassail._arrays import check_finite, real_array
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64, BuiltIn, positive, vector

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Gaussian"]

Precision: TypeAlias = Any  # an array, or a sparse matrix of SciPy

_PAIR = 2
_SYMMETRIC = 1e-12


@dataclass(frozen=True, eq=False)
class Gaussian(BuiltIn):
    r"""
    Gaussian :math:`\log \pi(x) = -\tfrac12 (x - m)^\top P (x - m)`, without its constant.

    Parameters
    ----------
    mean : array_like of shape (d,)
        m.
    precision : array_like of shape (d,) or (d, d), or sparse matrix of SciPy
        The inverse of the covariance: its diagonal, or a symmetric positive definite matrix. Of a sparse matrix all
        entries are given, both halves; one whose entries fill few diagonals is kept as diagonals.

    Raises
    ------
    InputError
        Shapes do not fit, or `precision` is not positive definite.

    Notes
    -----
    A gradient takes O(d) with a diagonal, O(d²) with a matrix, of which one half is stored and each entry read once,
    and O(entries) with a sparse one. That a sparse matrix is positive definite is clear where its diagonal dominates,
    else it is factored once to find out. The missing constant is :math:`\tfrac12 \log \det P - \tfrac d2 \log 2\pi`.

    Examples
    --------
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian([0.0, 1.0], [1.0, 4.0])
    >>> target([[1.0, 0.0]])
    (array([-2.5]), array([[-1.,  4.]]))

    A random walk that is tied to zero, by its sparse precision:

    >>> from scipy.sparse import diags_array
    >>> bands = diags_array([-1.0, 2.001, -1.0], offsets=[-1, 0, 1], shape=(1000, 1000))
    >>> sampling.targets.Gaussian([0.0] * 1000, bands).dim
    1000
    """

    mean: ArrayLike
    precision: Precision

    def __post_init__(self) -> None:
        """Check and copy both arrays."""
        mean = vector(self.mean, "mean")
        self._keep(mean=mean, precision=checked_precision(self.precision, mean.size))

    def _build(self) -> _core.Target:
        return core_gaussian(np.asarray(self.mean), self.precision)


def checked_precision(value: Precision, dim: int) -> F64 | csr_array:
    """Return a positive diagonal, or a symmetric positive definite matrix, dense or in rows."""
    if hasattr(value, "tocsr"):
        rows: csr_array[Any, tuple[int, int]] = _sparse(value, dim)
        return rows
    precision = np.array(real_array(value, "precision", ndim=(1, 2)), dtype=np.float64)
    check_finite(precision, "precision")
    if precision.shape not in {(dim,), (dim, dim)}:
        raise InputError(f"precision must have shape ({dim},) or ({dim}, {dim}), got {precision.shape}")
    if precision.ndim == 1:
        return positive(precision, "precision")
    return definite(precision, "precision")


def definite(matrix: F64, name: str) -> F64:
    """Return the symmetric part of a positive definite matrix."""
    if not np.allclose(matrix, matrix.T, rtol=_SYMMETRIC, atol=_SYMMETRIC * float(np.abs(matrix).max())):
        raise InputError(f"{name} is not symmetric")
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        raise InputError(f"{name} is not positive definite") from None
    return 0.5 * matrix + 0.5 * matrix.T


def _sparse(value: Precision, dim: int) -> Any:  # noqa: ANN401  (SciPy's stubs tell one and two axes apart, which no cast here does)
    from scipy.sparse import csr_array

    if value.dtype.kind not in "fiub":
        raise InputError(f"precision has dtype {value.dtype}: pass real numbers")
    matrix: Any = csr_array(value, dtype=np.float64, copy=True)
    if matrix.shape != (dim, dim):
        raise InputError(f"precision must have shape ({dim}, {dim}), got {matrix.shape}")
    matrix.sum_duplicates()
    if not np.isfinite(matrix.data).all():
        raise InputError("precision has entries that are not finite")
    largest = float(np.abs(matrix.data).max(initial=0.0))
    off = abs(matrix - matrix.T)
    if off.nnz and float(off.max()) > _SYMMETRIC * largest:
        raise InputError("precision is not symmetric: a sparse one needs both of its halves")
    diagonal = matrix.diagonal()
    positive(diagonal, "the diagonal of precision")
    rest = abs(matrix).sum(axis=1) - diagonal
    if not (rest < diagonal).all() and not _factors(matrix):
        raise InputError("precision is not positive definite")
    return matrix


def _factors(matrix: csr_array) -> bool:
    """Return whether elimination without row exchanges meets positive pivots only."""
    from scipy.sparse.linalg import splu

    try:
        factor = splu(
            matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
    except RuntimeError:  # exactly singular
        return False
    return bool((factor.U.diagonal() > 0.0).all() and (factor.perm_r == factor.perm_c).all())


def core_gaussian(mean: F64, precision: F64 | csr_array) -> _core.Target:
    """Build the Gaussian whose precision is cheapest to multiply with."""
    if isinstance(precision, np.ndarray):
        if precision.ndim == 1:
            return _core.Target.diagonal_gaussian(mean, precision)
        return _core.Target.dense_gaussian(mean, precision.ravel())
    bands = _bands(precision)
    if bands is not None:
        return _core.Target.banded_gaussian(mean, bands)
    rows = (precision.indptr.astype(np.int64), precision.indices.astype(np.int64), precision.data)
    return _core.Target.sparse_gaussian(mean, rows)


def _bands(matrix: csr_array) -> F64 | None:
    """Return P[i + k, i] at (k, i) where the diagonals up to the last one are at least half full."""
    entries = matrix.tocoo()
    row, column = entries.coords
    width = int((row - column).max(initial=0))
    dim = matrix.shape[0]
    if (2 * width + 1) * dim > _PAIR * matrix.nnz:
        return None
    bands = np.zeros((width + 1, dim))
    lower = row >= column
    bands[(row - column)[lower], column[lower]] = entries.data[lower]
    return bands
