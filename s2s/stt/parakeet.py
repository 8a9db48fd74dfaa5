"""Parakeet-TDT through transformers: a Conformer whose decoder says of each token how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.stt.recognizer import RATE
from s2s.stt.torch_recognizer import TorchRecognizer, stopping_criteria
from s2s.torch_models import Dtype, dtype, folder, quieten

STEPS_PER_S = 50
"""A frame is 80 ms and a step is a token or goes on by a frame or more: speech takes half of these."""


@dataclass(kw_only=True)
class ParakeetTdt(TorchRecognizer):
    """A Parakeet-TDT model, which finds out the language by itself; v3 knows 25 European ones, v2 English."""

    model: str = "hf:nvidia/parakeet-tdt-0.6b-v3@541d1f99c6b0c3cd0b11a95167540bb8edefd82b"
    dtype: Dtype = "auto"

    needs = ("torch", "transformers")
    extra = "torch"

    def open(self, device: str) -> Any:
        """Load the model; raise WeightsError where its folder is none."""
        import transformers

        quieten()
        path = folder(self.model, "config.json")
        self._processor = transformers.AutoProcessor.from_pretrained(path)
        self._type = dtype(self.dtype, device)
        self._model = transformers.AutoModelForTDT.from_pretrained(path, dtype=self._type).to(device).eval()
        self._stopping = stopping_criteria(self.check)
        return self._model

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`; the language is the model's guess, whatever is asked for."""
        import torch

        with torch.inference_mode():
            sound = self._processor(samples, sampling_rate=RATE, return_tensors="pt").to(self._model.device)
            sound["input_features"] = sound["input_features"].to(self._type)
            steps = 16 + int(len(samples) / RATE * STEPS_PER_S)
            heard = self._model.generate(**sound, max_new_tokens=steps, stopping_criteria=self._stopping)
        return str(self._processor.batch_decode(heard.sequences, skip_special_tokens=True)[0]).strip()
