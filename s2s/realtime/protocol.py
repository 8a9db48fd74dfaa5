"""One session of the OpenAI Realtime protocol: frames in, commands out; facts in, frames out. No sockets, no clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.conversation.items import Item
from s2s.realtime import shapes, wire
from s2s.realtime.items import Reference, from_wire
from s2s.realtime.refusal import Refusal, taken
from s2s.realtime.session import SessionConfig
from s2s.realtime.shapes import ResponseOutput
from s2s.realtime.sound import HZ, SoundIn, SoundOut
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


class Frame(msgspec.Struct, frozen=True):
    """A text frame for the client; `sound_of` names the response whose sound or words it carries."""

    data: bytes
    sound_of: str = ""


class Protocol:
    """The state of one session at the wire: its configuration, codecs and ids.

    `find` gives the conversation's item of a name, for a client that refers to one.
    """

    def __init__(self, config: SessionConfig, find: Callable[[str], Item | None]) -> None:
        self.config = config
        self._find = find
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder()
        self._sounds = msgspec.json.Decoder(shapes.Append)
        self._count = itertools.count(1)
        self._in = SoundIn()
        self._outs: dict[str, SoundOut] = {}
        self._asked: ResponseOutput | None = None

    # client to server

    def heard(self, frame: bytes) -> Hear | None:
        """Return the sound of a text frame of UTF-8, or None, and change nothing, where it is anything else."""
        try:
            audio = self._sounds.decode(frame).audio
        except (msgspec.DecodeError, RecursionError):
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
            self._in.cut()
            return CommitInput(event_id)
        if given.type == "input_audio_buffer.clear":
            self._in.cut()
            return ClearInput()
        message = "'output_audio_buffer.clear' is for WebRTC; over a WebSocket the client holds the sound."
        raise Refusal("invalid_value", message, "type")

    def _create(self, options: dict[str, Any], event_id: str | None) -> Command:
        given = taken(options, shapes.ResponseOptions, ".response")
        items: tuple[Item, ...] | None = None
        if given.input is not None:
            items = tuple(self._meant(item, f"response.input[{at}]") for at, item in enumerate(given.input))
        settings = self.config.for_response(given)
        self._asked = given.audio.output if given.audio is not None else None
        return Tell(
            ev.CreateResponse(
                settings=settings,
                in_conversation=given.conversation == "auto",
                items=items,
                metadata=given.metadata,
                event_id=event_id,
            )
        )

    def _meant(self, value: Any, root: str) -> Item:
        """Return the item that an element of a response's input is, or refers to."""
        if not isinstance(value, dict) or value.get("type") != "item_reference":
            return from_wire(value, root)
        found = self._find(taken(value, Reference, f".{root}").id)
        if found is None:
            message = f"Invalid value: the item with id '{value['id']}' does not exist."
            raise Refusal("invalid_value", message, f"{root}.id")
        return found

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
            out = self._outs[fact.response_id]
            yield from self._sound_frames(fact, out.deltas(fact.item_id, fact.pcm, fact.rate))
        elif isinstance(fact, (f.ResponseCreated, f.ResponseDone)):
            yield self._response_frame(fact)
        else:
            if isinstance(fact, f.SoundDone):
                rest = self._outs[fact.response_id].rest(fact.item_id, fact.whole)
                yield from self._sound_frames(fact, rest)
            elif isinstance(fact, f.Problem):
                self._asked = None
            event = wire.WORDS[type(fact)](fact)
            streams = isinstance(fact, (f.WordsDelta, f.TextDelta, f.ArgumentsDelta))
            yield self._frame(event, fact.response_id if streams else "")  # type: ignore[attr-defined]

    def _response_frame(self, fact: f.ResponseCreated | f.ResponseDone) -> Frame:
        view = fact.response
        if isinstance(fact, f.ResponseCreated):
            # a response.create is answered at once, by this or by a Problem: what it asked for is for no other response
            asked, self._asked = self._asked, None
            self._outs[view.id] = SoundOut(*self.config.output_of(asked))
            out = self._outs[view.id]
        else:
            out = self._outs.pop(view.id)
        kind = "response.created" if isinstance(fact, f.ResponseCreated) else "response.done"
        return self._frame({"type": kind, "response": wire.response(view, out.voice, out.format)})

    def _sound_frames(self, fact: f.OutputFact, deltas: Iterator[str]) -> Iterator[Frame]:
        for delta in deltas:
            event = {
                "type": "response.output_audio.delta",
                "response_id": fact.response_id,
                "item_id": fact.item_id,
                "output_index": fact.output_index,
                "content_index": 0,
                "delta": delta,
            }
            yield self._frame(event, fact.response_id)

    def _frame(self, event: dict[str, Any], sound_of: str = "") -> Frame:
        return Frame(self._encoder.encode({"event_id": f"event_{next(self._count)}", **event}), sound_of)
