"""One caller's sound on its way in: heard, cut into turns, ended by hand or when it stops coming."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from s2s.audio import Resampler
from s2s.conversation.events import Event, Spoken
from s2s.conversation.state import State
from s2s.flow import Flow
from s2s.kept import Kept
from s2s.messages import Audio, Speech
from s2s.metrics import Marks
from s2s.scope import Scope
from s2s.wiring import Network

MUTE_S = 3.0
"""Seconds without any sound from the caller after which an open turn is taken as over."""
HELD_S = 600.0
"""Seconds of sound that push to talk holds between two commits."""
SHORTEST_MS = 100.0
"""Sound below this can't be committed."""
TAIL_SAMPLES = 512
"""Silence after committed sound, so that a detector that works in hops has all of it."""


LINE_HZ = 16000
"""The rate of the sound in a prompt."""


class InputFull(RuntimeError):
    """Push to talk holds so much sound that no more is taken before a commit or a clear."""


class Listener(Protocol):
    """The call whose sound it is."""

    closed: bool
    state: State

    def feed(self, event: Event) -> None:
        """Give the conversation an event."""

    def scope(self, number: int) -> Scope | None:
        """A scope that is not over."""


class Hearing:
    """The sound of a call: `heard_ms` is all that was taken."""

    def __init__(self, network: Network, flow: Flow, clock: Callable[[], float], call: Listener) -> None:
        self.heard_ms = 0.0
        self._network = network
        self._flow = flow
        self._clock = clock
        self._call = call
        self._cut_ms = 0.0
        self._turn_sound: list[bytes] = []
        self._turn_rate = 16000
        self._turn_marks: Marks | None = None
        self._last_turn: tuple[float, Marks] | None = None
        self._sounded_at = 0.0
        self._watch: Any = None
        self._full = False
        self._turn_item = ""
        self._sounds: dict[str, bytes] = {}
        self.kept = Kept(0.0)
        """The sound of the last turns, as far as somebody may ask for it."""

    @property
    def ready(self) -> bool:
        """Whether no more than enough is still unheard."""
        return not self._flow.room.blocked("caller", self._flow.listening)

    async def audio(self, pcm: bytes, rate: int) -> None:
        """Take mono s16le sound of whole samples; waits while too much of it is unheard."""
        await self._flow.room.credit("caller", self._flow.listening)
        self.hear(pcm, rate)

    def hear(self, pcm: bytes, rate: int) -> None:
        """Take mono s16le sound of whole samples, when `ready`; raise InputFull, once, where it is too much."""
        if self._call.state.settings.detection is None and self.heard_ms - self._cut_ms >= HELD_S * 1000:
            full, self._full = self._full, True
            if not full:
                raise InputFull(f"the input audio buffer holds {HELD_S:g} s: commit or clear it")
            return
        self._full = False
        self._sounded_at = self._clock()
        item = Audio(pcm=pcm, rate=rate, at_ms=self.heard_ms)
        self.heard_ms += len(pcm) / 2 / rate * 1000
        self._flow.deliver("caller", self._flow.listening, item)

    async def commit(self) -> float | None:
        """End the caller's turn here; return None, or how many milliseconds there were if they are too few."""
        held_ms = self.heard_ms - self._cut_ms
        turn = self._turn_stage()
        if turn is None or held_ms < SHORTEST_MS:
            return held_ms
        tail = Audio(pcm=bytes(2 * TAIL_SAMPLES), rate=16000, at_ms=self.heard_ms)
        self._flow.deliver("caller", self._flow.listening, tail)
        while self._flow.listening.in_flight():
            await self._flow.room.change()
        for speech in turn.commit(self._flow.listening.view(self._network.faces.turn)):
            self.speech(speech, manual=True)
        return None

    def clear(self) -> None:
        """Forget the sound since the last commit."""
        self._cut_ms = self.heard_ms

    def speech(self, speech: Speech, manual: bool = False) -> None:
        """Let the conversation judge a mark, and give the sound to the scope that it belongs to."""
        call = self._call
        event = Spoken(mark=speech.mark, at_ms=speech.at_ms, manual=manual or call.state.settings.detection is None)
        if speech.mark in ("start", "resume"):
            if speech.mark == "start":
                self._turn_sound, self._turn_rate = [], speech.rate
                self._watch_mute()
            call.feed(event)
        self._turn_sound.append(speech.pcm)
        turn = call.state.turn
        self._turn_item = "" if turn is None else turn.item_id
        scope = None if turn is None else call.scope(turn.scope)
        if scope is not None:
            self._turn_marks = scope.marks
        if scope is not None and turn is not None and not turn.paused:  # else it is transcribed already
            self._flow.deliver(self._network.faces.turn, scope, speech)
        if speech.mark == "more" and call.state.on_trial:
            until_ms = speech.at_ms + len(speech.pcm) / 2 / speech.rate * 1000
            call.feed(msgspec.structs.replace(event, at_ms=until_ms))
        if speech.mark in ("pause", "ripe", "end"):
            if speech.mark == "end" and self._turn_marks is not None:
                self._last_turn = (self._clock() - speech.quiet_ms / 1000, self._turn_marks)
            call.feed(event)
            if speech.mark == "end":
                if turn is not None:
                    self.kept.put(turn.item_id, self._turn_sound, self._turn_rate)
                    if self._network.audio_turns:
                        self.keep(turn.item_id, b"".join(self._turn_sound), self._turn_rate)
                self._turn_sound, self._turn_item = [], ""
                self._cut_ms = max(self._cut_ms, min(speech.at_ms, self.heard_ms))  # the tail of a commit is not theirs

    def replay(self, scope: Scope) -> None:
        """Give a scope all the sound of the open turn so far."""
        piece = Speech(pcm=b"".join(self._turn_sound), rate=self._turn_rate, mark="start")
        self._flow.deliver(self._network.faces.turn, scope, piece)

    def give(self, scope: Scope, pcm: bytes, rate: int) -> None:
        """Give a scope the sound of a whole turn: mono s16le at any rate."""
        whole = resampled(pcm, rate, self._turn_rate)
        self._flow.deliver(self._network.faces.turn, scope, Speech(pcm=whole, rate=self._turn_rate, mark="start"))

    def keep(self, item_id: str, pcm: bytes, rate: int) -> None:
        """Keep the mono s16le sound of a turn for the language model, which hears the last ones again."""
        self._sounds[item_id] = resampled(pcm, rate, LINE_HZ)
        while len(self._sounds) > self._network.audio_turns:
            del self._sounds[next(iter(self._sounds))]

    def sound_of(self, item_id: str) -> bytes:
        """Return the sound of a turn, or of the open one so far, as 16 kHz mono s16le; b"" where it is not kept."""
        if item_id == self._turn_item:
            return resampled(b"".join(self._turn_sound), self._turn_rate, LINE_HZ)
        return self._sounds.get(item_id, b"")

    def take_turn(self) -> tuple[float, Marks] | None:
        """Return, once, until when the last turn was spoken, in loop seconds, and the marks of its scope."""
        turn, self._last_turn = self._last_turn, None
        return turn

    def close(self) -> None:
        """Watch no more."""
        if self._watch is not None:
            self._watch.cancel()

    def _turn_stage(self) -> Any:
        name = self._network.faces.turn
        return self._network.nodes[name].stage if name else None

    def _watch_mute(self) -> None:
        if self._watch is None:
            self._watch = self._flow.later(MUTE_S / 2, self._muted)

    def _muted(self) -> None:
        """End a turn whose sound stopped coming: no frame will tell that it is over."""
        self._watch = None
        turn = self._turn_stage()
        if self._call.closed or self._call.state.turn is None or turn is None:
            return
        if self._clock() - self._sounded_at >= MUTE_S and not self._flow.listening.in_flight():
            for speech in turn.commit(self._flow.listening.view(self._network.faces.turn)):
                self.speech(speech)
        else:
            self._watch_mute()


def resampled(pcm: bytes, rate: int, hz: int) -> bytes:
    """Return whole mono s16le sound at another rate."""
    if rate == hz:
        return pcm
    resampler = Resampler(hz)
    return resampler.push(pcm, rate) + resampler.flush()
