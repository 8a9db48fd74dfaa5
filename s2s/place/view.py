"""A caller as each of two stages sees it that may both work in one scope: with pockets of its own."""

from __future__ import annotations

import weakref
from typing import Any

from s2s.settings import Settings
from s2s.stage import Call


class View(Call):
    """A call's scope as one stage sees it: whether it is live, and how urgent, is the call's, until it is given up."""

    __slots__ = ("_call", "_wanted")

    def __init__(self, call: Call, settings: Settings, memory: dict[str, Any], state: dict[str, Any]) -> None:
        self.id = call.id
        self.scope = call.scope
        self.settings = settings
        self.memory = memory
        self.state = state
        self._call = weakref.ref(call)  # who keeps views by their call would otherwise keep both for ever
        self._wanted = True

    def give_up(self) -> None:
        """Want nothing more of the stage in this scope."""
        self._wanted = False

    @property
    def live(self) -> bool:  # type: ignore[override]
        """Whether what the stage gives is still wanted."""
        call = self._call()
        return self._wanted and call is not None and call.live

    @property
    def due(self) -> float:  # type: ignore[override]
        """When work for the scope's next sound should begin."""
        call = self._call()
        return 0.0 if call is None else call.due

    @property
    def playing(self) -> bool:  # type: ignore[override]
        """Whether the caller hears the sound before it."""
        call = self._call()
        return call is not None and call.playing
