"""What the engines for Qwen3-TTS have in common: whose voice speaks, in which language, and for how long at most."""

from __future__ import annotations

import abc
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from s2s.stage import Call
from s2s.tts.voice import Voice
from s2s.weights import WeightsError, resolve

LANGUAGES = {
    "zh": "chinese",
    "en": "english",
    "ja": "japanese",
    "ko": "korean",
    "de": "german",
    "fr": "french",
    "ru": "russian",
    "pt": "portuguese",
    "es": "spanish",
    "it": "italian",
}
"""What the published models speak, by its codes."""

FRAMES = 50, 4
"""Frames (12.5 make a second) that a text may last, and those added for each of its bytes: four times what is usual."""


@dataclass(kw_only=True)
class Qwen3Voice(Voice, abc.ABC):
    """Speaks by a voice of the model's own, by one that is cloned of a recording, or by one that is described."""

    voice: str = "Aiden"
    instructions: str | None = None
    ref_audio: str | None = None
    ref_text: str | None = None
    xvec_only: bool = False
    language: str = "auto"
    chunk_frames: int = 12
    max_tokens: int = 1536
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None

    honours = frozenset({"voice"})
    sends_hz = 24000

    @property
    def rate(self) -> int:
        """What the codec makes: 24 kHz."""
        return 24000

    def weights(self) -> list[str]:
        """Return the sources of the model, and of the recording that is cloned."""
        return [*self._models(), *([] if self.ref_audio is None else [self.ref_audio])]

    def voice_names(self) -> list[str]:
        """Return the names of the model's own voices."""
        return list(self.__dict__.get("_voices", {}).values())

    def voice_of(self, call: Call) -> str | None:
        """Return the name of the voice that speaks to a caller, where the model has voices of its own."""
        return self._voices.get((call.settings.voice or "").lower(), self._own)

    def most_frames(self, text: str) -> int:
        """Return after how many frames a text is cut off: a model that misses its end babbles on for minutes."""
        fixed, each = FRAMES
        return min(self.max_tokens, fixed + each * len(text.encode()))

    @abc.abstractmethod
    def _models(self) -> list[str]:
        """Return the sources of the model."""

    def _fit(self, kind: str, voices: Iterable[str], languages: Iterable[str]) -> None:
        """Keep what the model is and has; raise ValueError where the options don't fit that."""
        known = {"auto", *languages}
        self._kind, named = kind, kind == "custom_voice"
        self._voices = {name.lower(): name for name in voices if named}
        self._own = self._voices.get(self.voice.lower())
        self._language = LANGUAGES.get(self.language.lower(), self.language.lower())
        if named and self._own is None:
            raise ValueError(f"voice: the model has no voice {self.voice!r}; it has {', '.join(self._voices)}")
        if self._language not in known:
            raise ValueError(f"language: the model has no {self.language!r}; it has {', '.join(sorted(known))}")
        if kind == "base" and self.ref_audio is None:
            raise ValueError("ref_audio: the model clones a voice; name a recording of one, or take a ...-CustomVoice")
        if kind == "base" and not self.xvec_only and not self.ref_text:
            raise ValueError("ref_text: should be the words of ref_audio; without them say xvec_only=true")
        if kind != "base" and self.ref_audio is not None:
            raise ValueError("ref_audio: the model clones no voice; take a ...-Base, or leave ref_audio null")
        if kind == "voice_design" and not self.instructions:
            raise ValueError("instructions: the model makes a voice of a description; give one")
        if kind == "base" and self.instructions:
            raise ValueError("instructions: a model that clones takes none; leave them null, or take a ...-CustomVoice")

    def _fit_folder(self, folder: Path) -> None:
        """Keep what the model in a folder says of itself."""
        config = json.loads((folder / "config.json").read_text("utf-8"))
        talker = config.get("talker_config", {})
        if config.get("tokenizer_type") != "qwen3_tts_tokenizer_12hz":
            raise WeightsError(f"{folder}: no Qwen3-TTS of 12 Hz; take one such as hf:Qwen/Qwen3-TTS-12Hz-1.7B-Base")
        self._fit(config["tts_model_type"], talker.get("spk_id", {}), talker.get("codec_language_id", {}))

    def _recording(self) -> str:
        """Return the path of the recording that is cloned."""
        return str(resolve(self.ref_audio or ""))
