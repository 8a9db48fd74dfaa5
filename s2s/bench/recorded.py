"""What the deployment's stages make of speech that is there as a whole, each asked once for the same sound."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec

from s2s.audio import Resampler, duration_ms
from s2s.bench.corpus import Turn
from s2s.graph import Graph
from s2s.messages import Activity, Audio, EndOfTurn, Message, Speech, Transcript
from s2s.place.pool import Pool, finishes
from s2s.settings import Settings
from s2s.stage import Call

BEFORE_MS, AFTER_MS = 500.0, 3500.0
"""Silence before a turn and after it: longer than any policy waits by itself."""
HOP = 512
"""Samples of which sound has whole multiples, so that a detector that works in hops has all of it."""


class Recorded(NamedTuple):
    """A turn of the corpus as the voice activity detector hears it; its speech ends `end_ms` after the first hop."""

    turn: Turn
    hops: tuple[Activity, ...]
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long its hops last, the silence around the speech included."""
        return sum(duration_ms(hop.pcm, hop.rate) for hop in self.hops)


class Outputs:
    """What the stages of a running deployment give; `pools` are its engine's."""

    def __init__(self, graph: Graph, pools: Mapping[str, Pool]) -> None:
        self._pools = pools
        self._vad = stage_of(graph, Activity)
        self._stt = stage_of(graph, Transcript)
        self._endpoint = stage_of(graph, EndOfTurn)
        self._scopes = 0
        self._known: dict[bytes, Transcript | EndOfTurn | None] = {}

    async def record(self, turn: Turn) -> Recorded:
        """Let the detector hear a turn, with silence around it."""
        before, after = (bytes(2 * round(turn.rate * ms / 1000)) for ms in (BEFORE_MS, AFTER_MS))
        sound = before + turn.pcm + after
        sound += bytes(-len(sound) % (2 * HOP))
        hops = [
            out async for out in self._run(self._vad, Audio(pcm=sound, rate=turn.rate)) if isinstance(out, Activity)
        ]
        return Recorded(turn, tuple(hops), BEFORE_MS + turn.seconds * 1000)

    async def transcript(self, sound: bytes, rate: int) -> Transcript:
        """Return the words of a turn that is whole, or so far."""
        found = await self._of(self._stt, Transcript, sound, rate)
        return found if isinstance(found, Transcript) else Transcript(text="")

    async def end_of_turn(self, sound: bytes, rate: int) -> EndOfTurn | None:
        """Return how whole a turn sounds so far; None where no stage says so."""
        found = await self._of(self._endpoint, EndOfTurn, sound, rate) if self._endpoint else None
        return found if isinstance(found, EndOfTurn) else None

    async def _of(self, name: str, kind: type[Message], sound: bytes, rate: int) -> Transcript | EndOfTurn | None:
        key = name.encode() + hashlib.blake2b(sound).digest()
        if key not in self._known:
            last = None
            # of a pause nobody wants a partial: the whole follows at once
            async for out in self._run(name, Speech(pcm=sound, rate=rate, mark="pause")):
                if isinstance(out, kind):
                    last = out
            self._known[key] = last  # type: ignore[assignment]
        return self._known[key]

    async def _run(self, name: str, item: Audio | Speech) -> AsyncIterator[Any]:
        """Run a stage on an item in a scope of its own, to its end."""
        pool = self._pools[name]
        self._scopes += 1
        call = Call("turns", self._scopes, Settings())
        hz = pool.stage.takes_hz
        if hz is not None and hz != item.rate:
            resampler = Resampler(hz)
            pcm = resampler.push(item.pcm, item.rate) + resampler.flush()
            item = msgspec.structs.replace(item, pcm=pcm, rate=hz)
        async for out in pool.run(call, item):
            yield out
        if finishes(pool.stage):
            async for out in pool.run(call, None):
                yield out


def stage_of(graph: Graph, kind: type[Message]) -> str:
    """Return the stage that makes a kind of message from the caller's sound; "" for none."""
    makers = (Audio, Speech)
    found = (n for n, node in graph.nodes.items() if kind in node.sends and any(m in node.takes for m in makers))
    return next(found, "")
