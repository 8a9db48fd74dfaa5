"""Moonshine: small English recognition that costs what the sound is long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.stt.recognizer import RATE, Heard, Recognizer
from s2s.weights import resolve

BEGIN, END = 1, 2
TOKENS_PER_S = 6.5
"""English takes fewer; more means that the decoder has begun to repeat itself."""


@dataclass(kw_only=True)
class Moonshine(Recognizer):
    """Moonshine's encoder and merged decoder through onnxruntime, greedy."""

    model: str = (
        "pip:moonshine-voice==0.0.73/moonshine_voice/assets/tiny-en"
        "#sha256=fbb6776d82687470702c12aa7ecd1db15d3c486bc7efcb09201c47d696ed6b39"
    )
    threads: int = 1

    needs = ("onnxruntime",)
    extra = "embedded"

    def weights(self) -> list[str]:
        """Return the source of the folder with both graphs and the vocabulary."""
        return [self.model]

    def load(self) -> None:
        """Load the graphs and run them once."""
        super().load()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        folder = resolve(self.model)

        def session(name: str) -> Any:
            return onnxruntime.InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])

        self._encoder = session("encoder_model.ort")
        self._decoder = session("decoder_model_merged.ort")
        self._vocabulary = vocabulary(folder / "tokenizer.bin")
        self._past = [port for port in self._decoder.get_inputs() if port.name.startswith("past_key_values")]
        self._grown = [port.name for port in self._decoder.get_outputs() if ".encoder." not in port.name]
        self.transcribe(np.zeros(RATE, np.float32), None)

    def transcribe(self, samples: NDArray[np.float32], language: str | None) -> str:
        """Return the English words in `samples`."""
        return self.hear(samples, language, ()).text

    def hear(self, samples: NDArray[np.float32], language: str | None, draft: tuple[int, ...]) -> Heard:
        """Return the words and their tokens; those of the draft that the model would give too cost one step together.

        This is speculative decoding (Leviathan et al. 2023) with the last hypothesis in place of a small model.
        """
        sound = samples[None]
        mask = np.ones(sound.shape, np.int64)
        hidden = self._encoder.run(None, {"input_values": sound, "attention_mask": mask})[0]
        feed = {"encoder_attention_mask": mask, "encoder_hidden_states": hidden, "use_cache_branch": np.array([False])}
        feed |= {port.name: np.zeros((1, port.shape[1], 0, port.shape[3]), np.float32) for port in self._past}
        feed["input_ids"] = np.array([[BEGIN, *draft]], np.int64)
        logits, *present = self._decoder.run(None, feed)
        likeliest = logits[0].argmax(axis=1)
        wrong = np.flatnonzero(likeliest[:-1] != draft)
        count = int(wrong[0]) if len(wrong) else len(draft)
        tokens, token = list(draft[:count]), int(likeliest[count])
        # The encoder's part of the cache comes with the first step and stays as it is.
        past = [port.name for port in self._past]
        feed |= {
            name: value if ".encoder." in name else value[:, :, : count + 1]
            for name, value in zip(past, present, strict=True)
        }
        feed["use_cache_branch"], past = np.array([True]), [name for name in past if ".encoder." not in name]
        most = int(len(samples) / RATE * TOKENS_PER_S) + 4
        while token != END and len(tokens) < most:
            self.check()
            tokens.append(token)
            feed["input_ids"] = np.array([[token]], np.int64)
            logits, *present = self._decoder.run(self._grown, feed)
            token = int(logits[0, -1].argmax())
            feed |= zip(past, present, strict=True)
        text = b"".join(self._vocabulary[token] for token in tokens).decode(errors="replace")
        return Heard(text.replace("▁", " ").strip(), tokens=tuple(tokens))


def vocabulary(path: Path) -> list[bytes]:
    """Return the tokens of a tokenizer.bin: each is its length, in one byte or two, and its bytes."""
    data, tokens, place = path.read_bytes(), [], 0
    while place < len(data):
        size, place = data[place], place + 1
        if size >= 128:
            size, place = size - 128 + 128 * data[place], place + 1
        tokens.append(data[place : place + size])
        place += size
    return tokens
