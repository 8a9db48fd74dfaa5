"""Paraformer through FunASR: Chinese and the English in it, all words of an utterance in one step."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.stt.recognizer import RATE
from s2s.stt.torch_recognizer import TorchRecognizer
from s2s.stt.words import joined, split
from s2s.torch_models import folder


@dataclass(kw_only=True)
class Paraformer(TorchRecognizer):
    """A Paraformer model, which writes no punctuation."""

    model: str = "hf:funasr/paraformer-zh@d7811ee3ac581fbcfdeb37c98c6ba674028433dc"

    needs = ("torch", "funasr", "kaldi_native_fbank")
    extra = "paraformer"

    def open(self, device: str) -> Any:
        """Load the model; raise WeightsError where its folder is none."""
        path = folder(self.model, "config.yaml", "model.pt")
        with _logging_untouched():
            import funasr

            self._auto = funasr.AutoModel(
                model=str(path),
                device=device,
                ncpu=self.threads,
                trust_remote_code=False,
                disable_update=True,
                disable_pbar=True,
                disable_log=True,
                log_level="ERROR",
            )
        return self._auto.model

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`; the language is the model's own, whatever is asked for."""
        found = self._auto.generate(input=samples, fs=RATE)
        return joined(split(" ".join(result["text"] for result in found)))


@contextlib.contextmanager
def _logging_untouched() -> Iterator[None]:
    """Undo what FunASR does to the process's own logging, and keep its remarks from stderr meanwhile."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
