"""A microphone and a loudspeaker that come and go, in virtual time."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from s2s.devices import Devices
from s2s.line.desk import AGAIN_S, STILL_S, Desk, Wishes
from s2s.testing.clock import run_virtual
from tests.sounddevices import Flags, Room, SoundDevices, device


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SoundDevices:
    made = SoundDevices(device("Mic", 1, 0, 44100), device("Box", 0, 2, 48000))
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


async def take(made: Desk) -> None:
    async for _ in made.microphone.pieces():
        pass


def desk(**wishes: object) -> Desk:
    made = Desk(Devices(), Wishes(**wishes), asyncio.get_running_loop().time)  # type: ignore[arg-type]
    made.begin()
    return made


def test_each_device_runs_at_its_own_rate_in_blocks_of_the_same_length(module: SoundDevices) -> None:
    async def main() -> None:
        made = desk(block_ms=10)
        assert str(made) == "hears 0 Mic (ALSA), 44100 Hz; speaks through 1 Box (ALSA), 48000 Hz"
        assert made.hz == 48000
        hears, speaks = module.streams
        assert (hears.side, hears.samplerate, hears.options["blocksize"], hears.channels) == ("input", 44100, 441, 1)
        assert (speaks.side, speaks.samplerate, speaks.options["blocksize"]) == ("output", 48000, 480)
        assert [stream.options["latency"] for stream in module.streams] == pytest.approx([0.02, 0.03])
        assert made.latency_s == {"input": 0.04, "output": 0.04}
        made.close()
        made.close()
        assert not module.streams

    run_virtual(main())


def test_a_rate_that_is_asked_for_is_that_of_both(module: SoundDevices) -> None:
    async def main() -> None:
        made = desk(rate=16000)
        assert [stream.samplerate for stream in module.streams] == [16000, 16000]
        made.close()

    run_virtual(main())


def test_a_device_that_goes_away_is_come_back_to_when_it_is_there_again(
    module: SoundDevices, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "s2s")

    async def main() -> None:
        made = desk()
        Room(module)
        taking = asyncio.create_task(take(made))
        watching = asyncio.create_task(made.watch())
        await asyncio.sleep(5)
        assert made.here
        assert not caplog.messages
        box = module.devices.pop()
        module.streams[1].active = False
        await asyncio.sleep(10)
        assert not made.here
        assert module.looked >= 4, "it looks again every two seconds"
        assert len(caplog.messages) == 2, "which is said once"
        module.devices.append(box)
        await asyncio.sleep(AGAIN_S + 0.5)
        assert made.here
        taking.cancel()
        watching.cancel()
        made.close()

    run_virtual(main())
    gone, missing, back = caplog.messages
    assert gone.startswith("local: sound has stopped (hears 0 Mic (ALSA), 44100 Hz; speaks through 1 Box")
    assert missing.startswith("local: this machine has no loudspeaker")
    assert back.startswith("local: sound is back: hears 0 Mic")


def test_a_device_that_asks_for_nothing_is_gone_too(module: SoundDevices, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        made = desk()
        watching = asyncio.create_task(made.watch())
        await asyncio.sleep(STILL_S - 1)
        assert not caplog.messages
        await asyncio.sleep(2)
        assert "sound has stopped" in caplog.text
        watching.cancel()
        made.close()

    run_virtual(main())


def test_a_device_that_is_busy_at_first_is_tried_again(module: SoundDevices, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        made = Desk(Devices(), Wishes(), asyncio.get_running_loop().time)
        module.refuses["output", 1, 48000] = "Device unavailable"
        made.begin()
        assert not module.streams, "nor is the microphone held"
        (told,) = caplog.messages
        assert told.startswith("local: the loudspeaker 1 Box (ALSA) can't be opened at 48000 Hz (Device unavailable)")
        Room(module)
        watching = asyncio.create_task(made.watch())
        module.refuses.clear()
        await asyncio.sleep(3)
        assert made.here
        watching.cancel()
        made.close()

    run_virtual(main())


def test_sound_that_was_lost_is_told_in_one_line_for_all_of_a_while(
    module: SoundDevices, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        made = desk()
        Room(module)
        watching = asyncio.create_task(made.watch())
        made.microphone.capture(bytes(8), 4, None, Flags(input_overflow=True))
        made.loudspeaker.fill(memoryview(bytearray(8)), 4, None, Flags(output_underflow=True))
        await asyncio.sleep(1)
        for _ in range(3):
            made.microphone.capture(bytes(8), 4, None, Flags(input_overflow=True))
            await asyncio.sleep(0.5)
        assert len(caplog.messages) == 1
        await asyncio.sleep(5)
        watching.cancel()
        made.close()

    run_virtual(main())
    first, second = caplog.messages
    assert first.startswith("local: sound was lost, in blocks: 1 by the microphone, 0 on their way in, 1 late")
    assert second.startswith("local: sound was lost, in blocks: 3 by the microphone")
