"""What takes up the draws of a run, a piece after the other."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wassail import _core
from wassail._memory import require_memory, show_bytes
from wassail.exceptions import InputError, MemoryLimitError
from wassail.sampling._file import DrawFile
from wassail.sampling._later import Later
from wassail.sampling.keep import F64, Function, Keep, Moments, Sink
from wassail.sampling.streamed import StreamedMoments

_FLOAT64 = 8
_PIECE = 2**25  # bytes of draws that are handed over at once
_PATIENCE = 0.1  # seconds of a sink's work between two looks at Ctrl-C
_UNWRITTEN = 1.0  # seconds of draws that a file may lack when the process is killed
_STATE = 8  # vectors of a chain: positions, gradients, velocities, proposals and a copy of what makes a state
_RUNG = 12  # the same of a rung of a ladder, where both densities are kept with their gradients
STATE_BYTES = _FLOAT64 * _STATE  # of a coordinate of a chain
_TRACES = 2  # numbers of every draw that are kept in any case: log_density and acceptance


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is kept of the draws of a run."""

    chains: int
    dim: int
    keep: Keep | Moments
    coordinates: NDArray[np.intp] | None
    gradients: bool
    width: int  # numbers kept of a draw
    rungs: int = 0  # of ladders, whose log ratios are kept too

    @property
    def keeps_points(self) -> bool:
        """Whether what is kept of a draw is the draw."""
        return isinstance(self.keep, Keep) and self.coordinates is None and self.function is None

    @property
    def function(self) -> Function | None:
        """What draws are mapped by."""
        return self.keep.function if isinstance(self.keep, Keep) else None

    def mapping(self, function: Function | None) -> Wanted:
        """Return the same with another function."""
        return replace(self, keep=replace(self.keep, function=function)) if isinstance(self.keep, Keep) else self

    @property
    def files(self) -> tuple[Path, Path] | None:
        """Where draws and gradients go."""
        if not isinstance(self.keep, Keep) or self.keep.file is None:
            return None
        path = Path(self.keep.file)
        return path, path.with_name(f"{path.stem}.gradients{path.suffix}")

    def handed(self, *, whole: bool) -> int:
        """Return the numbers of a draw that the core hands over."""
        if whole:
            return 2 * self.dim
        return self.dim if isinstance(self.keep, Moments) else self.width * (1 + self.gradients)

    def in_core(self, *, whole: bool) -> tuple[list[int] | None, bool]:
        """Return the coordinates and gradients that the core stores; `whole` draws go through Python."""
        chosen = None if self.coordinates is None or whole else self.coordinates.tolist()
        return chosen, self.gradients or whole


class Store(Protocol):
    """Where kept draws go."""

    def add(self, draws: F64, gradients: F64 | None) -> None:
        """Take up draws (chains, n, width)."""


class Memory:
    """
    Arrays of all draws, of which the last ones are missing where the run ended early.

    Those of an earlier part of the run come first: they are copied before any is made, not when it ends.
    """

    def __init__(self, wanted: Wanted, n: int, before: tuple[F64 | None, F64 | None] = (None, None)) -> None:
        self.begun = self.count = 0 if before[0] is None else before[0].shape[1]
        self._shape = (wanted.chains, self.count + n, wanted.width)
        self.arrays: list[F64 | None] = [None, None]
        for k, values in enumerate(before):
            if values is not None:
                whole = self._room(k)
                for chain, earlier in enumerate(values):
                    whole[chain, : self.count] = earlier

    def _room(self, k: int) -> F64:
        whole = self.arrays[k]
        if whole is None:
            whole = self.arrays[k] = np.empty(self._shape)
        return whole

    def add(self, draws: F64, gradients: F64 | None) -> None:
        """Copy a part of the draws."""
        end = self.count + draws.shape[1]
        for k, values in enumerate((draws, gradients)):
            if values is not None:
                self._room(k)[:, self.count : end] = values
        self.count = end

    def fits(self, n: int) -> bool:
        """Whether arrays of so many draws are all that will be there."""
        return n == self._shape[1]

    def own(self, draws: F64, gradients: F64 | None) -> None:
        """Take arrays with room for all draws as they are."""
        self.arrays[:] = draws, gradients


class Files:
    """Files of draws and gradients."""

    def __init__(
        self, wanted: Wanted, paths: tuple[Path, Path], count: int, *, begins: bool, last: tuple[F64, ...]
    ) -> None:
        used = paths if wanted.gradients else paths[:1]
        shape = wanted.chains, wanted.width
        self.begins = begins
        self.files: list[DrawFile] = []
        try:
            for path, row in zip_longest(used, last):
                self.files.append(DrawFile(path, *shape, count, begins=begins, last=row))
        except BaseException:
            self.discard()
            raise

    def last(self) -> tuple[F64, ...]:
        """Return the last row of each file, none where there are no draws."""
        return tuple(file.last for file in self.files if file.last is not None)

    def discard(self) -> None:
        """Close the files; those that were made here and have no draws go away."""
        for file in self.files:
            file.discard()

    def add(self, draws: F64, gradients: F64 | None) -> None:
        """Write in the background."""
        self.files[0].append(draws)
        if gradients is not None:
            self.files[1].append(gradients)


class Sums:
    """Moments of the draws."""

    def __init__(self, wanted: Wanted, quantiles: tuple[float, ...], n_threads: int) -> None:
        self._quantiles, self._threads, self._shape = quantiles, n_threads, (wanted.dim, wanted.chains)
        self.core = _core.Moments(wanted.dim, wanted.chains, list(quantiles))

    def add(self, draws: F64, gradients: F64 | None) -> None:
        """Take up moments; the draws are not kept."""
        del gradients
        self.core.update(np.ascontiguousarray(draws).ravel(), self._threads)

    def result(self, n: int) -> StreamedMoments:
        """Return the moments of `n` draws of each chain, all there are."""
        d, chains = self._shape
        return StreamedMoments(n, chains, d, *self.core.cuts(), self._quantiles, Later(self.core.table))


@dataclass(eq=False)
class Recorder:
    """Hands every piece of the draws to where it is kept and to the sink."""

    wanted: Wanted
    store: Memory | Files | Sums
    sink: Sink | None
    n: int
    first: int  # number of the first draw
    has_scores: bool  # whether gradients are those at the draws
    whole: bool  # whether whole draws come from the core, for the sink or a function
    count: int = 0
    missed: tuple[int, int] | None = None  # chain and number of the first draw that the sink did not take up
    log_density: list[F64] = field(default_factory=list)
    acceptance: list[F64] = field(default_factory=list)
    ratios: list[F64] = field(default_factory=list)  # of ladders, of earlier parts of the run too
    _paced: int = 1  # draws that a sink takes in a moment
    _timed: int = 1  # draws that are made for a file in a while
    _begun: float = 0.0  # when they were asked for

    @property
    def may_hang(self) -> bool:
        """Whether what takes up draws is the user's. A file is waited for in any case: what is written counts."""
        return self.sink is not None or self.wanted.function is not None

    def rows(self) -> int:
        """Draws to make next: all of them where they are kept as they are."""
        left = self.n - self.count
        if isinstance(self.store, Memory) and not self.whole and self.store.fits(left):
            return left
        fitting = _PIECE // (_FLOAT64 * self.wanted.chains * self.wanted.handed(whole=self.whole))
        self._begun = time.perf_counter()
        timed = self._timed if isinstance(self.store, Files) else left
        return min(left, max(1, fitting), self._paced if self.sink is not None else left, timed)

    def take(self, count: int, draws: F64, gradients: F64, log_density: F64, acceptance: F64, ratios: F64) -> None:
        """Take up the first `count` draws of flat arrays of the core."""
        chains = self.wanted.chains
        n = log_density.size // chains
        self._timed = _next_pace(self._timed, (time.perf_counter() - self._begun) / max(n, 1), _UNWRITTEN)
        x = draws.reshape(chains, n, -1)[:, :count]
        grad = gradients.reshape(chains, n, -1)[:, :count] if gradients.size else None
        self.log_density.append(log_density.reshape(chains, n)[:, :count])
        self.acceptance.append(acceptance.reshape(chains, n)[:, :count])
        if ratios.size:
            self.ratios.append(ratios.reshape(chains, n, -1)[:, :count])
        if isinstance(self.store, Memory) and not self.whole and self.store.fits(n):
            whole = gradients.reshape(chains, n, -1) if gradients.size else None
            self.store.own(draws.reshape(chains, n, -1), whole)
        elif count:
            self.store.add(self._kept(x), self._select(grad) if self.wanted.gradients and grad is not None else None)
        self.count += count
        self._push(self.count - count, x, grad)

    def _select(self, x: F64) -> F64:
        chosen = self.wanted.coordinates
        return x if chosen is None or not self.whole else np.ascontiguousarray(x[:, :, chosen])

    def _kept(self, x: F64) -> F64:
        function = self.wanted.function
        if function is None:
            return self._select(x)
        chains, n, d = x.shape
        return apply(function, np.ascontiguousarray(x).reshape(chains * n, d)).reshape(chains, n, -1)

    def _push(self, at: int, x: F64, grad: F64 | None) -> None:
        """Hand draws over, the first being number `at` of the run; they are kept already, whatever the sink does."""
        if self.sink is None or not x.shape[1]:
            return
        begun = time.perf_counter()
        x.flags.writeable = False
        for row in range(x.shape[1]):
            for chain in range(x.shape[0]):
                scores = grad[chain, row] if grad is not None and self.has_scores else None
                try:
                    self.sink.push(chain, self.first + at + row, x[chain, row], scores)
                except BaseException:
                    self.missed = chain, self.first + at + row
                    raise
        self._paced = _next_pace(self._paced, (time.perf_counter() - begun) / x.shape[1], _PATIENCE)

    def close(self) -> None:
        """Finish what is being written."""
        if isinstance(self.store, Files):
            for file in self.store.files:
                file.close()

    def settle(self) -> None:
        """Count the draws that are kept, where what keeps them failed."""
        if isinstance(self.store, Files):
            self.abandon()
            self.count = min(file.count for file in self.store.files) - self.first

    def abandon(self) -> None:
        """End what is still being written, without a word: something else went wrong."""
        with suppress(Exception):
            self.close()

    def discard(self) -> None:
        """Leave no files of a run that nothing is left of."""
        if isinstance(self.store, Files):
            self.store.discard()

    def told(self) -> str:
        """Return how many draws there are, in words, those of earlier parts of the run among them."""
        words = f"{self.first + self.count} draws of each chain"
        return f"{words}, {self.count or 'none'} of them new" if self.first else words

    def traces(self) -> tuple[F64, F64]:
        """Return log-densities and acceptance, (chains, draws)."""
        empty = [np.zeros((self.wanted.chains, 0))]
        both = [np.concatenate(empty + parts, axis=1)[:, : self.count] for parts in (self.log_density, self.acceptance)]
        return both[0], both[1]

    def tempered(self) -> F64:
        """Return the log ratios on all rungs at all draws so far, (chains, draws, rungs)."""
        if not self.ratios:
            return np.zeros((self.wanted.chains, 0, self.wanted.rungs))
        if len(self.ratios) > 1:
            self.ratios = [np.concatenate(self.ratios, axis=1)]
        return self.ratios[0][:, : self.first + self.count]

    def arrays(self) -> tuple[F64, F64 | None]:
        """Return the draws and gradients that were kept, (chains, draws, width)."""
        chains, width = self.wanted.chains, self.wanted.width
        if isinstance(self.store, Files):
            maps = [file.read() for file in self.store.files]
            maps = [found[:, : self.first + self.count] for found in maps]
            return maps[0], maps[1] if len(maps) > 1 else None
        if isinstance(self.store, Sums):
            return np.zeros((chains, self.count, 0)), None
        empty = np.zeros((chains, 0, width))
        end = self.store.begun + self.count
        found = [empty if whole is None else whole[:, :end] for whole in self.store.arrays]
        draws, gradients = found
        return draws, gradients if self.wanted.gradients else None

    def moments(self) -> StreamedMoments | None:
        """Return the moments, where they are kept."""
        return self.store.result(self.first + self.count) if isinstance(self.store, Sums) else None


def _next_pace(now: int, each: float, seconds: float) -> int:
    """Return how many draws to hand over next, of so many seconds each."""
    return max(1, min(2 * now, int(seconds / max(each, 1e-9))))


def apply(function: Function, x: F64) -> F64:
    """Return what a function of draws (n, d) gives as an (n, m) array, or say what it should give."""
    answer = function(x)
    try:
        given = np.asarray(answer)
        values = np.asarray(given, dtype=np.float64) if given.dtype.kind in "biufO" else None
    except (TypeError, ValueError) as error:
        raise InputError(f"keep.function returned what is no array of real numbers: {error}") from error
    if values is None:
        raise InputError(f"keep.function returned an array of {given.dtype}: it must return real numbers")
    if values.shape[:1] != x.shape[:1] or values.ndim not in {1, 2} or values.shape[1:] == (0,):
        raise InputError(
            f"keep.function returned shape {values.shape} for draws of shape {x.shape}: it must return "
            f"({x.shape[0]},) or ({x.shape[0]}, m), m > 0"
        )
    return values.reshape(x.shape[0], -1)


def check_size(wanted: Wanted, n: int, *, sink: bool, before: int = 0) -> None:
    """
    Refuse a run whose memory or file is too large, before anything is allocated: `before` draws are there already.

    Raises
    ------
    MemoryLimitError
        The chains, what is kept, and what is on its way do not fit into memory, or the file does not fit on its disk.
    """
    chains, dim, rows = wanted.chains, wanted.dim, wanted.chains * n
    per_draw = wanted.width * (1 + wanted.gradients)
    whole = sink or wanted.function is not None
    traces = (_TRACES + 2 * wanted.rungs) * rows + 2 * wanted.rungs * chains * before
    need = (_STATE + _RUNG * wanted.rungs) * chains * dim + traces
    if isinstance(wanted.keep, Moments):
        need += dim * (8 * chains + 4 + 2 * (2 * len(wanted.keep.quantiles) + 3) * bool(wanted.keep.quantiles))
    elif wanted.files is None:
        need += (rows + wanted.chains * before) * per_draw
    if whole or wanted.files is not None or isinstance(wanted.keep, Moments):
        piece = chains * wanted.handed(whole=whole)
        need += 2 * min(max(piece, _PIECE // _FLOAT64), piece * n)
    instead = (
        "draw less, keep every k-th with thin=k, or keep less: keep=sampling.Keep(coordinates=…), Keep(file=…) or "
        "Moments()"
    )
    what = f"{n} draws of {chains} chains"
    if isinstance(wanted.keep, Moments):
        instead = "fewer chains or coordinates, or keep=sampling.Keep(coordinates=…)"
    if 2 * traces > need:
        parts = "log_density, acceptance and the ratios on all rungs" if wanted.rungs else "log_density and acceptance"
        what = f"{parts}, kept of each of {what},"
        instead = "draw less, or keep every k-th with thin=k"
    require_memory(_FLOAT64 * need, what, instead)
    if wanted.files is not None:
        folder = wanted.files[0].absolute().parent
        if not folder.is_dir():
            raise InputError(f"keep.file: there is no folder {str(folder)!r}")
        free = shutil.disk_usage(folder).free
        size = _FLOAT64 * rows * per_draw
        if size > free:
            raise MemoryLimitError(
                f"{n} draws of {chains} chains need {show_bytes(size)} on the disk of keep.file, {show_bytes(free)} "
                "are free: draw less, keep every k-th with thin=k, fewer coordinates, or write to another disk"
            )
