"""Which microphone and loudspeaker are used, and what is said where there are none."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from s2s.clients import listen_and_play, listen_and_play_realtime, speaker
from s2s.clients.devices import Devices
from s2s.clients.microphone import Microphone
from s2s.clients.speaker import Loudspeaker
from s2s.clients.trouble import Trouble
from tests.clients.portaudio import PortAudio, Stream
from tests.clients.sounds import Clock, noise

MAINS = (listen_and_play.main, listen_and_play_realtime.main)


@pytest.fixture
def portaudio(monkeypatch: pytest.MonkeyPatch) -> PortAudio:
    """The module `sounddevice` for as long as the test."""
    module = PortAudio()
    monkeypatch.setitem(sys.modules, "sounddevice", module)  # type: ignore[arg-type]
    return module


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 0), ("2", 2), ("built-in", 0), ("usb headset", 2), ("headset pro", 3), ("USB Headset, ALSA", 2)],
)
def test_a_device_is_chosen_by_number_or_by_letters_of_its_name(
    portaudio: PortAudio, wanted: str | None, number: int
) -> None:
    assert Devices().choose("input", wanted).number == number


@pytest.mark.parametrize(
    ("kind", "wanted", "told"),
    [
        (
            "input",
            "webcam",
            "no microphone is 'webcam'; there is: 0 Built-in Audio, ALSA; 2 USB Headset, ALSA; 3 USB Headset Pro, ALSA",
        ),
        (
            "output",
            "0",
            "no loudspeaker is '0'; there is: 1 Built-in Audio, ALSA; 2 USB Headset, ALSA; 4 Monitor, ALSA",
        ),
        (
            "input",
            "usb",
            "2 microphones are called 'usb': 2 USB Headset, ALSA; 3 USB Headset Pro, ALSA; choose one by its number",
        ),
    ],
)
def test_a_choice_that_fits_none_or_several_is_told_with_what_there_is(
    portaudio: PortAudio, kind: str, wanted: str, told: str
) -> None:
    with pytest.raises(Trouble) as trouble:
        Devices().choose(kind, wanted)  # type: ignore[arg-type]
    assert str(trouble.value) == told


@pytest.mark.parametrize("main", MAINS)
def test_devices_are_listed(portaudio: PortAudio, main: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--list_devices"])  # type: ignore[operator]
    assert not end.value.code
    assert capsys.readouterr().out.splitlines() == [
        "microphones, for --input-device:",
        "* 0 Built-in Audio, ALSA, 44100 Hz",
        "  2 USB Headset, ALSA, 48000 Hz",
        "  3 USB Headset Pro, ALSA, 44100 Hz",
        "loudspeakers, for --output-device:",
        "* 1 Built-in Audio, ALSA, 44100 Hz",
        "  2 USB Headset, ALSA, 48000 Hz",
        "  4 Monitor, ALSA, 44100 Hz",
    ]


@pytest.mark.parametrize("main", MAINS)
@pytest.mark.parametrize("arguments", [[], ["--list-devices"]])
def test_a_missing_package_is_told_in_a_line_with_its_remedies(
    main: object, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    try:
        status = main(arguments)  # type: ignore[operator]
    except SystemExit as end:
        status = end.code
    assert status == 1
    assert capsys.readouterr().err == (
        "sound needs the package sounddevice: pip install 's2s[mic]', and on Debian apt install libportaudio2; "
        "or use files instead, by --input-wav and --output-wav\n"
    )


def test_a_missing_portaudio_is_told_in_a_line_with_its_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(Trouble, match=r"\(PortAudio library not found\).*'s2s\[mic\]'.*libportaudio2.*--input-wav"):
        Devices()


def test_a_machine_without_devices_is_told_what_to_do(portaudio: PortAudio) -> None:
    portaudio.devices.clear()
    assert Devices().table() == "no microphone on this machine\nno loudspeaker on this machine"
    with pytest.raises(Trouble, match="no loudspeaker on this machine: connect one, or use files instead, by --wav"):
        Devices("--wav").choose("output", None)


def test_a_device_in_use_is_told_with_its_name(portaudio: PortAudio) -> None:
    portaudio.busy = True
    with pytest.raises(Trouble, match=r"the loudspeaker 2 USB Headset, ALSA can't be opened \(Device unavailable"):
        Loudspeaker(16000, 512, "2")


def test_a_loudspeaker_plays_what_comes_and_silence_otherwise(portaudio: PortAudio) -> None:
    loudspeaker = Loudspeaker(16000, 512)
    (stream,) = portaudio.streams
    assert {"samplerate": 16000, "blocksize": 512, "device": 1, "dtype": "int16"}.items() <= stream.options.items()
    sound = noise(700)
    loudspeaker.play(sound, 16000)
    assert loudspeaker.playing
    assert stream.pull(512) + stream.pull(512) == sound + bytes(2 * (1024 - 700))
    loudspeaker.close()
    assert not loudspeaker.playing


def test_a_loudspeaker_knows_what_is_still_on_its_way_through_the_device(
    portaudio: PortAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(speaker.time, "monotonic", clock)
    monkeypatch.setattr(Stream, "latency", 0.1)
    loudspeaker = Loudspeaker(16000, 1600)
    (stream,) = portaudio.streams
    loudspeaker.play(noise(16000), 16000, "item")
    for _ in range(3):
        stream.pull(1600)
    clock.now += 0.1
    assert loudspeaker.flush() == {"item": 200}, "300 ms were taken, and the last 100 are in the device"
    assert loudspeaker.playing
    clock.now += 0.1
    assert not loudspeaker.playing
    assert stream.pull(1600) == bytes(3200)


def test_a_device_that_does_not_take_a_rate_is_used_at_its_own(portaudio: PortAudio) -> None:
    portaudio.rates = {48000}
    loudspeaker = Loudspeaker(16000, 512, "2")
    (stream,) = portaudio.streams
    assert (loudspeaker.rate, stream.options["samplerate"], stream.options["blocksize"]) == (48000, 48000, 1536)
    loudspeaker.play(bytes(2 * 1600), 16000)
    loudspeaker.finish()
    assert loudspeaker._playback.take(10_000) == bytes(2 * 4800)
    assert Microphone(16000, 512, "2").rate == 48000


@pytest.mark.anyio
async def test_a_microphone_gives_its_frames_and_says_when_it_has_gone(portaudio: PortAudio) -> None:
    opened: asyncio.Future[Stream] = asyncio.get_running_loop().create_future()
    portaudio.news = opened.set_result
    frames = Microphone(16000, 512).frames()
    first = asyncio.ensure_future(anext(frames))
    stream = await opened
    assert {"samplerate": 16000, "blocksize": 512, "device": 0}.items() <= stream.options.items()
    sound = noise(1024)
    await asyncio.to_thread(stream.push, sound[:1024])
    await asyncio.to_thread(stream.push, sound[1024:])
    assert await first + await anext(frames) == sound
    await asyncio.to_thread(stream.close)
    with pytest.raises(Trouble, match="the microphone 0 Built-in Audio, ALSA has stopped"):
        await anext(frames)
