"""`mode=local`: the microphone and the loudspeaker of this machine, in this process."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Literal

import msgspec

from s2s.mistakes import ConfigError
from s2s.modes.mode import ModeError
from s2s.modes.plain import Plain

if TYPE_CHECKING:
    from s2s.engine import Engine
    from s2s.graph import Graph
    from s2s.line.desk import Desk
    from s2s.line.line import Terms
    from s2s.settings import Settings

FRAME_MS = 20.0
ELSEWHERE = "or choose mode=realtime, whose clients bring their own, or WAV files (clients/talk.py --wav)"
ECHOES = {
    "half-duplex": "hears nothing while it speaks; with headphones, mode.local.echo=none lets you interrupt it",
    "duck": "speak up to interrupt it: it gets quieter, and hears who is louder than its echo",
    "none": "hears you while it speaks: use headphones",
}


@dataclasses.dataclass(kw_only=True)
class Local(Plain):
    """One call with whoever sits here; `duplex` follows from `echo`, and a key to talk by needs neither."""

    input_device: int | str | None = None
    output_device: int | str | None = None
    list_devices: bool = False
    rate: int | None = None
    block_ms: float = 20.0
    echo: Literal["half-duplex", "duck", "none"] = "half-duplex"
    push_to_talk: str | None = None
    meter: bool = True
    captions: bool = True
    duplex: Literal["full", "half"] = dataclasses.field(init=False, default="full")

    def __post_init__(self) -> None:
        if self.echo == "half-duplex" and self.push_to_talk is None:
            self.duplex = "half"

    @property
    def offline(self) -> bool:  # type: ignore[override]
        """Whether devices are only listed."""
        return self.list_devices

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say what is out of bounds, too; nothing, where devices are only listed."""
        if self.list_devices:
            return []
        mistakes = super().check(key, graph)
        if self.rate is not None and not 8000 <= self.rate <= 192000:
            mistakes.append(f"{key}.rate: input should be from 8000 to 192000, or null, not {self.rate}")
        if not 5 <= self.block_ms <= 100:
            mistakes.append(f"{key}.block_ms: input should be from 5 to 100, not {self.block_ms:g}")
        return mistakes

    def show(self, graph: Graph) -> None:
        """Print the devices of this machine."""
        from s2s.devices import DeviceError, Devices

        try:
            Devices(ELSEWHERE).show()
        except DeviceError as error:
            raise ModeError(error.under("mode.local")) from None

    def bind(self, key: str) -> None:
        """Choose the devices, and look at the keyboard, before any model is loaded."""
        from s2s.devices import DeviceError, Devices
        from s2s.line.desk import Desk, Wishes
        from s2s.line.keyboard import mistake

        wishes = Wishes(
            input_device=self.input_device,
            output_device=self.output_device,
            rate=self.rate,
            block_ms=self.block_ms,
        )
        mistakes = []
        try:
            self._desk: Desk = Desk(Devices(ELSEWHERE), wishes)
        except DeviceError as error:
            mistakes.append(error.under(key))
        if self.push_to_talk is not None and (why := mistake(self.push_to_talk)):
            mistakes.append(f"{key}.push_to_talk: {why}")
        if mistakes:
            raise ConfigError(mistakes)

    def open(self) -> None:
        """Open the devices."""
        self._desk.begin()

    @property
    def banner(self) -> list[str]:
        """What is said when it listens."""
        hears, speaks = (1000 * seconds for seconds in self._desk.latency_s.values())
        latency = (
            f"{hears + speaks:.0f} ms in the devices ({hears:.0f} in, {speaks:.0f} out)" if speaks else "no sound yet"
        )
        how = f"press {self.push_to_talk} and talk" if self.push_to_talk else ECHOES[self.echo]
        return [
            f"local      {self._desk}",
            f"           {latency}; {how}",
        ]

    def settings(self) -> Settings:
        """The settings of the call: who talks by a key ends their turns by it."""
        found = super().settings()
        return found if self.push_to_talk is None else msgspec.structs.replace(found, detection=None)

    def terms(self, frame_ms: float, **others: float) -> Terms:
        """How the sound of the call goes: at the rate of the loudspeaker."""
        return dataclasses.replace(super().terms(frame_ms, **others), hz=self._desk.hz)

    async def serve(self, engine: Engine) -> None:
        """Hold one call until cancelled."""
        from s2s.engine import SessionLimit
        from s2s.line.echo import echo
        from s2s.line.handset import Handset
        from s2s.line.screen import Screen

        try:
            with Screen(sys.stdout, meter=self.meter, captions=self.captions) as screen:
                handset = Handset(
                    engine,
                    self.settings(),
                    self.terms(FRAME_MS),
                    self._desk,
                    echo(self.echo),
                    screen,
                    self.push_to_talk,
                )
                try:
                    await handset.run()
                finally:
                    await handset.close()
        except SessionLimit as error:
            raise ModeError(f"mode.local: {error}; raise sessions") from None
        finally:
            self._desk.close()
