"""A stand-in for the module `sounddevice`, and a room in which its devices stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

BLOCK_S = 0.02


class PortAudioError(Exception):
    """What PortAudio complains of."""


class Flags:
    """The flags of a callback."""

    def __init__(self, **flags: bool) -> None:
        self.input_overflow = flags.get("input_overflow", False)
        self.output_underflow = flags.get("output_underflow", False)

    def __bool__(self) -> bool:
        return self.input_overflow or self.output_underflow


class Stream:
    """One that runs from `start` until it is closed, or `active` is set to false by a test."""

    latency = 0.04

    def __init__(self, module: SoundDevices, side: str, **options: Any) -> None:
        self.side = side
        self.options = options
        self.samplerate = float(options["samplerate"])
        self.channels: int = options["channels"]
        self.active = False
        self._module = module
        module.streams.append(self)
        module.news(self)

    def start(self) -> None:
        self.active = True

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        ended, self.active = self.active, False
        if self in self._module.streams:
            self._module.streams.remove(self)
        if ended and self.options["finished_callback"]:
            self.options["finished_callback"]()

    def pull(self, frames: int) -> bytes:
        """What a loudspeaker would play next."""
        out = bytearray(b"\xff" * 2 * frames * self.channels)
        self.options["callback"](memoryview(out), frames, None, Flags())
        return bytes(out)

    def push(self, pcm: bytes) -> None:
        """Hear as a microphone would."""
        self.options["callback"](memoryview(pcm), len(pcm) // 2 // self.channels, None, Flags())


def device(name: str, inputs: int, outputs: int, hz: float = 16000, host: int = 0) -> dict[str, Any]:
    """What `query_devices` tells of one."""
    return {
        "name": name,
        "hostapi": host,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
        "default_samplerate": float(hz),
    }


class SoundDevices:
    """As much of the module as is used: `streams` are those that are open, `refuses` what can't be opened, and why."""

    PortAudioError = PortAudioError

    def __init__(self, *devices: dict[str, Any]) -> None:
        self.devices = list(devices) or [device("Built-in Microphone", 2, 0), device("Built-in Speakers", 0, 2)]
        self.streams: list[Stream] = []
        self.refuses: dict[tuple[str, int, float], str] = {}
        self.busy = False  # or true: every format is taken, and no stream opens
        self.news: Callable[[Stream], Any] = lambda _: None
        self.looked = 0
        self.default = self

    @property
    def device(self) -> list[int]:
        """The defaults: the first microphone and the first loudspeaker."""
        return [
            next((n for n, told in enumerate(self.devices) if told[f"max_{side}_channels"]), -1)
            for side in ("input", "output")
        ]

    def query_devices(self) -> list[dict[str, Any]]:
        return self.devices

    def query_hostapis(self, number: int) -> dict[str, Any]:
        return {"name": ("ALSA", "JACK")[number]}

    def check_input_settings(self, **options: Any) -> None:
        self._check("input", **options)

    def check_output_settings(self, **options: Any) -> None:
        self._check("output", **options)

    def _check(self, side: str, device: int, channels: int, dtype: str, samplerate: float) -> None:
        assert dtype == "int16"
        for refused in ((side, channels, samplerate), (side, 0, samplerate), (side, channels, 0)):
            if refused in self.refuses:
                raise PortAudioError(self.refuses[refused])

    def _open(self, side: str, **options: Any) -> Stream:
        self._check(side, options["device"], options["channels"], options["dtype"], options["samplerate"])
        if self.busy or options["device"] >= len(self.devices):
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        return Stream(self, side, **options)

    def RawInputStream(self, **options: Any) -> Stream:
        return self._open("input", **options)

    def RawOutputStream(self, **options: Any) -> Stream:
        return self._open("output", **options)

    def _terminate(self) -> None:
        assert not self.streams, "PortAudio ends no open stream"

    def _initialize(self) -> None:
        self.looked += 1


class Room:
    """Calls back for every block; the microphone hears who speaks, and `echo` of the loudspeaker a block later."""

    def __init__(self, module: SoundDevices, echo: float = 0.0) -> None:
        self.echo = echo
        self.played = bytearray()
        self.levels: list[int] = []
        self._module = module
        self._saying: list[int] = []
        self._air = np.zeros(1, "<i2")
        self._task = asyncio.create_task(self._run())

    async def say(self, ms: float, level: int = 2000) -> None:
        """Speak for a while, or be silent."""
        blocks = round(ms / 1000 / BLOCK_S)
        self._saying += [level] * blocks
        await asyncio.sleep(blocks * BLOCK_S)

    async def turn(self) -> None:
        """Speak a turn."""
        await self.say(400)
        await self.say(600, 0)

    @property
    def played_ms(self) -> float:
        """How long the loudspeaker made sound."""
        return float(np.count_nonzero(np.frombuffer(bytes(self.played), "<i2"))) / 16

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BLOCK_S)
            level = self._saying.pop(0) if self._saying else 0
            for stream in [stream for stream in self._module.streams if stream.active]:
                frames = stream.options["blocksize"]
                if stream.side == "input":
                    sound = np.resize(self._air * self.echo, frames) + level
                    data = np.repeat(sound.astype("<i2"), stream.channels).tobytes()
                    stream.options["callback"](data, frames, None, Flags())
                else:
                    out = memoryview(bytearray(2 * frames * stream.channels))
                    stream.options["callback"](out, frames, None, Flags())
                    self._air = np.frombuffer(out, "<i2")[:: stream.channels].copy()
                    self.levels.append(int(np.abs(self._air.astype(int)).max()))
                    self.played += self._air.tobytes()
