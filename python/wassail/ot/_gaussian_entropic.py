r"""Entropic transport between two Gaussians, with hard or soft marginals, in closed form.

The balanced and the unbalanced case are one computation here. Notation, with
:math:`\sigma^2 = \varepsilon/2`, :math:`\tau = \rho/(\rho+\varepsilon)`,
:math:`\kappa = 1-\tau` for either side (a hard marginal has :math:`\tau = 1`), and
:math:`\delta = m_a - m_b`:

The potentials are quadratic. With the matrices ``X`` and ``Y`` such that the plan has precision
:math:`\sigma^{-2} [[X, -I], [-I, Y]]`, the two Sinkhorn updates read

.. math::

    X = \bar A^{-1} + \tau_a Y^{-1}, \quad Y = \bar B^{-1} + \tau_b X^{-1}, \quad
    \bar A = A (\sigma^2 I + \kappa_a A)^{-1}, \quad \bar B = B (\sigma^2 I + \kappa_b B)^{-1}.

Let :math:`\bar A^{1/2} \bar B^{1/2} = U S V^\top`, ``left`` = :math:`\bar A^{1/2} U` and ``right``
= :math:`\bar B^{1/2} V`. Then everything is diagonal between these two bases, for singular
covariances too: :math:`X^{-1} = L x^{-1} L^\top`, :math:`Y^{-1} = R y^{-1} R^\top`, where
:math:`t = xy` solves :math:`t = (t - \tau_a s^2)(t - \tau_b s^2)`, :math:`y = t - \tau_a s^2`,
:math:`x = t - \tau_b s^2`, and the plan's covariance is

.. math::

    \sigma^2 \begin{pmatrix} L (y/w) L^\top & L (s/w) R^\top \\ R (s/w) L^\top & R (x/w) R^\top
    \end{pmatrix}, \qquad w = t - s^2.

For :math:`\rho_a = \rho_b` this is the closed form of Janati et al. (arXiv:2006.02572).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wassail.exceptions import NumericalError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wassail.ot._gaussian_input import Gaussian


@dataclass(frozen=True)
class Side:
    """What belongs to one of the two marginals."""

    mass: float
    rho: float
    epsilon: float
    gaussian: Gaussian

    @property
    def tau(self) -> float:
        r""":math:`\rho / (\rho + \varepsilon)`, 1 for a hard marginal."""
        return 1.0 / (1.0 + self.epsilon / self.rho)

    @property
    def kappa(self) -> float:
        r""":math:`\varepsilon / (\rho + \varepsilon)`, 0 for a hard marginal."""
        return self.epsilon / (self.epsilon + self.rho)

    @property
    def log_det(self) -> float:
        r""":math:`\log\det(I + \kappa A / \sigma^2)`."""
        ratio = 2.0 * self.kappa * self.gaussian.values / self.epsilon
        return float(np.log1p(ratio).sum())

    def whitener(self) -> NDArray[np.float64]:
        r""":math:`(\sigma^2 I + \kappa A)^{-1/2}`."""
        half = 0.5 * self.epsilon
        return self.gaussian.function(lambda v: 1.0 / np.sqrt(half + self.kappa * v))


@dataclass(frozen=True)
class Link:
    """The basis in which both covariances and the plan are diagonal, and the diagonals."""

    white_left: NDArray[np.float64]  # (d, d): left = A^{1/2} white_left
    white_right: NDArray[np.float64]
    left: NDArray[np.float64]  # (d, d)
    right: NDArray[np.float64]
    s: NDArray[np.float64]  # (d,)
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    w: NDArray[np.float64]


def link(a: Side, b: Side) -> Link:
    """Diagonalize the coupling of two sides."""
    white_a, white_b = a.whitener(), b.whitener()
    root_a, root_b = a.gaussian.function(np.sqrt), b.gaussian.function(np.sqrt)
    left, s, right = np.linalg.svd(white_a @ root_a @ root_b @ white_b)
    white_left, white_right = white_a @ left, white_b @ right.T
    x, y, w = _diagonals(s, a, b)
    return Link(white_left, white_right, root_a @ white_left, root_b @ white_right, s, x, y, w)


def _diagonals(
    s: NDArray[np.float64], a: Side, b: Side
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return x, y, w without cancellation."""
    with np.errstate(all="ignore"):  # what leaves the range is refused below
        square = s * s
        skew = square * (a.kappa - b.kappa)  # s² (τ_b − τ_a)
        root = np.hypot(1.0 + skew, 2.0 * s * np.sqrt(a.tau))
        t = 0.5 * (1.0 + square * (a.tau + b.tau) + root)
        larger = 0.5 * (1.0 + np.abs(skew) + root)
        x, y = (t / larger, larger) if a.kappa >= b.kappa else (larger, t / larger)
        beta = 1.0 - square * (a.kappa + b.kappa)
        slack = 1.0 - square * a.kappa * b.kappa
        w = np.where(beta >= 0.0, 0.5 * (beta + root), 2.0 * square * slack / (root - beta))
    if not (np.isfinite(root).all() and (w > 0.0).all()):
        raise NumericalError("the plan is out of reach of float64: epsilon or rho is too small against the covariances")
    return x, y, w


@dataclass(frozen=True)
class Shift:
    """First-order terms: what the distance of the means does to potentials and plan."""

    delta: NDArray[np.float64]  # (d,) mean_a − mean_b
    p: NDArray[np.float64]  # f has the linear part 2 (delta − p), g has −2 (delta − q)
    q: NDArray[np.float64]
    white_a: NDArray[np.float64]  # A^{-1/2} (mean of the plan's x − mean_a)
    white_b: NDArray[np.float64]
    move_a: NDArray[np.float64]  # the same two, not whitened
    move_b: NDArray[np.float64]


def shift(a: Side, b: Side, k: Link) -> Shift:
    """Solve the two linear equations of the linear parts; all zero when both marginals are hard."""
    delta = a.gaussian.mean - b.gaussian.mean
    both = a.tau * b.tau
    loss = a.kappa + b.kappa - a.kappa * b.kappa  # 1 − τ_a τ_b
    pull = both * k.s / (k.w + k.s * k.s * loss)
    h = a.kappa * delta + a.tau * b.kappa * k.right @ ((k.right.T @ delta) / k.y)
    p = h + k.right @ (pull * (k.left.T @ h))
    h = b.kappa * delta + b.tau * a.kappa * k.left @ ((k.left.T @ delta) / k.x)
    q = h + k.left @ (pull * (k.right.T @ h))
    lp, rq = k.left.T @ p, k.right.T @ q
    in_a = (k.s * rq - k.y * lp) / k.w
    in_b = (k.x * rq - k.s * lp) / k.w
    white_a, white_b = k.white_left @ in_a, k.white_right @ in_b
    return Shift(delta, p, q, white_a, white_b, k.left @ in_a, k.right @ in_b)
