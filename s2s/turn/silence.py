"""Silence: a turn ends when its speaker has been quiet for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from s2s.messages import Activity, Asked, Mark, Speech, Transcript
from s2s.stage import Call, Stage

RELEASE = 0.15
"""How far below the threshold speech must fall to count as silence, so that a wavering detector doesn't chatter."""


PATIENCE = {"low": 2.0, "medium": 1.0, "auto": 1.0, "high": 0.6}
"""By how much a client's eagerness stretches the silence that ends a turn."""


@dataclass
class _Ear:
    """What one caller keeps: the sound that has not left yet, and how long what has been heard lasts."""

    sound: bytearray = field(default_factory=bytearray)
    rate: int = 16000
    now_ms: float = 0.0
    open: bool = False
    paused: bool = False
    split: bool = False
    begun_ms: float = 0.0
    speech_ms: float = 0.0
    quiet_ms: float = 0.0

    def held_ms(self) -> float:
        """Return how long the sound that has not left lasts."""
        return len(self.sound) // 2 * 1000 / self.rate

    def trim(self, keep_ms: float) -> None:
        """Forget all but the last `keep_ms` of sound."""
        spare = len(self.sound) - 2 * round(keep_ms * self.rate / 1000)
        if spare > 0:
            del self.sound[:spare]

    def leave(self, mark: Mark, at_ms: float) -> Speech:
        """Return the sound that has not left, under `mark`."""
        pcm = bytes(self.sound)
        self.sound.clear()
        return Speech(pcm=pcm, rate=self.rate, mark=mark, at_ms=max(0.0, at_ms))

    def start(self) -> Speech:
        """Open the turn with all that is held."""
        self.open, self.split, self.paused = True, False, False
        self.begun_ms = max(0.0, self.now_ms - self.held_ms())
        self.quiet_ms = 0.0
        return self.leave("start", self.begun_ms)

    def end(self) -> Speech:
        """Close the turn with all that is held."""
        self.open, self.paused, self.speech_ms = False, False, 0.0
        return msgspec.structs.replace(self.leave("end", self.now_ms), quiet_ms=self.quiet_ms)


@dataclass(kw_only=True)
class Silence(Stage):
    """Cuts sound into turns at silences; a turn opens with the sound just before its first word."""

    threshold: float = 0.5
    min_speech_ms: int = 64
    silence_ms: int = 500
    prefix_ms: int = 300
    piece_ms: int = 200
    soft_ms: int | None = 200
    max_speech_s: float = 60.0

    honours = frozenset({"detection"})

    def run(self, call: Call, item: Activity | Transcript | Asked) -> Iterator[Speech]:
        """Give what `item` adds to the caller's turn; in push-to-talk sound is only kept for `commit`."""
        if not isinstance(item, Activity):
            return
        ear = _ear(call)
        hop_ms = len(item.pcm) // 2 * 1000 / item.rate
        ear.rate = item.rate
        ear.sound += item.pcm
        ear.now_ms = item.at_ms + hop_ms
        detection = call.settings.detection
        if detection is None:
            return
        threshold = self.threshold if detection.threshold is None else detection.threshold
        if ear.open:
            own_ms = self.silence_ms * PATIENCE[detection.eagerness]
            silence_ms = own_ms if detection.silence_ms is None else detection.silence_ms
            yield from self._continue(ear, item, hop_ms, threshold, silence_ms)
        else:
            prefix_ms = self.prefix_ms if detection.prefix_ms is None else detection.prefix_ms
            yield from self._await(ear, item, hop_ms, threshold, prefix_ms)

    def finish(self, call: Call) -> Iterator[Speech]:
        """End an open turn: no more sound comes."""
        if _ear(call).open:
            yield _ear(call).end()

    def commit(self, call: Call) -> Iterator[Speech]:
        """Give all the sound that has not left as the end of a turn, opened if it isn't open; nothing for no sound."""
        ear = _ear(call)
        if not ear.open and ear.sound:
            yield ear.start()
        if ear.open:
            yield ear.end()

    def clear(self, call: Call) -> None:
        """Forget the sound that has not left, and the open turn."""
        call.state.pop("ear", None)

    def buffered_ms(self, call: Call) -> float:
        """Return how much sound a `commit` would make a turn of, the part of an open turn that has left included."""
        ear = _ear(call)
        return ear.now_ms - ear.begun_ms if ear.open else ear.held_ms()

    def _await(self, ear: _Ear, item: Activity, hop_ms: float, threshold: float, prefix_ms: float) -> Iterator[Speech]:
        if item.speech >= threshold:
            ear.speech_ms += hop_ms
        elif item.speech < threshold - RELEASE:
            ear.speech_ms = 0.0
        elif ear.speech_ms:
            ear.speech_ms += hop_ms
        if ear.split or ear.speech_ms >= max(self.min_speech_ms, 1):
            if not ear.split:
                ear.trim(prefix_ms + ear.speech_ms)
            yield ear.start()
        else:
            ear.trim(prefix_ms + ear.speech_ms)

    def _continue(
        self, ear: _Ear, item: Activity, hop_ms: float, threshold: float, silence_ms: float
    ) -> Iterator[Speech]:
        if item.speech >= threshold:
            ear.quiet_ms = 0.0
        elif ear.quiet_ms or item.speech < threshold - RELEASE:
            ear.quiet_ms += hop_ms
        if ear.quiet_ms >= max(silence_ms, 1):
            yield ear.end()
        elif ear.now_ms - ear.begun_ms >= self.max_speech_s * 1000:
            ear.split = not ear.quiet_ms  # while they speak the next turn follows at once
            yield ear.end()
        elif ear.paused and not ear.quiet_ms:
            ear.paused = False
            yield ear.leave("resume", item.at_ms)
        elif self.soft_ms is not None and not ear.paused and ear.quiet_ms >= max(self.soft_ms, 1):
            ear.paused = True
            yield ear.leave("pause", ear.now_ms)
        elif ear.held_ms() >= self.piece_ms and not ear.quiet_ms:  # a recogniser at work on silence ends late
            yield ear.leave("more", ear.now_ms - ear.held_ms())


def _ear(call: Call) -> _Ear:
    ear: _Ear | None = call.state.get("ear")
    if ear is None:
        ear = call.state["ear"] = _Ear()
    return ear
