"""A stage that is down: when it is tried again, by whom, and what counts for and against it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from s2s.place.fallback import FallbackPool
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.settings import Settings
from s2s.stage import Call
from tests.place.fallbacks import Moody, answer, both, pair, virtual


def test_it_is_tried_again_in_a_while_that_doubles_and_its_recovery_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["refuse"] * 9)
        pool = both(primary, backup)
        await pool.start()
        scope = 0
        while asyncio.get_running_loop().time() < 130:
            scope += 1
            assert await answer(pool, Call("a", scope, Settings())) == "five six seven", "nobody loses anything"
        tries = [later - earlier for earlier, later in zip(primary.asked, primary.asked[1:], strict=False)]
        assert tries == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30], abs=0.3)
        assert pool.statistics()["on_fallback"] == 1
        await asyncio.sleep(31)
        assert await answer(pool, Call("a", 0, Settings())) == "one two three four"
        assert pool.statistics()["on_fallback"] == 0
        primary.moods.append("refuse")
        await answer(pool, Call("a", -1, Settings()))
        await asyncio.sleep(1.1)
        assert await answer(pool, Call("a", -2, Settings())) == "one two three four", "the while begins anew"

    caplog.set_level(logging.INFO, "s2s")
    virtual(talk)
    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    down = "llm: nobody is there; 'backup' takes over, and the next try is in 1 s"
    assert told == [down, "llm: the primary answers again", down, "llm: the primary answers again"]


def test_one_caller_at_a_time_tries_a_stage_that_is_down() -> None:
    async def talk() -> None:
        primary, backup = pair(usual="hang")
        pool = both(primary, backup, first_s=3.0)
        await pool.start()
        await answer(pool)
        await asyncio.sleep(2)
        asked = []
        for number in range(20):
            asked.append(asyncio.create_task(answer(pool, Call(str(number), 2, Settings()))))
            await asyncio.sleep(0.14 * (number % 2))
        assert await asyncio.gather(*asked) == ["five six seven"] * 20
        assert len(primary.asked) == 2
        assert len([at for at in backup.asked if at == primary.asked[1] + 3.0]) == 1, "only one has waited"

    virtual(talk)


def test_what_began_before_a_recovery_says_nothing_against_it() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["hang", "refuse", "fine"])
        pool = both(primary, backup, first_s=5.0)
        await pool.start()
        hanging = asyncio.create_task(answer(pool, Call("slow", 1, Settings())))
        await asyncio.sleep(0.1)
        assert await answer(pool, Call("a", 1, Settings())) == "five six seven"
        await asyncio.sleep(1.1)
        assert await answer(pool, Call("a", 2, Settings())) == "one two three four"
        assert await hanging == "five six seven"
        assert pool.statistics()["on_fallback"] == 0
        assert await answer(pool, Call("a", 3, Settings())) == "one two three four"

    virtual(talk)


def test_what_began_before_a_failure_says_nothing_for_the_stage() -> None:
    async def talk() -> None:
        primary, backup = Moody(words="x " * 100, moods=["fine", "refuse", "refuse", "refuse"]), Moody(words="other")
        pool = both(primary, backup)
        await pool.start()
        long = asyncio.create_task(answer(pool, Call("long", 1, Settings())))
        for scope, wait_s in enumerate((0.05, 1.0, 2.0)):
            await asyncio.sleep(wait_s)
            assert await answer(pool, Call("a", scope, Settings())) == "other"
            assert pool.statistics()["on_fallback"] == 1
        assert long.done()
        await asyncio.sleep(2.0)
        assert await answer(pool, Call("a", 4, Settings())) == "other"
        assert len(primary.asked) == 4, "the third failure in a row is followed by four seconds"

    virtual(talk)


def test_a_first_word_of_one_that_then_breaks_off_does_not_shorten_the_while() -> None:
    async def talk() -> None:
        primary, backup = pair(usual="break")
        pool = both(primary, backup)
        await pool.start()
        for scope, wait_s in enumerate((0.0, 1.1, 2.1, 4.1)):
            await asyncio.sleep(wait_s)
            with pytest.raises(RuntimeError, match="cut"):
                await answer(pool, Call("a", scope, Settings()))
            await asyncio.sleep(0)
            assert await answer(pool, Call("b", scope, Settings())) == "five six seven"

    virtual(talk)


class Absent(LoopPool):
    """A pool whose copies may all be gone."""

    here = True

    @property
    def live(self) -> bool:
        """Whether one is there."""
        return self.here


def test_while_no_copy_is_there_none_is_waited_for_and_the_first_that_is_gets_work() -> None:
    async def talk() -> None:
        primary, backup = pair()
        one = Absent("llm", primary, Place(kind="loop"))
        pool = FallbackPool(one, LoopPool("backup", backup, Place(kind="loop")))
        await pool.start()
        one.here = False
        while asyncio.get_running_loop().time() < 60:
            assert await answer(pool) == "five six seven"
        one.here = True
        assert await answer(pool) == "one two three four", "it was not tried in vain, so it is not shunned for longer"

    virtual(talk)


def test_a_fallback_that_is_gone_too_takes_nothing_over() -> None:
    async def talk() -> None:
        primary, backup = pair(moods=["break"])
        other = Absent("backup", backup, Place(kind="loop"))
        pool = FallbackPool(LoopPool("llm", primary, Place(kind="loop")), other)
        await pool.start()
        with pytest.raises(RuntimeError, match="cut"):
            await answer(pool)
        other.here = False
        assert await answer(pool, Call("a", 2, Settings())) == "one two three four"

    virtual(talk)
