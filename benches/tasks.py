"""What is compared on each kind of instance: wassail's ways, the peers, and how a solution is judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import checks
import ours
import ours_plans
import peers
import peers_plans
from families import Exact, Newton, Sliced, Sparse
from instances import Cloud, Stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from measure import Solution


@dataclass(frozen=True)
class Kind:
    """One kind of instance."""

    instance: type
    own: dict[str, Callable[[Any, int], Callable[[float], Solution]]]
    peers: dict[str, peers.Method]
    error: Callable[[Any, Solution], float]
    slack: float = 1.0  # of the error, where it is estimated


KINDS = {
    kind.instance.__name__: kind
    for kind in (
        Kind(Stored, {ours.NAME: ours.stored}, peers.STORED, checks.stored_error),
        # A sample estimates the error of clouds.
        Kind(Cloud, {ours.NAME: ours.cloud}, peers.CLOUDS, checks.cloud_error, slack=1.15),
        Kind(Newton, ours_plans.NEWTON, peers_plans.NEWTON, checks.stored_error),
        Kind(Exact, ours_plans.EXACT, peers_plans.EXACT, checks.plan_error),
        Kind(Sparse, ours_plans.SPARSE, peers_plans.SPARSE, checks.dual_error),
        Kind(Sliced, ours_plans.SLICED, peers_plans.SLICED, checks.sliced_error),
    )
}


def kind_of(job: dict[str, Any]) -> Kind:
    """Kind of the instance of a job or a row."""
    return KINDS[job["instance"]["type"]]


def is_own(method: str) -> bool:
    """Whether a method is wassail's."""
    return method.startswith(ours.NAME)


def to_dict(instance: Any) -> dict[str, Any]:
    """Describe an instance as plain data for another process."""
    return {"type": type(instance).__name__, **asdict(instance)}


def from_dict(data: dict[str, Any]) -> Any:
    """Invert :func:`to_dict`."""
    fields = dict(data)
    return KINDS[fields.pop("type")].instance(**fields)
