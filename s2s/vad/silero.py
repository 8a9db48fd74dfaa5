"""Silero: how likely each 32 ms of sound is speech."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from s2s.audio import duration_ms, float32
from s2s.messages import Activity, Audio
from s2s.stage import Call, Stage
from s2s.vad.silero_net import CONTEXT, HOP, UNITS, SileroNet
from s2s.weights import resolve

RATE = 16000
"""A hop is 32 ms of this, the only length that the network is trained for."""


def _blank() -> NDArray[np.float32]:
    return np.zeros(2 * UNITS, np.float32)


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
    """Silero VAD: one network for all callers, one pass for a batch of them."""

    model: str = (
        "pip:silero-vad==6.2.3/silero_vad/data/silero_vad_16k_op15.onnx"
        "#sha256=7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49"
    )

    extra = "embedded"
    honours = frozenset({"detection"})
    mixes = True
    takes_hz = RATE

    def weights(self) -> list[str]:
        """Return the source of the graph."""
        return [self.model]

    def load(self) -> None:
        """Load the weights; raise ValueError where the file is no Silero VAD v6."""
        self._net = SileroNet(resolve(self.model))

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
        memory = np.empty((len(ears), 2 * UNITS), np.float32)
        for row, ear in enumerate(ears):
            memory[row] = ear.memory
        chances, memory = self._net(frames, memory)
        for row, ear in enumerate(ears):
            ear.before = hops[row][-2 * CONTEXT :]
            ear.memory[:] = memory[row]
        told: list[float] = chances.tolist()
        return told


def _ear(call: Call) -> _Ear:
    ear: _Ear | None = call.state.get("ear")
    if ear is None:
        ear = call.state["ear"] = _Ear()
    return ear
