"""Sound as the protocol carries it: base64 of PCM at 24 kHz or of G.711 at 8 kHz, each way in a format of its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from s2s.audio import Resampler, Samples, alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

HZ = {"audio/pcm": 24000, "audio/pcmu": 8000, "audio/pcma": 8000}
DELTA_MS = 200
"""Milliseconds of sound in one delta: far below every client's frame limit, and soon gone when interrupted."""


class SoundIn:
    """The caller's sound on its way in: an odd byte waits for its other half, up to a `cut`."""

    def __init__(self) -> None:
        self._samples = Samples()

    def take(self, sound: bytes, format: str) -> bytes:
        """Return `sound` as s16le at the format's rate."""
        if format == "audio/pcmu":
            return ulaw_decode(sound)
        if format == "audio/pcma":
            return alaw_decode(sound)
        return self._samples.push(sound)

    def cut(self) -> None:
        """Forget half a sample: what comes next begins anew."""
        self._samples = Samples()


class SoundOut:
    """The sound of one response on its way out, in the format that the response began with."""

    def __init__(self, format: dict[str, Any], voice: Any) -> None:
        self.format = format
        self.voice = voice
        self._resamplers: dict[str, Resampler] = {}

    def deltas(self, item_id: str, pcm: bytes, rate: int) -> Iterator[str]:
        """Yield base64 of at most `DELTA_MS` each of an item's s16le `pcm` at `rate` Hz."""
        resampler = self._resamplers.setdefault(item_id, Resampler(HZ[self.format["type"]]))
        yield from self._cut(resampler.push(pcm, rate))

    def rest(self, item_id: str, whole: bool) -> Iterator[str]:
        """Yield what is still inside of an item's sound; nothing of one that was cut off."""
        resampler = self._resamplers.pop(item_id, None)
        if resampler is not None and whole:
            yield from self._cut(resampler.flush())

    def _cut(self, pcm: bytes) -> Iterator[str]:
        kind = self.format["type"]
        piece = 2 * HZ[kind] * DELTA_MS // 1000
        for at in range(0, len(pcm), piece):
            sound = pcm[at : at + piece]
            if kind == "audio/pcmu":
                sound = ulaw_encode(sound)
            elif kind == "audio/pcma":
                sound = alaw_encode(sound)
            yield base64.b64encode(sound).decode()
