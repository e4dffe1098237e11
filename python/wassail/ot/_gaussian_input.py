"""Reading of Gaussian measures: mean and covariance in, checked spectrum out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wassail._arrays import check_finite, first_index, real_array
from wassail.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian measure by its mean and the spectral decomposition of its covariance."""

    mean: NDArray[np.float64]  # (d,)
    values: NDArray[np.float64]  # (d,), ascending, >= 0
    vectors: NDArray[np.float64]  # (d, d), orthonormal columns

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.mean.size

    def function(self, scalar: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
        """Symmetric matrix with the same eigenvectors and the eigenvalues ``scalar(values)``."""
        return (self.vectors * scalar(self.values)) @ self.vectors.T

    def range_factors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Basis (d, r) of the covariance's range and the r standard deviations along it."""
        rounding = self.dim * np.finfo(np.float64).eps * self.values.max()
        kept = self.values > rounding
        return self.vectors[:, kept], np.sqrt(self.values[kept])


def read_pair(mean_a: ArrayLike, cov_a: ArrayLike, mean_b: ArrayLike, cov_b: ArrayLike) -> tuple[Gaussian, Gaussian]:
    """Two Gaussians on the same space."""
    alpha = read_gaussian(mean_a, cov_a, "a")
    beta = read_gaussian(mean_b, cov_b, "b")
    if alpha.dim != beta.dim:
        raise InputError(
            f"mean_b has dimension {beta.dim}, but mean_a has dimension {alpha.dim}: "
            "both Gaussians must live on the same space"
        )
    return alpha, beta


def read_gaussian(mean: ArrayLike, cov: ArrayLike, suffix: str) -> Gaussian:
    """Check one mean and one covariance, and diagonalize the latter."""
    center = np.atleast_1d(real_array(mean, f"mean_{suffix}", ndim=(0, 1)))
    check_finite(center, f"mean_{suffix}")
    matrix, tolerance = _read_covariance(cov, center.size, f"cov_{suffix}")
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < -tolerance * np.abs(values).max():
        raise InputError(
            f"cov_{suffix} is not positive semidefinite: its smallest eigenvalue is "
            f"{values[0]:.6g}, its largest {values[-1]:.6g}"
        )
    return Gaussian(center.astype(np.float64), np.maximum(values, 0.0), vectors)


def _read_covariance(cov: ArrayLike, dim: int, name: str) -> tuple[NDArray[np.float64], float]:
    """Return the symmetric matrix and the relative defect that counts as rounding."""
    given = real_array(cov, name, ndim=(0, 2))
    if given.ndim == 0:
        given = given.reshape(1, 1)
    if given.shape != (dim, dim):
        raise InputError(f"{name} must have shape ({dim}, {dim}) like its mean of dimension {dim}, got {given.shape}")
    check_finite(given, name)
    matrix = given.astype(np.float64)
    tolerance = float(np.sqrt(np.finfo(given.dtype).eps))
    wrong = np.abs(matrix - matrix.T) > tolerance * np.abs(matrix).max()
    if wrong.any():
        i, j = first_index(wrong)
        raise InputError(
            f"{name} is not symmetric: {name}[{i}, {j}] = {matrix[i, j]:.9g}, {name}[{j}, {i}] = {matrix[j, i]:.9g}"
        )
    return 0.5 * matrix + 0.5 * matrix.T, tolerance
