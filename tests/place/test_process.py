"""What a placement in processes adds: crashes that stay there, other interpreters, state that comes back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import sysconfig
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from s2s.messages import Clause, Speech
from s2s.place.options import Place
from s2s.place.pool import StageDown
from s2s.place.process import ProcessPool
from s2s.settings import Settings
from s2s.stage import Call, Stage
from s2s.testing.stages import ScriptedTts
from tests.place.stages import Meeting, Mortal, Speller

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def pool(stage: Stage, **place: Any) -> Any:
    """A pool of processes."""
    found = ProcessPool("stage", stage, Place(kind="process", **place))
    try:
        await found.start()
        yield found
    finally:
        await found.close()


async def heard(of: ProcessPool, call: Call, *pieces: bytes, end: bool = True) -> list[str]:
    """What a stage makes of pieces of a turn."""
    items = [Speech(pcm=piece, rate=8000) for piece in pieces]
    return [out.text for item in [*items, *([None] if end else [])] async for out in of.run(call, item)]


def caller(name: str = "a", scope: int = 1) -> Call:
    """A caller as a stage sees it."""
    return Call(name, scope, Settings())


async def test_the_stage_runs_elsewhere_and_a_scope_stays_where_it_is() -> None:
    async with pool(Mortal(), replicas=2) as processes:
        calls = [caller(str(number)) for number in range(4)]
        await asyncio.gather(*(heard(processes, call, b"one", end=False) for call in calls))
        ends = [(await heard(processes, call, b"two"))[-1].split() for call in calls]
        assert [end[0] for end in ends] == ["onetwo"] * 4
        assert len({end[1] for end in ends} - {str(os.getpid())}) == 2


async def test_an_item_in_a_process_that_dies_is_run_again_with_the_turn_so_far(tmp_path: Path) -> None:
    deadly = tmp_path / "deadly"
    deadly.touch()
    async with pool(Mortal(deadly=str(deadly))) as processes:
        call = caller()
        texts = await heard(processes, call, b"a", b"b", b"x", b"c")
        assert texts[:4] == ["a", "ab", "abx", "abxc"]
        assert texts[4].split()[0] == "abxc"
        assert processes.live


async def test_others_go_on_beside_a_process_that_dies(tmp_path: Path) -> None:
    deadly = tmp_path / "deadly"
    deadly.touch()
    async with pool(Mortal(deadly=str(deadly)), replicas=2) as processes:
        dying, other = caller("dying"), caller("other")
        await heard(processes, dying, b"a", end=False)
        await asyncio.gather(heard(processes, other, b"-", end=False), heard(processes, dying, b"-", end=False))
        lost, kept = await asyncio.gather(heard(processes, dying, b"x"), heard(processes, other, *[b"o"] * 50))
        assert lost[-1].split()[0] == "a-x"
        assert kept[-1].split()[0] == "-" + "o" * 50


async def test_an_item_that_kills_twice_fails_and_the_next_is_served(tmp_path: Path) -> None:
    async with pool(Mortal(deadly=str(tmp_path))) as processes:  # a folder: it can't be taken along
        with pytest.raises(StageDown, match=r"its process (was ended by signal|ended with exit code)"):
            await heard(processes, caller(), b"x")
        assert (await heard(processes, caller("b"), b"b"))[0] == "b"


async def test_a_killed_process_that_was_idle_comes_back() -> None:
    async with pool(Speller()) as processes:
        (child,) = processes._children()
        os.kill(child.pid, signal.SIGKILL)
        while processes.live:
            await asyncio.sleep(0.01)
        outs = [out async for out in processes.run(caller(), Clause(text="hi"))]
        assert len(outs) == 2 and processes.live and processes.statistics()["replicas"] == 1


async def test_async_stages_run_many_items_at_once() -> None:
    async with pool(Meeting(size=20)) as processes:

        async def meet(name: str) -> str:
            return "".join([out.text async for out in processes.run(caller(name), Clause(text="here"))])

        assert await asyncio.wait_for(asyncio.gather(*(meet(str(n)) for n in range(20))), 10) == ["all"] * 20


async def test_what_is_gone_in_the_parent_is_gone_in_the_child() -> None:
    async with pool(Mortal()) as processes:
        call = caller("a", 1)
        await heard(processes, call, b"one")
        (child,) = processes._children()
        assert len(child._views) == 1 and len(processes._homes) == 1
        del call
        gc.collect()
        await asyncio.sleep(0)
        assert not child._views and not processes._homes
        again = caller("a", 2)
        assert (await heard(processes, again, b"two"))[-1].endswith(" 2"), "memory is the call's"
        processes.hangup(again)
        assert (await heard(processes, caller("a", 3), b"three"))[-1].endswith(" 1")


async def test_the_children_end_with_the_pool_and_with_the_parent() -> None:
    async with pool(Speller(), replicas=2) as processes:
        pids = [child.pid for child in processes._children()]
    assert not any(running(pid) for pid in pids)
    program = (
        "import asyncio, os, sys\n"
        "from s2s.place.options import Place\nfrom s2s.place.process import ProcessPool\n"
        "from s2s.testing.stages import ScriptedTts\n"
        "async def main():\n    pool = ProcessPool('tts', ScriptedTts(), Place(kind='process'))\n"
        "    await pool.start()\n    print(pool._children()[0].pid, flush=True)\n    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    run = partial(subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    pid = int((await asyncio.to_thread(run)).stdout)
    for _ in range(500):
        if not running(pid):
            break
        await asyncio.sleep(0.01)
    assert not running(pid)


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter of its own, with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    return folder


async def test_another_interpreter_imports_this_package_and_its_own_others(bare: Path) -> None:
    packages = next((bare / "lib").glob("python*")) / "site-packages"
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    try:
        async with pool(ScriptedTts(seconds=0.0), python=str(bare / "bin" / "python")) as processes:
            assert len([out async for out in processes.run(caller(), Clause(text="one"))]) == 2
    finally:
        (packages / "ours.pth").unlink()


async def test_an_interpreter_that_lacks_a_package_says_which_and_what_to_run(bare: Path) -> None:
    python = bare / "bin" / "python"
    with pytest.raises(RuntimeError, match=rf"{python}: No module named 'msgspec'; .*{python} -m pip install msgspec"):
        async with pool(ScriptedTts(), python=str(python)):
            pass


async def test_an_interpreter_that_is_not_there_says_so() -> None:
    with pytest.raises(StageDown, match=r"can't run /no/such/python: No such file"):
        async with pool(ScriptedTts(), python="/no/such/python"):
            pass
