"""A stream of points compressed while it runs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_threads
from wassail.exceptions import InputError
from wassail.kernels import Kernel, check_points, core_kernel, kernel_layout, kernel_points
from wassail.thinning._halving import Halver, draws
from wassail.thinning._plan import check_delta, check_oversampling
from wassail.thinning._stream_state import Held, Rule, State, join
from wassail.thinning.kernel_thin import kernel_thin
from wassail.thinning.results import ThinningResult


class ThinningStream:
    r"""
    Compress a stream of points of any length while it runs, holding :math:`O(2^g \sqrt n)` of them.

    Compress from the leaves up: every :math:`4^{g+1}` points are halved as soon as they are there, and every four
    results of one height are halved together to one of the next. The state depends on the points alone and not on the
    chunks that they came in. Of each height at most three results are held, whose points stand for 2^t of the stream
    each: none is lost.

    Parameters
    ----------
    kernel : Kernel
        k, of which the MMD is taken.
    oversampling : int, default 4
        g: more holds more points and is more exact.
    delta : float, default 0.5
        Probability in (0, 1) that the sub-Gaussian bound may fail with, over the whole stream, however long: halving
        i of height t has :math:`\delta / (2 t (t + 1) i (i + 1))` of it, the result the other half.
    swap_passes : int, default 1
        Rounds of KT-SWAP in each halving, 0 for none.
    rng : int, SeedSequence or Generator, optional
        Source of the random choices, one after the other.
    n_threads : int, optional
        Threads to use; the result is the same, to the last bit, for every number of them.

    Notes
    -----
    :math:`O(4^g \log n)` kernel values a point on average. Streams can be pickled, or saved as arrays by `to_arrays`,
    and go on as if nothing had been, bit for bit. A call that fails or is interrupted leaves the stream as it was.

    References
    ----------
    A. Shetty, R. Dwivedi, L. Mackey, "Distribution compression in near-linear time", ICLR 2022, arXiv:2111.07941.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import kernels, thinning
    >>> stream = thinning.ThinningStream(kernel=kernels.Gaussian(2.0), oversampling=1, rng=0)
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(10):
    ...     stream.push(rng.normal(size=(1000, 2)))
    >>> stream.n, stream.n_held
    (10000, 424)
    >>> stream.result().size
    100
    """

    def __init__(
        self,
        *,
        kernel: Kernel,
        oversampling: int = 4,
        delta: float = 0.5,
        swap_passes: int = 1,
        rng: Seed = None,
        n_threads: int | None = None,
    ) -> None:
        core_kernel(kernel)
        passes = check_integer(swap_passes, "swap_passes", minimum=0)
        rule = Rule(kernel, check_oversampling(oversampling), check_delta(delta), passes)
        self._state = State(rule, copy.deepcopy(make_generator(rng)), check_threads(n_threads))

    @property
    def kernel(self) -> Kernel:
        """The kernel of the discrepancy."""
        return self._state.rule.kernel

    @property
    def n(self) -> int:
        """Number of points pushed."""
        return self._state.n

    @property
    def n_held(self) -> int:
        """Number of points held."""
        return sum(len(part) for parts in self._state.held for part in parts)

    def push(self, x: ArrayLike, *, scores: ArrayLike | None = None) -> None:
        """
        Take up points.

        Parameters
        ----------
        x : array_like, shape (n, d) or (n,)
            The next points, finite.
        scores : array_like, shape (n, d), optional
            For Stein kernels without a score function: ∇ log p at the points.

        Raises
        ------
        InputError
            An argument is unusable; the stream is left as it was.
        """
        points = check_points(x, "x")
        self._take(points, scores, 0, np.arange(self.n, self.n + len(points)))

    def sink(self) -> ThinningSink:
        """Return the end of the stream that a running sampler pushes its draws into, one by one."""
        return ThinningSink(self.kernel, self._take)

    def _take(self, points: NDArray[Any], scores: ArrayLike | None, chain: int, steps: NDArray[np.intp]) -> None:
        packed = np.array(kernel_points(self.kernel, points, "x", scores), dtype=np.float64)
        self._state = self._state.take(packed, points.shape[1], chain, steps)

    def result(self, *, size: int | None = None) -> ThinningResult:
        r"""
        Choose points that stand for all that were pushed; the stream goes on as if nothing had been.

        What is held at each height is halved into what is held at the next one, and all of it thinned by `kernel_thin`.
        Should an odd number of points be halved, the last one goes up as it is or is left out, with a coin.

        Parameters
        ----------
        size : int, optional
            Points to keep, at most those that what is held comes to; √n rounded down by default.

        Returns
        -------
        ThinningResult
            Equally weighted points; `indices` are places in the stream.

        Raises
        ------
        InputError
            Nothing was pushed, or `size` is too large.
        """
        state = self._state
        if state.center is None:
            raise InputError("nothing was pushed yet")
        wanted = isqrt(state.n) if size is None else check_integer(size, "size", minimum=1)
        rng, d, delta = copy.deepcopy(state.rng), state.dimension, 0.25 * state.rule.delta
        heights = [height for height, parts in enumerate(state.held) if parts]
        pool, spent = join(state.held[heights[0]]), state.spent
        for height in range(heights[0], heights[-1]):
            pool, formed = _halve_all(state.halver(), pool, rng, delta / ((height + 1) * (height + 2)))
            pool = join((*state.held[height + 1], pool))
            spent += formed
        if wanted > len(pool):
            raise InputError(f"size is {wanted}, what is held comes to {len(pool)} points")
        final = kernel_thin(
            np.ascontiguousarray(pool.points[:, :d]),
            size=wanted,
            kernel=self.kernel,
            delta=delta,
            swap_passes=state.rule.swap_passes,
            # A Stein kernel's scores stand beside the points.
            scores=pool.points[:, d:] if pool.points.shape[1] > d else None,
            rng=rng,
            n_threads=state.n_threads or None,
        )
        return ThinningResult(
            indices=pool.labels[final.indices, 2].astype(np.intp),
            points=final.points,
            weights=None,
            kernel=self.kernel,
            centered=False,
            x=None,
            input_weights=None,
            sigma=None,
            n_evaluations=spent + final.n_evaluations,
            n_recomputed=final.n_recomputed,
            n_threads=state.n_threads,
        )

    def origins(self, indices: ArrayLike) -> NDArray[np.int64]:
        """
        Return the chain and the step of points that are held.

        Parameters
        ----------
        indices : array_like of int, shape (k,)
            Places in the stream, as in the `indices` of a result.

        Returns
        -------
        ndarray, shape (k, 2)
            Chain and step of each; chain 0 and the place itself for what was pushed as an array.

        Raises
        ------
        InputError
            A point is not held any more.
        """
        labels = np.zeros((0, 3), np.int64)
        if self.n:
            labels = join(tuple(part for parts in self._state.held for part in parts)).labels
        labels = labels[np.argsort(labels[:, 2])]
        places = np.atleast_1d(np.asarray(indices))
        if places.size and places.dtype.kind not in "iu":
            raise InputError(f"indices must be integers, got {indices!r}")
        at = np.minimum(np.searchsorted(labels[:, 2], places), max(len(labels) - 1, 0))
        if not len(labels) or (labels[at, 2] != places).any():
            raise InputError("indices has points that are not held: take them from a result of the stream as it is")
        return labels[at, :2]

    def merge(self, other: ThinningStream) -> ThinningStream:
        """
        Return the stream of both, this one first; neither is changed.

        Every point held stands for as many as before; what can be halved now is. The random choices of both go into
        those that follow, so that merging the same streams gives the same stream: give them different seeds.

        Parameters
        ----------
        other : ThinningStream
            With the same kernel, oversampling, delta and swap_passes.

        Raises
        ------
        InputError
            The streams differ in an option or in the dimension of their points.
        """
        if not isinstance(other, ThinningStream):
            raise InputError(f"other must be a ThinningStream, got {type(other).__name__}")
        merged = copy.copy(self)
        merged._state = self._state.merge(other._state)  # noqa: SLF001  (another of this class)
        return merged

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as plain arrays, for ``numpy.savez``; the kernel is not among them."""
        return self._state.to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], *, kernel: Kernel) -> ThinningStream:
        """
        Return the stream that `to_arrays` described, which goes on bit for bit.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As `to_arrays` returned them, or as ``numpy.load`` read them.
        kernel : Kernel
            The kernel of the stream.

        Raises
        ------
        InputError
            They are not those of a stream.
        """
        stream = cls(kernel=kernel)
        stream._state = State.from_arrays(arrays, kernel)
        return stream

    def __repr__(self) -> str:
        return f"ThinningStream({self.n} points, {self.n_held} held, kernel={self.kernel!r})"


@dataclass(frozen=True, slots=True)
class ThinningSink:
    """Where a running sampler pushes its draws."""

    kernel: Kernel
    take: Callable[[NDArray[Any], ArrayLike | None, int, NDArray[np.intp]], None]

    def push(self, chain: int, step: int, x: ArrayLike, grad: ArrayLike | None = None) -> None:
        """
        Take up one draw.

        Parameters
        ----------
        chain, step : int
            Where the draw comes from; see `ThinningStream.origins`.
        x : array_like, shape (d,)
            The draw, finite.
        grad : array_like, shape (d,), optional
            ∇ log p there; used by Stein kernels without a score function only.
        """
        point = check_points(np.asarray(x)[None, ...] if np.ndim(x) == 1 else x, "x")
        if len(point) != 1:
            raise InputError(f"x must be one draw of shape (d,), got shape {np.shape(x)}")
        scores = np.asarray(grad)[None, ...] if grad is not None and kernel_layout(self.kernel) is not None else None
        chain = check_integer(chain, "chain", minimum=0)
        self.take(point, scores, chain, np.array([check_integer(step, "step", minimum=0)]))


def _halve_all(halver: Halver, pool: Held, rng: np.random.Generator, delta: float) -> tuple[Held, int]:
    """Halve points; an odd one goes up with a coin."""
    even = len(pool) // 2 * 2
    spare = pool[slice(even, even + int(len(pool) > even and rng.random() < 0.5))]
    if not even:
        return spare, 0
    sizes = np.array([even])
    uniforms = rng.random(int(draws(sizes)[0]))
    chosen, formed = halver.halve(pool.points, np.arange(even), sizes, uniforms, np.array([delta]))
    return join((pool[chosen], spare)), formed
