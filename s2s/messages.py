"""What travels on the edges: small, frozen, and able to cross a process as msgpack."""

from __future__ import annotations

from typing import Literal

import msgspec


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The base of every item on an edge."""

    def stamp(self, out: Message) -> Message:
        """Give an item made from this one what must travel on with it."""
        return out


class Audio(Message, frozen=True, kw_only=True):
    """Sound from the caller: mono s16le `pcm` at `rate` Hz, which begins at `at_ms` on the input clock."""

    pcm: bytes
    rate: int
    at_ms: float = 0.0


class Activity(Message, frozen=True, kw_only=True):
    """One hop of the voice activity detector: its sound and the probability (0..1) that it is speech."""

    pcm: bytes
    rate: int
    speech: float
    at_ms: float = 0.0


Mark = Literal["start", "more", "pause", "ripe", "resume", "end"]


class Speech(Message, frozen=True, kw_only=True):
    """The next piece of a caller's turn.

    `start` opens the turn (its sound includes the padding before the speech), `more` continues it, `pause` says
    that it may be over, `ripe` that an answer should be prepared in case it is, `resume` that it was not, `end` that it
    is. `at_ms` is the place of the mark on the input clock: where the turn begins for `start`, where it stops for
    `pause`, `ripe` and `end`; `quiet_ms` is the silence before it that told so.
    """

    pcm: bytes
    rate: int
    mark: Mark = "more"
    at_ms: float = 0.0
    quiet_ms: float = 0.0


class Transcript(Message, frozen=True, kw_only=True):
    """What the caller said so far (`final` false; `text` may still change beyond `stable` characters) or in all."""

    text: str
    final: bool = True
    stable: int = 0
    language: str = ""


class EndOfTurn(Message, frozen=True, kw_only=True):
    """How likely it is (0..1) that the caller has finished, to judge by the sound of a turn so far."""

    probability: float


class Asked(Message, frozen=True, kw_only=True):
    """What the agent has just said: a turn detector waits longer after a question for a phone number than for a yes."""

    text: str


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call as history keeps it: `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a prompt.

    `images` are URLs or data URLs, `audio` is 16 kHz s16le, `sound_of` the item of the conversation whose sound that
    is, or was; `call_id` names the call that a tool line answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    images: tuple[str, ...] = ()
    audio: bytes = b""
    sound_of: str = ""
    calls: tuple[ToolUse, ...] = ()
    call_id: str = ""


Ahead = Literal["begun", "whole"]


class Ask(Message, frozen=True, kw_only=True):
    """The conversation so far, oldest line first, for `chat` to make a prompt of; instructions are in the settings."""

    lines: tuple[Line, ...]
    language: str = ""


class Prompt(Message, frozen=True, kw_only=True):
    """What the language model answers: the system line first, when there is one.

    One to be read `ahead` is not answered: the caller still speaks the last line of one that is `begun`, and may have
    ended that of one that is `whole`.
    """

    lines: tuple[Line, ...]
    ahead: Ahead | None = None


class Reply(Message, frozen=True, kw_only=True):
    """The next piece of the answer's text; pieces joined as they come are the whole."""

    text: str


class ReplyEnd(Message, frozen=True, kw_only=True):
    """The language model's last word on an answer: why it ended and what it cost, in tokens."""

    reason: Literal["stop", "length", "content_filter", "tool_calls"] = "stop"
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


class ToolCall(Message, frozen=True, kw_only=True):
    """A piece of a call of a tool: `delta` extends its JSON arguments; the last piece has them whole in `arguments`."""

    call_id: str
    name: str
    delta: str = ""
    arguments: str | None = None


class ToolResult(Message, frozen=True, kw_only=True):
    """What a tool returned for `call_id`, as text."""

    call_id: str
    output: str


class Clause(Message, frozen=True, kw_only=True):
    """A piece of the answer to be spoken in one breath.

    `text` is speakable; `index` counts from 0; `until` is how many characters of the joined replies are covered
    up to its end; `to` names the one stage it is meant for, if any.
    """

    text: str
    index: int = 0
    until: int = 0
    to: str = ""

    def stamp(self, out: Message) -> Message:
        """Sound made from a clause says which one."""
        if isinstance(out, Sound):
            return msgspec.structs.replace(out, index=self.index, until=self.until, text=self.text)
        return out


class Sound(Message, frozen=True, kw_only=True):
    """Speech for the caller: mono s16le `pcm` at `rate` Hz; `index`, `until` and `text` are those of its clause."""

    pcm: bytes
    rate: int
    index: int = 0
    until: int = 0
    text: str = ""


Item = (
    Audio
    | Activity
    | Speech
    | Transcript
    | EndOfTurn
    | Asked
    | Ask
    | Prompt
    | Reply
    | ReplyEnd
    | ToolCall
    | ToolResult
    | Clause
    | Sound
)
