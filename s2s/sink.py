"""Where a call puts what its client is told."""

from __future__ import annotations

from typing import Protocol

from s2s.conversation.facts import Fact


class Sink(Protocol):
    """Where a mode takes what the client is told; it never waits."""

    @property
    def room(self) -> bool:
        """Whether more sound would be taken; once there is room again, the mode calls `LiveCall.resume`."""

    @property
    def playing(self) -> bool:
        """Whether something of an answer waits here to be played: a mode that paces it is behind the conversation."""

    def tell(self, fact: Fact) -> None:
        """Take a fact; control facts are taken always."""
