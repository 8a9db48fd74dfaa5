"""A mode is what a process does with the graph: serve a protocol, use the microphone, measure, or just show it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from s2s.engine import Engine
    from s2s.graph import Graph


class ModeError(RuntimeError):
    """A mode can't go on; the message says why, and what to do."""


@dataclasses.dataclass(kw_only=True)
class Mode:
    """The base of every mode: its fields are its options."""

    offline: ClassVar[bool] = False
    """Whether it only looks at the graph, so that no model is loaded."""

    def take(self, config: dict[str, Any]) -> None:
        """Take the whole composed config, for modes that tell it."""

    def check(self, key: str, graph: Graph) -> list[str]:
        """Return what the graph lacks for this mode, one line each that begins with `key`, such as `mode.realtime`."""
        return []

    def show(self, graph: Graph) -> None:
        """Do the work of an offline mode."""

    def bind(self, key: str) -> None:
        """Take what must be free, such as a port, before any model is loaded; raises ConfigError under `key`."""

    def open(self) -> None:
        """Let clients in, now that the models are loaded; `serve` follows at once."""

    @property
    def banner(self) -> list[str]:
        """What is said once it serves: where it listens, and what to try."""
        return []

    async def serve(self, engine: Engine) -> None:
        """Do the work of an online mode, until cancelled."""
