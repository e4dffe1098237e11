"""Whether a gradient is that of its density."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, real_array
from wassail._frozen import ReadOnly
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive
from wassail.exceptions import InputError
from wassail.sampling._target import AnyTarget, as_core

__all__ = ["GradientCheck", "check_gradient"]

F64 = NDArray[np.float64]
Evaluate = Callable[[F64, int], tuple[F64, F64]]

_STEPS = 12  # the longest is a tenth of |x|, and each next one a quarter of the one before
_LONGEST, _RATIO = 0.1, 0.25
_RTOL32 = 1e-4  # of gradients of single precision, sums whose parts cancel
_MOVES = (0.1, 1.0)  # of the size of coordinates, from where derivatives are 0
_INWARD = (0.1, 1e-3, 1e-5)  # from the edge of the support
_LAST = 3  # steps that a difference is made of, at least
_DOUBT = 10.0  # how many times its own estimate a difference may be off
_SHOWN = 10


@dataclass(frozen=True, eq=False, repr=False)
class GradientCheck(ReadOnly):
    """
    Gradients beside central differences; printing it shows the worst coordinates.

    Attributes
    ----------
    point, coordinate : ndarray of shape (checks,)
        Where each check was made.
    moved : ndarray of shape (checks,)
        0 at the point itself. Where a derivative is 0 as far as differences can tell, as at a mode, its sign cannot be
        told: then the point is checked again with all coordinates moved by 0.1 and by 1 of their size. Where the
        support ends too near for differences, it is checked again further in, by 0.1 of the size or less.
    analytic, numeric : ndarray of shape (checks,)
        The target's derivative, and that by differences; NaN where no difference could be formed.
    error : ndarray of shape (checks,)
        |analytic − numeric|.
    uncertainty : ndarray of shape (checks,)
        Estimated error of the difference itself.
    wrong : ndarray of shape (checks,) of bool
        Whether the error is beyond `rtol` of the derivative (the larger of both) plus ten times the uncertainty, or not
        a number.
    unclear : ndarray of shape (checks,) of bool
        Whether both derivatives are 0 within ten times the uncertainty, so that they agree with any sign.
    edge : ndarray of shape (checks,) of bool
        Whether the support ends so near that there is no difference; that is not taken for wrong.
    rtol : float
        Relative tolerance, at least 1e-4 for a density of single precision.
    """

    point: NDArray[np.int64]
    coordinate: NDArray[np.int64]
    moved: F64
    analytic: F64
    numeric: F64
    error: F64
    uncertainty: F64
    wrong: NDArray[np.bool_]
    unclear: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    rtol: float

    @property
    def passed(self) -> bool:
        """Whether no coordinate is wrong."""
        return not bool(self.wrong.any())

    @property
    def untold(self) -> NDArray[np.int64]:
        """Coordinates whose derivative is unclear wherever it was looked at: flat, or nobody can tell here."""
        return np.setdiff1d(self.coordinate, self.coordinate[~self.unclear & ~self.edge])

    def __repr__(self) -> str:
        return f"GradientCheck({int(self.wrong.sum())} of {self.wrong.size} derivatives wrong)"

    def __str__(self) -> str:
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(size > 0.0, self.error / size, 0.0)
        order = np.lexsort((-np.nan_to_num(relative, nan=np.inf), ~self.wrong))[:_SHOWN]
        verdict = "gradient agrees with differences" if self.passed else "GRADIENT IS WRONG"
        limit = f"{self.rtol:g} of their size plus {_DOUBT:g} times the uncertainty (+-)"
        lines = [
            f"{verdict}: {int(self.wrong.sum())} of {self.wrong.size} derivatives off by more than {limit}",
            f"{'point':>6} {'coordinate':>10} {'analytic':>15} {'numeric':>15} {'error':>9} {'+-':>9}",
        ]
        lines += [self._line(int(i)) for i in order]
        if order.size < self.wrong.size:
            lines.append(f"({self.wrong.size - order.size} more, none worse)")
        if self.edge.any():
            first = int(np.argmax(self.edge))
            lines.append(
                f"too near to the edge of the support at {int(self.edge.sum())} places (point {self.point[first]}, "
                f"coordinate {self.coordinate[first]} first) for differences, which were made further in where possible"
            )
        if self.untold.size:
            lines.append(
                f"cannot tell here: the derivatives by {self.untold.size} coordinates ({self.untold[0]} first) are 0 "
                "within their uncertainty at all points, and agree with any sign, or there are none; if the density is "
                "not flat there, look elsewhere or give its scale"
            )
        return "\n".join(lines)

    def _line(self, i: int) -> str:
        notes = [f"moved by {self.moved[i]:g}"] * bool(self.moved[i])
        notes += ["<- wrong"] * bool(self.wrong[i]) + ["at the edge"] * bool(self.edge[i])
        return (
            f"{self.point[i]:>6} {self.coordinate[i]:>10} {self.analytic[i]:>15.8g} {self.numeric[i]:>15.8g} "
            f"{self.error[i]:>9.2g} {self.uncertainty[i]:>9.2g}{''.join('  ' + note for note in notes)}"
        )


def check_gradient(
    target: AnyTarget,
    x: ArrayLike,
    *,
    rtol: float = 1e-6,
    max_coordinates: int = 100,
    scale: ArrayLike = 1.0,
    rng: Seed = 0,
) -> GradientCheck:
    r"""
    Compare the gradient of a target with central differences of its log-density.

    .. math::

        \partial_i \log \pi(x) \approx \frac{16 D_{h/4} - D_h}{15}, \qquad
        D_h = \frac{\log \pi(x + h e_i) - \log \pi(x - h e_i)}{2h},

    over twelve steps h, of which the one is used where neighbors agree best. Where all log-densities are numbers of
    float32, points are rounded to it, and values taken to be.

    Parameters
    ----------
    target : Target, callable or C function
        Whatever a sampler takes.
    x : array_like of shape (d,) or (n, d)
        Points where to look: inside the support, not at a kink. Where the support ends too near, within about 1e-6 of a
        coordinate's size, they are moved inward.
    rtol : float, default 1e-6
        Relative error that is still right; at least 1e-4 where the density computes in float32.
    max_coordinates : int, default 100
        Coordinates to look at in each point, chosen at random where there are more.
    scale : float or array_like of shape (d,), default 1
        Typical sizes of the coordinates: steps start at a tenth of the larger of them and \|x\|.
    rng : int, SeedSequence or Generator, default 0
        For the choice of coordinates.

    Returns
    -------
    GradientCheck
        Prints as a table, worst coordinates first; ``passed`` says whether all agree.

    Raises
    ------
    InputError
        The arguments do not fit, or the density is not finite at a point.

    Notes
    -----
    Takes 24 evaluations a coordinate, all of a point in one call, and three times as many at points where a derivative
    is 0 as far as differences can tell. The first thing to try when a sampler diverges, or accepts almost nothing at
    any step size.

    Examples
    --------
    >>> from wassail import sampling
    >>> def wrong(X):
    ...     return -0.5 * (X**2).sum(axis=1), -X * [1.0, 1.1]
    >>> print(sampling.check_gradient(wrong, [1.0, 2.0]))
    GRADIENT IS WRONG: 1 of 2 derivatives off by more than 1e-06 of their size plus 10 times the uncertainty (+-)
     point coordinate        analytic         numeric     error        +-
         0          1            -2.2              -2       0.2  ...  <- wrong
         0          0              -1              -1  ...
    """
    points = real_array(x, "x", ndim=(1, 2)).astype(np.float64)
    check_finite(points, "x")
    points = np.atleast_2d(points)
    n, d = points.shape
    rtol = check_positive(rtol, "rtol")
    most = check_integer(max_coordinates, "max_coordinates", minimum=1)
    sizes = real_array(scale, "scale", ndim=(0, 1)).astype(np.float64)
    if sizes.shape not in {(), (d,)} or not ((sizes > 0.0) & np.isfinite(sizes)).all():
        raise InputError(f"scale must be positive and of shape () or ({d},)")
    evaluate = _Density(as_core(target, d, points="x").evaluate)
    logp, grad = evaluate.known(points)
    generator = make_generator(rng)
    chosen = np.arange(d) if d <= most else np.sort(generator.choice(d, most, replace=False))
    size = np.maximum(np.abs(points), np.broadcast_to(sizes, (d,)))
    parts = [_check(evaluate, points, size, chosen, logp, grad)]
    if evaluate.is_single:
        evaluate.kind, rtol = np.dtype(np.float32), max(rtol, _RTOL32)
        points = evaluate.placed(points)
        logp, grad = evaluate.known(points)
        parts = [_check(evaluate, points, size, chosen, logp, grad)]
    places, moved = [np.arange(n)], [np.zeros(n)]
    unsure = np.flatnonzero(_unclear(*parts[0][:3]).any(axis=1))
    signs = np.where(generator.integers(0, 2, size=(unsure.size, d)) > 0, 1.0, -1.0)
    for by in _MOVES if unsure.size else ():
        near, logp, grad, inside = _near(evaluate, points[unsure], by * signs * size[unsure])
        if inside.any():
            here = unsure[inside]
            parts.append(_check(evaluate, near[inside], size[here], chosen, logp[inside], grad[inside]))
            places.append(here)
            moved.append(np.full(here.size, by))
    left = np.flatnonzero(parts[0][3].any(axis=1))
    inward = np.zeros((n, d))
    inward[:, chosen] = parts[0][3]
    for by in _INWARD:
        if not left.size:
            break
        near, logp, grad, inside = _near(evaluate, points[left], by * inward[left] * size[left])
        if inside.any():
            here = left[inside]
            parts.append(_check(evaluate, near[inside], size[here], chosen, logp[inside], grad[inside]))
            places.append(here)
            moved.append(np.full(here.size, by))
            left = left[~inside]
    analytic, numeric, uncertainty, edges = (np.concatenate(part).ravel() for part in zip(*parts, strict=True))
    error = np.abs(analytic - numeric)
    allowed = rtol * np.maximum(np.abs(analytic), np.abs(numeric)) + _DOUBT * uncertainty
    place = np.concatenate(places)
    return GradientCheck(
        point=np.repeat(place, chosen.size),
        coordinate=np.tile(chosen, place.size),
        moved=np.repeat(np.concatenate(moved), chosen.size),
        analytic=analytic,
        numeric=numeric,
        error=error,
        uncertainty=uncertainty,
        wrong=~(error <= allowed) & (edges == 0.0),
        unclear=_unclear(analytic, numeric, uncertainty),
        edge=edges != 0.0,
        rtol=rtol,
    )


class _Density:
    """A density, and whether all values so far are numbers of float32, of points that may be rounded to it."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self.kind: np.dtype[Any] = np.dtype(np.float64)
        self.is_single = True

    @property
    def eps(self) -> float:
        """Relative rounding of its values."""
        return float(np.finfo(self.kind).eps)

    def placed(self, points: F64) -> F64:
        """Return the points where it looks at them."""
        return np.ascontiguousarray(points.astype(self.kind, copy=False), dtype=np.float64)

    def __call__(self, points: F64) -> tuple[F64, F64]:
        logp, grad = self._evaluate(np.ascontiguousarray(points), 0)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = logp.astype(np.float32)
            fits = np.array_equal(rounded, logp, equal_nan=True) and bool(np.isfinite(points.astype(np.float32)).all())
        self.is_single = self.is_single and fits
        return logp, grad

    def known(self, points: F64) -> tuple[F64, F64]:
        """Return values and gradients, or say where there are none."""
        logp, grad = self(points)
        bad = ~(np.isfinite(logp) & np.isfinite(grad).all(axis=1))
        if bad.any():
            raise InputError(f"the log-density or its gradient is not finite at x[{int(np.argmax(bad))}]")
        return logp, grad


def _unclear(analytic: F64, numeric: F64, uncertainty: F64) -> NDArray[np.bool_]:
    """Return where both derivatives may be 0."""
    clear: NDArray[np.bool_] = np.maximum(np.abs(analytic), np.abs(numeric)) > _DOUBT * uncertainty
    return ~clear & np.isfinite(uncertainty)


def _near(evaluate: _Density, points: F64, shift: F64) -> tuple[F64, F64, F64, NDArray[np.bool_]]:
    """Return points moved one way, or the other where the first leaves the support; values; and which have them."""
    there, back = evaluate.placed(points + shift), evaluate.placed(points - shift)
    first, second = evaluate(there), evaluate(back)
    usable = np.isfinite(first[0]) & np.isfinite(first[1]).all(axis=1)
    logp = np.where(usable, first[0], second[0])
    grad = np.where(usable[:, None], first[1], second[1])
    return np.where(usable[:, None], there, back), logp, grad, np.isfinite(logp) & np.isfinite(grad).all(axis=1)


def _check(
    evaluate: _Density, points: F64, size: F64, chosen: NDArray[np.int64], logp: F64, grad: F64
) -> tuple[F64, F64, F64, F64]:
    """
    Return derivatives as the target has them and by differences, and how far these may be off, (points, chosen).

    The last is 1 or −1 where there is no difference because the support ends there, the way back into it; else 0.
    """
    each = zip(points, _LONGEST * size, logp, strict=True)
    found = [_differences(evaluate, point, longest, chosen, value) for point, longest, value in each]
    numeric, doubt, edge = (np.stack(part) for part in zip(*found, strict=True))
    return grad[:, chosen], numeric, doubt, edge


def _differences(
    evaluate: _Density, point: F64, longest: F64, chosen: NDArray[np.int64], value: float
) -> tuple[F64, F64, F64]:
    """Return derivatives of the chosen coordinates, how far they may be off, and the way in from an edge."""
    steps = longest[chosen, None] * _RATIO ** np.arange(_STEPS)
    shifted = np.tile(point, (chosen.size, _STEPS, 2, 1))
    rows = np.arange(chosen.size)
    shifted[rows, :, 0, chosen] += steps
    shifted[rows, :, 1, chosen] -= steps
    shifted = evaluate.placed(shifted)
    # The step as it was made, not as it was meant.
    made = shifted[rows, :, 0, chosen] - shifted[rows, :, 1, chosen]
    logp = evaluate(shifted.reshape(-1, point.size))[0].reshape(chosen.size, _STEPS, 2)
    with np.errstate(all="ignore"):
        slopes = (logp[:, :, 0] - logp[:, :, 1]) / made
        better = (slopes[:, 1:] - _RATIO**2 * slopes[:, :-1]) / (1.0 - _RATIO**2)
        rounding = evaluate.eps * (np.abs(logp).max(axis=2) + abs(value)) / np.abs(made)
        doubt = np.abs(better[:, 1:] - better[:, :-1]) + rounding[:, 2:]
    doubt = np.where(np.isfinite(doubt), doubt, np.inf)
    best = np.argmin(doubt, axis=1)
    failed = np.isinf(doubt[rows, best])
    above, below = (np.isfinite(logp[:, -_LAST:, side]).all(axis=1) for side in range(2))
    edge = np.where(failed, above * 1.0 - below * 1.0, 0.0)
    numeric, doubt = better[rows, best + 1], doubt[rows, best]
    return np.where(failed, np.nan, numeric), np.where(failed, np.nan, doubt), edge
