"""Kokoro through torch, for a GPU or for its makers' own weights: a sentence is spoken at once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from s2s import torch_models
from s2s.stage import Call
from s2s.tts.kokoro_speech import LETTERS, RATE, breathed
from s2s.tts.loudness import Floats
from s2s.tts.stretches import make_stoppable, stretches
from s2s.tts.voice import Voice
from s2s.weights import WeightsError

SPACY = "en_core_web_sm"
"""What English is read with besides espeak-ng: the package would fetch it while a caller waits."""


@dataclass(kw_only=True)
class KokoroTorch(Voice):
    """Kokoro by its makers' package; unknown words go through espeak-ng, which is GPL-3."""

    model: str = "hf:hexgrad/Kokoro-82M@f3ff3571791e39611d31c381e3a41a3af07b4987"
    voice: str = "bm_fable"
    language: str = "en-gb"
    speed: float = 1.0
    device: str = "auto"
    threads: int = 1

    needs = ("torch", "kokoro")
    extra = "kokoro-torch"
    licence = "GPL-3.0-or-later: phonemizer and espeak-ng, which kokoro uses"
    honours = frozenset({"voice", "speed"})
    sends_hz = RATE

    def weights(self) -> list[str]:
        """Return the source of the model's folder, with its voices."""
        return [self.model]

    def load(self) -> None:
        """Load the model and all its voices, and speak a few words into the void."""
        device = torch_models.device(self.device)
        torch_models.limit_threads(self.threads)
        letter = letter_of(self.language)
        self._read = _reader(letter)
        folder = torch_models.folder(self.model, "config.json")
        weights = sorted(folder.glob("*.pth"))
        if len(weights) != 1:
            raise WeightsError(f"{self.model}: {folder} has {len(weights)} .pth files; name a folder with one")
        self._styles = _styles(self.model, folder)
        if self.voice not in self._styles:
            known = ", ".join(sorted(self._styles))
            raise ValueError(f"voice: there is no {self.voice!r}; {self.model} has {known}")
        import kokoro

        config, model = str(folder / "config.json"), str(weights[0])
        self._model: Any = kokoro.KModel(repo_id="local", config=config, model=model).to(device).eval()
        self._speaking: Call | None = None
        make_stoppable(self._model, lambda: self._speaking is not None and self.stopped(self._speaking))
        super().load()

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
        return name if name in self._styles else self.voice

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of each sentence, or of a stretch of a long one."""
        style, vocabulary = self._styles[self.voice_of(call)], self._model.vocab
        for stretch in stretches(" ".join(text.split())):
            for result in self._read(stretch):
                phonemes = "".join(letter for letter in result.phonemes if letter in vocabulary)
                if not any(letter.isalpha() for letter in phonemes):
                    continue
                self._speaking = call
                row = style[min(len(phonemes), len(style)) - 1]
                samples = self._model(phonemes, row, call.settings.speed * self.speed)
                yield breathed(samples.float().numpy().astype(np.float32, copy=False), phonemes)

    def close(self) -> None:
        """Let the model and the voices go."""
        self._model, self._styles = None, {}


def letter_of(language: str) -> str:
    """Return Kokoro's letter for a language, given in BCP-47 or as that letter; raise ValueError where it has none."""
    code = language.lower().replace("_", "-")
    names = {**{name: letter for letter, name in LETTERS.items()}, "zh": "z"}
    primary = {name.partition("-")[0]: letter for name, letter in reversed(names.items())}
    letter = code if code in LETTERS else names.get(code) or primary.get(code.partition("-")[0])
    if letter is None:
        raise ValueError(f"language: Kokoro has no {language!r}; give one of {', '.join([*LETTERS, *names])}")
    return letter


def _reader(letter: str) -> Any:
    """Return what makes phonemes of a language; raise ValueError where something that it wants is not there."""
    if letter in "ab" and importlib.util.find_spec(SPACY) is None:
        raise ValueError(
            f"language: English is read with spaCy's {SPACY}, which is not here; "
            f"{sys.executable} -m spacy download {SPACY}, or take tts=kokoro, which does without"
        )
    from kokoro import KPipeline
    from loguru import logger

    logger.disable("kokoro")
    try:
        return KPipeline(lang_code=letter, repo_id="hexgrad/Kokoro-82M", model=False)
    except ImportError as error:
        extra = {"j": "ja", "z": "zh"}.get(letter, "en")
        raise ValueError(f"language: it is read with {error.name}; pip install 'misaki[{extra}]'") from error


def _styles(source: str, folder: Path) -> dict[str, Any]:
    """Return the voices of a model's folder by name, each as `[phonemes, 1, 256]`."""
    import torch

    voices = {path.stem: torch.load(path, weights_only=True) for path in sorted((folder / "voices").glob("*.pt"))}
    if not voices:
        raise WeightsError(f"{source}: no voices in {folder / 'voices'}; each is a .pt file there")
    return voices
