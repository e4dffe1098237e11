"""What tempered runs return, and how they go on."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._frozen import ReadOnly
from wassail.exceptions import InputError
from wassail.sampling._ladder import Ladder, acceptance_ratios
from wassail.sampling._session import Finish, Hooks, resume
from wassail.sampling._state import load, save
from wassail.sampling.results import SampleResult, state_of

if TYPE_CHECKING:
    from wassail.sampling._bar import Report
    from wassail.sampling._target import AnyTarget
    from wassail.sampling.keep import Function, Sink

F64 = NDArray[np.float64]

_HARD = 0.9  # rejection of swaps above which hardly any walker arrives


@dataclass(frozen=True, eq=False, repr=False)
class TemperingResult(ReadOnly):
    """
    Draws of the target with what the ladder says about it.

    Attributes
    ----------
    samples : SampleResult
        Draws at the top, with their diagnostics.
    betas : ndarray of shape (n_rungs,)
        Inverse temperatures of the rungs, from 0 to 1.
    rejection : ndarray of shape (n_rungs - 1,)
        Mean rejection of swaps between neighbors while drawing; equal where the ladder is well adapted.
    round_trips : ndarray of shape (chains,)
        Walks of a ladder's chains from the top to the bottom, each of which brings an independent draw up again.
    log_normalizer : float
        log ∫ exp(target(x)) dx, by Bennett's acceptance ratios between neighbors.
    log_normalizer_error : float
        Its standard error; infinite where fewer than ten draws carry it, as between rungs with nothing in common.
    barrier : float
        Communication barrier Λ, the sum of `rejection`.
    """

    samples: SampleResult
    betas: F64
    rejection: F64
    round_trips: NDArray[np.uint64]
    log_normalizer: float
    log_normalizer_error: float

    def __repr__(self) -> str:
        if not self.samples.log_density.shape[1]:
            return f"TemperingResult({self.samples!r}, {self.betas.size} rungs, no draws yet to estimate from)"
        return (
            f"TemperingResult({self.samples!r}, {self.betas.size} rungs, barrier {self.barrier:.3g}, "
            f"{int(self.round_trips.sum())} round trips, log normalizer {self.log_normalizer:.6g} ± "
            f"{self.log_normalizer_error:.2g})"
        )

    @property
    def barrier(self) -> float:
        """Communication barrier Λ, the sum of the rejections: about 2Λ + 1 rungs are best; NaN without draws."""
        return float(self.rejection.sum()) if self.samples.log_density.shape[1] else float("nan")

    def resume(
        self,
        n_samples: int,
        *,
        target: AnyTarget | None = None,
        function: Function | None = None,
        file: str | PathLike[str] | None = None,
        sink: Sink | None = None,
        callback: Report | None = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> TemperingResult:
        """
        Make more draws, with the bits that a longer run would have had.

        Also after Ctrl-C or an error, in warm-up too.

        Parameters
        ----------
        n_samples : int
            Draws of each ladder to make; 0 only goes on with warm-up.
        target, function, file, sink, callback, progress, n_threads
            As in :meth:`SampleResult.resume`.

        Returns
        -------
        TemperingResult
            All draws, those of this result first. The normalizing constant, the rejections and the round trips are
            those of all of them.

        Raises
        ------
        InputError
            An argument is unusable, or the run cannot go on: it failed where draws were taken up.
        DensityError, MemoryLimitError
            As in :func:`temper`.

        Examples
        --------
        >>> import numpy as np
        >>> from wassail import sampling
        >>> target, wide = (sampling.targets.Gaussian([0.0], [a]) for a in (1.0, 0.2))
        >>> options = dict(step_size=0.5, rng=0)
        >>> whole = sampling.temper(target, wide, np.zeros((4, 1)), n_samples=90, **options)
        >>> parts = sampling.temper(target, wide, np.zeros((4, 1)), n_samples=40, **options).resume(50)
        >>> bool((whole.samples.draws == parts.samples.draws).all()), whole.log_normalizer == parts.log_normalizer
        (True, True)
        """
        hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
        state = state_of(self.samples).moved(file)
        return resume(state, n_samples, hooks, target, function, self.samples, finish(state.plan.ladder))

    def save_state(self, path: str | PathLike[str]) -> None:
        """
        Save where the ladders were left, for :func:`resume_tempering`: a ``.npz`` file of numbers and settings.

        Draws and functions are not among them, but the log ratios on all rungs are, of which the normalizing constant
        is made: 8 · n_rungs bytes a draw.

        Parameters
        ----------
        path : path
            File to write; what is there is replaced once the new one is complete.

        Raises
        ------
        InputError
            The run cannot go on: it failed where draws were taken up; or `path` is not that of a file in a folder.
        """
        save(state_of(self.samples), path)


def resume_tempering(
    path: str | PathLike[str],
    target: AnyTarget,
    n_samples: int,
    *,
    function: Function | None = None,
    file: str | PathLike[str] | None = None,
    sink: Sink | None = None,
    callback: Report | None = None,
    progress: bool = False,
    n_threads: int | None = None,
) -> TemperingResult:
    """
    Go on where :meth:`TemperingResult.save_state` left ladders, with the bits that a longer run would have had.

    Parameters
    ----------
    path : path
        A file of :meth:`TemperingResult.save_state`.
    target : Target, callable or C function
        The log-density, which the file does not hold; in another form too. It is compared with the saved log-densities
        at the saved points of all rungs, which `n_gradients` does not count.
    n_samples : int
        Draws of each ladder to make; 0 only goes on with warm-up.
    function, file, sink, callback, progress, n_threads
        As in :func:`resume`.

    Returns
    -------
    TemperingResult
        The new draws (those in a file, and moments, are all there). The normalizing constant, the rejections and the
        round trips are those of all draws.

    Raises
    ------
    InputError
        The file is not a state of ladders, `target` is not the density of the saved run, or an argument is unusable.
    DensityError, MemoryLimitError
        As in :func:`temper`.

    Notes
    -----
    The file holds arrays and settings in JSON: reading it runs no code of others.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from wassail import sampling
    >>> target, wide = (sampling.targets.Gaussian([0.0], [a]) for a in (1.0, 0.2))
    >>> first = sampling.temper(target, wide, np.zeros((4, 1)), n_samples=40, step_size=0.5, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first.save_state(pathlib.Path(folder) / "state.npz")
    ...     more = sampling.resume_tempering(pathlib.Path(folder) / "state.npz", target, 50)
    >>> more.log_normalizer == first.resume(50).log_normalizer
    True
    """
    hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
    state = load(path)
    if state.plan.ladder is None:
        raise InputError(f"{str(path)!r} is the state of chains, not of ladders: sampling.resume goes on with them")
    return resume(state.moved(file), n_samples, hooks, target, function, None, finish(state.plan.ladder))


def finish(ladder: Ladder | None) -> Finish[TemperingResult]:
    """Return what makes the result of tempered draws."""
    if ladder is None:
        raise InputError("these draws are not those of ladders")
    log_z = ladder.gaussian()[3]

    def made(samples: SampleResult, chains: _core.Chains, ratios: F64) -> tuple[TemperingResult, tuple[str, ...]]:
        betas, rejection, trips = chains.rungs()
        value, error = acceptance_ratios(ratios, betas) if ratios.shape[1] else (-np.inf, np.inf)
        result = TemperingResult(samples, betas, rejection, trips, log_z + value, error)
        return result, _hard(result) if ratios.shape[1] else ()

    return made


def _hard(result: TemperingResult) -> tuple[str, ...]:
    """Say in words when walkers hardly climb."""
    worst = int(np.argmax(result.rejection))
    if result.rejection[worst] <= _HARD:
        return ()
    rungs = max(ceil(2.0 * result.barrier + 1.0), result.betas.size + 1)  # twice the barrier and one, but never fewer
    words = (
        f"{result.rejection[worst]:.0%} of the swaps between rungs {worst} and {worst + 1} are rejected: more n_rungs "
        f"({rungs} or more), a longer warm-up, or a reference closer to the target"
    )
    return (words,) if np.isfinite(result.log_normalizer_error) else (words, "log_normalizer means nothing yet")
