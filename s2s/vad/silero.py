"""Silero: how likely each 32 ms of sound is speech."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from s2s.audio import duration_ms, float32
from s2s.messages import Activity, Audio
from s2s.stage import Call, Stage
from s2s.weights import resolve

HOP = 512
"""Samples of one hop, 32 ms at 16 kHz: the only length that the graph is trained for."""
CONTEXT = 64
"""Samples of the previous hop that the graph wants before each."""
RATE = 16000


def _blank() -> NDArray[np.float32]:
    return np.zeros((2, 128), np.float32)


@dataclass(slots=True)
class _Ear:
    """What one caller keeps, some 2 kB: sound short of a hop, where it begins, and what the graph remembers."""

    rest: bytes = b""
    at_ms: float = 0.0
    before: bytes = bytes(2 * CONTEXT)
    memory: NDArray[np.float32] = field(default_factory=_blank)

    def hops(self, item: Audio) -> list[bytes]:
        """Return the whole hops that are there with `item`; the first begins at `at_ms`."""
        self.at_ms = item.at_ms - duration_ms(self.rest, RATE)
        sound = self.rest + item.pcm
        cut = len(sound) - len(sound) % (2 * HOP)
        self.rest = sound[cut:]
        return [sound[start : start + 2 * HOP] for start in range(0, cut, 2 * HOP)]

    def told(self, pcm: bytes, speech: float) -> Activity:
        """Return the activity of the hop that begins at `at_ms`, and step over it."""
        activity = Activity(pcm=pcm, rate=RATE, speech=speech, at_ms=self.at_ms)
        self.at_ms += duration_ms(pcm, RATE)
        return activity

    def forget(self) -> None:
        """Let the next hop be the first."""
        self.before = bytes(2 * CONTEXT)
        self.memory = _blank()


@dataclass(kw_only=True)
class Silero(Stage):
    """Silero VAD through onnxruntime: one graph for all callers, one call for a batch of them."""

    model: str = (
        "pip:silero-vad==6.2.3/silero_vad/data/silero_vad_op18_ifless.onnx"
        "#sha256=7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28"
    )
    threads: int = 1

    needs = ("onnxruntime",)
    extra = "embedded"
    honours = frozenset({"detection"})
    mixes = True
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
        options.log_severity_level = 3
        path = str(resolve(self.model))
        self._session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._rate = np.array(RATE, np.int64)
        self._listen([_Ear()], [bytes(2 * HOP)])

    def run(self, call: Call, item: Audio) -> Iterator[Activity]:
        """Give an Activity for every hop that `item` completes."""
        yield from self.run_batch([call], [item])[0]

    def run_batch(self, calls: list[Call], items: list[Audio]) -> list[list[Activity]]:
        """Give the activities of each caller; the n-th hops of all of them go through the graph together."""
        ears = [_ear(call) for call in calls]
        queues: list[list[bytes]] = []
        for item, ear in zip(items, ears, strict=True):
            if item.rate != RATE:
                raise ValueError(f"Silero takes sound at {RATE} Hz, not {item.rate}; put a resampler before it")
            queues.append(ear.hops(item))
        heard: list[list[Activity]] = [[] for _ in calls]
        for turn in range(max(map(len, queues), default=0)):
            rows = [row for row, queue in enumerate(queues) if turn < len(queue)]
            chances = self._judge([calls[row] for row in rows], [queues[row][turn] for row in rows])
            for row, chance in zip(rows, chances, strict=True):
                heard[row].append(ears[row].told(queues[row][turn], chance))
        return heard

    def finish(self, call: Call) -> Iterator[Activity]:
        """Give the last, shorter hop, judged as if silence followed."""
        ear = _ear(call)
        rest, ear.rest = ear.rest[: len(ear.rest) // 2 * 2], b""
        if rest:
            yield ear.told(rest, self._judge([call], [rest.ljust(2 * HOP, b"\0")])[0])

    def _judge(self, calls: list[Call], hops: list[bytes]) -> list[float]:
        asked = [row for row, call in enumerate(calls) if call.settings.detection is not None]
        if len(asked) == len(calls):
            return self._listen([_ear(call) for call in calls], hops)
        chances = [0.0] * len(calls)
        for call in calls:
            if call.settings.detection is None:  # push-to-talk: nobody asks, and the next detection begins afresh
                _ear(call).forget()
        if asked:
            told = self._listen([_ear(calls[row]) for row in asked], [hops[row] for row in asked])
            for row, chance in zip(asked, told, strict=True):
                chances[row] = chance
        return chances

    def _listen(self, ears: list[_Ear], hops: list[bytes]) -> list[float]:
        sound = b"".join([part for ear, hop in zip(ears, hops, strict=True) for part in (ear.before, hop)])
        frames = float32(sound).reshape(len(hops), CONTEXT + HOP)
        memory = np.empty((2, len(ears), 128), np.float32)
        for row, ear in enumerate(ears):
            memory[:, row] = ear.memory
        chances, memory = self._session.run(None, {"input": frames, "state": memory, "sr": self._rate})
        for row, ear in enumerate(ears):
            ear.before = hops[row][-2 * CONTEXT :]
            ear.memory[:] = memory[:, row]
        told: list[float] = chances[:, 0].tolist()
        return told


def _ear(call: Call) -> _Ear:
    ear: _Ear | None = call.state.get("ear")
    if ear is None:
        ear = call.state["ear"] = _Ear()
    return ear
