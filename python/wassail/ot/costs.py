"""Ground costs between points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from wassail._validate import check_positive, check_real
from wassail.exceptions import InputError

CostName = Literal["sqeuclidean", "euclidean", "cityblock", "cosine"]

_KINDS: dict[str, tuple[int, float, float]] = {
    "sqeuclidean": (0, 2.0, 2.0),
    "euclidean": (1, 2.0, 1.0),
    "cityblock": (2, 1.0, 1.0),
    "cosine": (3, 2.0, 1.0),
}
_PNORM_KIND = 4


@dataclass(frozen=True, slots=True)
class PNorm:
    r"""
    Cost :math:`c(x, y) = \|x - y\|_p^{\mathrm{power}} = \bigl(\sum_k |x_k - y_k|^p\bigr)^{\mathrm{power}/p}`.

    Parameters
    ----------
    p : float
        Order of the norm, at least 1; ``float("inf")`` is the largest difference of coordinates.
    power : float, default 1.0
        Positive exponent of the norm. ``PNorm(2, power=2)`` is the squared Euclidean cost.

    Raises
    ------
    InputError
        `p` is below 1 or `power` is not positive and finite.

    Notes
    -----
    The named costs ``"sqeuclidean"``, ``"euclidean"`` and ``"cityblock"`` have faster loops than their p-norm twins.

    Examples
    --------
    >>> from wassail import ot
    >>> ot.PNorm(3, power=3)
    PNorm(p=3.0, power=3.0)
    """

    p: float
    power: float = 1.0

    def __post_init__(self) -> None:
        """Check the two exponents."""
        p = check_real(self.p, "p")
        if not p >= 1.0:
            raise InputError(f"p must be at least 1, got {self.p!r}")
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "power", check_positive(self.power, "power"))


def cost_code(cost: object) -> tuple[int, float, float]:
    """Return (kind, p, power) as the core wants them."""
    if isinstance(cost, PNorm):
        return _PNORM_KIND, cost.p, cost.power
    if not isinstance(cost, str) or cost not in _KINDS:
        names = ", ".join(f'"{name}"' for name in _KINDS)
        raise InputError(
            f"cost must be one of {names} or PNorm(p, power), got {cost!r}; "
            "any other cost can be given as an (n, m) array"
        )
    return _KINDS[cost]
