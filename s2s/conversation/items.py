"""The items of a conversation, and the lines that a language model is given of them."""

from __future__ import annotations

from typing import Literal

import msgspec

from s2s.messages import Line, ToolUse

Status = Literal["in_progress", "completed", "incomplete"]


CHARACTER_MS = 55.0
"""How long a character is in speech, before a voice has shown its own pace."""
WHOLE = 0.75
"""Share of its estimated length from which a clause is taken as spoken to its end."""


class Span(msgspec.Struct, frozen=True):
    """One spoken clause: it ends after `until` characters of the text and after `ms` milliseconds of the sound."""

    until: int
    ms: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message; `text` is the transcript of an audio part, None while it is not known."""

    kind: Literal["input_text", "input_audio", "input_image", "output_text", "output_audio"]
    text: str | None = None
    image_url: str = ""
    detail: str = "auto"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item of history: a message, a function call, or what a function returned.

    `language` is the one that was recognised in the caller's speech, "" where none was.
    `spans` and `sound_ms` say when its words are spoken. `heard_ms` cuts what the model is told of it, `None` where
    all was heard; `truncated` says that the cut was the client's own, which shortens the item itself. Of one that is
    `internal`, a function that the deployment runs itself, no client is told.
    """

    id: str
    kind: Literal["message", "function_call", "function_call_output"] = "message"
    role: Literal["user", "assistant", "system"] = "user"
    status: Status = "completed"
    parts: tuple[Part, ...] = ()
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    language: str = ""
    spans: tuple[Span, ...] = ()
    sound_ms: float = 0.0
    heard_ms: float | None = None
    truncated: bool = False
    internal: bool = False

    @property
    def text(self) -> str:
        """All its words, whatever was heard of them."""
        return " ".join(part.text for part in self.parts if part.text)

    @property
    def heard(self) -> str:
        """The words that the caller has heard, cut at the word where the sound was stopped."""
        if self.heard_ms is None or self.role != "assistant":
            return self.text
        return heard_text(self.text, self.spans, self.heard_ms)


def heard_text(text: str, spans: tuple[Span, ...], heard_ms: float) -> str:
    """Return the words of `text` that were spoken within `heard_ms`; a word counts once half of it was heard."""
    begin_at, begin_ms = 0, 0.0
    for span in spans:
        if heard_ms >= span.ms:
            begin_at, begin_ms = span.until, span.ms
            continue
        share = max(0.0, heard_ms - begin_ms) / max(1e-9, span.ms - begin_ms)
        cut = begin_at + share * (span.until - begin_at)
        end = begin_at
        for word_begin, word_end in _words(text, begin_at, span.until):
            if (word_begin + word_end) / 2 > cut:
                break
            end = word_end
        return text[:end].rstrip()
    return text[:begin_at].rstrip() if spans else ""


def unfinished(item: Item) -> tuple[Span, ...]:
    """Return the spans of an answer that was stopped, its last clause as far as its sound was made.

    How long a whole clause would have been is not known; it is estimated by the pace of the clauses before it.
    """
    if not item.spans:
        return ()
    before = item.spans[-2] if len(item.spans) > 1 else Span(0, 0.0)
    last = item.spans[-1]
    pace_ms = before.ms / before.until if before.until else CHARACTER_MS
    whole_ms = pace_ms * (last.until - before.until)
    if last.ms - before.ms >= WHOLE * whole_ms:
        return item.spans
    whole = (*item.spans[:-1], Span(last.until, before.ms + whole_ms))
    return (*item.spans[:-1], Span(len(heard_text(item.text, whole, last.ms)), last.ms))


def _words(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    found, at = [], begin
    for word in text[begin:end].split():
        at = text.index(word, at)
        found.append((at, at + len(word)))
        at += len(word)
    return found


def lines_of(items: tuple[Item, ...], hears: bool = False) -> tuple[Line, ...]:
    """Return the lines that a prompt is made of: only what was heard, and only calls that were answered.

    For a model that `hears`, lines that the caller spoke name their item.
    """
    answered = {item.call_id for item in items if item.kind == "function_call_output"}
    called = {item.call_id for item in items if item.kind == "function_call"}
    lines: list[Line] = []
    for item in items:
        if item.kind == "function_call":
            if item.call_id in answered and item.status == "completed":
                use = ToolUse(call_id=item.call_id, name=item.name, arguments=item.arguments)
                last = lines[-1] if lines else None
                if last is not None and last.role == "assistant" and (last.calls or not last.text):
                    lines[-1] = msgspec.structs.replace(last, calls=(*last.calls, use))
                else:
                    lines.append(Line(role="assistant", calls=(use,)))
        elif item.kind == "function_call_output":
            if item.call_id in called:
                lines.append(Line(role="tool", text=item.output, call_id=item.call_id))
        else:
            images = tuple(part.image_url for part in item.parts if part.image_url)
            text = item.heard
            spoken = hears and any(part.kind == "input_audio" for part in item.parts)
            if text or images or spoken:
                lines.append(Line(role=item.role, text=text, images=images, sound_of=item.id if spoken else ""))
    return tuple(lines)
