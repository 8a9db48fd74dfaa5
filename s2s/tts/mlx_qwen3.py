"""Qwen3-TTS by mlx-audio: for the GPU of an Apple computer; sound comes while it is made."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from s2s.mlx_models import folder, loading, release, steps, stream
from s2s.stage import Call
from s2s.torch_models import quieten
from s2s.tts.loudness import Floats
from s2s.tts.qwen3_voice import Qwen3Voice
from s2s.weights import WeightsError

FRAMES_PER_S = 12.5
REVISIONS = {
    "hf:mlx-community/Qwen3-TTS-12Hz-1.7B-CustomVoice-6bit": "1c6c0ff58c43afa8df571facde2efa077efd85e2",
}
"""The revision that is taken of the model that the defaults name."""


@dataclass(kw_only=True)
class MlxQwen3(Qwen3Voice):
    """A Qwen3-TTS model of 12 Hz in MLX's layout; of a hub's, `quantization` is the end of its name."""

    model: str = "hf:mlx-community/Qwen3-TTS-12Hz-1.7B-CustomVoice"
    quantization: Literal["bf16", "8bit", "6bit", "5bit", "4bit"] | None = "6bit"
    device: str = "auto"
    chunk_frames: int = 4

    needs = ("mlx_audio",)
    extra = "mlx"

    def _models(self) -> list[str]:
        if not self._is_named():
            return [self.model]
        name = f"{self.model}-{self.quantization}"
        return [f"{name}@{REVISIONS[name]}" if name in REVISIONS else name]

    def _is_named(self) -> bool:
        return self.quantization is not None and self.model.startswith("hf:") and "@" not in self.model

    def load(self) -> None:
        """Load the model, and speak a few words into the void."""
        from mlx_audio.tts.utils import load

        (source,) = self._models()
        path = folder(source)
        self._fit_folder(path)
        quieten()
        self._stream = stream(self.device)
        # What it can't load it only prints.
        with loading(source, self._stream), contextlib.redirect_stdout(io.StringIO()) as said:
            self._tts = load(path, model_type="qwen3_tts")
        if self._tts.speech_tokenizer is None or self._tts.tokenizer is None:
            reason = " ".join(said.getvalue().split()) or "speech_tokenizer/ is not there"
            raise WeightsError(f"{source}: no whole Qwen3-TTS: {reason[:300]}; take all of its files")
        self._heard = None
        if self.ref_audio is not None:
            from mlx_audio.utils import load_audio

            self._heard = load_audio(self._recording(), sample_rate=self.rate)
        super().load()

    def close(self) -> None:
        """Let the model go."""
        self._tts = self._heard = None
        release()

    def speak(self, call: Call, text: str) -> Iterator[Floats]:
        """Yield the samples of a text, the first ones soon."""
        made = self._tts.generate(
            text.replace("<|", "<"),
            voice=self.voice_of(call),
            instruct=self.instructions,
            lang_code=self._language,
            ref_audio=self._heard,
            ref_text=None if self.xvec_only else self.ref_text,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            max_tokens=self.most_frames(text),
            stream=True,
            streaming_interval=(self.chunk_frames + 0.5) / FRAMES_PER_S,
        )
        for piece in steps(self._stream, made):
            yield np.array(piece.audio, np.float32).reshape(-1)
            if self.stopped(call):
                return
