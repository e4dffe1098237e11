"""What is kept of the draws, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import PurePath
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._validate import check_real
from wassail.exceptions import InputError

F64: TypeAlias = NDArray[np.float64]
Function: TypeAlias = Callable[[F64], ArrayLike]
_MOST_QUANTILES = 64


class Sink(Protocol):
    """What draws can be pushed into while the chains run, such as ``ThinningStream(...).sink()``."""

    def push(self, chain: int, step: int, x: F64, grad: F64 | None) -> object:
        """Take up draw number `step` of a chain, (d,), with the gradient of the log-density there."""


@dataclass(frozen=True, eq=False)
class Keep:
    """
    Keep a part of every draw, in memory or in a file.

    Parameters
    ----------
    coordinates : array_like of int, optional
        Only these coordinates of a draw.
    function : callable, optional
        Only ``function(X)``, of shape (n,) or (n, m), for draws X of shape (n, d). It must treat rows alone: how many
        come together is not fixed. It is called with x0 first, and with its first row, to see that.
    file : path, optional
        Write to this new ``.npy`` file, in the background, instead of keeping it in memory. The file holds an array of
        shape (draws, chains, k) that can be read at any time, also after an interrupt: its header counts the draws that
        are in it. Gradients, where they are stored, go to a second file whose name ends in ``.gradients.npy``.
        A run that fails at its start leaves no file.

    Raises
    ------
    InputError
        An argument is unusable, or both coordinates and a function are given.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(1000), np.ones(1000))
    >>> options = dict(n_samples=5, step_size=0.02, rng=0)
    >>> first = sampling.mala(target, np.zeros((2, 1000)), keep=sampling.Keep(coordinates=[0, 999]), **options)
    >>> first.draws.shape
    (2, 5, 2)
    >>> norms = sampling.Keep(function=lambda x: np.linalg.norm(x, axis=1))
    >>> sampling.mala(target, np.zeros((2, 1000)), keep=norms, **options).draws.shape
    (2, 5, 1)
    """

    coordinates: ArrayLike | None = None
    function: Function | None = None
    file: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        """Check what does not depend on the run."""
        if self.coordinates is not None and self.function is not None:
            raise InputError("keep has both coordinates and a function: let the function choose the coordinates")
        if self.function is not None and not callable(self.function):
            raise InputError(f"keep.function must be callable as function(X), got {self.function!r}")
        if self.file is not None and not isinstance(self.file, str | PathLike):
            raise InputError(f"keep.file must be a path, got {self.file!r}")
        if self.file is not None and not PurePath(self.file).name:
            raise InputError(f"keep.file must be the path of a file, got {str(self.file)!r}")

    def chosen(self, dim: int) -> NDArray[np.intp] | None:
        """Return the coordinates, None for all of them."""
        if self.coordinates is None:
            return None
        given = np.asarray(self.coordinates)
        if given.ndim != 1 or given.size == 0 or given.dtype.kind not in "iu":
            raise InputError(f"keep.coordinates must be a list of integers, got {self.coordinates!r}")
        bad = np.flatnonzero((given < 0) | (given >= dim))
        if bad.size:
            raise InputError(f"keep.coordinates[{bad[0]}] is {given[bad[0]]}: there are {dim} coordinates")
        return given.astype(np.intp)


@dataclass(frozen=True)
class Moments:
    """
    Keep moments only: of every draw nothing stays but the log-density and the acceptance, 16 bytes.

    Parameters
    ----------
    quantiles : sequence of float, optional
        Probabilities in (0, 1) of quantiles to follow, by P² (Jain and Chlamtac 1985, doi:10.1145/4372.4378): a fixed
        number of markers a coordinate, moved by parabolas, the same for all chains. There is no bound of its error, and
        it is poor for chains that move slowly: markers follow where the chains are, not where they have been. In
        24 000 normal numbers the share below the 5 % quantile was off by 0.0004 (root mean square over coordinates;
        at most 0.001), with an autocorrelation of 0.9 by 0.006 (at most 0.05). Where tails matter take `thin` above
        the autocorrelation time, or keep coordinates or a file; means and deviations are exact in any case.

    Notes
    -----
    8 (8 chains + 4) bytes a coordinate, and 16 (2 q + 3) more for q quantiles. Deviations beyond 1e±150, whose squares
    are no numbers any more, come out as infinite or 0; draws that are kept are rescaled.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target = sampling.targets.Gaussian(np.zeros(1000), np.ones(1000))
    >>> x0, keep = np.zeros((4, 1000)), sampling.Moments()
    >>> result = sampling.mala(target, x0, n_samples=90, thin=50, step_size=0.05, rng=0, keep=keep)
    >>> result.draws.shape, result.moments.mean.shape
    ((4, 90, 0), (1000,))
    """

    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Sort and check the probabilities."""
        given: Any = self.quantiles
        if np.ndim(given) != 1:
            raise InputError(f"quantiles must be a list of probabilities, got {given!r}")
        values = sorted({check_real(value, "quantiles") for value in given})
        if any(not 0.0 < value < 1.0 for value in values) or len(values) > _MOST_QUANTILES:
            raise InputError(f"quantiles must be at most {_MOST_QUANTILES} probabilities in (0, 1), got {given!r}")
        object.__setattr__(self, "quantiles", tuple(values))
