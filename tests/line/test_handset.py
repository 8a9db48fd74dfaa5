"""Somebody at a desk, in virtual time: answered aloud, interrupting, kept apart from the echo, and talking by a key."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from s2s.devices import Devices
from s2s.engine import Engine
from s2s.line import handset
from s2s.line.desk import Desk, Wishes
from s2s.line.echo import Policy, echo
from s2s.line.handset import Handset
from s2s.line.line import Terms
from s2s.line.screen import Screen
from s2s.settings import Detection, Settings
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts
from tests.engine.graphs import graph
from tests.line.test_playout import virtual
from tests.sounddevices import Room, SoundDevices, device

SHORT = {"llm": ScriptedLlm(words="one two three."), "tts": ScriptedTts(seconds=0.001)}
"""An answer of 600 ms."""
LONG = {"llm": ScriptedLlm(words="one two three four five six seven. " * 4), "tts": ScriptedTts(seconds=0.001)}


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> SoundDevices:
    made = SoundDevices()
    monkeypatch.setitem(sys.modules, "sounddevice", made)

    @contextlib.contextmanager
    def reading(*_: Any) -> Iterator[None]:
        yield

    monkeypatch.setattr(handset, "reading", reading)
    return made


class Sitting:
    """A handset in a room."""

    def __init__(self, made: Handset, room: Room, desk: Desk, engine: Engine, out: io.StringIO) -> None:
        self.handset = made
        self.room = room
        self.desk = desk
        self.engine = engine
        self.out = out

    @property
    def captions(self) -> list[str]:
        return self.out.getvalue().splitlines()

    @property
    def answers(self) -> list[Any]:
        return [item for item in self.handset.line.call.state.items if item.role == "assistant"]

    async def until_playing(self) -> None:
        while not self.room.levels[-1:] or not self.room.levels[-1]:
            await self.room.say(20, 0)

    async def talk(self, ms: float = 400) -> None:
        """Talk by the key."""
        self.handset.press()
        await self.room.say(ms)
        self.handset.release()


@contextlib.asynccontextmanager
async def sitting(
    policy: Policy = "none", key: str | None = None, coupling: float = 0.0, **stages: Any
) -> AsyncIterator[Sitting]:
    module: Any = sys.modules["sounddevice"]
    desk = Desk(Devices(), Wishes(), asyncio.get_running_loop().time)
    desk.begin()
    out = io.StringIO()
    settings = Settings(detection=None if key else Detection())
    terms = Terms(hz=desk.hz, duplex="half" if policy == "half-duplex" else "full")
    async with Engine(graph(**{**SHORT, **stages}), 4, seed="t") as engine:
        with Screen(out) as screen:
            made = Handset(engine, settings, terms, desk, echo(policy), screen, key)
            running = asyncio.create_task(made.run())
            try:
                yield Sitting(made, Room(module, coupling), desk, engine, out)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await made.close()
                desk.close()
        assert not engine.calls


@virtual
async def test_a_turn_is_answered_aloud_and_both_sides_are_written() -> None:
    async with sitting() as here:
        await here.room.turn()
        await here.room.say(2000, 0)
        assert here.captions == ["you:   hello", "agent: one two three."]
        assert here.room.played_ms == pytest.approx(600, abs=5)
        assert here.answers[0].heard_ms is None


@virtual
async def test_devices_of_other_rates_do_as_well() -> None:
    module: Any = sys.modules["sounddevice"]
    module.devices = [device("Mic", 1, 0, 48000), device("Box", 0, 2, 44100)]
    async with sitting() as here:
        await here.room.turn()
        await here.room.say(2000, 0)
        assert here.captions == ["you:   hello", "agent: one two three."]
        assert here.room.played_ms * 16 / 44.1 == pytest.approx(600, abs=10)


@virtual
async def test_who_speaks_silences_the_loudspeaker_at_once_and_history_has_what_was_heard() -> None:
    async with sitting(**LONG) as here:
        await here.room.turn()
        await here.until_playing()
        await here.room.say(1500, 0)
        before = here.room.played_ms
        began = len(here.room.levels)
        await here.room.say(400)
        after = here.room.levels[began:]
        assert not any(after[3:]), "three blocks later it is silent"
        (item,) = here.answers
        played = here.room.played_ms
        assert before <= played < before + 60
        assert item.heard_ms == pytest.approx(played, abs=10), "by the device, not by what was sent to it"
        await here.room.say(600, 0)
        await here.room.say(3000, 0)
        assert len(here.answers) == 2


@virtual
async def test_half_duplex_hears_neither_the_agent_nor_who_speaks_over_it() -> None:
    async with sitting("half-duplex", coupling=0.8, stt=ScriptedStt(texts=["hello", "again"])) as here:
        await here.room.turn()
        await here.until_playing()
        await here.room.say(300)
        await here.room.say(1500, 0)
        assert here.captions == ["you:   hello", "agent: one two three."]
        assert here.room.played_ms == pytest.approx(600, abs=5), "nothing stopped it"
        await here.room.turn()
        await here.room.say(1500, 0)
        assert here.captions[2] == "you:   again"


@virtual
async def test_ducking_keeps_the_echo_apart_and_hears_who_speaks_up() -> None:
    async with sitting("duck", coupling=0.5, **LONG) as here:
        await here.room.turn()
        await here.until_playing()
        await here.room.say(2500, 0)
        assert here.captions == ["you:   hello"], "its own echo is no turn"
        loud = here.room.levels[-1]
        assert loud == 1000
        began = len(here.room.levels)
        await here.room.say(800, 3000)
        levels = here.room.levels[began:]
        assert 200 < levels[4] <= 250, "quieter at once"
        assert levels[-1] == 0, "and silent"
        assert here.answers[0].heard_ms is not None
        await here.room.say(600, 0)
        await here.room.say(1000, 0)
        assert here.captions.count("you:   hello") == 2


@virtual
async def test_without_a_press_nothing_is_heard_and_a_release_is_answered() -> None:
    async with sitting(key="space") as here:
        await here.room.turn()
        await here.room.say(1000, 0)
        assert here.captions == []
        await here.talk()
        await here.room.say(1500, 0)
        assert here.captions == ["you:   hello", "agent: one two three."]
        assert here.room.played_ms == pytest.approx(600, abs=5)
        await here.talk()
        await here.room.say(1500, 0)
        assert len(here.answers) == 2


@virtual
async def test_a_press_silences_the_agent() -> None:
    async with sitting(key="space", **LONG) as here:
        await here.talk()
        await here.until_playing()
        await here.room.say(1000, 0)
        here.handset.press()
        began = len(here.room.levels)
        await here.room.say(400)
        assert not any(here.room.levels[began + 2 :])
        (item,) = here.answers
        assert item.heard_ms == pytest.approx(here.room.played_ms, abs=10)
        here.handset.release()
        await here.room.say(2000, 0)
        assert len(here.answers) == 2


@virtual
async def test_a_press_without_a_word_is_no_turn_and_one_that_follows_at_once_goes_on() -> None:
    async with sitting(key="space") as here:
        here.handset.press()
        here.handset.release()
        await here.room.say(100, 0)
        here.handset.press()
        await here.room.say(400)
        here.handset.release()
        await here.room.say(1500, 0)
        assert here.captions == ["you:   hello", "agent: one two three."]


@virtual
async def test_a_call_goes_on_over_devices_that_were_away() -> None:
    async with sitting() as here:
        await here.room.turn()
        await here.room.say(2000, 0)
        module: Any = sys.modules["sounddevice"]
        for stream in module.streams:
            stream.active = False
        await here.room.say(4000, 0)
        assert here.desk.here
        await here.room.turn()
        await here.room.say(2000, 0)
        assert here.captions == ["you:   hello", "agent: one two three."] * 2
        assert module.looked == 1
