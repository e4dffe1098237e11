"""Recombination: few of many weighted points with the same averages, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, real_array
from wassail._frozen import ReadOnly
from wassail._memory import require_matrix
from wassail._validate import check_weights

F64 = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False, repr=False)
class RecombinationResult(ReadOnly):
    """
    A few weighted points.

    Attributes
    ----------
    indices : ndarray of int, shape (k,)
        Rows that are left, ascending; at most one more than there are features.
    weights : ndarray, shape (k,)
        Their weights, positive, with the mass of the input.
    error : float
        Largest difference of an average of a feature, over the largest deviation of that feature from its average.
    """

    indices: Indices
    weights: F64
    error: float

    def __repr__(self) -> str:
        return f"RecombinationResult({self.indices.size} points, error={self.error:.2g})"


def recombine(features: ArrayLike, weights: ArrayLike | None = None) -> RecombinationResult:
    r"""
    Keep few points, weighted anew, whose averages of given features are those of all points.

    .. math:: \sum_{i \in S} v_i \varphi(x_i) = \sum_i w_i \varphi(x_i), \quad v \ge 0, \quad \sum_i v_i = \sum_i w_i,
        \quad |S| \le r + 1

    Such a set exists by Carathéodory's theorem. Points are put into 2 (r + 1) groups, of which at least half are
    removed along null vectors of the groups' averages, until few are left.

    Parameters
    ----------
    features : array_like, shape (n, r) or (n,)
        :math:`\varphi(x_i)`, such as monomials of the points, or a low-rank factor of a kernel matrix; finite.
    weights : array_like, shape (n,), optional
        w, at least 0; equal with sum 1 by default.

    Returns
    -------
    RecombinationResult
        S, v and the error that rounding left.

    Raises
    ------
    InputError
        An argument is unusable.

    Notes
    -----
    O(n r + r³ log(n / r)) time, O(n r) memory. The set depends on the order of the points.

    References
    ----------
    .. [1] M. Tchernychova. Carathéodory cubature measures. PhD thesis, University of Oxford (2015).
    .. [2] S. Hayakawa, H. Oberhauser, T. Lyons. Positively weighted kernel quadrature via subsampling. NeurIPS 2022.
       arXiv:2107.09597.

    Examples
    --------
    Three of many points with the same mean and variance:

    >>> import numpy as np
    >>> from wassail import thinning
    >>> x = np.random.default_rng(0).normal(size=1000)
    >>> result = thinning.recombine(np.column_stack((x, x**2)))
    >>> kept = x[result.indices]
    >>> result.indices.size, bool(abs(result.weights @ kept**2 - np.mean(x**2)) < 1e-12)
    (3, True)
    """
    table = np.asarray(real_array(features, "features", ndim=(1, 2)), dtype=np.float64)
    check_finite(table, "features")
    table = table if table.ndim > 1 else table[:, None]
    n, r = table.shape
    require_matrix(n, 2 * (r + 1), "centered features", "keep fewer features, or recombine the points in parts")
    mass = check_weights(weights, "weights", n)
    total = float(mass.sum())
    share = mass / total
    moments = _standardize(table, share)
    used = np.flatnonzero(share)
    kept, v = _tree(moments, used, share[used])
    v = _polish(moments[kept], v)
    kept, v = kept[v > 0.0], v[v > 0.0]
    order = np.argsort(kept)
    error = float(np.abs(v @ moments[kept, 1:]).max(initial=0.0))
    return RecombinationResult(kept[order], v[order] * total, error)


def _standardize(table: F64, share: F64) -> F64:
    """Return a column of ones, then the features less their average over their largest deviation from it."""
    largest = np.maximum(np.abs(table).max(axis=0), np.finfo(np.float64).tiny)
    unit = table / largest
    unit -= share @ unit
    unit -= share @ unit  # the first average is off by rounding
    deviation = np.abs(unit[share > 0.0]).max(axis=0)
    # What is constant up to rounding is matched by the mass.
    varied = deviation > 8.0 * np.finfo(np.float64).eps
    return np.concatenate((np.ones((len(table), 1)), unit[:, varied] / deviation[varied]), axis=1)


def _tree(moments: F64, kept: Indices, v: F64) -> tuple[Indices, F64]:
    """Remove groups of points until at most twice as many are left as there are moments, then points."""
    k = moments.shape[1]
    while kept.size > 2 * k:
        groups = np.linspace(0, kept.size, 2 * k + 1).astype(np.intp)
        member = np.repeat(np.arange(2 * k), np.diff(groups))
        sums = np.add.reduceat(moments[kept] * v[:, None], groups[:-1], axis=0)
        masses = sums[:, 0]
        factors = _caratheodory(sums / masses[:, None], masses) / masses
        v = v * factors[member]
        kept, v = kept[v > 0.0], v[v > 0.0]
    v = _caratheodory(moments[kept], v)
    return kept[v > 0.0], v[v > 0.0]


def _caratheodory(moments: F64, v: F64) -> F64:
    """Move positive weights along null vectors of the moments (n, k) until at most k are not zero."""
    n, k = moments.shape
    if n <= k:
        return v
    v = v.copy()
    # Orthonormal null vectors, of which one after the other is used up.
    null = np.linalg.qr(moments, mode="complete")[0][:, k:]
    while null.shape[1]:
        direction = null[:, 0] if null[:, 0].max() > 0.0 else -null[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(direction > 0.0, v / direction, np.inf)
        gone = int(np.argmin(steps))
        v = np.maximum(v - steps[gone] * direction, 0.0)
        v[gone] = 0.0
        null = _without(null, gone)
    return v


def _without(null: F64, gone: int) -> F64:
    """Return an orthonormal basis of the null vectors that vanish at a point, by one reflection."""
    row = null[gone].copy()
    row[0] += np.copysign(np.linalg.norm(row), row[0])
    rest = null[:, 1:] - np.outer(null @ row, row[1:] * (2.0 / (row @ row)))
    rest[gone] = 0.0
    return rest


def _polish(moments: F64, v: F64) -> F64:
    """Correct the weights by least squares for the rounding of the way to them, where they stay positive."""
    goal = np.zeros(moments.shape[1])
    goal[0] = 1.0
    better = v + np.linalg.lstsq(moments.T, goal - v @ moments, rcond=None)[0]
    worse = np.abs(better @ moments - goal).max() > np.abs(v @ moments - goal).max()
    return v if worse or better.min() < 0.0 else better
