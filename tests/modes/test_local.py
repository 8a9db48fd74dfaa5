"""The mode of this machine's own devices: its options, its mistakes, its list, and a call over scripted stages."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from typing import Any

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.engine import Engine
from s2s.mistakes import ConfigError
from s2s.modes.local import Local
from s2s.modes.mode import ModeError
from s2s.testing.stages import ScriptedLlm
from tests.modes.served import quick
from tests.sounddevices import BLOCK_S, Flags, SoundDevices, device


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> SoundDevices:
    made = SoundDevices(device("Mic", 1, 0, 48000), device("Box", 0, 2, 48000))
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


def bound(**options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Local(**options).bind("mode.local")
    return str(caught.value)


def test_duplex_follows_from_echo_and_a_key_needs_none() -> None:
    assert Local().duplex == "half"
    assert Local(echo="duck").duplex == "full"
    assert Local(echo="none").duplex == "full"
    assert Local(push_to_talk="space").duplex == "full"
    with pytest.raises(ConfigError) as caught:
        build(compose("mode=local", "mode.local.duplex=full", "mode.local.echo=off"), packages=False)
    assert "mode.local.duplex: Local has no such option" in str(caught.value)
    assert "mode.local.echo: input should be 'half-duplex', 'duck' or 'none'" in str(caught.value)


def test_what_is_out_of_bounds_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        build(
            compose("mode=local", "mode.local.rate=100", "mode.local.block_ms=1", "mode.local.lead_s=0"), packages=False
        )
    assert [line.partition(":")[0] for line in caught.value.mistakes] == [
        "mode.local.lead_s", "mode.local.rate", "mode.local.block_ms"
    ]  # fmt: skip


def test_a_device_that_is_not_there_is_told_before_a_model_loads(module: SoundDevices) -> None:
    assert bound(input_device="Box") == "mode.local.input_device: no microphone is called 'Box'; choose from Mic"
    assert bound(output_device=0) == "mode.local.output_device: no loudspeaker has the number 0; there is 1 Box (ALSA)"
    module.devices.clear()
    told = bound()
    assert told.startswith("mode.local.input_device: this machine has no microphone: connect one, or choose mode=real")


def test_a_key_without_a_terminal_is_told_with_all_else(module: SoundDevices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert bound(push_to_talk="space", input_device=9).splitlines() == [
        "mode.local.input_device: no microphone has the number 9; there is 0 Mic (ALSA)",
        "mode.local.push_to_talk: keys come from a terminal, and standard input is none; start it in one, "
        "or set it to null",
    ]


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    told = bound()
    assert told.startswith("mode.local: sound needs the package 'sounddevice': pip install 's2s[mic]'")
    assert "or choose mode=realtime" in told and "--wav" in told
    with pytest.raises(ModeError, match=r"^mode.local: sound needs the package 'sounddevice': pip install"):
        Local(list_devices=True).show(quick())


def test_devices_are_listed_without_a_model(module: SoundDevices, capsys: pytest.CaptureFixture[str]) -> None:
    made = build(compose("mode=local", "mode.local.list_devices=true", "graph=captions"))
    (mode,) = made.modes.values()
    assert mode.offline
    assert not Local().offline
    mode.show(made.graph)
    head, mic, box = capsys.readouterr().out.splitlines()
    assert head.split() == ["number", "name", "through", "side", "channels", "rate"]
    assert mic.split() == ["0", "Mic", "ALSA", "microphone", "1", "48000", "Hz", "default"]
    assert box.split() == ["1", "Box", "ALSA", "loudspeaker", "2", "48000", "Hz", "default"]
    module.devices.clear()
    mode.show(made.graph)
    assert capsys.readouterr().out == "this machine has no microphone and no loudspeaker\n"


def play(module: SoundDevices, said: list[int], played: list[int], stop: threading.Event) -> None:
    """Call back from another thread, in real time."""
    while not stop.wait(BLOCK_S):
        level = said.pop(0) if said else 0
        for stream in list(module.streams):
            frames = stream.options["blocksize"]
            if stream.side == "input":
                stream.options["callback"](level.to_bytes(2, "little") * frames, frames, None, Flags())
            else:
                out = memoryview(bytearray(2 * frames))
                stream.options["callback"](out, frames, None, Flags())
                played.append(out[0] + 256 * out[1])


@pytest.mark.anyio
async def test_a_call_in_real_time_over_another_thread(
    module: SoundDevices, capsys: pytest.CaptureFixture[str]
) -> None:
    mode = Local()
    mode.bind("mode.local")
    said, played, stop = [2000] * 20 + [0] * 20, [], threading.Event()
    words = ScriptedLlm(words="yes it is.", first_seconds=0.005, seconds=0.001)
    async with Engine(quick(llm=words), 4, seed="t") as engine:
        mode.open()
        serving = asyncio.create_task(mode.serve(engine))
        devices, latency = mode.banner
        assert devices == "local      hears 0 Mic (ALSA), 48000 Hz; speaks through 1 Box (ALSA), 48000 Hz"
        assert latency.startswith("           80 ms in the devices (40 in, 40 out); hears nothing while it speaks")
        thread = threading.Thread(target=play, args=(module, said, played, stop))
        thread.start()
        try:
            for _ in range(300):
                await asyncio.sleep(0.01)
                if sum(level > 0 for level in played) >= 14:
                    break
        finally:
            stop.set()
            thread.join()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        assert not engine.calls
    assert not module.streams
    assert sum(level > 0 for level in played) >= 14, "300 ms of an answer"
    assert capsys.readouterr().out.splitlines() == ["you:   hello", "agent: yes it is."]
