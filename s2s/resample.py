"""The resampler that the graph puts before a stage which takes sound at one rate only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from s2s.messages import Audio, Sound, Speech
from s2s.polyphase import Polyphase, push_together
from s2s.stage import Call, Stage

PREFIX = "resample:"
"""Of what it keeps of a call, so that a stage that it works for can keep its own beside."""


@dataclass(kw_only=True)
class Resample(Stage):
    """Give sound at `hz`, streamed and at once: the pieces joined are what the whole would be."""

    hz: int = 16_000

    def run(self, call: Call, item: Audio | Speech | Sound) -> Iterator[Audio | Speech | Sound]:
        """Give the item at `hz` with all that it says; a mark travels even where it has no sound to carry."""
        kind = _key(item)
        stream: _Stream | None = call.state.get(kind)
        if stream is None:
            if item.rate == self.hz:
                return iter((item,))
            stream = call.state[kind] = _Stream(self.hz)
        if isinstance(item, Speech) and item.mark == "end":
            del call.state[kind]
            return stream.push(item, last=True)
        return stream.push(item)

    def run_batch(self, calls: list[Call], items: list[Audio]) -> list[list[Audio]]:
        """Give each caller's sound at `hz`; sound of one rate and length goes through the filter together."""
        heard: list[list[Audio]] = [[] for _ in calls]
        alike: dict[tuple[int, int], list[tuple[int, Polyphase]]] = {}
        for row, (call, item) in enumerate(zip(calls, items, strict=True)):
            stream: _Stream | None = call.state.get(_key(item))
            inner = None if stream is None else stream.whole(item)
            if inner is None:
                heard[row] = list(self.run(call, item))  # type: ignore[arg-type]
            else:
                alike.setdefault((item.rate, len(item.pcm)), []).append((row, inner))
        for rows in alike.values():
            pcms = push_together([inner for _, inner in rows], [items[row].pcm for row, _ in rows])
            for (row, _), pcm in zip(rows, pcms, strict=True):
                heard[row] = [Audio(pcm=pcm, rate=self.hz, at_ms=items[row].at_ms)]
        return heard

    def finish(self, call: Call) -> Iterator[Audio | Speech | Sound]:
        """Give the few milliseconds that are still inside."""
        for key in [key for key in call.state if key.startswith(PREFIX)]:
            yield from call.state.pop(key).rest()


def _key(item: Audio | Speech | Sound) -> str:
    return PREFIX + type(item).__name__


class _Stream:
    """One kind of sound of one caller on its way to another rate."""

    def __init__(self, hz: int) -> None:
        from s2s.audio import Resampler

        self._resampler = Resampler(hz, at_once=True)
        self._hz = hz
        self._inside_ms = 0.0
        self._item: Audio | Speech | Sound

    def whole(self, item: Audio) -> Polyphase | None:
        """Return the filter, if all of the item and nothing else would come out of it."""
        inner = self._resampler.polyphase
        if inner is None or inner.rate != item.rate or not item.pcm or not inner.whole(item.pcm):
            return None
        self._item = item
        return inner

    def push(self, item: Audio | Speech | Sound, last: bool = False) -> Iterator[Audio | Speech | Sound]:
        self._item = item
        pcm = self._resampler.push(item.pcm, item.rate)
        begins_ms = self._inside_ms
        self._inside_ms += self._ms(item.pcm, item.rate) - self._ms(pcm, self._hz)
        return self._out(item, pcm + self._resampler.flush() if last else pcm, begins_ms)

    def rest(self) -> Iterator[Audio | Speech | Sound]:
        pcm = self._resampler.flush()
        item = self._item
        if isinstance(item, Audio):
            item = msgspec.structs.replace(item, at_ms=item.at_ms + self._ms(item.pcm, item.rate))
        elif isinstance(item, Speech):
            item = msgspec.structs.replace(item, mark="more")
        if pcm:
            yield from self._out(item, pcm, self._inside_ms)

    def _out(self, item: Audio | Speech | Sound, pcm: bytes, begins_ms: float) -> Iterator[Audio | Speech | Sound]:
        """Give the item with `pcm`, whose first sample came in `begins_ms` before the item's own first."""
        if isinstance(item, Audio):
            return iter((Audio(pcm=pcm, rate=self._hz, at_ms=item.at_ms - begins_ms),) if pcm else ())
        if pcm or isinstance(item, Speech):
            return iter((msgspec.structs.replace(item, pcm=pcm, rate=self._hz),))
        return iter(())

    @staticmethod
    def _ms(pcm: bytes, rate: int) -> float:
        return len(pcm) / 2 * 1000 / rate
