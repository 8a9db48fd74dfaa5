"""What the stages make of whole sounds: each is heard once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from s2s.bench.recorded import Outputs
from s2s.build import build
from s2s.compose import compose
from s2s.messages import EndOfTurn, Message, Transcript
from s2s.stage import Call, Stage


class Pool:
    """A pool that gives what it is told to, and counts how often."""

    def __init__(self, stage: Stage, *gives: Message) -> None:
        self.stage, self.gives, self.items = stage, gives, list[Any]()

    async def run(self, call: Call, item: Any) -> AsyncIterator[Message]:
        self.items.append(item)
        for out in self.gives:
            yield out


def test_a_stage_hears_a_sound_once() -> None:
    graph = build(compose(), packages=False).graph
    stages = {name: node.stage for name, node in graph.nodes.items() if node.stage is not None}
    words = Pool(stages["stt"], Transcript(text="wha", final=False), Transcript(text="what"), EndOfTurn(probability=1))
    ears = Outputs(graph, {"stt": words, "endpoint": Pool(stages["endpoint"], EndOfTurn(probability=0.2))})  # type: ignore[dict-item]

    async def ask() -> list[Any]:
        told = [await ears.transcript(sound, 16000) for sound in (b"aa", b"aa", b"bb")]
        return [*told, await ears.end_of_turn(b"aa", 16000)]

    assert asyncio.run(ask()) == [*[Transcript(text="what")] * 3, EndOfTurn(probability=0.2)]
    assert [getattr(item, "pcm", None) for item in words.items] == [b"aa", None, b"bb", None], "and its end"
