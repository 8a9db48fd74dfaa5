"""A stand-in for qwentts_cpp, which has no wheel for this platform: it hums, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

HZ = 24000


class VoiceRef:
    """What is taken of a recording."""

    ref_spk_emb = np.ones(8, np.float32)
    ref_codes = np.ones((4, 10), np.int32)

    def save(self, speaker: Path, codes: Path) -> None:
        """Write both parts."""
        self.ref_spk_emb.tofile(speaker)
        self.ref_codes.tofile(codes)


class QwenTTS:
    """A model of two files."""

    speakers: ClassVar[list[str]] = ["aiden", "ryan"]
    made: ClassVar[list[QwenTTS]] = []

    def __init__(
        self,
        talker_path: Path,
        codec_path: Path,
        *,
        library_path: Path | None = None,
        use_fa: bool = True,
        clamp_fp16: bool = False,
        log_level: str = "warning",
    ) -> None:
        self.files = talker_path, codec_path
        self.asked = list[dict[str, Any]]()
        self.heard: np.ndarray | None = None
        self.streaming = 0
        self.made.append(self)

    def speaker_names(self) -> list[str]:
        """Return the names of the model's voices."""
        return self.speakers

    def extract_voice_ref(self, ref_audio_24k: np.ndarray) -> VoiceRef:
        """Take a voice from a recording."""
        self.heard = ref_audio_24k
        return VoiceRef()

    def stream(
        self, *, text: str, lang: str, max_new_tokens: int, codec_chunk_sec: float, **how: Any
    ) -> Iterator[tuple[np.ndarray, int]]:
        """Hum as long as the text, in pieces."""
        self.asked.append({"text": text, "lang": lang, "max_new_tokens": max_new_tokens, **how})
        hertz = 200 if how.get("speaker") == "ryan" else 120
        left = min(max_new_tokens, 6 + len(text)) * HZ * 2 // 25
        hum = (0.3 * np.sin(2 * np.pi * hertz * np.arange(left) / HZ)).astype(np.float32)
        self.streaming += 1
        try:
            for at in range(0, left, round(codec_chunk_sec * HZ)):
                yield hum[at : at + round(codec_chunk_sec * HZ)], HZ
        finally:
            self.streaming -= 1


def module() -> ModuleType:
    """Return it as the package is imported."""
    made: Any = ModuleType("qwentts_cpp")
    made.__spec__ = ModuleSpec("qwentts_cpp", None)
    made.QwenTTS, made.load_speaker_embedding = QwenTTS, np.fromfile
    return made
