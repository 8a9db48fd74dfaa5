"""Smart Turn: a small model that hears whether somebody has finished, from the last 8 seconds of what they said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from s2s.audio import float32
from s2s.log_mel import log_mel
from s2s.messages import EndOfTurn, Speech, Transcript
from s2s.stage import Call, Stage
from s2s.weights import resolve

RATE = 16000
HEARD = 8 * RATE
"""Samples that the model takes; shorter sound stands at their end."""
BANDS = 80


@dataclass(kw_only=True)
class SmartTurn(Stage):
    """Smart Turn v3 by onnxruntime: gives its verdict on each turn, or each part of one that may be all of it."""

    model: str = (
        "pip:pipecat-ai==1.14.0/pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
        "#sha256=2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f"
    )
    threads: int = 1

    needs = ("onnxruntime",)
    extra = "embedded"
    takes_hz = RATE

    def weights(self) -> list[str]:
        """Return the source of the graph."""
        return [self.model]

    def load(self) -> None:
        """Load the graph and run it once."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = str(resolve(self.model))
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.complete(np.zeros(RATE, np.float32))

    def run(self, call: Call, item: Speech | Transcript) -> Iterator[EndOfTurn]:
        """Keep the last sound of the turn; words only tell when it is time for the verdict."""
        if isinstance(item, Transcript):
            return iter(())
        sound: bytearray = call.state.setdefault("sound", bytearray())
        sound += item.pcm
        del sound[: max(0, len(sound) - 2 * HEARD)]
        return iter(())

    def finish(self, call: Call) -> Iterator[EndOfTurn]:
        """Give the verdict."""
        sound: bytearray | None = call.state.pop("sound", None)
        if sound and call.live:
            yield EndOfTurn(probability=self.complete(float32(bytes(sound))))

    def complete(self, samples: NDArray[np.float32]) -> float:
        """Return the probability (0..1) that `samples` at 16 kHz, of which the last 8 s count, are a whole turn."""
        heard = np.zeros(HEARD, np.float32)
        last = samples[-HEARD:]
        heard[HEARD - len(last) :] = last
        heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
        features = log_mel(heard.astype(np.float32), BANDS)[None]
        return float(self._session.run(None, {self._input: features})[0].reshape(-1)[0])
