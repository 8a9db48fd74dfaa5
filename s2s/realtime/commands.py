"""What a client's frames ask for."""

from __future__ import annotations

import msgspec

from s2s.conversation import events as ev
from s2s.settings import Settings


class Hear(msgspec.Struct, frozen=True):
    """Take this sound from the client: mono s16le `pcm` at `rate` Hz."""

    pcm: bytes
    rate: int


class CommitInput(msgspec.Struct, frozen=True):
    """End the caller's turn here."""

    event_id: str | None


class ClearInput(msgspec.Struct, frozen=True):
    """Forget the caller's sound since the last commit."""


class Configure(msgspec.Struct, frozen=True):
    """Change the call's settings, then say `session.updated`."""

    settings: Settings


class Tell(msgspec.Struct, frozen=True):
    """Give the conversation an event."""

    event: ev.Event


Command = Hear | CommitInput | ClearInput | Configure | Tell
