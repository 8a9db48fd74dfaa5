"""Other ears: what the server says is written down by recognisers that were not told the words."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import numpy as np
import yaml

from tests.embedded.speech import word_error_rate

CONF = Path(__file__).parents[2] / "conf" / "stt"


@functools.cache
def _recogniser(name: str):  # type: ignore[no-untyped-def]
    options = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    module, _, kind = options["_target_"].rpartition(".")
    stage = getattr(importlib.import_module(module), kind)(
        **{key: value for key, value in options.items() if key not in ("_target_", "defaults", "place", "device")}
    )
    stage.load()
    return stage


def transcribe(samples: np.ndarray) -> str:
    """Return the words of 16 kHz float samples, by a recogniser that the server does not use itself."""
    text: str = _recogniser("moonshine").transcribe(samples.astype("f4"), None)
    return text


def heard_back(words: str, samples: np.ndarray) -> str:
    """Return what the better of two listeners writes down of `words`, spoken in 16 kHz float samples.

    A single small recogniser mishears rare words that a person would not; what a voice left out, neither can hear.
    """
    second: str = _recogniser("faster-whisper").transcribe(samples.astype("f4"), "en")
    return min((transcribe(samples), second), key=lambda text: word_error_rate([(words, text)]))
