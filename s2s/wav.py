"""WAV files in memory."""

from __future__ import annotations

import io
import wave


def wav(pcm: bytes, rate: int) -> bytes:
    """Return mono s16le `pcm` at `rate` Hz as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()
