"""What a turn and a frame cost, counted: items on each edge, tasks, wake-ups of the loop, copies of sound.

These do not depend on the machine, so they are exact: whoever changes one on purpose changes it here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.flow import Flow
from s2s.messages import Activity, Audio, Message, Sound
from s2s.place.options import Place
from s2s.scope import Scope
from s2s.testing.caller import Caller
from s2s.testing.clock import VirtualLoop
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from s2s.turn.silence import Silence
from tests.engine.graphs import ask, graph
from tests.engine.test_lanes import BatchedVad

QUIET = bytes(640)
"""A frame of 20 ms at 16 kHz."""


class CountingLoop(VirtualLoop):
    """Counts what it is asked to do."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Any = None) -> asyncio.Handle:
        """Count a wake-up."""
        self.asked["wake-ups"] += 1
        return super().call_soon(callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Count a task."""
        self.asked["tasks"] += 1
        return super().create_task(coro, **options)


@pytest.fixture
def loop() -> Iterator[CountingLoop]:
    loop = CountingLoop()
    yield loop
    loop.close()


def small() -> Any:
    """A cascade as it is deployed: the detector in batches, the models in the loop."""
    return graph(
        places={"vad": Place(kind="loop", batch=32, wait_ms=4)},
        vad=BatchedVad(),
        turn=Silence(silence_ms=300, soft_ms=None),
        stt=ScriptedStt(texts=["what is it"]),
        llm=ScriptedLlm(words="it is this. and that."),
        tts=ScriptedTts(ms_per_word=100),
    )


def test_a_turn_sends_so_many_items_and_no_more(loop: CountingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: Counter[str] = Counter()
    deliver = Flow.deliver

    def counted(self: Flow, left: str, scope: Scope, item: Message) -> None:
        sent[f"{left} {type(item).__name__}"] += 1
        deliver(self, left, scope, item)

    monkeypatch.setattr(Flow, "deliver", counted)

    async def talk() -> int:
        async with Engine(small()) as engine:
            caller = Caller(engine)
            await ask(caller)
            await caller.until(f.ResponseDone)
            before = loop.asked.copy()
            sent.clear()
            await ask(caller)
            await caller.until(f.ResponseDone, 2)
            return loop.asked["tasks"] - before["tasks"]

    tasks = loop.run_until_complete(talk())
    assert sent == {
        "caller Audio": 50,  # 600 ms of speech and 400 ms of silence
        "vad Activity": 50,
        "turn Speech": 4,  # its start, two pieces of 200 ms, its end
        "stt Transcript": 1,
        "chat Asked": 1,
        "chat Prompt": 1,
        "llm Reply": 5,
        "llm ReplyEnd": 1,
        "clauses Clause": 2,
        "tts Sound": 5,  # 100 ms each
    }
    assert tasks == 8, "for each piece of speech and the end of the turn, for the prompt, and for each clause"


@pytest.mark.parametrize("callers", [1, 3])
def test_a_silent_frame_is_one_wake_up_for_all_callers_and_no_task(loop: CountingLoop, callers: int) -> None:
    async def listen() -> None:
        async with Engine(small()) as engine:
            calls = [Caller(engine).call for _ in range(callers)]

            async def frame() -> None:
                for call in calls:
                    call.hearing.hear(QUIET, 16000)
                while any(call.flow.listening.in_flight() for call in calls):
                    await asyncio.sleep(0)

            await frame()
            loop.asked.clear()
            for call in calls:
                call.hearing.hear(QUIET, 16000)
            assert loop.asked == {"wake-ups": 1}, "the tick"
            while any(call.flow.listening.in_flight() for call in calls):
                await asyncio.sleep(0)
            assert loop.asked["tasks"] == 0

    loop.run_until_complete(listen())


def test_sound_is_not_copied_on_its_way(loop: CountingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[type[Message], list[bytes]] = {Audio: [], Activity: [], Sound: []}
    deliver = Flow.deliver

    def noted(self: Flow, left: str, scope: Scope, item: Any) -> None:
        if type(item) in seen:
            seen[type(item)].append(item.pcm)
        deliver(self, left, scope, item)

    monkeypatch.setattr(Flow, "deliver", noted)

    async def talk() -> None:
        async with Engine(small()) as engine:
            caller = Caller(engine)
            caller.call.hearing.hear(QUIET, 16000)
            await asyncio.sleep(0.01)
            assert seen[Audio][0] is QUIET, "what comes at the detector's rate goes to it as it came"
            assert seen[Activity][0] is QUIET
            await ask(caller)
            await caller.until(f.ResponseDone)
            told = [fact.pcm for fact in caller.all(f.SoundDelta)]
            heard = [id(pcm) for pcm in seen[Sound]]
            assert [id(pcm) for pcm in told] == heard, "a client is told what was synthesised"

    loop.run_until_complete(talk())
