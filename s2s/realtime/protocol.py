"""One session of the OpenAI Realtime protocol: frames in, commands out; facts in, frames out. No sockets, no clock."""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from s2s.audio import Resampler, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item
from s2s.realtime import shapes, wire
from s2s.realtime.items import from_wire
from s2s.realtime.refusal import Refusal, taken
from s2s.realtime.session import SessionConfig
from s2s.settings import Settings

DELTA_MS = 200
"""Milliseconds of sound in one delta: far below every client's frame limit, and soon gone when interrupted."""
HZ = {"audio/pcm": 24000, "audio/pcmu": 8000, "audio/pcma": 8000}


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


class Frame(msgspec.Struct, frozen=True):
    """A text frame for the client; `sound_of` names the response whose sound or words it carries."""

    data: bytes
    sound_of: str = ""


class Protocol:
    """The state of one session at the wire: its configuration, codecs and ids."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder()
        self._count = itertools.count(1)
        self._odd = b""
        self._resamplers: dict[str, Resampler] = {}

    # client to server

    def receive(self, frame: str | bytes) -> Command:
        """Return what a frame asks for; raise Refusal, with the client's event id in `args[1]`, if it can't be done."""
        event: dict[str, Any] = {}
        try:
            if isinstance(frame, bytes):
                message = "Expected a text WebSocket message; binary frames are not supported."
                raise Refusal("invalid_event", message)
            try:
                decoded = self._decoder.decode(frame)
            except (msgspec.DecodeError, RecursionError) as error:
                raise Refusal("invalid_json", f"Could not parse the event as JSON: {error}") from None
            if not isinstance(decoded, dict):
                raise Refusal("invalid_json", f"Expected a JSON object, not {type(decoded).__name__}.")
            event = decoded
            return self._command(event)
        except Refusal as refusal:
            event_id = event.get("event_id")
            refusal.args = (refusal.message, event_id if isinstance(event_id, str) else None)
            raise

    def _command(self, event: dict[str, Any]) -> Command:
        kind = event.get("type")
        if kind is None:
            raise Refusal("missing_required_parameter", "Missing required parameter: 'type'.", "type")
        shape = shapes.CLIENT_EVENTS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            supported = ", ".join(f"'{name}'" for name in shapes.CLIENT_EVENTS)
            message = f"Invalid value: '{kind}' (unknown_or_invalid_event). Supported values are: {supported}."
            raise Refusal("invalid_value", message, "type")
        given = taken(event, shape)
        if isinstance(given, shapes.Append):
            return self._hear(given.audio)
        if isinstance(given, shapes.SessionUpdate):
            return Configure(self.config.update(given.session))
        return self._request(given)

    def _request(self, given: shapes.ClientEvent) -> Command:
        event_id = given.event_id
        if isinstance(given, shapes.ItemCreate):
            item = from_wire(given.item)
            return Tell(ev.CreateItem(item=item, previous_id=given.previous_item_id, event_id=event_id))
        if isinstance(given, shapes.ItemName):
            name = ev.DeleteItem if given.type == "conversation.item.delete" else ev.RetrieveItem
            return Tell(name(item_id=given.item_id, event_id=event_id))
        if isinstance(given, shapes.Truncate):
            cut = ev.TruncateItem(
                item_id=given.item_id,
                part=given.content_index,
                audio_end_ms=given.audio_end_ms,
                event_id=event_id,
            )
            return Tell(cut)
        if isinstance(given, shapes.ResponseCreate):
            return self._create(given.response or {}, event_id)
        if isinstance(given, shapes.ResponseCancel):
            return Tell(ev.CancelResponse(response_id=given.response_id, event_id=event_id))
        if given.type == "input_audio_buffer.commit":
            return CommitInput(event_id)
        if given.type == "input_audio_buffer.clear":
            self._odd = b""
            return ClearInput()
        message = "'output_audio_buffer.clear' is for WebRTC; over a WebSocket the client holds the sound."
        raise Refusal("invalid_value", message, "type")

    def _create(self, options: dict[str, Any], event_id: str | None) -> Command:
        given = taken(options, shapes.ResponseOptions, ".response")
        items: tuple[Item, ...] | None = None
        if given.input is not None:
            items = tuple(from_wire(item, f"response.input[{at}]") for at, item in enumerate(given.input))
        return Tell(
            ev.CreateResponse(
                settings=self.config.for_response(given),
                in_conversation=given.conversation == "auto",
                items=items,
                metadata=given.metadata,
                event_id=event_id,
            )
        )

    def _hear(self, audio: str) -> Hear:
        try:
            sound = base64.b64decode(audio, validate=True)
        except (binascii.Error, ValueError):
            message = "Invalid value for 'audio': expected base64-encoded sound."
            raise Refusal("invalid_value", message, "audio") from None
        format = self.config.input_format
        if format == "audio/pcmu":
            return Hear(ulaw_decode(sound), HZ[format])
        if format == "audio/pcma":
            return Hear(alaw_decode(sound), HZ[format])
        sound = self._odd + sound
        whole = len(sound) & ~1
        self._odd = sound[whole:]
        return Hear(sound[:whole], HZ[format])

    # server to client

    def created(self) -> Frame:
        """The first frame of a session."""
        return self._frame({"type": "session.created", "session": self.config.show()})

    def updated(self) -> Frame:
        """The answer to a session.update that was taken."""
        return self._frame({"type": "session.updated", "session": self.config.show()})

    def refused(self, refusal: Refusal) -> Frame:
        """The answer to what can't be done."""
        event_id = refusal.args[1] if len(refusal.args) > 1 else None
        return self._frame(
            wire.WORDS[f.Problem](
                f.Problem(code=refusal.code, message=refusal.message, param=refusal.param, event_id=event_id)
            )
        )

    def say(self, fact: f.Fact) -> Iterator[Frame]:
        """Return the frames of a fact."""
        if isinstance(fact, f.SoundDelta):
            yield from self._sound_frames(fact, fact.pcm, fact.rate)
            return
        if isinstance(fact, (f.ResponseCreated, f.ResponseDone)):
            kind = "response.created" if isinstance(fact, f.ResponseCreated) else "response.done"
            shown = self.config.show()["audio"]["output"]
            view = wire.response(fact.response, shown["voice"], shown["format"])
            yield self._frame({"type": kind, "response": view})
            return
        if isinstance(fact, f.SoundDone):
            resampler = self._resamplers.pop(fact.item_id, None)
            if resampler is not None and fact.whole:
                yield from self._sound_frames(fact, resampler.flush(), 0)
        event = wire.WORDS[type(fact)](fact)
        streams = isinstance(fact, (f.WordsDelta, f.TextDelta, f.ArgumentsDelta))
        yield self._frame(event, fact.response_id if streams else "")  # type: ignore[attr-defined]

    def _sound_frames(self, fact: f.OutputFact, pcm: bytes, rate: int) -> Iterator[Frame]:
        format = self.config.output_format
        hz = HZ[format]
        if rate:
            resampler = self._resamplers.setdefault(fact.item_id, Resampler(hz))
            pcm = resampler.push(pcm, rate)
        piece = 2 * hz * DELTA_MS // 1000
        for at in range(0, len(pcm), piece):
            sound = pcm[at : at + piece]
            if format == "audio/pcmu":
                sound = ulaw_encode(sound)
            elif format == "audio/pcma":
                sound = alaw_encode(sound)
            event = {
                "type": "response.output_audio.delta",
                "response_id": fact.response_id,
                "item_id": fact.item_id,
                "output_index": fact.output_index,
                "content_index": 0,
                "delta": base64.b64encode(sound).decode(),
            }
            yield self._frame(event, fact.response_id)

    def _frame(self, event: dict[str, Any], sound_of: str = "") -> Frame:
        return Frame(self._encoder.encode({"event_id": f"event_{next(self._count)}", **event}), sound_of)
