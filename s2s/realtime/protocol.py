"""One session of the OpenAI Realtime protocol: frames in, commands out; facts in, frames out. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from s2s.conversation import events as ev
from s2s.conversation.items import Item
from s2s.realtime import shapes
from s2s.realtime.announcer import Announcer
from s2s.realtime.commands import ClearInput, Command, CommitInput, Configure, Hear, Tell
from s2s.realtime.dialect import Dialect, Today
from s2s.realtime.items import Given, Reference, from_wire
from s2s.realtime.refusal import LONGEST, Refusal, taken
from s2s.realtime.session import SessionConfig
from s2s.realtime.sound import HZ, SoundIn

GIVEN_S = 60
"""Seconds of sound that an item may hold: it is heard in one piece."""


class Protocol(Announcer):
    """The state of one session at the wire: what its client asks for here, what it is told in `Announcer`.

    `find` gives the conversation's item of a name, for a client that refers to one; `kept` the sound that was kept of
    a caller's item, as s16le at 24 kHz, b"" where there is none.
    """

    def __init__(
        self,
        config: SessionConfig,
        find: Callable[[str], Item | None],
        kept: Callable[[str], bytes] = lambda item_id: b"",
        dialect: Dialect | None = None,
    ) -> None:
        super().__init__(config, kept, dialect or Today())
        self._find = find
        self._decoder = msgspec.json.Decoder()
        self._sounds = msgspec.json.Decoder(shapes.Append)
        self._in = SoundIn()

    def heard(self, frame: bytes) -> Hear | None:
        """Return the sound of a text frame of UTF-8, or None, and change nothing, where it is anything else."""
        try:
            audio = self._sounds.decode(frame).audio
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        format = self.config.input_format
        return Hear(self._in.take(audio, format), HZ[format])

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
            event_id = event.get("event_id")
            if isinstance(event_id, str) and len(event_id) > LONGEST:
                event = {}
                raise Refusal("string_above_max_length", f"'event_id' may have {LONGEST} characters.", "event_id")
            event = self._dialect.incoming(decoded)
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
            format = self.config.input_format
            return Hear(self._in.take(given.audio, format), HZ[format])
        if isinstance(given, shapes.SessionUpdate):
            before = self.config.input_format
            settings = self.config.update(given.session)
            if self.config.input_format != before:
                self._in.cut()
            return Configure(settings)
        if self.config.kind == "transcription" and shape in (shapes.ResponseCreate, shapes.ResponseCancel):
            message = f"'{kind}' is not allowed in a transcription session."
            raise Refusal("invalid_value", message, "type")
        return self._request(given)

    def _request(self, given: shapes.ClientEvent) -> Command:
        event_id = given.event_id
        if isinstance(given, shapes.ItemCreate):
            made = self._item(given.item, "item")
            format = self.config.input_format
            sound = SoundIn().take(made.sound, format)
            if len(sound) > 2 * HZ[format] * GIVEN_S:
                message = f"The audio of an item may last {GIVEN_S} s; append longer sound to the input audio buffer."
                raise Refusal("invalid_value", message, "item.content")
            create = ev.CreateItem(
                item=made.item,
                previous_id=given.previous_item_id,
                sound=sound,
                rate=HZ[format] if sound else 0,
                event_id=event_id,
            )
            return Tell(create)
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
            self._in.cut()
            return CommitInput(event_id)
        if given.type == "input_audio_buffer.clear":
            self._in.cut()
            return ClearInput()
        message = "'output_audio_buffer.clear' is for WebRTC; over a WebSocket the client holds the sound."
        raise Refusal("invalid_value", message, "type")

    def _create(self, options: dict[str, Any], event_id: str | None) -> Command:
        given = taken(options, shapes.ResponseOptions, ".response")
        items: tuple[Item | ev.Reference, ...] | None = None
        if given.input is not None:
            items = tuple(self._meant(item, f"response.input[{at}]") for at, item in enumerate(given.input))
        settings = self.config.for_response(given)
        return Tell(
            ev.CreateResponse(
                settings=settings,
                in_conversation=given.conversation == "auto",
                items=items,
                metadata=given.metadata,
                note=given.audio.output if given.audio is not None else None,
                event_id=event_id,
            )
        )

    def _item(self, value: Any, root: str) -> Given:
        given = from_wire(value, root)
        for at, part in enumerate(given.item.parts):
            if part.image_url:
                self.config.abilities.check_image(part.image_url, f"{root}.content[{at}].image_url")
        return given

    def _meant(self, value: Any, root: str) -> Item | ev.Reference:
        """Return the item that an element of a response's input is, or refers to."""
        if not isinstance(value, dict) or value.get("type") != "item_reference":
            given = self._item(value, root)
            if given.sound:
                message = "Audio in the input of a response needs a transcript; or make an item of it first."
                raise Refusal("invalid_value", message, f"{root}.content")
            return given.item
        found = self._find(taken(value, Reference, f".{root}").id)
        if found is None:
            message = f"Invalid value: the item with id '{value['id']}' does not exist."
            raise Refusal("invalid_value", message, f"{root}.id")
        return ev.Reference(found.id)
