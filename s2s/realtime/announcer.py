"""What the client of a session is told: facts put into frames."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import msgspec

from s2s.conversation import facts as f
from s2s.realtime import wire
from s2s.realtime.dialect import Dialect, Event
from s2s.realtime.frame import Frame
from s2s.realtime.refusal import Refusal
from s2s.realtime.session import SessionConfig
from s2s.realtime.sound import SoundOut


class Announcer:
    """The outgoing half of a session: codecs of its live responses, numbers of its events."""

    def __init__(self, config: SessionConfig, kept: Callable[[str], bytes], dialect: Dialect) -> None:
        self.config = config
        self._kept = kept
        self._dialect = dialect
        self._encoder = msgspec.json.Encoder()
        self._count = itertools.count(1)
        self._outs: dict[str, SoundOut] = {}

    def created(self) -> Iterator[Frame]:
        """The first frame of a session."""
        yield from self._frames({"type": "session.created", "session": self.config.show()})

    def updated(self) -> Iterator[Frame]:
        """The answer to a session.update that was taken."""
        yield from self._frames({"type": "session.updated", "session": self.config.show()})

    def refused(self, refusal: Refusal) -> Iterator[Frame]:
        """The answer to what can't be done."""
        event_id = refusal.args[1] if len(refusal.args) > 1 else None
        problem = f.Problem(code=refusal.code, message=refusal.message, param=refusal.param, event_id=event_id)
        yield from self._frames(wire.WORDS[f.Problem](problem))

    def say(self, fact: f.Fact) -> Iterator[Frame]:
        """Return the frames of a fact."""
        if isinstance(fact, f.SoundDelta):
            self.config.spoke = True
            out = self._outs[fact.response_id]
            yield from self._sound_frames(fact, out.deltas(fact.item_id, fact.pcm, fact.rate))
        elif isinstance(fact, (f.ResponseCreated, f.ResponseDone)):
            yield from self._response_frames(fact)
        else:
            if isinstance(fact, f.SoundDone):
                rest = self._outs[fact.response_id].rest(fact.item_id, fact.whole)
                yield from self._sound_frames(fact, rest)
            event = wire.WORDS[type(fact)](fact)
            if isinstance(fact, f.ItemRetrieved):
                wire.put_sound(event["item"], self._kept(fact.item.id))
            streams = isinstance(fact, (f.WordsDelta, f.TextDelta, f.ArgumentsDelta))
            yield from self._frames(event, fact.response_id if streams else "")  # type: ignore[attr-defined]

    def _response_frames(self, fact: f.ResponseCreated | f.ResponseDone) -> Iterator[Frame]:
        view = fact.response
        if isinstance(fact, f.ResponseCreated):
            self._outs[view.id] = SoundOut(*self.config.output_of(view.note))
            out = self._outs[view.id]
        else:
            out = self._outs.pop(view.id)
        begins = isinstance(fact, f.ResponseCreated)
        kind = "response.created" if begins else "response.done"
        yield from self._frames({"type": kind, "response": wire.response(view, out.voice, out.format)})
        if begins:  # nobody is limited by requests or tokens here
            yield from self._frames({"type": "rate_limits.updated", "rate_limits": []})

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
            yield from self._frames(event, fact.response_id)

    def _frames(self, event: Event, sound_of: str = "") -> Iterator[Frame]:
        for told in self._dialect.outgoing(event):
            yield Frame(self._encoder.encode({"event_id": f"event_{next(self._count)}", **told}), sound_of)
