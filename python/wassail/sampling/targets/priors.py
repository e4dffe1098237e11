"""Priors of regression coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from wassail._arrays import first_index, real_array, show_index
from wassail.exceptions import InputError
from wassail.sampling.targets._base import F64

__all__ = ["ElasticNetPrior", "LaplacePrior", "NormalPrior"]


class Prior(Protocol):
    """Independent coefficients: −Σ a |θ| − ½ Σ b θ²."""

    def weights(self, size: int) -> tuple[F64, F64]:
        """Return a and b."""


def _rates(value: ArrayLike, name: str, size: int, *, scale: bool) -> F64:
    """Return finite rates, not negative; of scales their inverses, so that inf is no prior."""
    given = real_array(value, name, ndim=(0, 1)).astype(np.float64)
    if given.ndim == 1 and given.size != size:
        raise InputError(f"{name} has {given.size} entries, the design has {size} columns")
    full = np.broadcast_to(given, (size,))
    with np.errstate(divide="ignore"):
        rates = 1.0 / full if scale else full + 0.0
    bad = ~((full > 0.0) if scale else (full >= 0.0)) | ~np.isfinite(rates * rates)
    if bad.any():
        index = first_index(bad)
        wanted = "positive (inf for no prior)" if scale else "finite and not negative"
        raise InputError(f"{name}{show_index(index)} is {full[index]}: it must be {wanted}")
    return rates


@dataclass(frozen=True)
class NormalPrior:
    r"""
    Independent normal coefficients, :math:`-\tfrac12 \sum_j \theta_j^2 / s_j^2`.

    Parameters
    ----------
    scale : float or array_like of shape (p,)
        s, positive; inf leaves a coefficient without a prior.

    Examples
    --------
    >>> from wassail import sampling
    >>> prior = sampling.targets.NormalPrior(2.0)
    >>> sampling.targets.LogisticRegression([[1.0]], [1.0], prior=prior).dim
    1
    """

    scale: ArrayLike

    def weights(self, size: int) -> tuple[F64, F64]:
        """Return a and b of −Σ a |θ| − ½ Σ b θ² for so many coefficients."""
        return np.zeros(size), _rates(self.scale, "scale", size, scale=True) ** 2


@dataclass(frozen=True)
class LaplacePrior:
    r"""
    Independent Laplace coefficients, :math:`-\sum_j |\theta_j| / s_j`.

    Parameters
    ----------
    scale : float or array_like of shape (p,)
        s, positive; inf leaves a coefficient without a prior.

    Examples
    --------
    >>> from wassail import sampling
    >>> prior = sampling.targets.LaplacePrior(0.5)
    >>> sampling.targets.LogisticRegression([[1.0]], [1.0], prior=prior).dim
    1
    """

    scale: ArrayLike

    def weights(self, size: int) -> tuple[F64, F64]:
        """Return a and b of −Σ a |θ| − ½ Σ b θ² for so many coefficients."""
        return _rates(self.scale, "scale", size, scale=True), np.zeros(size)


@dataclass(frozen=True)
class ElasticNetPrior:
    r"""
    Elastic net, :math:`-\sum_j a_j |\theta_j| - \tfrac12 \sum_j b_j \theta_j^2`.

    Parameters
    ----------
    absolute, square : float or array_like of shape (p,)
        a and b, not negative.

    Examples
    --------
    >>> from wassail import sampling
    >>> prior = sampling.targets.ElasticNetPrior(1.0, 0.1)
    >>> sampling.targets.LogisticRegression([[1.0]], [1.0], prior=prior).dim
    1
    """

    absolute: ArrayLike
    square: ArrayLike

    def weights(self, size: int) -> tuple[F64, F64]:
        """Return a and b of −Σ a |θ| − ½ Σ b θ² for so many coefficients."""
        absolute = _rates(self.absolute, "absolute", size, scale=False)
        return absolute, _rates(self.square, "square", size, scale=False)
