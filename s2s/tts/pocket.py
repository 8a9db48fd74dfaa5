"""Pocket TTS by Kyutai: a small voice for a CPU that speaks while it makes the sound, and clones a recording."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from s2s import torch_models
from s2s.stage import Call
from s2s.tts.loudness import Floats
from s2s.tts.pocket_files import configuration, here, shipped, source, sources
from s2s.tts.voice import Voice
from s2s.weights import WeightsError, cached, resolve


@dataclass(kw_only=True)
class Pocket(Voice):
    """Pocket TTS; its voices are names that the YAML gives to recordings, or those that pocket-tts has made."""

    language: str = "english"
    model: str | None = None
    voice: str = "jean"
    ref_audio: str | None = None
    voices: dict[str, str | None] = field(default_factory=dict)
    temperature: float | None = None
    decode_steps: int = 1
    eos_threshold: float | None = None
    noise_clamp: float | None = None
    max_tokens: int = 50
    quantize: bool = False
    device: str = "auto"
    threads: int = 1

    needs = ("torch", "pocket_tts")
    extra = "pocket"
    honours = frozenset({"voice"})

    def __post_init__(self) -> None:
        if self.model is None:
            shipped(self.language)
        elif made := self._made:
            raise ValueError(
                f"voice: {', '.join(made)}: those of pocket-tts are made for its own models; "
                "give ref_audio, or voices with sources"
            )

    def weights(self) -> list[str]:
        """Return the sources of the model's configuration, of its files and of the voices.

        The package says what they are: without it they are left out, as are those that a configuration names which is
        not here itself.
        """
        path = shipped(self.language) if self.model is None else cached(self.model)
        files = [] if path is None else sources(configuration(path, self._cloning))
        return [*([self.model] if self.model else []), *files, *filter(None, self._recordings(path).values())]

    def load(self) -> None:
        """Load the model and the voices, and speak a few words into the void."""
        from pocket_tts import TTSModel
        from pocket_tts.utils.utils import _ORIGINS_OF_PREDEFINED_VOICES

        if unknown := set(self._made).difference(_ORIGINS_OF_PREDEFINED_VOICES):
            known = ", ".join(sorted(_ORIGINS_OF_PREDEFINED_VOICES))
            raise ValueError(f"voice: pocket-tts has no {min(unknown)!r}; give ref_audio, or one of {known}")
        device = torch_models.device(self.device)
        path = shipped(self.language) if self.model is None else resolve(self.model)
        assert path is not None, "the package is here"
        config = here(configuration(path, self._cloning), resolve)
        with tempfile.TemporaryDirectory() as folder:
            placed = Path(folder) / "config.yaml"
            placed.write_text(json.dumps(config), encoding="utf-8")
            self._model: Any = TTSModel.load_model(
                config=placed,
                temp=self.temperature,
                sampler_decode_steps=self.decode_steps,
                eos_threshold=self.eos_threshold,
                noise_clamp=self.noise_clamp,
                quantize=self.quantize,
            ).to(device)
        torch_models.limit_threads(self.threads)
        self._states = {name: self._state(name, wanted) for name, wanted in self._recordings(path).items()}
        super().load()

    @property
    def rate(self) -> int:
        """The model's own sample rate."""
        return int(self._model.sample_rate)

    def voice_names(self) -> list[str]:
        """Return the names that the YAML gives to voices."""
        return [self.voice, *(name for name in self.voices if name != self.voice)]

    def voice_of(self, call: Call) -> str:
        """Return the caller's voice, or the stage's own where there is none of that name."""
        name = call.settings.voice
        return name if name in self._states else self.voice

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples as they are made, 80 ms at least."""
        stop = call.state["stop"]
        stream = self._model.generate_audio_stream(
            self._states[self.voice_of(call)], text, max_tokens=self.max_tokens, stop=stop
        )
        try:
            for piece in stream:
                yield piece.detach().cpu().numpy().astype(np.float32, copy=False)
        except GeneratorExit:
            stop.set()
            for _ in stream:  # the threads that make it end, and do not meet those of the next clause
                pass
            raise

    def close(self) -> None:
        """Let the model and the voices go."""
        self._model, self._states = None, {}

    @property
    def _wanted(self) -> dict[str, str | None]:
        return {self.voice: self.ref_audio, **self.voices}

    @property
    def _made(self) -> list[str]:
        """The voices that are to be those of pocket-tts."""
        return [name for name, recording in self._wanted.items() if recording is None]

    @property
    def _cloning(self) -> bool:
        return any(wanted and not wanted.endswith(".safetensors") for wanted in self._wanted.values())

    def _recordings(self, path: Path | None) -> dict[str, str | None]:
        """Return the sources of the voices by name; None is one that pocket-tts has made, where that is not here."""
        return self._wanted | {name: _preset(path.stem, name) for name in self._made if path is not None}

    def _state(self, name: str, wanted: str | None) -> Any:
        assert wanted is not None, "the package is here"
        path = resolve(wanted)
        try:
            return self._model.get_state_for_audio_prompt(path, truncate=True)
        except Exception as error:
            said = " ".join(str(error).split())
            raise WeightsError(
                f"{wanted}: can't be the voice {name!r}: {said}; "
                "give a WAV file of 16 bits, or a .safetensors file by 'pocket-tts export-voice'"
            ) from error


def _preset(language: str, name: str) -> str:
    """Return the source of a voice that pocket-tts has made."""
    from pocket_tts.utils.utils import get_predefined_voice

    return source(get_predefined_voice(language, name), Path())
