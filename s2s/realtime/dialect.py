"""How events are worded for a client: as the protocol is today, or as its beta was."""

from __future__ import annotations

from typing import Any, Protocol

Event = dict[str, Any]


class Dialect(Protocol):
    """Rewrites whole events; `beta` says that fields of the beta which the protocol has lost are taken."""

    beta: bool

    def incoming(self, event: Event) -> Event:
        """Return a client's event as the protocol words it today."""

    def outgoing(self, event: Event) -> list[Event]:
        """Return what a client is told instead of an event of today's protocol."""


class Today:
    """The protocol as it is."""

    beta = False

    def incoming(self, event: Event) -> Event:
        """Return the event as it came."""
        return event

    def outgoing(self, event: Event) -> list[Event]:
        """Return the event as it is."""
        return [event]
