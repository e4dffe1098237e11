"""Frozen dataclasses that cache derived values and pickle their fields only."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


class FieldsOnly:
    """Leaves cached properties (compiled handles, dense plans) out of pickles and copies."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)  # the instance is frozen: setattr would refuse


class ReadOnly(FieldsOnly):
    """Also locks its arrays, sparse ones too: what was checked and what is cached would not follow a change."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            sparse = hasattr(value, "indptr")
            for array in (value.data, value.indices, value.indptr) if sparse else (value,):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__post_init__()
