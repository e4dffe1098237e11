"""Draws in a growing `.npy` file whose header always tells what is in it."""

from __future__ import annotations

import io
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wassail.exceptions import InputError

F64 = NDArray[np.float64]


def check_path(path: str | PathLike[str], name: str = "path") -> Path:
    """Return where a file can be, given by the argument of this name."""
    given: object = path
    if not isinstance(given, str | PathLike) or not Path(path).name:
        raise InputError(f"{name} must be the path of a file, got {str(path)!r}")
    final = Path(path)
    if not final.absolute().parent.is_dir():
        raise InputError(f"{name} {str(path)!r}: there is no folder {str(final.parent)!r}")
    if final.is_dir():
        raise InputError(f"{name} {str(path)!r} is a folder")
    return final


def _header(shape: tuple[int, int, int]) -> bytes:
    """Return the header of a file of this shape; NumPy pads it so that the first axis may grow."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


class DrawFile:
    """
    A file of shape (draws, chains, k), written by a thread of its own.

    Rows are written before the header counts them, so that what is there can be read at any time, however the process
    ends. A map of the whole file in advance would break on a full disk instead of raising.

    What goes on after `count` draws is told the `last` of them, (chains, k), to know the file by.
    """

    def __init__(
        self, path: Path, chains: int, width: int, count: int, *, begins: bool, last: F64 | None = None
    ) -> None:
        self.path, self.count, self.last, self._begins = path, count, last, begins
        self._shape = (chains, width)
        self._offset = len(_header((0, chains, width)))
        self._found = 0  # draws that were there: results of a run that went further have maps of them
        if not begins:
            self._found = self._check(chains, width)
        try:
            self._file = path.open("x+b" if begins else "r+b")
        except FileExistsError as error:
            raise InputError(
                f"keep.file {str(path)!r} exists: draws are not written over, remove it or take another name"
            ) from error
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wassail-file")
        self._pending: Future[None] | None = None
        if begins:
            try:
                self._write_header()
            except BaseException:
                self.discard()
                raise

    def _check(self, chains: int, width: int) -> int:
        """Return how many draws there are, in a file of the run that goes on."""
        found = self._there()
        if found.shape[1:] != (chains, width) or found.shape[0] < self.count or found.dtype != np.dtype("<f8"):
            raise InputError(f"keep.file {str(self.path)!r} has shape {found.shape}, which is not that of the state")
        same = self.last is None or found[self.count - 1].tobytes() == self.last.tobytes()
        if not same or found.offset != self._offset or not found.flags.c_contiguous:
            raise InputError(
                f"keep.file {str(self.path)!r} is not the file of the state: its draw {self.count - 1} is another, or "
                "something else wrote it"
            )
        return int(found.shape[0])

    def _there(self) -> np.memmap[Any, Any]:
        """Return a map of the file as it is, or say why there is none."""
        name = f"keep.file {str(self.path)!r} of the state"
        try:
            return np.lib.format.open_memmap(self.path, mode="r")
        except FileNotFoundError as error:
            raise InputError(
                f"{name} is not there: if the files of the run were moved, file= takes the new place of the draws"
            ) from error
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}") from error
        except Exception as error:
            raise InputError(f"{name} is no .npy file of draws, or was cut short") from error

    def _write_header(self) -> None:
        header = _header((self.count, *self._shape))
        if len(header) != self._offset:
            raise RuntimeError("headers of npy files changed their length")
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()

    def _write(self, rows: F64) -> None:
        row = 8 * self._shape[0] * self._shape[1]
        if self.count < self._found:  # from here on there are others
            self._write_header()
        self._file.seek(self._offset + self.count * row)
        self._file.write(np.ascontiguousarray(rows.transpose(1, 0, 2), dtype="<f8").data)
        self._file.flush()
        self.count += rows.shape[1]
        self._write_header()
        self.last = rows[:, -1].copy()

    def append(self, rows: F64) -> None:
        """Write draws (chains, n, k) in the background, after those before them."""
        self.wait()
        self._pending = self._executor.submit(self._write, rows)

    def wait(self) -> None:
        """Wait for what is being written, and raise what went wrong."""
        pending, self._pending = self._pending, None
        if pending is not None:
            try:
                pending.result()
            except OSError as error:
                error.add_note(f"{self.path} holds the first {self.count} draws of each chain")
                raise

    def close(self) -> None:
        """Finish writing."""
        if self._file.closed:
            return
        try:
            self.wait()
        finally:
            self._executor.shutdown()
            row = 8 * self._shape[0] * self._shape[1]
            # A shorter file would end the process that looks at a map of it.
            self._file.truncate(self._offset + max(self.count, self._found) * row)
            self._file.close()

    def discard(self) -> None:
        """Close the file as it is; one that was made here and has no draws goes away."""
        self._executor.shutdown()
        with suppress(OSError):  # of what could not be written before
            self._file.close()
        if self._begins and not self.count:
            self.path.unlink(missing_ok=True)

    def read(self) -> F64:
        """Return what was written as a read-only map of shape (chains, draws, k)."""
        if not self.count or not self._shape[1]:
            return np.zeros((self._shape[0], self.count, self._shape[1]))
        found: F64 = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return found.transpose(1, 0, 2)
