"""A stage with a fallback: who answers when the first fails, hangs or breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s2s.messages import Prompt, Reply, ReplyEnd, ToolCall
from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.settings import Settings
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm
from tests.place.fallbacks import ASK, Moody, answer, both, pair, virtual


def test_what_fails_before_it_says_anything_is_done_by_the_other_at_once() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["refuse"])
        pool = both(primary, backup)
        await pool.start()
        assert await answer(pool) == "five six seven"
        assert len(primary.asked) == len(backup.asked) == 1
        assert backup.asked == primary.asked, "at once"

    virtual(talk)


def test_what_fails_after_its_first_words_fails_and_the_next_goes_to_the_other_at_once() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["break"])
        pool = both(primary, backup)
        await pool.start()
        heard: list[Any] = []
        with pytest.raises(RuntimeError, match=r"^the line is cut$"):  # noqa: PT012
            async for out in pool.run(Call("a", 1, Settings()), ASK):
                heard.append(out)
        assert len(heard) == 2 and not backup.asked
        assert await answer(pool, Call("a", 2, Settings())) == "five six seven"
        assert len(primary.asked) == 1

    virtual(talk)


def test_what_is_read_ahead_is_neither_the_others_work_nor_a_reason_to_go_there() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["refuse"])
        pool = both(primary, backup)
        await pool.start()
        with pytest.raises(RuntimeError):
            await answer(pool, item=Prompt(lines=ASK.lines, ahead="whole"))
        assert len(primary.asked) == 1 and not backup.asked
        assert pool.statistics()["on_fallback"] == 0
        await answer(pool, Call("a", 2, Settings()))
        assert len(primary.asked) == 2 and not backup.asked

    virtual(talk)


@pytest.mark.parametrize(("mood", "at"), [("hang", 1.5), ("stall", 0.1 + 2 * 0.02 + 8.0)])
def test_what_hangs_is_given_up_in_time(mood: str, at: float) -> None:
    async def talk() -> None:
        primary, backup = pair(moods=[mood])
        pool = both(primary, backup, first_s=1.5, timeout_s=8.0)
        await pool.start()
        loop = asyncio.get_running_loop()
        if mood == "hang":
            assert await answer(pool) == "five six seven"
            assert backup.asked == [at]
        else:
            with pytest.raises(TimeoutError, match="no sign of life for 8 s"):
                await answer(pool)
            assert loop.time() == pytest.approx(at)
            assert await answer(pool, Call("a", 2, Settings())) == "five six seven"
        assert primary.ended == [mood], "its iterator is closed"
        assert pool.statistics()["running"] == 0

    virtual(talk)


def test_a_stage_that_does_not_let_go_holds_up_nobody() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["hang"], lingers_s=60.0)
        pool = both(primary, backup, first_s=1.5)
        await pool.start()
        assert await answer(pool) == "five six seven"
        assert backup.asked == [1.5] and not primary.ended
        assert await answer(pool, Call("b", 1, Settings())) == "five six seven"
        await pool.close()
        assert asyncio.get_running_loop().time() < 5.0

    virtual(talk)


def test_where_both_fail_both_are_told() -> None:
    async def talk() -> None:
        pool = both(Moody(usual="refuse"), Moody(usual="refuse"))
        await pool.start()
        with pytest.raises(RuntimeError, match=r"^nobody is there; its fallback 'backup': nobody is there$"):
            await answer(pool)

    virtual(talk)


def test_a_fallback_may_have_one_too() -> None:
    async def talk() -> None:
        stages = [Moody(usual="refuse"), Moody(usual="hang"), Moody(words="third", first_seconds=3.0)]
        one, two, three = (
            LoopPool(name, stage, Place(kind="loop", first_s=first_s))
            for name, stage, first_s in zip("abc", stages, (None, 1.0, None), strict=True)
        )
        pool = FallbackPool(one, FallbackPool(two, three))
        await pool.start()
        assert pool.live
        assert await answer(pool) == "third"
        assert stages[2].asked == [1.0]
        said = await asyncio.gather(*(answer(pool, Call(str(n), 1, Settings())) for n in range(3)))
        assert said == ["third"] * 3
        assert [len(stage.asked) for stage in stages] == [2, 2, 4], "one of three tries the others"
        pool.callers = 3
        assert (one.callers, two.callers, three.callers) == (3, 3, 3)
        pool.hangup(Call("a", 3, Settings()))
        assert [len(stage.gone) for stage in stages] == [1, 1, 1]
        await pool.close()
        assert not pool.live

    virtual(talk)


def test_outputs_are_made_as_they_are_asked_for() -> None:
    """A stage that waits for the network is held up where nobody reads."""

    async def talk() -> None:
        made = []

        class Counting(ScriptedLlm):
            async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply | ReplyEnd | ToolCall]:
                for number in range(100):
                    made.append(number)
                    yield Reply(text=str(number))

        pool = both(Counting(), Moody())
        await pool.start()
        outputs: Any = pool.run(Call("a", 1, Settings()), ASK)
        await outputs.__anext__()
        await asyncio.sleep(100)
        assert made == [0], "and no time is counted in which nobody asks"
        await outputs.__anext__()
        await outputs.aclose()
        assert made == [0, 1] and pool.statistics()["running"] == 0

    virtual(talk)


def test_a_fallback_that_does_not_load_says_that_it_is_the_one() -> None:
    class Heavy(Moody):
        def load(self) -> None:
            raise FileNotFoundError("model.gguf is not there")

    async def start() -> None:
        with pytest.raises(RuntimeError, match=r"^its fallback 'backup': model\.gguf is not there$"):
            await both(Moody(), Heavy()).start()
        with pytest.raises(FileNotFoundError, match=r"^model\.gguf is not there$"):
            await both(Heavy(), Moody()).start()

    virtual(start)
