"""Which microphone and loudspeaker the clients use, and what they say where there are none."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from s2s.clients import listen_and_play, listen_and_play_realtime, speaker
from s2s.clients.microphone import Microphone
from s2s.clients.speaker import Loudspeaker
from s2s.clients.trouble import Trouble
from tests.clients.sounds import Clock, noise
from tests.sounddevices import SoundDevices, Stream, device

Main = Callable[[Sequence[str]], int]
MAINS = (listen_and_play.main, listen_and_play_realtime.main)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SoundDevices:
    """Two microphones, two loudspeakers, and one that is both."""
    made = SoundDevices(
        device("Built-in Audio", 2, 0, 44100),
        device("Built-in Audio", 0, 2, 44100),
        device("USB Headset", 1, 2, 48000),
        device("USB Headset Pro", 1, 0, 44100),
        device("Monitor", 0, 2, 44100),
    )
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def ended(main: Main, *arguments: str) -> int:
    """Return the exit status of a command line."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (None, 1),
        ("2", 2),
        ("built-in", 1),
        ("usb headset", 2),
        ("monitor", 4),
        ("USB Headset, ALSA", 2),
        ("USB Headset (ALSA)", 2),
    ],
)
def test_a_device_is_chosen_by_number_or_by_letters_of_its_name(
    module: SoundDevices, wanted: str | None, number: int
) -> None:
    Loudspeaker(16000, 512, wanted)
    (stream,) = module.streams
    assert (stream.side, stream.options["device"]) == ("output", number)


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--input-device", "webcam"],
            "no microphone is called 'webcam'; choose from Built-in Audio, USB Headset, USB Headset Pro",
        ),
        (
            ["--input-device", "1"],
            "no microphone has the number 1; there is 0 Built-in Audio (ALSA), 2 USB Headset (ALSA), "
            "3 USB Headset Pro (ALSA)",
        ),
        (
            ["--input-device", "usb"],
            "2 microphones are called 'usb': 2 USB Headset (ALSA), 3 USB Headset Pro (ALSA); choose one by its number",
        ),
    ],
)
def test_a_choice_that_fits_none_or_several_is_told_with_what_there_is(
    module: SoundDevices, main: Main, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(main, *arguments) == 1
    assert capsys.readouterr().err == f"{told}\n"


@pytest.mark.parametrize("main", MAINS)
def test_devices_are_listed(module: SoundDevices, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(main, "--list_devices") == 0
    head, *lines = (line.split() for line in capsys.readouterr().out.splitlines())
    assert head == ["number", "name", "through", "side", "channels", "rate"]
    assert [line[0] for line in lines] == ["0", "1", "2", "2", "3", "4"]
    assert lines[0] == ["0", "Built-in", "Audio", "ALSA", "microphone", "2", "44100", "Hz", "default"]
    assert lines[3] == ["2", "USB", "Headset", "ALSA", "loudspeaker", "2", "48000", "Hz"]


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize("arguments", [[], ["--list-devices"]])
def test_a_missing_package_is_told_in_a_line_with_its_remedies(
    main: Main, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert ended(main, *arguments) == 1
    assert capsys.readouterr().err == (
        "sound needs the package 'sounddevice': pip install 's2s[mic]', and on Debian and Ubuntu "
        "apt-get install libportaudio2, or use files instead, by --input-wav and --output-wav\n"
    )


def test_a_machine_without_devices_is_told_what_to_do(module: SoundDevices, capsys: pytest.CaptureFixture[str]) -> None:
    module.devices.clear()
    assert ended(MAINS[0], "--list-devices") == 0
    assert capsys.readouterr().out == "this machine has no microphone and no loudspeaker\n"
    with pytest.raises(Trouble, match=r"has no loudspeaker: connect one, or use files instead, by --wav$"):
        Loudspeaker(16000, 512, instead="--wav")


def test_a_device_in_use_is_told_with_its_name(module: SoundDevices) -> None:
    module.busy = True
    told = r"the loudspeaker 2 USB Headset \(ALSA\) can't be opened at 16000 Hz \(Device unavailable.*--input-wav"
    with pytest.raises(Trouble, match=told):
        Loudspeaker(16000, 512, "2")


def test_a_loudspeaker_plays_what_comes_and_silence_otherwise(module: SoundDevices) -> None:
    loudspeaker = Loudspeaker(16000, 512)
    (stream,) = module.streams
    assert {"samplerate": 16000, "blocksize": 512, "device": 1, "dtype": "int16"}.items() <= stream.options.items()
    sound = noise(700)
    loudspeaker.play(sound, 16000)
    assert loudspeaker.playing
    assert stream.pull(512) + stream.pull(512) == sound + bytes(2 * (1024 - 700))
    loudspeaker.close()
    assert not loudspeaker.playing


def test_a_loudspeaker_knows_what_is_still_on_its_way_through_the_device(
    module: SoundDevices, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(speaker.time, "monotonic", clock)
    monkeypatch.setattr(Stream, "latency", 0.1)
    loudspeaker = Loudspeaker(16000, 1600)
    (stream,) = module.streams
    loudspeaker.play(noise(16000), 16000, "item")
    for _ in range(3):
        stream.pull(1600)
    clock.now += 0.1
    assert loudspeaker.flush() == {"item": 200}, "300 ms were taken, and the last 100 are in the device"
    assert loudspeaker.playing
    clock.now += 0.1
    assert not loudspeaker.playing
    assert stream.pull(1600) == bytes(3200)


def test_a_device_that_does_not_take_a_rate_is_used_at_its_own(module: SoundDevices) -> None:
    module.refuses = {(side, 0, 16000): "Invalid sample rate [PaErrorCode -9997]" for side in ("input", "output")}
    loudspeaker = Loudspeaker(16000, 512, "2")
    (stream,) = module.streams
    assert (loudspeaker.rate, stream.options["samplerate"], stream.options["blocksize"]) == (48000, 48000, 1536)
    loudspeaker.play(bytes(2 * 1600), 16000)
    loudspeaker.finish()
    assert loudspeaker._playback.take(10_000) == bytes(2 * 4800)
    assert Microphone(16000, 512, "2").rate == 48000


@pytest.mark.anyio
async def test_a_microphone_gives_its_frames_and_says_when_it_has_gone(module: SoundDevices) -> None:
    opened: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
    module.news = opened.set_result
    frames = Microphone(16000, 512).frames()
    first = asyncio.ensure_future(anext(frames))
    stream = await opened
    assert {"samplerate": 16000, "blocksize": 512, "device": 0}.items() <= stream.options.items()
    sound = noise(1024)
    await asyncio.to_thread(stream.push, sound[:1024])
    await asyncio.to_thread(stream.push, sound[1024:])
    assert await first + await anext(frames) == sound
    await asyncio.to_thread(stream.close)
    with pytest.raises(Trouble, match=r"the microphone 0 Built-in Audio \(ALSA\) has stopped"):
        await anext(frames)


@pytest.mark.anyio
async def test_devices_that_take_two_channels_only_hear_by_the_first_and_play_on_both(module: SoundDevices) -> None:
    module.refuses = {(side, 1, 16000): "Invalid number of channels" for side in ("input", "output")}
    sound = noise(512)
    both = np.repeat(np.frombuffer(sound, "<i2"), 2)
    loudspeaker = Loudspeaker(16000, 512)
    loudspeaker.play(sound, 16000)
    assert module.streams[0].pull(512) == both.tobytes()
    opened: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
    module.news = opened.set_result
    frames = Microphone(16000, 512).frames()
    first = asyncio.ensure_future(anext(frames))
    stream = await opened
    left = both.copy()
    left[1::2] = 7
    stream.push(left.tobytes())
    assert await first == sound
    await frames.aclose()
