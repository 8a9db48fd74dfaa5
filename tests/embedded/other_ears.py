"""The other recogniser: what the server says is read by one that it does not use itself."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import yaml

CONF = Path(__file__).parents[2] / "conf" / "stt"


@functools.cache
def _recogniser():  # type: ignore[no-untyped-def]
    from s2s.stt.moonshine import Moonshine

    options = yaml.safe_load((CONF / "moonshine.yaml").read_text())
    stage = Moonshine(**{key: value for key, value in options.items() if key not in ("_target_", "defaults", "place")})
    stage.load()
    return stage


def transcribe(samples: np.ndarray) -> str:
    """Return the words of 16 kHz float samples."""
    text: str = _recogniser().transcribe(samples.astype("f4"), None)
    return text
