"""A sounddevice without a machine's devices behind it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class PortAudioError(Exception):
    """What sounddevice raises for whatever PortAudio does not like."""


class Stream:
    """A stream whose callbacks the test calls."""

    latency = 0.0

    def __init__(self, owner: PortAudio, **options: Any) -> None:
        if owner.busy:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.options = options
        self.active = False
        owner.streams.append(self)
        owner.news(self)

    def start(self) -> None:
        """Begin."""
        self.active = True

    def close(self) -> None:
        """End, and say so as sounddevice does."""
        if self.active:
            self.active = False
            self.options["finished_callback"]()

    def pull(self, samples: int) -> bytes:
        """Return what a loudspeaker would play next."""
        out = bytearray(b"\xff" * 2 * samples)
        self.options["callback"](memoryview(out), samples, None, None)
        return bytes(out)

    def push(self, pcm: bytes) -> None:
        """Hear as a microphone would."""
        self.options["callback"](memoryview(pcm), len(pcm) // 2, None, None)


class PortAudio:
    """Stands for the module `sounddevice`: two microphones, two loudspeakers, and one that is both."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.devices = [
            device("Built-in Audio", inputs=2),
            device("Built-in Audio", outputs=2),
            device("USB Headset", inputs=1, outputs=2, hz=48000.0),
            device("USB Headset Pro", inputs=1),
            device("Monitor", outputs=2),
        ]
        self.default = SimpleNamespace(device=[0, 1])
        self.streams: list[Stream] = []
        self.busy = False
        self.rates = {16000, 24000, 44100, 48000}
        self.news: Any = lambda _: None

    def query_devices(self) -> list[dict[str, Any]]:
        """Return all devices."""
        return self.devices

    def query_hostapis(self, number: int) -> dict[str, str]:
        """Return one of the host's interfaces to sound."""
        return {"name": ("ALSA", "JACK")[number]}

    def check_input_settings(self, **options: Any) -> None:
        """Raise where a device does not take a rate."""
        if options["samplerate"] not in self.rates:
            raise PortAudioError("Invalid sample rate [PaErrorCode -9997]")

    check_output_settings = check_input_settings

    def RawInputStream(self, **options: Any) -> Stream:
        """Open a microphone."""
        return Stream(self, **options)

    RawOutputStream = RawInputStream


def device(name: str, inputs: int = 0, outputs: int = 0, hz: float = 44100.0) -> dict[str, Any]:
    """Return a device as sounddevice tells of it."""
    return {
        "name": name,
        "hostapi": 0,
        "max_input_channels": inputs,
        "max_output_channels": outputs,
        "default_samplerate": hz,
    }
