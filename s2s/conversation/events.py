"""What a conversation is told, and what it asks to be done: its whole surface."""

from __future__ import annotations

from typing import Any

import msgspec

from s2s.conversation.facts import Fact
from s2s.conversation.items import Item
from s2s.messages import Ahead, Ask, Mark, Reply, ReplyEnd, Sound, ToolCall, ToolResult, Transcript
from s2s.settings import Settings


class Event(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something that has happened, `at` seconds on the injected clock."""

    at: float = 0.0


class Updated(Event, frozen=True, kw_only=True):
    """The client has changed its settings."""

    settings: Settings


class Spoken(Event, frozen=True, kw_only=True):
    """The turn stage has marked the caller's sound; `manual` when the client asked for the cut."""

    mark: Mark
    at_ms: float
    manual: bool = False


class Cleared(Event, frozen=True, kw_only=True):
    """The client has cleared its sound."""


class Transcribed(Event, frozen=True, kw_only=True):
    """Speech recognition has heard something in a turn's scope."""

    scope: int
    transcript: Transcript


class Output(Event, frozen=True, kw_only=True):
    """Something for the caller has come out of the graph, past the gate."""

    scope: int
    item: Reply | ReplyEnd | ToolCall | Sound


class Resulted(Event, frozen=True, kw_only=True):
    """A tool that runs in the graph has returned."""

    scope: int
    result: ToolResult


class Failed(Event, frozen=True, kw_only=True):
    """A stage has failed in this scope."""

    scope: int
    stage: str
    reason: str


class Drained(Event, frozen=True, kw_only=True):
    """Everything of this scope has come out."""

    scope: int


class Played(Event, frozen=True, kw_only=True):
    """The caller has heard `ms` of an item, and no more for now."""

    item_id: str
    ms: float


class Reminded(Event, frozen=True, kw_only=True):
    """The time that `Remind` asked for has come; `heard_ms` of the caller's sound were taken by now."""

    heard_ms: float


class CreateItem(Event, frozen=True, kw_only=True):
    """The client adds an item: after `previous_id`, at the front for "root", at the end for None.

    `sound`, mono s16le at `rate` Hz, is the user's speech where its words are yet to be recognised.
    """

    item: Item
    previous_id: str | None = None
    sound: bytes = b""
    rate: int = 0
    event_id: str | None = None


class DeleteItem(Event, frozen=True, kw_only=True):
    """The client deletes an item."""

    item_id: str
    event_id: str | None = None


class RetrieveItem(Event, frozen=True, kw_only=True):
    """The client asks for an item."""

    item_id: str
    event_id: str | None = None


class TruncateItem(Event, frozen=True, kw_only=True):
    """The client says how much of an answer was played."""

    item_id: str
    part: int
    audio_end_ms: int
    event_id: str | None = None


class Reference(msgspec.Struct, frozen=True):
    """An item of the conversation, as it is when a prompt is made."""

    item_id: str


class CreateResponse(Event, frozen=True, kw_only=True):
    """The client asks for an answer, with these settings; `items` replace the conversation as its input.

    `note` comes back in the response's view: what the protocol has to remember of the request.
    """

    settings: Settings
    in_conversation: bool = True
    items: tuple[Item | Reference, ...] | None = None
    metadata: dict[str, str] | None = None
    note: Any = None
    event_id: str | None = None


class CancelResponse(Event, frozen=True, kw_only=True):
    """The client wants no more of an answer; None is the one in the conversation."""

    response_id: str | None = None
    event_id: str | None = None


class Effect(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something to be done, in order."""


class Tell(Effect, frozen=True, kw_only=True):
    """Tell the client."""

    fact: Fact


class Open(Effect, frozen=True, kw_only=True):
    """Open a scope: work that begins at `source` (`turn` or `chat`), under these settings.

    Work of a scope that is `apart` waits for no other scope's.
    """

    scope: int
    source: str
    settings: Settings
    apart: bool = False


class Hear(Effect, frozen=True, kw_only=True):
    """Give this scope the sound of a whole turn: mono s16le `pcm` at `rate` Hz."""

    scope: int
    pcm: bytes
    rate: int


class Keep(Effect, frozen=True, kw_only=True):
    """Keep the sound of a client's own item for the language model: mono s16le `pcm` at `rate` Hz."""

    item_id: str
    pcm: bytes
    rate: int


class Remind(Effect, frozen=True, kw_only=True):
    """Tell the conversation when this time has come, in seconds on the injected clock."""

    when: float


class Replay(Effect, frozen=True, kw_only=True):
    """Give this scope the whole sound of the open turn again."""

    scope: int


class Send(Effect, frozen=True, kw_only=True):
    """Give `chat` something to make a prompt of."""

    scope: int
    item: Ask


class Prime(Effect, frozen=True, kw_only=True):
    """Have the language model read `ahead` what it will be asked, as far as that is known; nothing comes of it."""

    settings: Settings
    item: Ask
    ahead: Ahead


class End(Effect, frozen=True, kw_only=True):
    """The scope's source gives no more: let it drain."""

    scope: int


class Commit(Effect, frozen=True, kw_only=True):
    """Let out what the scope has made and will make."""

    scope: int


class Revoke(Effect, frozen=True, kw_only=True):
    """Nothing of this scope is wanted any more."""

    scope: int
