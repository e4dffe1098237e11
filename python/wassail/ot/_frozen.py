"""Frozen dataclasses that cache derived values and pickle their fields only."""

from dataclasses import fields
from typing import Any


class FieldsOnly:
    """Leaves cached properties (compiled handles, dense plans) out of pickles and copies."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)  # the instance is frozen: setattr would refuse
