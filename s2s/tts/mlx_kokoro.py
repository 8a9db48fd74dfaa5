"""Kokoro through MLX, for the GPU of an Apple computer: a clause at once, a long one in stretches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from s2s.mlx_models import folder, loading, release, stream
from s2s.stage import Call
from s2s.tts.kokoro_voice import KokoroVoice
from s2s.tts.loudness import Floats
from s2s.weights import WeightsError


@dataclass(kw_only=True)
class MlxKokoro(KokoroVoice):
    """A Kokoro model in MLX's layout, with its voices in the same folder."""

    model: str = "hf:mlx-community/Kokoro-82M-bf16@a71e4d38b236d968966a2002c4c895dbd12b1c3c"
    voice: str = "bm_fable"
    language: str = "en-gb"
    device: str = "auto"

    needs = ("mlx_audio", "kokoro_onnx")
    extra = "mlx"

    def weights(self) -> list[str]:
        """Return the source of the folder of the model and its voices."""
        return [self.model]

    def load(self) -> None:
        """Load the model, the voices and the phonemes, and speak a few words into the void."""
        import mlx.core as mx
        from mlx_audio.tts.utils import load

        path = folder(self.model)
        self._stream = stream(self.device)
        with loading(self.model, self._stream):
            self._choose(_styles(self.model, path), self.model)
            self._tts = load(path, model_type="kokoro")
            mx.eval(self._tts.parameters())
        self._learn_to_read(self._tts.vocab)
        super().load()

    def close(self) -> None:
        """Let the model go."""
        self._tts = None
        release()

    def sound(self, call: Call, phonemes: str, style: Floats, speed: float) -> Floats:
        """Return the samples of phonemes."""
        import mlx.core as mx

        with mx.stream(self._stream):
            samples = self._tts(phonemes, mx.array(style)[None], speed)
            return np.array(samples.astype(mx.float32)).reshape(-1)


def _styles(source: str, path: Path) -> dict[str, Floats]:
    """Return the voices in a model's folder by name, each as `[phonemes, 256]`."""
    import mlx.core as mx

    packs = {file.stem: mx.load(str(file)) for file in sorted((path / "voices").glob("*.safetensors"))}
    if not packs:
        raise WeightsError(f"{source}: no *.safetensors in {path / 'voices'}; take the model's folder with its voices")
    return {name: np.array(pack["voice"].astype(mx.float32)).reshape(-1, 256) for name, pack in packs.items()}
