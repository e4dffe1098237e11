"""What a sampler returns: draws, how they were made, and whether to believe them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wassail._frozen import ReadOnly
from wassail.exceptions import InputError
from wassail.sampling import _diagnostics
from wassail.sampling.streamed import StreamedMoments
from wassail.sampling.summary import Summary, summarize, summarize_moments

if TYPE_CHECKING:
    from wassail.sampling._bar import Report
    from wassail.sampling._session import State
    from wassail.sampling._target import AnyTarget
    from wassail.sampling.keep import Function, Sink
    from wassail.sampling.minibatch import MinibatchSum

F64 = NDArray[np.float64]


class RunStatus(enum.Enum):
    """
    How a run ended; the values are readable.

    Attributes
    ----------
    COMPLETE
        All draws were made.
    INTERRUPTED
        Ctrl-C or a callback ended it: the draws made so far are there.
    """

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, eq=False, repr=False)
class SampleResult(ReadOnly):
    """
    Draws of several chains with their diagnostics.

    Attributes
    ----------
    draws : ndarray of shape (chains, n_samples, d)
        Positions after each draw, or what ``keep`` makes of them, nothing with ``keep=Moments()``: see `moments`.
        Warm-up is never among them.
    log_density : ndarray of shape (chains, n_samples)
        Log-density where the last gradient was taken: at the draw, and for ABOBA and UBU at the midpoint before it.
    acceptance : ndarray of shape (chains, n_samples)
        Mean acceptance probability of the steps of each draw. Unadjusted samplers accept everything: theirs is 1, and 0
        for a step that found no finite density and stayed.
    divergences : ndarray of shape (chains,)
        Steps at which the density could not be evaluated, or whose integrator ran away: an error of the energy of more
        than 1000, as in Stan.
    outside : ndarray of shape (chains,)
        Steps that left the support, where the log-density is −inf; of samplers with gradients, untempered.
    step_size : ndarray of shape (chains,)
        Step size of each chain while drawing.
    shortened : float
        Share of the trajectories whose steps are shorter than that, by factors of 1 to 64: a fifth where :func:`hmc`,
        :func:`malt` or :func:`mams` adapted the step size and warm-up met places too steep for it, else 0.
    scale : ndarray of shape (d,)
        Square roots of the diagonal preconditioner; ones without one.
    n_directions : int
        Directions that a low-rank preconditioner stretches besides.
    length : float
        Mean length of a trajectory, or until a velocity is forgotten; 0 for samplers without one.
    n_gradients : int
        Gradients that each chain took, warm-up included (of chains that diverged on the way the most).
    n_warmup, thin : int
        Steps before the first draw, and steps per draw.
    algorithm : str
        Name of the sampler.
    reason : str
        Why it was chosen, where :func:`sample` did; else empty.
    key : int
        What all random words are made of: the same key gives the same bits.
    status : RunStatus
        Whether all draws were made.
    coordinates : ndarray of int or None
        Which coordinates `draws` has, None for all of them (or a function of the draws).
    gradients : ndarray of shape (chains, n_samples, d) or None
        ∇ log π at the draws, with ``store_gradients=True``.
    moments : StreamedMoments or None
        With ``keep=Moments()``, and then draws of shape (chains, n_samples, 0).
    flat : ndarray of bool, shape (chains,)
        Whether the gradient where a chain ended is zero.
    state : State or None
        Where the chains were left, for :meth:`resume` and :meth:`save_state`.
    """

    draws: F64
    log_density: F64
    acceptance: F64
    divergences: NDArray[np.uint64]
    outside: NDArray[np.uint64]
    step_size: F64
    scale: F64
    n_directions: int
    length: float
    n_gradients: int
    n_warmup: int
    thin: int
    algorithm: str
    reason: str
    key: int
    status: RunStatus
    coordinates: NDArray[np.intp] | None
    gradients: F64 | None
    moments: StreamedMoments | None
    flat: NDArray[np.bool_]
    state: State | None
    shortened: float = 0.0  # pickles of earlier versions have none

    def __repr__(self) -> str:
        chains, n = self.log_density.shape
        kept = "" if self.moments is None else ", of which result.moments are kept"
        return (
            f"SampleResult({self.algorithm}, {self.status}, {chains} chains of {n} draws in {self.scale.size} "
            f"dimensions{kept}, step size {np.median(self.step_size):.3g}, acceptance {self.mean_acceptance:.3g}, "
            f"{int(self.divergences.sum())} divergences)"
        )

    @property
    def mean_acceptance(self) -> float:
        """Mean acceptance probability of all draws; NaN never: 1 without draws."""
        return float(self.acceptance.mean()) if self.acceptance.size else 1.0

    def _enough(self) -> F64:
        if self.moments is not None:
            raise InputError("only moments were kept: result.moments has their rhat(), ess() and mcse()")
        if self.draws.shape[1] < _diagnostics.FEWEST:
            raise InputError(
                f"diagnostics need at least {_diagnostics.FEWEST} draws of each chain, there are {self.draws.shape[1]}"
            )
        return self.draws

    @cached_property
    def _rhat(self) -> F64:
        return _diagnostics.rhat(self._enough())

    @cached_property
    def _bulk(self) -> F64:
        return _diagnostics.bulk_ess(self._enough())

    @cached_property
    def _tail(self) -> F64:
        return _diagnostics.tail_ess(self._enough())

    def rhat(self) -> F64:
        """
        Return the rank-normalized, split and folded R-hat of every coordinate.

        Returns
        -------
        ndarray of shape (d,)
            Near 1 where chains agree; above 1.01 the draws are not to be believed yet. Of one chain the halves are
            compared. Of fewer than 100 draws a chain chance alone makes it larger: samplers warn of what independent
            draws would exceed with a probability of 1 %, and below 8 draws of nothing. Of long runs and many
            coordinates they look at a part only, and say so: this is of all draws.

        Raises
        ------
        InputError
            Fewer than 4 draws.

        References
        ----------
        Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), doi:10.1214/20-BA1221.
        """
        return self._rhat

    def ess(self) -> tuple[F64, F64]:
        """
        Return the effective numbers of draws for the center and for the tails.

        Returns
        -------
        bulk, tail : ndarray of shape (d,)
            Independent draws that would estimate the mean of the ranks, and the worse of the 5 % and 95 % quantiles, as
            well. Below 100 a chain they are not reliable themselves.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        return self._bulk, self._tail

    def mcse(self) -> F64:
        """
        Return the Monte Carlo standard error of every mean.

        Returns
        -------
        ndarray of shape (d,)
            Standard deviation over the square root of the effective number of draws for the mean.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        return _diagnostics.mean_mcse(self._enough())

    def summary(self) -> Summary:
        """
        Return means, deviations, quantiles and diagnostics of every coordinate.

        Returns
        -------
        Summary
            A table that prints, with its columns as arrays. With ``keep=Moments()`` it is of the moments, with their
            effective numbers and R-hat, NaN for the tails and for quantiles of 5 and 95 % that were not asked for.

        Raises
        ------
        InputError
            Fewer than 4 draws.
        """
        if self.moments is not None:
            return summarize_moments(self.moments)
        return summarize(self._enough(), self._rhat, self._bulk, self._tail, self.coordinates)

    def resume(
        self,
        n_samples: int,
        *,
        target: AnyTarget | MinibatchSum | None = None,
        function: Function | None = None,
        file: str | PathLike[str] | None = None,
        sink: Sink | None = None,
        callback: Report | None = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> SampleResult:
        """
        Make more draws, with the bits that a longer run would have had.

        Also after Ctrl-C, in warm-up too: that goes on from the start of the window that was interrupted.

        Parameters
        ----------
        n_samples : int
            Draws of each chain to make; 0 only goes on with warm-up.
        target : optional
            The log-density, where the result was pickled and does not hold it any more; it is compared with the one
            before as :func:`wassail.sampling.resume` does.
        function : callable, optional
            That of ``keep``, in the same case.
        file : path, optional
            Where the file of draws is now, if it was moved, with that of gradients beside it, ``moved.gradients.npy``
            beside ``moved.npy``.
        sink : Sink, optional
            Takes up the new draws, if the run had one; steps are counted on.
        callback, progress, n_threads
            As in the sampler.

        Returns
        -------
        SampleResult
            All draws, those of this result first, with all diagnostics.

        Raises
        ------
        InputError
            An argument is unusable, or the run cannot go on: it failed where draws were taken up.
        DensityError, MemoryLimitError
            As in the sampler.

        Examples
        --------
        >>> import numpy as np
        >>> from wassail import sampling
        >>> target = sampling.targets.Gaussian(np.zeros(2), np.ones(2))
        >>> options = dict(step_size=1.0, thin=5, rng=0)
        >>> whole = sampling.mala(target, np.zeros((4, 2)), n_samples=90, **options)
        >>> parts = sampling.mala(target, np.zeros((4, 2)), n_samples=40, **options).resume(50)
        >>> bool((whole.draws == parts.draws).all())
        True
        """
        from wassail.sampling._session import Hooks, draws_alone, resume

        hooks = Hooks.checked(progress=progress, callback=callback, sink=sink, n_threads=n_threads)
        return resume(self._state().moved(file), n_samples, hooks, target, function, self, draws_alone)

    def save_state(self, path: str | PathLike[str]) -> None:
        """
        Save where the chains were left, for :func:`wassail.sampling.resume`: a ``.npz`` file of numbers and settings.

        Draws and functions are not among them: save `draws` yourself, or keep them in a file.

        Parameters
        ----------
        path : path
            File to write; what is there is replaced once the new one is complete.

        Raises
        ------
        InputError
            The run cannot go on: it failed where draws were taken up; or `path` is not that of a file in a folder.
        """
        from wassail.sampling._state import save

        save(self._state(), path)

    def _state(self) -> State:
        state = state_of(self)
        if state.plan.ladder is not None:
            raise InputError("these are draws at the top of ladders: the TemperingResult has a resume and a save_state")
        return state

    def to_arviz(self) -> Any:  # noqa: ANN401  (a class of an optional package)
        """
        Return the draws as ArviZ holds them: an InferenceData, or a DataTree from ArviZ 1 on.

        Returns
        -------
        arviz.InferenceData or xarray.DataTree
            Groups ``posterior`` with the variable ``x``, and ``sample_stats`` with ``lp``, ``acceptance_rate`` and
            ``step_size``. Arrays are not copied.

        Raises
        ------
        ImportError
            ArviZ is not installed.
        """
        from wassail.sampling._export import to_arviz

        return to_arviz(self)

    def to_xarray(self) -> Any:  # noqa: ANN401
        """
        Return the draws as an xarray.Dataset with the dimensions chain, draw and coordinate.

        Returns
        -------
        xarray.Dataset
            Variables ``x``, ``log_density`` and ``acceptance``, and ``gradient`` where it was stored.

        Raises
        ------
        ImportError
            xarray is not installed.
        """
        from wassail.sampling._export import to_xarray

        return to_xarray(self)


def state_of(result: SampleResult) -> State:
    """Return where the chains of a result were left."""
    if result.state is None:
        raise InputError("this run cannot go on: what takes up its draws failed and missed some")
    return result.state
