"""What a turn stage keeps of one caller: the sound that has not left yet, and how the speech in it goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from s2s.messages import Mark, Speech

FADE, FIRM_MS = 0.8, 250.0
"""Speech likelier than this for so long is firm: where it falls below, silence mostly follows, a hop later."""


@dataclass
class Ear:
    """One caller's sound; `quiet_ms` is the silence so far, `text` and `ended` what is known of the turn up to it.

    `text` is what was recognised, `ended` the probability (0..1) that the turn is over, None while it is not known.
    """

    sound: bytearray = field(default_factory=bytearray)
    rate: int = 16000
    now_ms: float = 0.0
    open: bool = False
    paused: bool = False
    ripe: bool = False
    split: bool = False
    begun_ms: float = 0.0
    speech_ms: float = 0.0
    quiet_ms: float = 0.0
    firm_ms: float = 0.0
    text: str | None = None
    ended: float | None = None

    def held_ms(self) -> float:
        """Return how long the sound that has not left lasts."""
        return len(self.sound) // 2 * 1000 / self.rate

    def trim(self, keep_ms: float) -> None:
        """Forget all but the last `keep_ms` of sound."""
        spare = len(self.sound) - 2 * round(keep_ms * self.rate / 1000)
        if spare > 0:
            del self.sound[:spare]

    def fades(self, speech: float, hop_ms: float) -> bool:
        """Say whether firm speech has just fallen off, with the next hop's likelihood of speech (0..1)."""
        firm = self.firm_ms >= FIRM_MS
        self.firm_ms = self.firm_ms + hop_ms if speech >= FADE else 0.0
        return firm and speech < FADE

    def leave(self, mark: Mark, at_ms: float) -> Speech:
        """Return the sound that has not left, under `mark`."""
        pcm = bytes(self.sound)
        self.sound.clear()
        return Speech(pcm=pcm, rate=self.rate, mark=mark, at_ms=max(0.0, at_ms), quiet_ms=self.quiet_ms)

    def start(self) -> Speech:
        """Open the turn with all that is held."""
        self.open, self.split = True, False
        self._go_on()
        self.begun_ms = max(0.0, self.now_ms - self.held_ms())
        self.quiet_ms = self.firm_ms = 0.0
        return self.leave("start", self.begun_ms)

    def pause(self) -> Speech:
        """Say that the turn may be over."""
        self.paused = True
        return self.leave("pause", self.now_ms)

    def ripen(self) -> Speech:
        """Say that it is time to prepare an answer to the turn as it is."""
        self.ripe = True
        return self.leave("ripe", self.now_ms)

    def resume(self, at_ms: float) -> Speech:
        """Say that the turn was not over."""
        self._go_on()
        return self.leave("resume", at_ms)

    def end(self) -> Speech:
        """Close the turn with all that is held."""
        self.open, self.speech_ms = False, 0.0
        self._go_on()
        return self.leave("end", self.now_ms)

    def _go_on(self) -> None:
        self.paused = self.ripe = False
        self.text = self.ended = None
