"""Steps that shrink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._validate import check_positive, check_real
from wassail.exceptions import InputError


@dataclass(frozen=True)
class PolynomialDecay:
    r"""
    Steps :math:`h_t = h (1 + t / b)^{-\kappa}` that shrink as a run goes on, warm-up included.

    Parameters
    ----------
    start : float
        h.
    offset : float, default 1000
        b, steps.
    power : float, default 1/3
        κ in (0, 1]; 1/3 is the best for averages, which are to be weighted by the steps.

    Raises
    ------
    InputError
        A value is out of range.

    References
    ----------
    Teh, Thiery, Vollmer, "Consistency and fluctuations for stochastic gradient Langevin dynamics", JMLR 17 (2016),
    arXiv:1409.0578.

    Examples
    --------
    >>> from wassail import sampling
    >>> sampling.PolynomialDecay(0.1, offset=1.0, power=1.0).at(3).item()
    0.025
    """

    start: float
    offset: float = 1000.0
    power: float = 1.0 / 3.0

    def __post_init__(self) -> None:
        """Check the values."""
        check_positive(self.start, "start")
        check_positive(self.offset, "offset")
        if not 0.0 < check_real(self.power, "power") <= 1.0:
            raise InputError(f"power must be in (0, 1], got {self.power!r}")

    def at(self, step: ArrayLike) -> NDArray[np.float64]:
        """
        Return the size of steps, which are also the weights of the draws they end in.

        Parameters
        ----------
        step : array_like
            Numbers t = 0, 1, ... of steps, warm-up included.

        Returns
        -------
        ndarray
            Sizes.
        """
        return np.asarray(self.start * (1.0 + np.asarray(step, dtype=np.float64) / self.offset) ** -self.power)
