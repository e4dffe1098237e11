"""The newer parts: low epsilon, exact plans, sparse plans, slices."""

from __future__ import annotations

from typing import Any, TypeAlias

import compare
import families

# instance, accuracy, threads, names of peers (None: all of them)
Task: TypeAlias = tuple[Any, float, int, tuple[str, ...] | None]


def _newton(options: Any) -> list[Task]:
    """Give the paper's instance on one core, then all on all of them."""
    accuracy, threads, quick = families.NEWTON_ACCURACY, options.threads, options.quick
    plan: list[Task] = [(i, accuracy, threads, None) for i in families.newton_instances(quick=quick)]
    if threads > 1:
        plan.insert(0, (families.paper_instance(), accuracy, 1, None))
    return plan + [(i, accuracy, threads, ()) for i in families.own_newton_instances(quick=quick)]


def _exact(options: Any) -> list[Task]:
    accuracy, threads, quick = families.EXACT_ACCURACY, options.threads, options.quick
    plan: list[Task] = [(i, accuracy, threads, None) for i in families.exact_instances(quick=quick)]
    plan += [(i, accuracy, threads, ("SciPy assignment",)) for i in families.large_exact_instances(quick=quick)]
    return plan + [(i, accuracy, threads, ()) for i in families.own_exact_instances(quick=quick)]


def _sparse(options: Any) -> list[Task]:
    accuracy = {True: families.QUADRATIC_ACCURACY, False: families.ANY_ACCURACY}
    instances = families.sparse_instances(quick=options.quick)
    return [(i, accuracy[i.max_nonzeros is None], options.threads, None) for i in instances]


def _sliced(options: Any) -> list[Task]:
    instances = families.sliced_instances(quick=options.quick)
    return [(i, families.SLICED_ACCURACY, options.threads, None) for i in instances]


PARTS = {
    "newton": ("Low epsilon", _newton),
    "exact": ("Exact plans", _exact),
    "sparse": ("Sparse plans", _sparse),
    "sliced": ("Slices", _sliced),
}


def measure(part: str, options: Any) -> list[dict[str, Any]]:
    """Measure the table of one part."""
    rows: list[dict[str, Any]] = []
    for instance, accuracy, threads, peers in PARTS[part][1](options):
        found = compare.rows_of(instance, (accuracy,), threads, options, peers=peers)
        compare.tell(instance, threads, found)
        rows += found
    return rows
