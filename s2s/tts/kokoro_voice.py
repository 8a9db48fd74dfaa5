"""What the engines for Kokoro have in common: who speaks, by whose rules text is read, and in which stretches."""

from __future__ import annotations

import abc
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from s2s.stage import Call
from s2s.tts.kokoro_speech import LETTERS, RATE, breathed
from s2s.tts.loudness import Floats
from s2s.tts.voice import Voice

LANGUAGES = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "zh": "cmn"}
"""Languages that espeak-ng knows by another name than BCP-47."""
SWITCH = re.compile(r"\([a-z]{2,3}(-[a-z]+)*\)")
"""How espeak-ng says that it reads a word by another language's rules: it would be spoken."""


@dataclass(kw_only=True)
class KokoroVoice(Voice, abc.ABC):
    """Speaks by one of the model's voices; phonemes come from espeak-ng, which is GPL-3."""

    voice: str
    language: str
    speed: float = 1.0

    licence = "GPL-3.0-or-later: phonemizer and espeak-ng, which kokoro-onnx uses"
    honours = frozenset({"voice", "speed", "language"})
    sends_hz = RATE

    @abc.abstractmethod
    def sound(self, call: Call, phonemes: str, style: Floats, speed: float) -> Floats:
        """Return the samples of phonemes that the model can hold, in the style [256] of a voice."""

    @property
    def rate(self) -> int:
        """Kokoro's sample rate."""
        return RATE

    def voice_names(self) -> list[str]:
        """Return the names of the voices."""
        return sorted(getattr(self, "_styles", ()))

    def voice_of(self, call: Call) -> str:
        """Return the caller's voice, or the stage's own where there is none of that name."""
        name = call.settings.voice
        return name if name is not None and name in self._styles else self.voice

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a clause, at once where it is no longer than what the model can hold."""
        phonemes = self._tokenizer.phonemize(" ".join(text.split()), self._language_of(call))
        styles = self._styles[self.voice_of(call)]
        for stretch in self._split(SWITCH.sub("", phonemes)):
            count = len(self._tokenizer.tokenize(stretch))
            if not any(letter.isalpha() for letter in stretch) or not count or self.stopped(call):
                continue
            style = styles[min(count, len(styles)) - 1]
            samples = self.sound(call, stretch, style, call.settings.speed * self.speed)
            yield breathed(samples, stretch)

    def _choose(self, styles: Mapping[str, Floats], source: str) -> None:
        """Keep the voices of `source`, each `[phonemes, 256]`; raise ValueError where the stage's own is not there."""
        self._styles = styles
        if self.voice not in styles:
            raise ValueError(f"voice: there is no {self.voice!r}; {source} has {', '.join(sorted(styles))}")

    def _learn_to_read(self, vocabulary: Mapping[str, int]) -> None:
        """Load what turns text into the phonemes of a vocabulary; raise ValueError for a language that it has not."""
        from kokoro_onnx.chunker import split_phonemes
        from kokoro_onnx.tokenizer import Tokenizer
        from phonemizer.backend import EspeakBackend

        self._tokenizer: Any = Tokenizer(vocab=vocabulary)
        self._split = split_phonemes
        self._known = frozenset(EspeakBackend.supported_languages())
        self._language = spoken(self.language, self._known)
        if not self._language:
            raise ValueError(f"language: espeak-ng has no {self.language!r}; give one such as en-gb, es, fr, hi or it")

    def _language_of(self, call: Call) -> str:
        """Return the caller's language, or the stage's own where espeak-ng has none of that name."""
        code = call.settings.language or ""
        if code.lower() == self._language.partition("-")[0]:
            return self._language
        return spoken(code, self._known) or self._language


def spoken(language: str, known: frozenset[str]) -> str:
    """Return what espeak-ng calls a language, given as Kokoro's letter or in BCP-47; nothing where it has none."""
    code = language.lower().replace("_", "-")
    primary = code.partition("-")[0]
    names = (LETTERS.get(code), code, LANGUAGES.get(primary), primary)
    return next((name for name in names if name in known), "")
