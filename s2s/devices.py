"""The microphones and loudspeakers of this machine: chosen by number or name, and what each of them takes."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from s2s.mistakes import near

if TYPE_CHECKING:
    from rich.table import Table

Side = Literal["input", "output"]

NAMES: dict[Side, str] = {"input": "microphone", "output": "loudspeaker"}
INSTALL = "pip install 's2s[mic]', and on Debian and Ubuntu apt-get install libportaudio2"
PORTAUDIO = "apt-get install libportaudio2 on Debian and Ubuntu, brew install portaudio on a Mac"
PLAIN = 140
"""Columns of a table that goes to no terminal."""
BUFFERED: dict[Side, int] = {"input": 2, "output": 3}
"""Blocks of sound that a device is asked to hold: more of those that a busy machine may be late with."""


class DeviceError(RuntimeError):
    """A device that can't be used: the message says which, why and what to do, `option` who asked for it, if any."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option

    def under(self, key: str) -> str:
        """Return the message as a line about an option of the section `key`."""
        return f"{key}{'.' if self.option else ''}{self.option}: {self}"


@dataclass(frozen=True)
class Device:
    """One side of a device, the host's interface `through` which it is reached, and the rate that it prefers."""

    side: Side
    number: int
    name: str
    through: str
    channels: int
    hz: int
    default: bool

    def __str__(self) -> str:
        return f"{self.number} {self.name} ({self.through})"


@dataclass(frozen=True)
class Format:
    """How a device is used: 16-bit samples at `hz` in one channel, or in two alike where it takes no other."""

    hz: int
    channels: int


class Devices:
    """What sounddevice finds on this machine; raises DeviceError where it is not installed or finds no PortAudio."""

    def __init__(self, elsewhere: str = "") -> None:
        # what to do without a device, such as `or use a file`, ends each line about one that can't be had
        self._or = f", {elsewhere}" if elsewhere else ""
        try:
            self._module: Any = importlib.import_module("sounddevice")
        except ImportError:
            raise DeviceError("", f"sound needs the package 'sounddevice': {INSTALL}{self._or}") from None
        except OSError as error:
            what = f"sounddevice needs PortAudio, and it is not here ({error})"
            raise DeviceError("", f"{what}: {PORTAUDIO}{self._or}") from None
        except Exception as error:  # PortAudio's own, whose class is not there without the module
            what = f"PortAudio does not start ({error})"
            raise DeviceError("", f"{what}: repair this machine's sound{self._or}") from None

    def look_again(self) -> None:
        """Find what was plugged in and out since; no stream may be open."""
        # PortAudio lists devices once, when it starts, and no public call of sounddevice starts it again
        with contextlib.suppress(self._module.PortAudioError):
            self._module._terminate()
        try:
            self._module._initialize()
        except self._module.PortAudioError as error:
            raise DeviceError("", f"PortAudio does not start ({error})") from None

    def all(self, side: Side) -> list[Device]:
        """Return the devices of one side in the order of their numbers."""
        default = self._module.default.device[0 if side == "input" else 1]
        return [
            Device(
                side,
                number,
                told["name"],
                self._module.query_hostapis(told["hostapi"])["name"],
                told[f"max_{side}_channels"],
                round(told["default_samplerate"]),
                number == default,
            )
            for number, told in enumerate(self._module.query_devices())
            if told[f"max_{side}_channels"] > 0
        ]

    def table(self) -> Table:
        """Return all devices as a table."""
        from rich.table import Table

        table = Table("number", "name", "through", "side", "channels", "rate", "", box=None, pad_edge=False)
        both = [device for side in NAMES for device in self.all(side)]
        for device in sorted(both, key=lambda device: device.number):
            cells = (device.name, device.through, NAMES[device.side], str(device.channels), f"{device.hz} Hz")
            table.add_row(str(device.number), *cells, "default" if device.default else "")
        return table

    def show(self) -> None:
        """Print the table, in plain text where nobody sits at a terminal, or that there is no device."""
        from rich.console import Console

        if not any(self.all(side) for side in NAMES):
            print("this machine has no microphone and no loudspeaker")
            return
        console = Console()
        console.width = console.width if console.is_terminal else PLAIN
        console.print(self.table())

    def choose(self, side: Side, wanted: int | str | None) -> Device:
        """Return the device of this number, or whose name has these letters; None is the machine's default."""
        found = self.all(side)
        option, name = f"{side}_device", NAMES[side]
        if not found:
            raise DeviceError(option, f"this machine has no {name}: connect one{self._or}")
        there = ", ".join(map(str, found))
        if wanted is None:
            return next((device for device in found if device.default), found[0])
        if isinstance(wanted, int) or wanted.isdecimal():
            fits = [device for device in found if device.number == int(wanted)]
            if not fits:
                raise DeviceError(option, f"no {name} has the number {wanted}; there is {there}")
            return fits[0]
        fits = _named(found, wanted)
        if not fits:
            raise DeviceError(option, f"no {name} is called '{wanted}'{near(wanted, {d.name for d in found})}")
        if len(fits) > 1:
            names = ", ".join(map(str, fits))
            raise DeviceError(option, f"{len(fits)} {name}s are called '{wanted}': {names}; choose one by its number")
        return fits[0]

    def format(self, device: Device, rate: int | None, or_own: bool = False) -> Format:
        """Return how a device gives or takes sound at `rate`; at its own for None, and `or_own` where it refuses."""
        hz = rate or device.hz
        check = getattr(self._module, f"check_{device.side}_settings")
        why = ""
        for channels in (1, 2):
            if channels <= device.channels:
                try:
                    check(device=device.number, channels=channels, dtype="int16", samplerate=hz)
                    return Format(hz, channels)
                except self._module.PortAudioError as error:
                    why = why or str(error)
        if or_own and hz != device.hz:
            return self.format(device, None)
        raise self._shut(device, hz, rate, why)

    def stream(
        self,
        device: Device,
        form: Format,
        block_ms: float,
        callback: Callable[..., None],
        finished_callback: Callable[[], None] | None = None,
    ) -> Any:
        """Return an open stream of raw samples, not started, that calls back for every block, and at its end."""
        opened = self._module.RawInputStream if device.side == "input" else self._module.RawOutputStream
        try:
            return opened(
                samplerate=form.hz,
                blocksize=max(1, round(form.hz * block_ms / 1000)),
                device=device.number,
                channels=form.channels,
                dtype="int16",
                latency=BUFFERED[device.side] * block_ms / 1000,
                callback=callback,
                finished_callback=finished_callback,
            )
        except self._module.PortAudioError as error:
            raise self._shut(device, form.hz, None, str(error)) from None

    def start(self, device: Device, stream: Any) -> None:
        """Let a stream run."""
        try:
            stream.start()
        except self._module.PortAudioError as error:
            stream.close()
            raise self._shut(device, round(stream.samplerate), None, str(error)) from None

    def _shut(self, device: Device, hz: int, rate: int | None, why: str) -> DeviceError:
        what = f"the {NAMES[device.side]} {device} can't be opened at {hz} Hz ({why})"
        if rate is not None and rate != device.hz:
            return DeviceError("rate", f"{what}; its own rate is {device.hz} Hz, which null takes")
        return DeviceError(f"{device.side}_device", f"{what}; close what else uses it, or choose another{self._or}")


def _named(found: list[Device], wanted: str) -> list[Device]:
    """Return who is called so: the whole name wins over a part of it, the usual way to a device over others."""
    letters = wanted.casefold()
    whole = [device for device in found if letters in _spellings(device)]
    fits = whole or [device for device in found if any(letters in name for name in _spellings(device))]
    if len({device.name for device in fits}) == 1:  # one device, reached in several ways
        usual = [device.through for device in found if device.default]
        return [device for device in fits if device.through in usual] or fits
    return fits


def _spellings(device: Device) -> tuple[str, ...]:
    """Return the names of a device: bare, as the table shows it, and as sounddevice itself does."""
    name, through = device.name.casefold(), device.through.casefold()
    return name, f"{name} ({through})", f"{name}, {through}"
