"""What a stream of halvings is at one time: an immutable value, so that what fails changes nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wassail._arrays import check_finite
from wassail.exceptions import InputError
from wassail.kernels import Kernel, core_kernel, kernel_layout
from wassail.thinning._halving import F64, Halver, Indices, draws
from wassail.thinning._plan import check_delta, check_oversampling

Arrays: TypeAlias = dict[str, NDArray[Any]]

_FORMAT = 1
_FAN = 4  # results of one height that are halved together


@dataclass(frozen=True, slots=True)
class Held:
    """Points as the core reads them, and where they come from: chain, step and place in the stream."""

    points: F64
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: slice | Indices) -> Held:
        return Held(self.points[rows], self.labels[rows])


def join(parts: tuple[Held, ...]) -> Held:
    """Return all points of some parts in turn."""
    if len(parts) == 1:
        return parts[0]
    return Held(np.concatenate([part.points for part in parts]), np.concatenate([part.labels for part in parts]))


@dataclass(frozen=True, slots=True)
class Rule:
    """How a stream halves."""

    kernel: Kernel
    oversampling: int
    delta: float
    swap_passes: int

    @property
    def base(self) -> int:
        """Points that are halved as they come."""
        return int(4 ** (self.oversampling + 1))


@dataclass(frozen=True, slots=True)
class State:
    """
    Points held, by height: 0 as they came, each of height t standing for 2^t of the stream.

    Of height t at most three results of `base` 2^t / 4 points each, of height 0 fewer than `base` points.
    """

    rule: Rule
    rng: np.random.Generator
    n_threads: int
    n: int = 0
    dimension: int = 0
    center: F64 | None = None
    spent: int = 0
    held: tuple[tuple[Held, ...], ...] = ((),)
    made: tuple[int, ...] = (0,)
    """Halvings that led to each height."""

    def halver(self) -> Halver:
        """Return what halves points of the stream."""
        center = np.zeros(0) if self.center is None else self.center
        return Halver(core_kernel(self.rule.kernel), center, self.rule.swap_passes, self.n_threads)

    def take(self, points: F64, dimension: int, chain: int, steps: Indices) -> State:
        """Return the state after some more points."""
        if self.center is not None and dimension != self.dimension:
            raise InputError(f"x has {dimension} coordinates, the stream has {self.dimension}")
        labels = np.empty((len(points), 3), dtype=np.int64)
        labels[:, 0], labels[:, 1], labels[:, 2] = chain, steps, np.arange(self.n, self.n + len(points))
        center = points[0].copy() if self.center is None else self.center
        held = ((*self.held[0], Held(points, labels)), *self.held[1:])
        after = replace(self, n=self.n + len(points), dimension=dimension, center=center, held=held)
        # What is held as it came is the rest of n by the base, merged or not.
        return after if self.n % self.rule.base + len(points) < self.rule.base else after.settle()

    def settle(self) -> State:
        """Make all halvings that can be made."""
        base, halver, spent = self.rule.base, self.halver(), self.spent
        counts = [sum(map(len, parts)) // (base << t >> 2 if t else 1) for t, parts in enumerate(self.held)]
        offsets, total = schedule(counts, base)
        rng = copy.deepcopy(self.rng)
        uniforms = rng.random(total)
        heights = max(len(self.held), len(offsets) + 1)
        held = [*self.held, *((),) * (heights - len(self.held))]
        made = [*self.made, *(0,) * (heights - len(self.made))]
        for height, at in enumerate(offsets):
            size, count = base << height, len(at)
            if not count:
                continue
            together = join(held[height])
            index = made[height + 1] + 1.0 + np.arange(count)
            deltas = 0.5 * self.rule.delta / ((height + 1) * (height + 2) * index * (index + 1.0))
            some = uniforms[at[:, None] + np.arange(draws(np.array([size]))[0])].ravel()
            order = np.arange(count * size)
            chosen, formed = halver.halve(together.points, order, np.full(count, size), some, deltas)
            held[height + 1] = (*held[height + 1], together[chosen])
            rest = np.arange(count * size, len(together))  # copied: a view would keep all of it
            held[height] = (together[rest],) if rest.size else ()
            made[height + 1] += count
            spent += formed
        return replace(self, rng=rng, spent=spent, held=tuple(held), made=tuple(made))

    def merge(self, other: State) -> State:
        """Return the state of both streams, this one first."""
        if self.rule != other.rule:
            raise InputError(f"streams with different options: {self.rule} and {other.rule}")
        seeds = [int(word) for s in (self, other) for word in copy.deepcopy(s.rng).integers(2**63, size=2)]
        rng = np.random.default_rng(np.random.SeedSequence(seeds))
        if other.center is None or self.center is None:
            return replace(self if other.center is None else other, rng=rng)
        if self.dimension != other.dimension:
            raise InputError(f"other has points of {other.dimension} coordinates, this one of {self.dimension}")
        heights, shift = max(len(self.held), len(other.held)), np.array([0, 0, self.n])
        moved = [tuple(Held(part.points, part.labels + shift) for part in parts) for parts in other.held]
        pad: tuple[tuple[Held, ...], ...] = ((),) * heights
        pairs = zip((*self.held, *pad)[:heights], (*moved, *pad)[:heights], strict=True)
        zeros = (0,) * heights
        counts = zip((*self.made, *zeros)[:heights], (*other.made, *zeros)[:heights], strict=True)
        return replace(
            self,
            rng=rng,
            n=self.n + other.n,
            spent=self.spent + other.spent,
            held=tuple((*mine, *theirs) for mine, theirs in pairs),
            made=tuple(map(sum, counts)),
        ).settle()

    def to_arrays(self) -> Arrays:
        """Return all but the kernel."""
        options = {
            "format": _FORMAT,
            "rule": [self.rule.oversampling, self.rule.delta, self.rule.swap_passes],
            "state": [self.n_threads, self.n, self.dimension, self.spent],
            "made": self.made,
            "rng": self.rng.bit_generator.state,
        }
        text = json.dumps(options, default=lambda array: {"array": array.tolist(), "dtype": str(array.dtype)})
        arrays: Arrays = {"options": np.frombuffer(text.encode(), dtype=np.uint8)}
        if self.center is not None:
            arrays["center"] = self.center
        for height, parts in enumerate(self.held):
            if parts:
                together = join(parts)
                arrays[f"points_{height}"], arrays[f"labels_{height}"] = together.points, together.labels
        return arrays

    def check(self) -> None:
        """Refuse a state that no stream comes to, such as one with an array missing."""
        # Read from a file: nothing is known of their types.
        numbers: tuple[object, ...] = (
            self.n,
            self.dimension,
            self.spent,
            self.n_threads,
            self.rule.swap_passes,
            *self.made,
        )
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise ValueError(f"numbers {numbers}")
        check_oversampling(self.rule.oversampling)
        check_delta(self.rule.delta)
        width = 0 if self.center is None else self.center.size
        beside = 2 if kernel_layout(self.rule.kernel) is not None else 1
        if width != beside * self.dimension:
            raise ValueError(f"{width} numbers a point in {self.dimension} dimensions, the kernel needs {beside} times")
        for parts in self.held:
            for part in parts:
                if part.points.shape != (len(part), width) or part.labels.shape != (len(part), 3):
                    raise ValueError(f"points of shape {part.points.shape}, labels of shape {part.labels.shape}")
                check_finite(part.points, "points")
        if len(self.held) != len(self.made) or sum(len(p) << t for t, ps in enumerate(self.held) for p in ps) != self.n:
            raise ValueError(f"the points held do not stand for the {self.n} of the stream")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], kernel: Kernel) -> State:
        """Undo `to_arrays`."""
        try:
            options = json.loads(bytes(arrays["options"]).decode(), object_hook=_read_array)
            if options["format"] != _FORMAT:
                raise InputError(f"the arrays are of format {options['format']}, this version reads {_FORMAT}")
            bits = getattr(np.random, options["rng"]["bit_generator"])()
            bits.state = options["rng"]
            n_threads, n, dimension, spent = options["state"]
            made = tuple(options["made"])
            held = []
            for t in range(len(made)):
                there = f"points_{t}" in arrays
                points = np.array(arrays[f"points_{t}"], dtype=np.float64) if there else np.zeros((0, 1))
                labels = np.array(arrays[f"labels_{t}"], dtype=np.int64) if there else np.zeros((0, 3), np.int64)
                held.append((Held(points, labels),) if there else ())
            center = np.array(arrays["center"], dtype=np.float64) if "center" in arrays else None
            rule, rng = Rule(kernel, *options["rule"]), np.random.Generator(bits)
            state = cls(rule, rng, n_threads, n, dimension, center, spent, tuple(held), made)
            state.check()
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"arrays is not what to_arrays returned: {error!r}") from error
        return state


def _read_array(item: dict[str, Any]) -> object:
    """Undo the writing of an array."""
    return np.array(item["array"], dtype=item["dtype"]) if set(item) == {"array", "dtype"} else item


def schedule(counts: list[int], base: int) -> tuple[list[Indices], int]:
    """
    Return where the uniforms of each halving start, by height, and how many there are.

    Halvings draw one after the other, as they would be made were the points pushed one by one: `counts` are the
    points of height 0 and the results of each height above.
    """
    starts: list[list[int]] = []
    waiting, total = [0, *counts[1:]], 0

    def halve(height: int) -> None:
        nonlocal total
        starts.extend([] for _ in range(height + 1 - len(starts)))
        waiting.extend(0 for _ in range(height + 2 - len(waiting)))
        starts[height].append(total)
        total += int(draws(np.array([base << height]))[0])
        waiting[height + 1] += 1
        rise(height + 1)

    def rise(height: int) -> None:
        while waiting[height] >= _FAN:
            waiting[height] -= _FAN
            halve(height)

    for height in range(1, len(counts)):
        rise(height)
    for _ in range(counts[0] // base):
        halve(0)
    return [np.array(at, dtype=np.intp) for at in starts], total
