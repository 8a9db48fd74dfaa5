"""Devices by number and by name, the rates that they take, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from s2s.devices import DeviceError, Devices, Format
from tests.sounddevices import SoundDevices, device

DESK = (
    device("HDMI 0", 0, 8, 48000),
    device("USB Headset", 1, 2, 44100),
    device("USB Camera", 2, 0, 32000),
    device("default", 32, 32, 44100),
    device("USB Headset", 1, 2, 44100, host=1),
)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def installed(*devices: dict[str, Any]) -> SoundDevices:
        module = SoundDevices(*devices)
        monkeypatch.setitem(sys.modules, "sounddevice", module)
        return module

    return installed


def refused(side: Any, wanted: int | str | None) -> str:
    with pytest.raises(DeviceError) as caught:
        Devices("or use a file").choose(side, wanted)
    return caught.value.under("mode.local")


def test_a_device_is_chosen_by_number_by_name_and_unasked(install: Any) -> None:
    install(*DESK)
    found = Devices()
    assert found.choose("output", None).name == "HDMI 0"
    assert found.choose("input", None).number == 1
    assert found.choose("input", 3).name == "default"
    assert found.choose("input", "3").name == "default"
    assert found.choose("input", "camera").number == 2
    assert str(found.choose("input", "headset (jack")) == "4 USB Headset (JACK)"
    assert str(found.choose("input", "USB Headset, JACK")) == "4 USB Headset (JACK)", "as sounddevice lists it"


def test_one_device_that_is_reached_in_several_ways_is_the_default_one(install: Any) -> None:
    install(*DESK)
    assert Devices().choose("input", "headset").number == 1


def test_the_whole_name_wins_over_a_part_of_it(install: Any) -> None:
    install(device("Mic", 1, 0), device("Mic 2", 1, 0))
    assert Devices().choose("input", "mic").number == 0


def test_who_is_not_there_is_told_with_who_is(install: Any) -> None:
    install(*DESK)
    assert refused("input", 7) == (
        "mode.local.input_device: no microphone has the number 7; there is 1 USB Headset (ALSA), 2 USB Camera (ALSA), "
        "3 default (ALSA), 4 USB Headset (JACK)"
    )
    assert refused("input", 0).startswith("mode.local.input_device: no microphone has the number 0; there is 1 USB")
    assert refused("input", "USB Hedset") == (
        "mode.local.input_device: no microphone is called 'USB Hedset'; did you mean 'USB Headset'?"
    )
    assert refused("output", "speakers") == (
        "mode.local.output_device: no loudspeaker is called 'speakers'; choose from HDMI 0, USB Headset, default"
    )
    assert refused("input", "usb") == (
        "mode.local.input_device: 3 microphones are called 'usb': 1 USB Headset (ALSA), 2 USB Camera (ALSA), "
        "4 USB Headset (JACK); choose one by its number"
    )


def test_a_machine_without_a_microphone_is_told_what_works_without(install: Any) -> None:
    install(device("HDMI 0", 0, 2))
    assert refused("input", None) == (
        "mode.local.input_device: this machine has no microphone: connect one, or use a file"
    )
    with pytest.raises(DeviceError, match=r"this machine has no microphone: connect one$"):
        Devices().choose("input", None)


@pytest.mark.parametrize("elsewhere", ["", "or use a file"])
def test_no_package_is_told_with_what_to_install(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError) as caught:
        Devices(elsewhere)
    assert caught.value.under("mode.local") == (
        "mode.local: sound needs the package 'sounddevice': pip install 's2s[mic]', and on Debian and Ubuntu "
        f"apt-get install libportaudio2{elsewhere and ', or use a file'}"
    )


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            "OSError('PortAudio library not found')",
            r"not here \(PortAudio library not found\): apt-get install libportaudio2 on Debian.*brew install",
        ),
        ("RuntimeError('Host error')", r"^PortAudio does not start \(Host error\): repair this machine's sound"),
    ],
)
def test_no_portaudio_is_told_with_why(raised: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sounddevice.py").write_text(f"raise {raised}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(DeviceError, match=f"{told}.*, or use a file$"):
        Devices("or use a file")


def test_a_device_is_used_at_its_own_rate_and_in_one_channel_where_it_can(install: Any) -> None:
    module = install(*DESK)
    found = Devices()
    headset = found.choose("output", 1)
    assert found.format(headset, None) == Format(44100, 1)
    assert found.format(headset, 16000) == Format(16000, 1)
    module.refuses["output", 1, 44100] = "Invalid number of channels"
    assert found.format(headset, None) == Format(44100, 2)


def test_a_rate_may_be_a_wish_that_a_device_need_not_fulfil(install: Any) -> None:
    module = install(*DESK)
    found = Devices()
    headset = found.choose("output", 1)
    assert found.format(headset, 16000, or_own=True) == Format(16000, 1)
    module.refuses["output", 1, 16000] = "Invalid number of channels"
    assert found.format(headset, 16000, or_own=True) == Format(16000, 2)
    module.refuses["output", 0, 16000] = "Invalid sample rate"
    assert found.format(headset, 16000, or_own=True) == Format(44100, 1)
    module.refuses["output", 0, 44100] = "Device unavailable"
    with pytest.raises(DeviceError, match=r"at 44100 Hz \(Device unavailable\); close what else uses it"):
        found.format(headset, 16000, or_own=True)


def test_a_stream_calls_back_for_each_block_and_at_its_end(install: Any) -> None:
    install(*DESK)
    found, heard, ended = Devices(), [], []
    camera = found.choose("input", "camera")
    stream = found.stream(
        camera, Format(32000, 1), 10, lambda data, *_: heard.append(bytes(data)), lambda: ended.append(True)
    )
    assert not stream.active
    assert (stream.options["device"], stream.options["blocksize"], stream.options["latency"]) == (2, 320, 0.02)
    found.start(camera, stream)
    assert stream.active
    stream.push(b"ab")
    assert (heard, ended) == ([b"ab"], [])
    stream.close()
    assert ended == [True]


def test_a_device_in_use_is_told_with_its_name(install: Any) -> None:
    install(*DESK).busy = True
    found = Devices("or use a file")
    with pytest.raises(DeviceError) as caught:
        found.stream(found.choose("output", 1), Format(44100, 1), 20, lambda *_: None)
    assert caught.value.under("mode.local") == (
        "mode.local.output_device: the loudspeaker 1 USB Headset (ALSA) can't be opened at 44100 Hz "
        "(Device unavailable [PaErrorCode -9985]); close what else uses it, or choose another, or use a file"
    )


def test_a_rate_that_a_device_does_not_take_is_told_with_its_own(install: Any) -> None:
    module = install(*DESK)
    module.refuses["input", 0, 96000] = "Invalid sample rate [PaErrorCode -9997]"
    found = Devices()
    with pytest.raises(DeviceError) as caught:
        found.format(found.choose("input", 1), 96000)
    assert caught.value.under("mode.local") == (
        "mode.local.rate: the microphone 1 USB Headset (ALSA) can't be opened at 96000 Hz (Invalid sample rate "
        "[PaErrorCode -9997]); its own rate is 44100 Hz, which null takes"
    )
    module.refuses["input", 1, 0] = "Device unavailable"
    with pytest.raises(DeviceError, match="close what else uses it, or choose another") as caught:
        found.format(found.choose("input", 1), None)
    assert caught.value.option == "input_device"


def test_the_table_lists_both_sides_in_the_order_of_their_numbers(install: Any, capsys: pytest.CaptureFixture) -> None:
    module = install(*DESK)
    Devices().show()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["number", "0", "1", "1", "2", "3", "3", "4", "4"]
    assert lines[1].split("  ") and "loudspeaker" in lines[1] and "48000 Hz" in lines[1] and "default" in lines[1]
    module.devices.clear()
    Devices().show()
    assert capsys.readouterr().out == "this machine has no microphone and no loudspeaker\n"
