"""Parakeet-TDT through NeMo, its makers' own library: any recogniser of theirs that comes as a .nemo file."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.stt.torch_recognizer import TorchRecognizer
from s2s.torch_models import Dtype, dtype
from s2s.weights import WeightsError, resolve


@dataclass(kw_only=True)
class ParakeetNemo(TorchRecognizer):
    """A .nemo file, which finds out the language by itself; NeMo wants a Python of its own, so it has a process."""

    model: str = "hf:nvidia/parakeet-tdt-0.6b-v3@541d1f99c6b0c3cd0b11a95167540bb8edefd82b/parakeet-tdt-0.6b-v3.nemo"
    dtype: Dtype = "float32"

    needs = ("torch", "nemo")
    extra = "nemo"

    def open(self, device: str) -> Any:
        """Load the model; raise WeightsError where there is no .nemo file, or not just one."""
        if device == "mps":
            raise ValueError("device: NeMo does not run on mps; choose stt.device=cpu, or stt=parakeet-tdt")
        path = _file(self.model, resolve(self.model))
        import torch
        from nemo.collections.asr.models import ASRModel
        from nemo.utils import logging

        logging.setLevel(logging.ERROR)
        try:
            model = ASRModel.restore_from(str(path), map_location=torch.device(device))
        except (OSError, tarfile.TarError) as error:
            raise WeightsError(
                f"{self.model}: NeMo can't read it: {error}; give a .nemo file of a recogniser"
            ) from error
        self._model = model.to(dtype(self.dtype, device)).eval()
        return self._model

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the words in `samples`; the language is the model's guess, whatever is asked for."""
        found = self._model.transcribe([samples], batch_size=1, verbose=False)
        return str(found[0].text).strip()


def _file(source: str, path: Path) -> Path:
    """Return the .nemo file at `path`, which is one or is a folder with just one."""
    if path.is_file():
        return path
    files = sorted(path.glob("*.nemo"))
    if len(files) != 1:
        raise WeightsError(f"{source}: {path} has {len(files)} .nemo files; name the one to use")
    return files[0]
