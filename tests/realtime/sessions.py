"""Protocols without a socket, for the tests of the wire."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from s2s.conversation.items import Item
from s2s.realtime.commands import Command
from s2s.realtime.dialect import Dialect
from s2s.realtime.frame import Frame
from s2s.realtime.protocol import Protocol
from s2s.realtime.refusal import Refusal
from s2s.realtime.session import Kind, SessionConfig
from s2s.realtime.support import Abilities
from s2s.settings import Settings

ABLE = Abilities(
    images=True,
    honours=frozenset({"speed", "max_tokens", "tools", "truncation", "effort"}),
    voices=("amy", "joe"),
)


def protocol(
    *items: Item,
    settings: Settings | None = None,
    abilities: Abilities = ABLE,
    kind: Kind = "realtime",
    dialect: Dialect | None = None,
) -> Protocol:
    """A session as it begins, over a conversation of these items."""
    beta = dialect is not None and dialect.beta
    config = SessionConfig("sess_1", "s2s", settings or Settings(), 4_000_000_000, abilities, kind, beta)
    return Protocol(config, lambda name: next((item for item in items if item.id == name), None), dialect=dialect)


def asked(session: Protocol, kind: str, /, **fields: Any) -> Command:
    """What a client event becomes."""
    return session.receive(json.dumps({"type": kind, **fields}))


def refused(session: Protocol, frame: str | bytes | dict[str, Any]) -> dict[str, Any]:
    """The `error` of the event that refuses a frame."""
    with pytest.raises(Refusal) as caught:
        session.receive(json.dumps(frame) if isinstance(frame, dict) else frame)
    event = only(session.refused(caught.value))
    assert event["type"] == "error"
    return event["error"]  # type: ignore[no-any-return]


def shown(frame: Frame) -> dict[str, Any]:
    """The event in a frame."""
    event: dict[str, Any] = json.loads(frame.data)
    return event


def update(session: Protocol, /, **fields: Any) -> Settings:
    """The settings after a session.update."""
    command = asked(session, "session.update", session={"type": "realtime", **fields})
    return command.settings  # type: ignore[union-attr]


def only(frames: Iterable[Frame]) -> dict[str, Any]:
    """The event in the only one of these frames."""
    (frame,) = frames
    return shown(frame)


def configured(session: Protocol) -> dict[str, Any]:
    """The whole configuration as session.updated shows it."""
    found: dict[str, Any] = only(session.updated())["session"]
    return found
