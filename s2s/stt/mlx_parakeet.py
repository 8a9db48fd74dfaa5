"""Parakeet through MLX: a Conformer whose decoder says of each token how long it lasts, on an Apple computer's GPU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2s.mlx_models import Dtype, dtype, folder, loading, release, stream
from s2s.stt.recognizer import RATE, Recognizer


@dataclass(kw_only=True)
class MlxParakeet(Recognizer):
    """A Parakeet model, which finds out the language by itself: v3 knows 25 European ones, v2 English."""

    model: str = "hf:mlx-community/parakeet-tdt-0.6b-v3@ed2b7e8c15f9aaa0b5772e2efb986255eaef7e15"
    dtype: Dtype = "auto"
    device: str = "auto"

    needs = ("mlx_audio",)
    extra = "mlx"

    def weights(self) -> list[str]:
        """Return the source of the model's folder."""
        return [self.model]

    def load(self) -> None:
        """Load the model and run it once."""
        super().load()
        import mlx.core as mx
        from mlx_audio.stt import load

        source = folder(self.model)
        self._stream = stream(self.device)
        self._type = dtype(self.dtype, self._stream, "bfloat16")
        with loading(self.model, self._stream):
            self._model = load(source, strict=True, model_type="parakeet")
            self._model.set_dtype(self._type)
            mx.eval(self._model.parameters())
        self.transcribe(np.zeros(RATE, np.float32), None)

    def close(self) -> None:
        """Let the model go."""
        self._model = None
        release()

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`; the language is the model's guess, whatever is asked for."""
        import mlx.core as mx

        with mx.stream(self._stream):
            return str(self._model.generate(mx.array(samples), dtype=self._type).text)
