"""Frames as a hostile client would send them: sound ones, sound ones with something wrong, and noise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from s2s.realtime.shapes import CLIENT_EVENTS

TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}}
EVENTS: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"type": "realtime", "instructions": "x", "tools": [TOOL]}},
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["text"],
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": {"model": "x", "language": "en"},
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": 200, "idle_timeout_ms": 100},
                },
                "output": {"format": {"type": "audio/pcma"}, "voice": "alloy", "speed": 1.0},
            },
        },
    },
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None}},
        },
    },
    {"type": "input_audio_buffer.append", "audio": "0AfQB9AH0AfQB9AH" * 400},
    {"type": "input_audio_buffer.append", "audio": "AAAAAAAAAAAAAAAA" * 1200},
    {"type": "input_audio_buffer.append", "audio": "AAA="},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": {"id": "mine", **TEXT}, "previous_item_id": "root"},
    {"type": "conversation.item.create", "item": TEXT},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "0AfQBw==" * 300}]},
    },
    {"type": "conversation.item.create", "item": {"type": "function_call", "call_id": "c", "name": "f"}},
    {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
    {"type": "conversation.item.retrieve", "item_id": "mine"},
    {"type": "conversation.item.delete", "item_id": "mine"},
    {"type": "conversation.item.truncate", "item_id": "mine", "content_index": 0, "audio_end_ms": 10},
    {"type": "response.create"},
    {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "input": [TEXT, {"type": "item_reference", "id": "mine"}],
            "metadata": {"a": "b"},
            "max_output_tokens": "inf",
            "tool_choice": {"type": "function", "name": "look"},
            "audio": {"output": {"format": {"type": "audio/pcm"}}},
        },
    },
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "response.cancel"},
    {"type": "transcription_session.update", "session": {"input_audio_format": "pcm16"}},
]

STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 3.5, 1e308, -(2**63), 2**70, 10**400, "", "x", "mine", "root", "\u0000",
    "\ud83d", "é" * 50, [],
    {}, [[]], [None], {"type": "x"}, {"type": []}, "AAAA", "inf", "auto", ["audio"], {"a": {"b": {}}}, "x" * 5000,
    *CLIENT_EVENTS, "realtime", "transcription", "function", "message", "item_reference",
]  # fmt: skip

Choose = Callable[[int], int]
"""Gives a number from 0 to one below its argument."""


def mutated(event: Any, choose: Choose) -> Any:
    """Return a copy of an event with something changed, left out or added, anywhere in it."""
    path: list[Any] = []
    at = event
    while isinstance(at, (dict, list)) and at and choose(4):
        keys: list[Any] = sorted(at) if isinstance(at, dict) else list(range(len(at)))
        path.append(keys[choose(len(keys))])
        at = at[path[-1]]
    strange = STRANGE[choose(len(STRANGE))]
    copy = json.loads(json.dumps(event))
    if not path:
        return {**copy, str(strange): strange} if isinstance(copy, dict) and choose(2) else strange
    inside = copy
    for key in path[:-1]:
        inside = inside[key]
    how = choose(3)
    if how == 0:
        inside[path[-1]] = strange
    elif how == 1:
        del inside[path[-1]]
    elif isinstance(inside, dict):
        inside[str(strange)] = inside.pop(path[-1])
    else:
        inside.append(strange)
    return copy


def frame(choose: Choose, noise: Callable[[int], bytes]) -> str | bytes:
    """Return the next frame: mostly a sound event, often with something wrong."""
    kind = choose(16)
    if kind == 0:
        return noise(200)
    if kind == 1:
        return noise(200).decode("utf-8", "replace")
    event: Any = EVENTS[choose(len(EVENTS))]
    for _ in range(choose(3)):
        event = mutated(event, choose)
    text = json.dumps(event)
    if kind == 2:
        cut = choose(len(text) + 1)
        text = text[:cut] + noise(3).decode("utf-8", "replace") + text[cut:]
    return text
