"""What every placement keeps (order, streaming, cancellation, failures), and what threads add: batches, urgency."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from s2s.messages import Clause, Message, Sound
from s2s.place.loop import LoopPool
from s2s.place.options import Place
from s2s.place.pool import Pool
from s2s.place.process import ProcessPool
from s2s.place.thread import ThreadPool
from s2s.place.ticks import TickPool
from s2s.settings import Settings
from s2s.stage import Call
from tests.place.stages import Endless, Missing, Speller

pytestmark = pytest.mark.anyio
KINDS: dict[str, Any] = {"loop": LoopPool, "thread": ThreadPool, "process": ProcessPool}
BATCHING: dict[str, Any] = {"loop": TickPool, "thread": ThreadPool}


def call(id: str = "a", **settings: Any) -> Call:
    """A caller as a stage sees it."""
    return Call(id, 1, Settings(**settings))


async def said(pool: Pool, item: Message | None, to: Call | None = None, due: float = 0.0) -> str:
    """What a pool makes of an item."""
    to = to or call()
    to.due = due
    return "".join([out.pcm[:1].decode() async for out in pool.run(to, item)])


@pytest.mark.parametrize("kind", KINDS)
async def test_outputs_come_in_order_and_the_end_is_spoken(kind: str) -> None:
    pool = KINDS[kind]("tts", Speller(), Place(kind=kind))
    assert not pool.live
    await pool.start()
    assert pool.live
    assert await said(pool, Clause(text="hello")) == "hello"
    assert await said(pool, None) == "."
    await pool.close()
    await pool.close()
    assert not pool.live


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_comes_after_what_was_made_and_the_next_item_is_served(kind: str) -> None:
    pool = KINDS[kind]("tts", Speller(), Place(kind=kind))
    await pool.start()
    heard = []
    with pytest.raises((ValueError, RuntimeError), match="can't say"):  # noqa: PT012, as what came before it counts too
        async for out in pool.run(call(), Clause(text="ab!c")):
            heard.append(out.pcm[:1])
    assert heard == [b"a", b"b"]
    assert await said(pool, Clause(text="ok")) == "ok"
    await pool.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_iterator_cancels_the_work(kind: str) -> None:
    pool = KINDS[kind]("tts", Endless(), Place(kind=kind))
    await pool.start()
    stream: Any = pool.run(call(), Clause(text=""))
    await stream.__anext__()
    await stream.aclose()
    assert await asyncio.wait_for(said(pool, Clause(text="?")), 5) == "y"
    while pool.statistics()["running"]:
        await asyncio.sleep(0)
    await pool.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stage_that_does_not_load_says_why(kind: str) -> None:
    pool = KINDS[kind]("tts", Missing(), Place(kind=kind))
    with pytest.raises((FileNotFoundError, RuntimeError), match="no such voice"):
        await pool.start()
    await pool.close()


async def test_replicas_are_loaded_copies_with_frozen_options() -> None:
    @dataclasses.dataclass(kw_only=True)
    class Counted(Speller):
        size: int = 1

    stage = Counted()
    pool = ThreadPool("tts", stage, Place(replicas=3))
    await pool.start()
    assert pool.statistics()["replicas"] == 3
    threads = {worker.stage._loads for worker in pool._workers}  # type: ignore[attr-defined]
    assert len(threads) == 3
    with pytest.raises(AttributeError, match=r"Counted\.size is frozen once the stage is loaded"):
        stage.size = 2
    await pool.close()


class Held(Speller):
    """Waits for permission before it begins, and says in which order it began."""

    gate = threading.Event()
    began: list[str] = []

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        self.began.append(item.text)
        self.gate.wait(5)
        yield Sound(pcm=b"xx", rate=8000)


async def test_what_is_due_earlier_goes_first_and_equals_in_order() -> None:
    Held.gate, Held.began = threading.Event(), []
    pool = ThreadPool("tts", Held(), Place())
    await pool.start()
    first = asyncio.create_task(said(pool, Clause(text="running"), call("a"), 5.0))
    while not Held.began:
        await asyncio.sleep(0)
    others = [
        asyncio.create_task(said(pool, Clause(text=text), call(text), due))
        for text, due in (("later clause", 30.0), ("first sound", 1.0), ("second sound", 1.0))
    ]
    await asyncio.sleep(0)
    Held.gate.set()
    await asyncio.gather(first, *others)
    assert Held.began == ["running", "first sound", "second sound", "later clause"]
    await pool.close()


async def test_what_nobody_wants_is_never_begun() -> None:
    Held.gate, Held.began = threading.Event(), []
    pool = ThreadPool("tts", Held(), Place())
    await pool.start()
    first = asyncio.create_task(said(pool, Clause(text="running")))
    revoked = call("b")
    stale = asyncio.create_task(said(pool, Clause(text="stale"), revoked))
    while not Held.began:
        await asyncio.sleep(0)
    revoked.live = False
    Held.gate.set()
    assert await stale == ""
    await first
    assert Held.began == ["running"]
    await pool.close()


class Batching(Speller):
    """Says how many items came at once."""

    sizes: list[int] = []

    def run_batch(self, calls: list[Call], items: list[Clause]) -> list[list[Sound]]:
        self.sizes.append(len(items))
        return [[Sound(pcm=item.text.encode() * 2, rate=8000)] for item in items]


@pytest.mark.parametrize("kind", BATCHING)
async def test_a_batch_takes_many_callers_and_gives_each_its_own(kind: str) -> None:
    Batching.sizes = []
    pool = BATCHING[kind]("vad", Batching(), Place(batch=8, wait_ms=5000))
    await pool.start()
    pool.callers = 4
    tasks = [said(pool, Clause(text=text), call(text)) for text in "abcd"]
    assert await asyncio.gather(*tasks) == ["a", "b", "c", "d"]
    assert Batching.sizes == [4], "it was full when all callers were in it, and waited no longer"
    await pool.close()


@pytest.mark.parametrize("kind", BATCHING)
async def test_a_sole_caller_never_waits_for_company(kind: str) -> None:
    Batching.sizes = []
    pool = BATCHING[kind]("vad", Batching(), Place(batch=8, wait_ms=3_600_000))
    await pool.start()
    pool.callers = 1
    assert await said(pool, Clause(text="a")) == "a"
    await pool.close()


@pytest.mark.parametrize("kind", BATCHING)
async def test_a_batch_ends_its_wait_in_time(kind: str) -> None:
    Batching.sizes = []
    pool = BATCHING[kind]("vad", Batching(), Place(batch=8, wait_ms=5))
    await pool.start()
    pool.callers = 3
    assert await asyncio.gather(*[said(pool, Clause(text=text), call(text)) for text in "ab"]) == ["a", "b"]
    assert Batching.sizes == [2]
    await pool.close()


@pytest.mark.parametrize("kind", BATCHING)
async def test_callers_with_other_settings_get_a_batch_of_their_own(kind: str) -> None:
    Batching.sizes = []
    pool = BATCHING[kind]("tts", Batching(), Place(batch=8, wait_ms=50))
    await pool.start()
    pool.callers = 3
    voices = [("a", "x"), ("b", "y"), ("c", "x")]
    tasks = [said(pool, Clause(text=text), call(text, voice=voice)) for text, voice in voices]
    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    assert sorted(Batching.sizes) == [1, 2]
    await pool.close()


async def posted(pool: Pool, item: Message, to: Call | None = None) -> list[str]:
    """What is handed over of an item that is posted; the last is its end."""
    heard: list[str] = []
    over = asyncio.Event()

    def end(error: BaseException | None) -> None:
        heard.append(f"ended: {error}")
        over.set()

    pool.post(to or call(), item, lambda out: heard.append(out.pcm[:1].decode()), end)
    assert heard == [], "nothing is handed over before the sender knows what it waits for"
    await over.wait()
    return heard


@pytest.mark.parametrize("kind", BATCHING)
async def test_what_is_posted_is_handed_over_and_ended(kind: str) -> None:
    pool = BATCHING[kind]("vad", Batching(), Place(batch=8))
    await pool.start()
    assert await posted(pool, Clause(text="a")) == ["a", "ended: None"]
    await pool.close()


@pytest.mark.parametrize("kind", BATCHING)
async def test_a_batch_that_fails_fails_for_each_and_the_next_is_served(kind: str) -> None:
    class Failing(Batching):
        def run_batch(self, calls: list[Call], items: list[Clause]) -> list[list[Sound]]:
            if any(item.text == "!" for item in items):
                raise ValueError("can't say '!'")
            return super().run_batch(calls, items)

    pool = BATCHING[kind]("vad", Failing(), Place(batch=2, wait_ms=5000))
    await pool.start()
    pool.callers = 2
    both = await asyncio.gather(posted(pool, Clause(text="!")), posted(pool, Clause(text="b"), call("b")))
    assert both == [["ended: can't say '!'"]] * 2
    pool.callers = 1
    assert await posted(pool, Clause(text="c")) == ["c", "ended: None"]
    await pool.close()


@pytest.mark.parametrize("kind", BATCHING)
async def test_nothing_is_handed_over_of_what_is_dropped(kind: str) -> None:
    pool = BATCHING[kind]("vad", Batching(), Place(batch=2, wait_ms=5000))
    await pool.start()
    pool.callers = 2
    heard: list[Any] = []
    pool.drop(pool.post(call("a"), Clause(text="a"), heard.append, heard.append))
    pool.callers = 1
    assert await posted(pool, Clause(text="b"), call("b")) == ["b", "ended: None"]
    assert heard == []
    await pool.close()


async def test_a_worker_that_hangs_on_what_nobody_wants_is_replaced() -> None:
    release = threading.Event()

    class Hanging(Speller):
        def run(self, call: Call, item: Clause) -> Iterator[Sound]:
            if item.text == "hang":
                yield Sound(pcm=b"xx", rate=8000)
                release.wait(20)
            yield Sound(pcm=b"ok", rate=8000)

    pool = ThreadPool("tts", Hanging(), Place(timeout_s=0.01))
    await pool.start()
    stream: Any = pool.run(call(), Clause(text="hang"))
    await stream.__anext__()
    await stream.aclose()
    assert await asyncio.wait_for(said(pool, Clause(text="next")), 5) == "o"
    assert pool.statistics()["replicas"] == 1
    release.set()
    await pool.close()
