"""What a client is told, in this order: plain facts, which each protocol puts into its own words."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from s2s.conversation.items import Item
from s2s.settings import Settings


class Fact(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The base of every fact."""


class SpeechStarted(Fact, frozen=True, kw_only=True):
    """The caller has begun to speak, at `at_ms` of the input clock, padding included."""

    item_id: str
    at_ms: int


class SpeechStopped(Fact, frozen=True, kw_only=True):
    """The caller has stopped, at `at_ms` of the input clock, the silence that told so included."""

    item_id: str
    at_ms: int


class TurnMissed(Fact, frozen=True, kw_only=True):
    """The caller has said nothing for as long as the client waits for them, between these times of the input clock."""

    item_id: str
    from_ms: int
    to_ms: int


class TurnCommitted(Fact, frozen=True, kw_only=True):
    """The caller's sound has become an item."""

    item_id: str
    previous_id: str | None


class InputCleared(Fact, frozen=True, kw_only=True):
    """The caller's sound since the last commit is forgotten."""


class ItemAdded(Fact, frozen=True, kw_only=True):
    """An item has its place in the conversation."""

    item: Item
    previous_id: str | None


class ItemDone(Fact, frozen=True, kw_only=True):
    """An item is whole."""

    item: Item
    previous_id: str | None


class ItemDeleted(Fact, frozen=True, kw_only=True):
    """An item is gone."""

    item_id: str


class ItemRetrieved(Fact, frozen=True, kw_only=True):
    """An item as the conversation has it."""

    item: Item


class ItemTruncated(Fact, frozen=True, kw_only=True):
    """An answer is cut where the client says that its sound was stopped."""

    item_id: str
    part: int
    audio_end_ms: int


class TurnTextDelta(Fact, frozen=True, kw_only=True):
    """More of what the caller said; deltas only append."""

    item_id: str
    delta: str


class TurnText(Fact, frozen=True, kw_only=True):
    """What the caller said in a turn of `seconds` of sound: this text counts, whatever the deltas were."""

    item_id: str
    text: str
    seconds: float


class TurnTextFailed(Fact, frozen=True, kw_only=True):
    """The caller's turn could not be transcribed."""

    item_id: str
    reason: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer cost, in tokens."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class ResponseView(msgspec.Struct, frozen=True, kw_only=True):
    """A response as a client sees it; `reason` and `error` say why it ended as it did."""

    id: str
    status: Literal["in_progress", "completed", "cancelled", "failed", "incomplete"] = "in_progress"
    reason: str = ""
    error: str = ""
    items: tuple[Item, ...] = ()
    in_conversation: bool = True
    settings: Settings
    metadata: dict[str, str] | None = None
    usage: Usage | None = None
    note: Any = None


class ResponseCreated(Fact, frozen=True, kw_only=True):
    """The agent begins to answer."""

    response: ResponseView


class ResponseDone(Fact, frozen=True, kw_only=True):
    """The answer has ended, for the reason in `response`; nothing of it follows."""

    response: ResponseView


class OutputFact(Fact, frozen=True, kw_only=True):
    """The base of the facts about one item of a response."""

    response_id: str
    item_id: str
    output_index: int


class OutputItemAdded(OutputFact, frozen=True, kw_only=True):
    """The response has a new item."""

    item: Item


class OutputItemDone(OutputFact, frozen=True, kw_only=True):
    """An item of the response is whole, or cut off."""

    item: Item


class PartAdded(OutputFact, frozen=True, kw_only=True):
    """A message of the response gets a part."""

    kind: Literal["text", "audio"]


class PartDone(OutputFact, frozen=True, kw_only=True):
    """A part of a message is whole, or cut off."""

    kind: Literal["text", "audio"]
    text: str


class TextDelta(OutputFact, frozen=True, kw_only=True):
    """More of a written answer."""

    delta: str


class TextDone(OutputFact, frozen=True, kw_only=True):
    """A written answer, whole or cut off."""

    text: str


class WordsDelta(OutputFact, frozen=True, kw_only=True):
    """More of the words of a spoken answer, usually ahead of their sound."""

    delta: str


class WordsDone(OutputFact, frozen=True, kw_only=True):
    """The words of a spoken answer, whole or cut off."""

    text: str


class SoundDelta(OutputFact, frozen=True, kw_only=True):
    """More of the sound of an answer: mono s16le `pcm` at `rate` Hz."""

    pcm: bytes
    rate: int


class SoundDone(OutputFact, frozen=True, kw_only=True):
    """No more sound of this part; `whole` unless it was cut off."""

    whole: bool = True


class ArgumentsDelta(OutputFact, frozen=True, kw_only=True):
    """More of the JSON arguments of a function call."""

    call_id: str
    delta: str


class ArgumentsDone(OutputFact, frozen=True, kw_only=True):
    """The arguments of a function call, whole or cut off."""

    call_id: str
    name: str
    arguments: str


class Problem(Fact, frozen=True, kw_only=True):
    """A request was refused; the call goes on as before."""

    code: str
    message: str
    param: str | None = None
    event_id: str | None = None
