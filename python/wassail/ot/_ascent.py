"""Gradient ascent of projected distances on the sphere, from many directions side by side."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from wassail._user import user_level
from wassail.exceptions import ConvergenceWarning
from wassail.ot._slices import F64, Slices, unit_rows
from wassail.ot.results import Status

_GAIN = 1e-4  # share of the gain that the derivative promises which a step must keep (Armijo)
_LONGEST = 64.0


class Ascent:
    """State of all starts: directions, values, and the next step of each."""

    def __init__(self, slices: Slices, tol: float, max_iter: int) -> None:
        self._slices = slices
        self._tol = tol
        self._max_iter = max_iter
        self.n_iter = 0

    def run(self, directions: F64) -> None:
        """Climb until every start has arrived or the steps are used up."""
        self.directions = directions
        self.values, pulls = self._slices.pulls(directions)
        self._rises = self._along_sphere(directions, self.values, pulls)
        self._steps = np.ones(len(directions))
        self._climbing = self._slopes > self._tol
        while self.n_iter < self._max_iter and self._climbing.any():
            self._try_steps(np.flatnonzero(self._climbing))
            self.n_iter += 1

    @staticmethod
    def _along_sphere(directions: F64, values: F64, pulls: F64) -> F64:
        """Relative derivative along the sphere; the one across it is the value itself."""
        rises = np.zeros_like(pulls)
        np.divide(pulls, values[:, None], out=rises, where=values[:, None] > 0.0)
        across: F64 = (rises * directions).sum(axis=1, keepdims=True) * directions
        return rises - across

    @property
    def _slopes(self) -> F64:
        slopes: F64 = np.sqrt((self._rises**2).sum(axis=1))
        return slopes

    def _try_steps(self, active: NDArray[np.intp]) -> None:
        steps, rises, slopes = self._steps[active], self._rises[active], self._slopes[active]
        # A step of 1 replaces the direction by the derivative: the power iteration, if the plan stayed as it is.
        directions = unit_rows(self.directions[active] + steps[:, None] * rises)
        values, pulls = self._slices.pulls(directions)
        gained = values >= self.values[active] * (1.0 + _GAIN * steps * slopes**2)
        kept = active[gained]
        self.directions[kept], self.values[kept] = directions[gained], values[gained]
        self._rises[kept] = self._along_sphere(directions, values, pulls)[gained]
        self._steps[active] = np.where(gained, np.minimum(2.0 * steps, _LONGEST), 0.5 * steps)
        slopes = self._slopes[active]
        self._climbing[active] = (slopes > self._tol) & (self._steps[active] * slopes > self._tol)

    @property
    def best(self) -> int:
        """The start that came highest."""
        return int(np.argmax(self.values))

    @property
    def status(self) -> Status:
        """How the best start ended."""
        return Status.MAX_ITER if self._climbing[self.best] else Status.CONVERGED

    def warn_unless_converged(self) -> None:
        """Warn on behalf of the public function."""
        if self.status is Status.MAX_ITER:
            warnings.warn(
                f"max_sliced_wasserstein reached max_iter={self._max_iter} while its best start still climbed: "
                "raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=user_level(),
            )
