"""The order of events in the protocol's contract, deltas left out."""

from __future__ import annotations

TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
OPENED = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
SPOKEN_END = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]
WRITTEN_END = ["response.output_text.done", *SPOKEN_END[2:]]
CALL = ["response.output_item.added", "conversation.item.added", "response.function_call_arguments.done"]
CALL_END = ["conversation.item.done", "response.output_item.done"]
