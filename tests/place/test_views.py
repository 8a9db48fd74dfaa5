"""Two stages in one scope: pockets apart, one caller, one voice, one turn."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from s2s.messages import Clause, Prompt, Reply, ReplyEnd, Sound, Speech, ToolCall, Transcript
from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.place.thread import ThreadPool
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.place.fallbacks import Moody, answer, both, pair, virtual


def test_either_has_pockets_of_its_own_and_both_hear_of_a_hangup() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["fine", "refuse"])
        pool = both(primary, backup)
        await pool.start()
        memory: dict[str, Any] = {}
        scopes = [Call("a", scope, Settings(), memory) for scope in (1, 2, 3)]
        for call in scopes:
            await answer(pool, call)
        assert [call.state for call in scopes] == [{"answers": 1}, {"answers": 2}, {}]
        pool.hangup(Call("a", 4, Settings(), memory))
        assert primary.gone == [("a", {"answers": 2})]
        assert backup.gone == [("a", {"answers": 2})]
        await answer(pool, Call("a", 5, Settings()))
        pool.hangup(Call("a", 6, Settings()))
        assert backup.gone[1] == ("a", {"answers": 1}), "a caller of the same name begins anew"
        del call
        scopes.clear()
        gc.collect()
        assert not pool._scopes

    virtual(talk)


def test_a_scope_of_the_other_stage_is_live_and_urgent_as_the_call_is() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Watching(ScriptedLlm):
        seen: list[Any] = dataclasses.field(default_factory=list)

        async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
            while call.live:
                self.seen.append((call.id, call.scope, call.due, call.playing, call.settings.instructions))
                await asyncio.sleep(1)
            yield Reply(text="!")

    async def talk() -> None:
        backup = Watching()
        pool = both(Moody(moods=["refuse"]), backup)
        await pool.start()
        call = Call("a", 7, Settings(instructions="be brief"))
        call.due = 1.5
        task = asyncio.create_task(answer(pool, call))
        await asyncio.sleep(0.5)
        call.due, call.playing = 2.5, True
        await asyncio.sleep(1)
        call.live = False
        await task
        assert backup.seen == [("a", 7, 1.5, False, "be brief"), ("a", 7, 2.5, True, "be brief")]

    virtual(talk)


@dataclasses.dataclass(kw_only=True)
class Voice(ScriptedTts):
    """Speaks in a voice of its own; fails at the clauses in `fails`."""

    names: list[str] = dataclasses.field(default_factory=list)
    fails: list[int] = dataclasses.field(default_factory=list)
    heard: list[Any] = dataclasses.field(default_factory=list)
    honours = frozenset({"voice"})

    def voice_names(self) -> list[str]:
        """The names."""
        return self.names

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Speak."""
        if item.index in self.fails:
            raise RuntimeError("hoarse")
        self.heard.append((item.index, call.settings.voice))
        async for sound in super().run(call, item):
            yield sound


def test_a_spoken_answer_that_went_over_to_the_other_voice_stays_there() -> None:
    async def talk() -> None:
        one, other = Voice(fails=[1]), Voice()
        pool = both(one, other)
        await pool.start()
        call = Call("a", 1, Settings())
        for index in range(4):
            assert [out async for out in pool.run(call, Clause(text="good morning", index=index))]
            await asyncio.sleep(2)
        assert ([index for index, _ in one.heard], [index for index, _ in other.heard]) == ([0], [1, 2, 3])
        assert [out async for out in pool.run(Call("a", 2, Settings()), Clause(text="hello"))]
        assert len(one.heard) == 2, "the next answer tries the first voice"

    virtual(talk)


def test_a_spoken_answer_goes_over_when_another_caller_has_found_the_voice_to_fail() -> None:
    async def talk() -> None:
        one, other = Voice(fails=[9]), Voice()
        pool = both(one, other)
        await pool.start()
        speaking, unlucky = Call("a", 1, Settings()), Call("b", 1, Settings())
        for call, index in ((speaking, 0), (unlucky, 9), (speaking, 1)):
            assert [out async for out in pool.run(call, Clause(text="good morning", index=index))]
        assert ([index for index, _ in one.heard], [index for index, _ in other.heard]) == ([0], [9, 1])

    virtual(talk)


@pytest.mark.parametrize(("voice", "names", "meant"), [("anna", ["anna"], "anna"), ("anna", ["bert"], None)])
def test_a_voice_that_the_other_does_not_have_is_not_asked_of_it(voice: str, names: list[str], meant: Any) -> None:
    async def talk() -> None:
        other = Voice(names=names)
        pool = both(Voice(names=["anna"], fails=[0]), other)
        await pool.start()
        assert [out async for out in pool.run(Call("a", 1, Settings(voice=voice)), Clause(text="hello"))]
        assert other.heard == [(0, meant)]

    virtual(talk)


@dataclasses.dataclass(kw_only=True)
class Hearing(ScriptedStt):
    """Hears letters; fails at the piece or the end that `fails_at` names."""

    fails_at: str = ""
    pieces: list[str] = dataclasses.field(default_factory=list)

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Say what was heard so far."""
        self.pieces.append(item.pcm.decode())
        call.state["text"] = call.state.get("text", "") + item.pcm.decode()
        yield Transcript(text=call.state["text"], final=False)
        if self.fails_at and self.fails_at in item.pcm.decode():
            raise RuntimeError("deaf")

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Say all."""
        if self.fails_at == "end":
            raise RuntimeError("deaf")
        yield Transcript(text=call.state["text"])


@pytest.mark.parametrize(("fails_at", "replayed"), [("a", ["a", "b", "c"]), ("c", ["abc"]), ("end", ["abc"])])
def test_a_turn_is_heard_again_by_the_other_recogniser_and_nothing_is_lost(fails_at: str, replayed: list[str]) -> None:
    async def talk() -> None:
        backup = Hearing()
        pool = both(Hearing(fails_at=fails_at), backup)
        await pool.start()
        call = Call("a", 1, Settings())
        for mark, letter in (("start", b"a"), ("more", b"b"), ("more", b"c")):
            item = Speech(pcm=letter, rate=8000, mark=mark)  # type: ignore[arg-type]
            assert [out async for out in pool.run(call, item)]
        assert await answer(pool, call, None) == "abc"
        assert backup.pieces == replayed

    virtual(talk)


class Gathering(Stage):
    """Gives everything that it was told so far; fails at a `!`, where it is told to."""

    def __init__(self, fails: bool) -> None:
        self._fails = fails

    async def run(self, call: Call, item: Reply) -> AsyncIterator[Clause]:
        """Add a piece."""
        call.state["text"] = call.state.get("text", "") + item.text
        if self._fails and item.text == "!":
            raise RuntimeError("full")
        yield Clause(text=call.state["text"])


def test_what_a_scope_was_told_before_is_told_the_other_too_and_given_once() -> None:
    async def talk() -> None:
        pool = both(Gathering(fails=True), Gathering(fails=False))
        await pool.start()
        call = Call("a", 1, Settings())
        given = [out.text for text in "ab!c" async for out in pool.run(call, Reply(text=text))]
        assert given == ["a", "ab", "ab!", "ab!c"]

    virtual(talk)


@pytest.mark.anyio
async def test_a_native_run_that_was_given_up_is_told_so() -> None:
    """Its caller is still there, and so is its scope."""
    over = threading.Event()

    class Native(Stage):
        def run(self, call: Call, item: Prompt) -> Iterator[Reply]:
            while call.live:
                time.sleep(0.005)
            over.set()
            yield Reply(text="late")

    place = Place(kind="thread", first_s=0.05)
    pool = FallbackPool(ThreadPool("llm", Native(), place), LoopPool("backup", Moody(words="soon"), Place(kind="loop")))
    await pool.start()
    call = Call("a", 1, Settings())
    assert await answer(pool, call) == "soon"
    assert await asyncio.to_thread(over.wait, 5)
    assert call.live
    await pool.close()
