"""Densities of the core that were made by the samplers themselves."""

from __future__ import annotations

from wassail import _core
from wassail.sampling.targets import Target


class Prepared(Target):
    """A density of the core as a target."""

    def __init__(self, core: _core.Target) -> None:
        self._core = core

    @property
    def dim(self) -> int:
        """Dimension."""
        return self._core.dim

    def _core_target(self) -> _core.Target:
        return self._core
