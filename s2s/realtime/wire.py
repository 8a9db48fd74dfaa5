"""Facts put into the words of the protocol: one server event each, without its `event_id`."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from s2s.conversation import facts as f
from s2s.conversation.facts import Fact, ResponseView
from s2s.realtime.items import to_wire

Wire = dict[str, Any]

KEPT_BYTES = 15 * 48000
"""Bytes of sound in one item: base64 of more makes a frame that some clients close the connection over."""


def response(view: ResponseView, voice: Any, output_format: Any) -> Wire:
    """Return a response as clients see it; what is not there is left out."""
    wire: Wire = {
        "object": "realtime.response",
        "id": view.id,
        "status": view.status,
        "output": [to_wire(item) for item in view.items],
        "output_modalities": list(view.settings.outputs),
        "max_output_tokens": view.settings.max_tokens or "inf",
        "audio": {"output": {"format": output_format, "voice": voice}},
    }
    own = "conv_" + view.id.removeprefix("resp_").split("_")[0]
    wire["conversation_id"] = own if view.in_conversation else None
    if view.metadata is not None:
        wire["metadata"] = view.metadata
    if view.status != "in_progress":
        wire["usage"] = _usage(view)
    if view.status in ("cancelled", "incomplete"):
        wire["status_details"] = {"type": view.status, "reason": view.reason}
    elif view.status == "failed":
        error = {"type": "server_error", "code": "server_error", "message": view.error}
        wire["status_details"] = {"type": "failed", "error": error}
    return wire


def put_sound(item: Wire, pcm: bytes) -> None:
    """Put the sound that was kept of a caller's item into it, unless the frame would be too large for some clients."""
    if pcm and len(pcm) <= KEPT_BYTES:
        for content in item.get("content", ()):
            if content["type"] == "input_audio":
                content["audio"] = base64.b64encode(pcm).decode()


def _usage(view: ResponseView) -> Wire:
    usage = view.usage or f.Usage()
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "input_token_details": {
            "text_tokens": usage.input_tokens,
            "audio_tokens": 0,
            "image_tokens": 0,
            "cached_tokens": usage.cached_tokens,
            "cached_tokens_details": {"text_tokens": usage.cached_tokens, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": usage.output_tokens, "audio_tokens": 0},
    }


def _error(fact: f.Problem) -> Wire:
    kind = "server_error" if fact.code == "server_error" else "invalid_request_error"
    error: Wire = {"type": kind, "code": fact.code, "message": fact.message}
    if fact.param is not None:
        error["param"] = fact.param
    if fact.event_id is not None:
        error["event_id"] = fact.event_id
    return {"type": "error", "error": error}


def _placed(kind: str, item: Wire, previous_id: str | None) -> Wire:
    return {"type": kind, "previous_item_id": previous_id, "item": item}


def _output(kind: str, fact: f.OutputFact, **fields: Any) -> Wire:
    return {
        "type": kind,
        "response_id": fact.response_id,
        "item_id": fact.item_id,
        "output_index": fact.output_index,
        **fields,
    }


def _item_event(kind: str, fact: f.OutputItemAdded | f.OutputItemDone) -> Wire:
    return {
        "type": kind,
        "response_id": fact.response_id,
        "output_index": fact.output_index,
        "item": to_wire(fact.item),
    }


def _part(kind: str, text: str) -> Wire:
    return {"type": "audio", "transcript": text} if kind == "audio" else {"type": "text", "text": text}


TRANSCRIPTION = "conversation.item.input_audio_transcription"

WORDS: dict[type[Fact], Callable[[Any], Wire]] = {
    f.SpeechStarted: lambda x: {
        "type": "input_audio_buffer.speech_started",
        "audio_start_ms": x.at_ms,
        "item_id": x.item_id,
    },
    f.SpeechStopped: lambda x: {
        "type": "input_audio_buffer.speech_stopped",
        "audio_end_ms": x.at_ms,
        "item_id": x.item_id,
    },
    f.TurnCommitted: lambda x: {
        "type": "input_audio_buffer.committed",
        "previous_item_id": x.previous_id,
        "item_id": x.item_id,
    },
    f.TurnMissed: lambda x: {
        "type": "input_audio_buffer.timeout_triggered",
        "audio_start_ms": x.from_ms,
        "audio_end_ms": x.to_ms,
        "item_id": x.item_id,
    },
    f.InputCleared: lambda x: {"type": "input_audio_buffer.cleared"},
    f.ItemAdded: lambda x: _placed("conversation.item.added", to_wire(x.item), x.previous_id),
    f.ItemDone: lambda x: _placed("conversation.item.done", to_wire(x.item), x.previous_id),
    f.ItemDeleted: lambda x: {"type": "conversation.item.deleted", "item_id": x.item_id},
    f.ItemRetrieved: lambda x: {"type": "conversation.item.retrieved", "item": to_wire(x.item)},
    f.ItemTruncated: lambda x: {
        "type": "conversation.item.truncated",
        "item_id": x.item_id,
        "content_index": x.part,
        "audio_end_ms": x.audio_end_ms,
    },
    f.TurnTextDelta: lambda x: {
        "type": f"{TRANSCRIPTION}.delta",
        "item_id": x.item_id,
        "content_index": 0,
        "delta": x.delta,
    },
    f.TurnText: lambda x: {
        "type": f"{TRANSCRIPTION}.completed",
        "item_id": x.item_id,
        "content_index": 0,
        "transcript": x.text,
        "usage": {"type": "duration", "seconds": x.seconds},
    },
    f.TurnTextFailed: lambda x: {
        "type": f"{TRANSCRIPTION}.failed",
        "item_id": x.item_id,
        "content_index": 0,
        "error": {"type": "server_error", "code": "transcription_failed", "message": x.reason},
    },
    f.OutputItemAdded: lambda x: _item_event("response.output_item.added", x),
    f.OutputItemDone: lambda x: _item_event("response.output_item.done", x),
    f.PartAdded: lambda x: _output("response.content_part.added", x, content_index=0, part=_part(x.kind, "")),
    f.PartDone: lambda x: _output("response.content_part.done", x, content_index=0, part=_part(x.kind, x.text)),
    f.TextDelta: lambda x: _output("response.output_text.delta", x, content_index=0, delta=x.delta),
    f.TextDone: lambda x: _output("response.output_text.done", x, content_index=0, text=x.text),
    f.WordsDelta: lambda x: _output("response.output_audio_transcript.delta", x, content_index=0, delta=x.delta),
    f.WordsDone: lambda x: _output("response.output_audio_transcript.done", x, content_index=0, transcript=x.text),
    f.SoundDone: lambda x: _output("response.output_audio.done", x, content_index=0),
    f.ArgumentsDelta: lambda x: _output("response.function_call_arguments.delta", x, call_id=x.call_id, delta=x.delta),
    f.ArgumentsDone: lambda x: _output(
        "response.function_call_arguments.done", x, call_id=x.call_id, name=x.name, arguments=x.arguments
    ),
    f.Problem: _error,
}
"""How each fact is worded, except for sound and whole responses, which `Protocol` words itself."""
