"""A test of goodness of fit that sees wrong proportions of modes: perturb the sample, then test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wassail._arrays import check_finite, real_array
from wassail._rng import Seed, make_generator
from wassail._validate import check_integer, check_positive
from wassail.discrepancy._samples import F64
from wassail.discrepancy.goodness import ksd_test
from wassail.discrepancy.results import MonteCarloTest
from wassail.exceptions import InputError
from wassail.kernels import GroupAverage, Stein, check_points

_ASYMMETRY = 1e-8

Perturbation: TypeAlias = Callable[[F64, np.random.Generator], ArrayLike]  # X (n, d), rng -> (n, d)


@dataclass(frozen=True, eq=False)
class ModeJumps:
    r"""
    Jumps between the modes of a density p, which leave p as it is.

    From x a jump draws two different modes i and j and proposes

    .. math:: y = \mu_j + L_j \bigl(L_i^{-1} (x - \mu_i) + o\, u_{ij}\bigr), \quad
        u_{ij} = (\mu_j - \mu_i) / |\mu_j - \mu_i|

    which it accepts with probability :math:`\min\bigl(1, \frac{p(y) |\det L_j|}{p(x) |\det L_i|}\bigr)`. The jump back
    from y is drawn equally often and undoes it, as :math:`u_{ji} = -u_{ij}`, so that each jump is reversible with
    respect to p. Of a sample with wrong proportions more points jump one way than the other. They land beside the mode,
    by o standard deviations, which makes the mode lopsided: that a score can see. Without overshoot the
    jumps would only mend the proportions.

    Parameters
    ----------
    log_density : callable
        ``log_density(X)`` of points (n, d) returns log p up to a constant, (n,); -inf where p is 0.
    modes : array_like of shape (k, d)
        Centers of at least two modes, all different, found without the sample that is tested.
    covariances : array_like of shape (k, d, d), optional
        Of the modes, :math:`L_i L_i^T`; the identity by default.
    overshoot : float, default 1.5
        o, positive.
    n_steps : int, default 4
        Jumps of each point. Many more mend the proportions before they are tested.

    Examples
    --------
    >>> import numpy as np
    >>> from wassail import discrepancy
    >>> def log_density(x):
    ...     return np.logaddexp(-np.sum((x - 5.0) ** 2, axis=1) / 2.0, -np.sum((x + 5.0) ** 2, axis=1) / 2.0)
    >>> jumps = discrepancy.ModeJumps(log_density, [[-5.0], [5.0]])
    >>> jumps(np.array([[-5.0], [-6.0]]), np.random.default_rng(0)).shape
    (2, 1)
    """

    log_density: Callable[[F64], ArrayLike]
    modes: ArrayLike
    covariances: ArrayLike | None = None
    overshoot: float = 1.5
    n_steps: int = 4

    def __post_init__(self) -> None:
        """Check the modes and factor their covariances."""
        modes = np.asarray(check_points(self.modes, "modes"), dtype=np.float64)
        k, d = modes.shape
        if k < 2:
            raise InputError(f"modes has {k} rows, at least two are needed to jump between")
        covariances = np.broadcast_to(np.eye(d), (k, d, d))
        if self.covariances is not None:
            covariances = real_array(self.covariances, "covariances", ndim=(3,))
            check_finite(covariances, "covariances")
            if covariances.shape != (k, d, d):
                raise InputError(f"covariances must have shape {(k, d, d)}, got {covariances.shape}")
            if np.abs(covariances - covariances.transpose(0, 2, 1)).max() > _ASYMMETRY * np.abs(covariances).max():
                raise InputError("covariances must be symmetric")
        try:
            roots = np.linalg.cholesky(covariances.astype(np.float64))
        except np.linalg.LinAlgError:
            raise InputError("covariances must be positive definite") from None
        object.__setattr__(self, "modes", modes)
        object.__setattr__(self, "covariances", roots @ roots.transpose(0, 2, 1))
        if not callable(self.log_density):
            raise InputError(f"log_density must be callable as log_density(X), got {self.log_density!r}")
        gaps = np.hypot.reduce(np.abs(modes[:, None] - modes[None]), axis=2) + np.eye(k)
        if not 0.0 < gaps.min() <= gaps.max() < np.inf:
            raise InputError("modes must be different points at finite distances")
        object.__setattr__(self, "overshoot", check_positive(self.overshoot, "overshoot"))
        object.__setattr__(self, "n_steps", check_integer(self.n_steps, "n_steps", minimum=1))

    def _log_density(self, x: F64) -> F64:
        values = np.asarray(self.log_density(x), dtype=np.float64)
        if values.shape != x.shape[:1]:
            raise InputError(f"log_density must return {x.shape[0]} numbers, got shape {values.shape}")
        wrong = np.isnan(values) | (values == np.inf)
        if wrong.any():
            where = int(wrong.argmax())
            raise InputError(f"log_density must be a number below inf, it is {values[where]} at {x[where].tolist()}")
        return values

    def __call__(self, x: ArrayLike, rng: np.random.Generator) -> F64:
        """Return the points after `n_steps` jumps each."""
        x = np.array(check_points(x, "x"), dtype=np.float64)
        modes = np.asarray(self.modes)
        if x.shape[1] != modes.shape[1]:
            raise InputError(f"x has {x.shape[1]} coordinates and the modes {modes.shape[1]}")
        roots = np.linalg.cholesky(np.asarray(self.covariances))
        volumes = np.linalg.slogdet(roots)[1]
        whiten = np.linalg.inv(roots)
        n, k = x.shape[0], modes.shape[0]
        log_p = self._log_density(x.copy())
        for _ in range(self.n_steps):
            i = rng.integers(k, size=n)
            j = (i + rng.integers(1, k, size=n)) % k
            across = modes[j] - modes[i]
            z = np.einsum("nab,nb->na", whiten[i], x - modes[i])
            z += self.overshoot * (across / np.hypot.reduce(np.abs(across), axis=1)[:, None])
            y = modes[j] + np.einsum("nab,nb->na", roots[j], z)
            y = np.where(np.isfinite(y).all(axis=1)[:, None], y, x)  # no jump out of float64
            log_q = self._log_density(y.copy())
            # Where p(x) = 0 any point is better: the sample may be wrong.
            gain = np.where(np.isneginf(log_p), np.inf, log_q - np.where(np.isneginf(log_p), 0.0, log_p))
            accepted = np.log1p(-rng.random(n)) < gain + volumes[j] - volumes[i]
            x[accepted], log_p[accepted] = y[accepted], log_q[accepted]
        return x


def perturbed_ksd_test(
    x: ArrayLike,
    kernel: Stein | GroupAverage,
    perturb: Perturbation,
    *,
    n_bootstraps: int = 999,
    rng: Seed = None,
    n_threads: int | None = None,
) -> MonteCarloTest:
    r"""
    Test whether a sample comes from a density p that has separated modes.

    The score of p hardly depends on the proportions of modes that are far apart, so that KSD does not see them. A
    Markov transition that leaves p unchanged makes them visible: a sample of p stays one, while of a sample with wrong
    proportions more points move one way than the other, which distorts the modes themselves.

    Parameters
    ----------
    x : array_like of shape (n, d) or (n,)
        Independent points, at least two.
    kernel : Stein or GroupAverage
        The Stein kernel of p, with its score.
    perturb : callable
        ``perturb(X, rng)`` moves each of the points (n, d) by a transition that leaves p invariant, independently of
        each other, such as :class:`ModeJumps`.
    n_bootstraps : int, default 999
        Number of simulations.
    rng : int, SeedSequence or Generator, optional
        Source of the transition and of the signs.
    n_threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    MonteCarloTest
        :func:`ksd_test` of the perturbed sample. Its level is right for many points.

    Raises
    ------
    InputError
        An argument is unusable.

    References
    ----------
    X. Liu, A. Duncan, A. Gandy, "Using perturbation to improve goodness-of-fit tests based on kernelized Stein
    discrepancy", ICML 2023, arXiv:2304.14762.

    Examples
    --------
    Seven in ten points at one of two equal modes:

    >>> import numpy as np
    >>> from wassail import discrepancy, kernels
    >>> def log_density(x):
    ...     return np.logaddexp(-np.sum((x - 5.0) ** 2, axis=1) / 2.0, -np.sum((x + 5.0) ** 2, axis=1) / 2.0)
    >>> kernel = kernels.Stein(score=lambda x: 5.0 * np.tanh(5.0 * x) - x)
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=1000) + np.where(rng.random(1000) < 0.7, 5.0, -5.0)
    >>> jumps = discrepancy.ModeJumps(log_density, [[-5.0], [5.0]])
    >>> discrepancy.ksd_test(x, kernel, rng=0).p_value > 0.1
    True
    >>> discrepancy.perturbed_ksd_test(x, kernel, jumps, rng=0).p_value < 0.01
    True
    """
    points = check_points(x, "x")
    if not callable(perturb):
        raise InputError(f"perturb must be callable as perturb(X, rng), got {perturb!r}")
    generator = make_generator(rng)
    moved: NDArray[Any] = np.ascontiguousarray(
        real_array(perturb(points.astype(np.float64), generator), "perturb(x)", ndim=(2,))
    )
    check_finite(moved, "perturb(x)")
    if moved.shape != points.shape:
        raise InputError(f"perturb(x) must have the shape of the points {points.shape}, got {moved.shape}")
    return ksd_test(moved, kernel, n_bootstraps=n_bootstraps, rng=generator, n_threads=n_threads)
