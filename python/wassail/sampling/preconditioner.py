"""What warm-up learns about the shape of a density."""

from __future__ import annotations

import enum

from wassail.exceptions import InputError


class Preconditioner(enum.IntEnum):
    r"""
    Linear map that warm-up learns, in whose coordinates chains move.

    Attributes
    ----------
    NONE
        The identity.
    DIAGONAL
        The scales :math:`s_i^2 = \sqrt{\operatorname{var} x_i / \operatorname{var} \partial_i \log \pi}`.
    LOW_RANK
        Besides, in the span of up to 128 draws and gradients, the geometric mean of the covariance of draws and the
        inverse covariance of gradients, where it differs from the scales: O(kd) more a gradient for k directions, and
        exact on Gaussians with more draws than dimensions below 128.

    Notes
    -----
    On densities of the whole space :math:`\mathrm{E}[(x - m)(-\nabla \log \pi)^\top] = I` by integration by parts, so
    that the covariance of gradients is at least the inverse of that of draws. A hard edge takes that away: where more
    than one in a thousand steps of a window leave the support, both maps are at most as wide as the draws.

    References
    ----------
    Seyboldt, Carlson, Carpenter, "Preconditioning Hamiltonian Monte Carlo by minimizing Fisher divergence" (2026),
    arXiv:2603.18845.
    """

    NONE = 0
    DIAGONAL = 1
    LOW_RANK = 2


def as_preconditioner(value: Preconditioner | bool | None, *, adapts: bool) -> Preconditioner:
    """Return what was asked for; None asks for a diagonal where the step size is adapted as well."""
    if isinstance(value, Preconditioner):
        return value
    if value is None:
        return Preconditioner.DIAGONAL if adapts else Preconditioner.NONE
    if isinstance(value, bool):
        return Preconditioner.DIAGONAL if value else Preconditioner.NONE
    raise InputError(f"precondition must be a wassail.sampling.Preconditioner, True or False, got {value!r}")
