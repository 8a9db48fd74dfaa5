"""The microphones and loudspeakers of this machine, chosen by number or by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from s2s.clients.trouble import Trouble

Kind = Literal["input", "output"]

NAMES: dict[Kind, str] = {"input": "microphone", "output": "loudspeaker"}
INSTEAD = "--input-wav and --output-wav"
"""The options of most clients that name files in place of devices."""


@dataclass(frozen=True)
class Device:
    """A device, its name with the host's interface to it, and the rate that it prefers."""

    kind: Kind
    number: int
    name: str
    hz: int
    default: bool

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Devices:
    """What sounddevice finds on this machine; raises Trouble where it is not installed or finds no PortAudio."""

    def __init__(self, instead: str = INSTEAD) -> None:
        self._remedy = f"or use files instead, by {instead}"
        install = "pip install 's2s[mic]', and on Debian apt install libportaudio2"
        try:
            self._module: Any = importlib.import_module("sounddevice")
        except ImportError:
            raise Trouble(f"sound needs the package sounddevice: {install}; {self._remedy}") from None
        except Exception as error:  # OSError without PortAudio, PortAudio's own where it does not start
            raise Trouble(f"sounddevice can't be used ({error}): {install}; {self._remedy}") from None

    def all(self, kind: Kind) -> list[Device]:
        """Return the devices of a kind in the order of their numbers."""
        default = self._module.default.device[0 if kind == "input" else 1]
        return [
            Device(
                kind,
                number,
                f"{told['name']}, {self._module.query_hostapis(told['hostapi'])['name']}",
                round(told["default_samplerate"]),
                number == default,
            )
            for number, told in enumerate(self._module.query_devices())
            if told[f"max_{kind}_channels"] > 0
        ]

    def table(self) -> str:
        """Return all devices as text, a line each; a star marks the one that is used unasked."""
        lines = []
        for kind, name in NAMES.items():
            found = self.all(kind)
            lines.append(f"{name}s, for --{kind}-device:" if found else f"no {name} on this machine")
            lines += [f"{'*' if device.default else ' '} {device}, {device.hz} Hz" for device in found]
        return "\n".join(lines)

    def choose(self, kind: Kind, wanted: str | None) -> Device:
        """Return the device of this number, or whose name has these letters; None is the machine's default."""
        found = self.all(kind)
        name = NAMES[kind]
        if not found:
            raise Trouble(f"there is no {name} on this machine: connect one, {self._remedy}")
        if wanted is None:
            fits = [device for device in found if device.default] or found[:1]
        elif wanted.isdecimal():
            fits = [device for device in found if device.number == int(wanted)]
        else:
            fits = [device for device in found if wanted.lower() in device.name.lower()]
            exact = [device for device in fits if wanted.lower() in (device.name.lower(), _bare(device))]
            fits = exact or fits
        if len(fits) == 1:
            return fits[0]
        there = "; ".join(map(str, fits or found))
        if fits:
            raise Trouble(f"{len(fits)} {name}s are called {wanted!r}: {there}; choose one by its number")
        raise Trouble(f"no {name} is {wanted!r}; there is: {there}")

    def rate(self, device: Device, wanted: int) -> int:
        """Return the wanted rate where the device takes it, else the rate that it prefers."""
        check = getattr(self._module, f"check_{device.kind}_settings")
        try:
            check(device=device.number, channels=1, dtype="int16", samplerate=wanted)
        except self._module.PortAudioError:
            return device.hz
        return wanted

    def stream(
        self, device: Device, rate: int, block: int, callback: Callable[..., None], ended: Callable[[], None]
    ) -> Any:
        """Return a running stream of mono int16 in blocks of that many samples; `ended` is told its end."""
        opened = self._module.RawInputStream if device.kind == "input" else self._module.RawOutputStream
        try:
            stream = opened(
                samplerate=rate,
                blocksize=block,
                device=device.number,
                channels=1,
                dtype="int16",
                callback=callback,
                finished_callback=ended,
            )
            stream.start()
            return stream
        except self._module.PortAudioError as error:
            raise Trouble(
                f"the {NAMES[device.kind]} {device} can't be opened ({error}): "
                f"close what else uses it, choose another, {self._remedy}"
            ) from None


def _bare(device: Device) -> str:
    return device.name.rpartition(", ")[0].lower()
