"""What all turn stages have in common: a turn opens at speech, and ends after a silence whose length they choose."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass

from s2s.messages import Activity, Asked, EndOfTurn, Speech, Transcript
from s2s.settings import Detection
from s2s.stage import Call, Stage
from s2s.turn.ear import Ear

RELEASE = 0.15
"""How far below the threshold speech must fall to count as silence, so that a wavering detector doesn't chatter."""
PATIENCE = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.6}
"""By how much the eagerness that a client asks for stretches a wait."""
LITERAL_MS = 500
"""The silence of a client that asks for `server_vad` and leaves its length open."""


@dataclass(kw_only=True)
class Endpointer(Stage, abc.ABC):
    """Cuts sound into turns; a turn opens with the sound just before its first word.

    After `soft_ms` of silence a turn is transcribed on trial, after firm speech that fades a little sooner, and once
    `ripe_ms` have passed it is answered on trial: the mark `pause` says the one, `ripe` the other, and `resume` that
    the caller goes on.
    """

    threshold: float = 0.5
    min_speech_ms: int = 64
    prefix_ms: int = 300
    piece_ms: int = 200
    soft_ms: int | None = 32
    max_speech_s: float = 60.0

    honours = frozenset({"detection"})

    @abc.abstractmethod
    def wait_ms(self, call: Call, ear: Ear, patience: float) -> float:
        """Return the silence that ends the open turn, as things stand; a client's eagerness asks for `patience`."""

    def ripe_ms(self, call: Call, ear: Ear, wait_ms: float) -> float:
        """Return the silence after which an answer is prepared, where `wait_ms` of it end the turn."""
        return 0.0

    def resumed(self, call: Call, quiet_ms: float) -> None:
        """Note that a caller went on after a pause."""

    def ended(self, call: Call, ear: Ear) -> None:
        """Note that a turn has ended by silence."""

    def run(self, call: Call, item: Activity | Transcript | Asked | EndOfTurn) -> Iterator[Speech]:
        """Give what `item` adds to the caller's turn; in push-to-talk sound is only kept for `commit`."""
        ear = ear_of(call)
        detection = call.settings.detection
        if isinstance(item, Activity):
            yield from self._hear(call, ear, item, detection)
            return
        if isinstance(item, Asked):
            call.memory["asked"] = item.text
        elif isinstance(item, EndOfTurn):
            ear.ended = item.probability
        elif item.final:
            ear.text = item.text
        if ear.open and detection is not None:
            yield from self._judge(call, ear, detection)

    def finish(self, call: Call) -> Iterator[Speech]:
        """End an open turn: no more sound comes."""
        if ear_of(call).open:
            yield ear_of(call).end()

    def commit(self, call: Call) -> Iterator[Speech]:
        """Give all the sound that has not left as the end of a turn, opened if it isn't open; nothing for no sound."""
        ear = ear_of(call)
        if not ear.open and ear.sound:
            yield ear.start()
        if ear.open:
            yield ear.end()

    def clear(self, call: Call) -> None:
        """Forget the sound that has not left, and the open turn."""
        call.state.pop("ear", None)

    def buffered_ms(self, call: Call) -> float:
        """Return how much sound a `commit` would make a turn of, the part of an open turn that has left included."""
        ear = ear_of(call)
        return ear.now_ms - ear.begun_ms if ear.open else ear.held_ms()

    def _hear(self, call: Call, ear: Ear, item: Activity, detection: Detection | None) -> Iterator[Speech]:
        hop_ms = len(item.pcm) // 2 * 1000 / item.rate
        ear.rate = item.rate
        ear.sound += item.pcm
        ear.now_ms = item.at_ms + hop_ms
        if detection is None:
            return
        threshold = self.threshold if detection.threshold is None else detection.threshold
        if ear.open:
            yield from self._continue(call, ear, item, hop_ms, threshold, detection)
        else:
            prefix_ms = self.prefix_ms if detection.prefix_ms is None else detection.prefix_ms
            yield from self._await(call, ear, item, hop_ms, threshold, prefix_ms)

    def _await(
        self, call: Call, ear: Ear, item: Activity, hop_ms: float, threshold: float, prefix_ms: float
    ) -> Iterator[Speech]:
        if item.speech >= threshold:
            ear.speech_ms += hop_ms
        elif item.speech < threshold - RELEASE:
            ear.speech_ms = 0.0
        elif ear.speech_ms:
            ear.speech_ms += hop_ms
        if ear.split or ear.speech_ms >= max(self.min_speech_ms, 1):
            if not ear.split:
                ear.trim(prefix_ms + ear.speech_ms)
            self.began(call, ear)
            yield ear.start()
        else:
            ear.trim(prefix_ms + ear.speech_ms)

    def began(self, call: Call, ear: Ear) -> None:
        """Note that a turn is about to open."""

    def _continue(
        self, call: Call, ear: Ear, item: Activity, hop_ms: float, threshold: float, detection: Detection
    ) -> Iterator[Speech]:
        if item.speech >= threshold:
            if ear.paused and ear.quiet_ms:
                self.resumed(call, ear.quiet_ms)
            ear.quiet_ms = 0.0
        elif ear.quiet_ms or item.speech < threshold - RELEASE:
            ear.quiet_ms += hop_ms
        fades = ear.fades(item.speech, hop_ms)
        if ear.paused and not ear.quiet_ms and not fades:
            yield ear.resume(item.at_ms)
            return
        if fades and not ear.paused and self.soft_ms is not None and hop_ms >= self.soft_ms:
            yield ear.pause()
        yield from self._judge(call, ear, detection)
        if not ear.open:
            return
        if ear.now_ms - ear.begun_ms >= self.max_speech_s * 1000:
            ear.split = not ear.quiet_ms  # while they speak the next turn follows at once
            yield ear.end()
        elif ear.held_ms() >= self.piece_ms and not ear.quiet_ms:  # a recogniser at work on silence ends late
            yield ear.leave("more", ear.now_ms - ear.held_ms())

    def _judge(self, call: Call, ear: Ear, detection: Detection) -> Iterator[Speech]:
        """Say what the silence so far means."""
        if not ear.quiet_ms:
            return
        wait_ms = self._wait_ms(call, ear, detection)
        if ear.quiet_ms >= max(wait_ms, 1):
            self.ended(call, ear)
            yield ear.end()
            return
        if self.soft_ms is None:
            return
        if not ear.paused and ear.quiet_ms >= max(self.soft_ms, 1):
            yield ear.pause()
            wait_ms = self._wait_ms(call, ear, detection)
        if ear.paused and not ear.ripe and ear.quiet_ms >= self.ripe_ms(call, ear, wait_ms):
            yield ear.ripen()

    def _wait_ms(self, call: Call, ear: Ear, detection: Detection) -> float:
        if detection.silence_ms is not None:
            return detection.silence_ms
        if detection.kind == "silence":
            return LITERAL_MS
        return self.wait_ms(call, ear, PATIENCE[detection.eagerness])


def ear_of(call: Call) -> Ear:
    """Return what is kept of a caller."""
    ear: Ear | None = call.state.get("ear")
    if ear is None:
        ear = call.state["ear"] = Ear()
    return ear
