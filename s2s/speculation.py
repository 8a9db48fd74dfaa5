"""How much is prepared for callers who may go on: answers on trial, how many at once, and how many in vain."""

from __future__ import annotations

import dataclasses

from s2s.conversation import events as ev
from s2s.scope import Scope


@dataclasses.dataclass(frozen=True, kw_only=True)
class Speculation:
    """The section `speculation` of the config."""

    enabled: bool = True
    max_extra_llm: float = 0.6
    max_inflight: int = 4

    def __post_init__(self) -> None:
        if self.max_extra_llm < 0 or self.max_inflight < 0:
            raise ValueError("max_extra_llm and max_inflight should be 0 or more")


class Trials:
    """The answers on trial that are being worked on, of all callers: at most `limit`, since those who wait come first.

    What is asked for beyond that is held, and asked once it is certain that it is wanted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: set[Scope] = set()
        self._held: dict[Scope, list[ev.Send | ev.End]] = {}

    def holds(self, scope: Scope, effect: ev.Send | ev.End) -> bool:
        """Say whether this has to wait for its scope's commit; else it is being worked on from now on."""
        if scope.committed:
            return False
        if isinstance(effect, ev.End):
            held = self._held.get(scope)
            if held is not None:
                held.append(effect)
            return held is not None
        if len(self._running) >= self._limit:
            self._held[scope] = [effect]
            return True
        self._running.add(scope)
        return False

    def over(self, scope: Scope) -> list[ev.Send | ev.End]:
        """Note that a scope is committed or revoked, and return what was held of it."""
        self._running.discard(scope)
        return self._held.pop(scope, [])
