"""A microphone and a loudspeaker of this machine, each at its own rate, and what happens when one goes away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from s2s.devices import NAMES, Device, DeviceError, Devices, Format, Side
from s2s.line.loudspeaker import Loudspeaker
from s2s.line.microphone import Microphone

log = logging.getLogger("s2s")

LOOK_S = 0.5
"""Seconds between two looks whether both devices are there."""
AGAIN_S = 2.0
"""Seconds between two tries to come back to a device that is gone."""
STILL_S = 3.0
"""Seconds after which a device that asks for nothing is gone: some take two to begin."""
TOLD_S = 5.0
"""Seconds between two lines about sound that was lost."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Which devices are wanted, by number or part of a name, at which rate, and in blocks of how many ms."""

    input_device: int | str | None = None
    output_device: int | str | None = None
    rate: int | None = None
    block_ms: float = 20.0

    def device(self, side: Side) -> int | str | None:
        """Return what is wanted of one side."""
        return self.input_device if side == "input" else self.output_device


class Desk:
    """Two streams, since the two may be devices of different rates; `hz` is that of the sound that it plays.

    Raises DeviceError where there is no such device, or it takes no such sound; opens nothing yet.
    """

    def __init__(self, devices: Devices, wishes: Wishes, clock: Callable[[], float] = time.monotonic) -> None:
        self._devices = devices
        self._wishes = wishes
        self._clock = clock
        self._chosen: dict[Side, tuple[Device, Format]] = {}
        self._streams: dict[Side, Any] = {}
        self._opening = threading.Lock()
        self._ended = False
        self._told = (0, 0, 0)
        self._told_at = -TOLD_S
        self._said = ""
        for side in NAMES:
            self._choose(side)
        self.hz = self._chosen["output"][1].hz
        self.latency_s = dict.fromkeys(NAMES, 0.0)

    def _choose(self, side: Side) -> None:
        device = self._devices.choose(side, self._wishes.device(side))
        self._chosen[side] = (device, self._devices.format(device, self._wishes.rate))

    def __str__(self) -> str:
        hears, speaks = (f"{device}, {form.hz} Hz" for device, form in (self._chosen[side] for side in NAMES))
        return f"hears {hears}; speaks through {speaks}"

    @property
    def here(self) -> bool:
        """Whether both devices are open and ask for sound."""
        now = self._clock()
        calls = (self.microphone.called_at, self.loudspeaker.called_at)
        running = len(self._streams) == len(NAMES) and all(stream.active for stream in self._streams.values())
        return running and min(calls) > now - STILL_S

    def begin(self) -> None:
        """Open both devices, from within the event loop; one that can't be opened is tried again by `watch`."""
        self.microphone, self.loudspeaker = Microphone(self._clock), Loudspeaker(self._clock)
        try:
            self._open()
        except DeviceError as error:
            self._said = str(error)
            log.error("local: %s; trying again every %g s", error, AGAIN_S)

    def _open(self) -> None:
        with self._opening:
            if self._ended:
                return
            self.microphone.tune(self._chosen["input"][1], self._wishes.block_ms)
            self.loudspeaker.tune(self._chosen["output"][1])
            try:
                self._start("input", self.microphone.capture, self.microphone.delayed)
                self._start("output", self.loudspeaker.fill, self.loudspeaker.delayed)
            except DeviceError:
                self._close()
                raise

    def _start(self, side: Side, callback: Callable[..., None], delayed: Callable[[float], None]) -> None:
        device, form = self._chosen[side]
        stream = self._devices.stream(device, form, self._wishes.block_ms, callback)
        self._devices.start(device, stream)
        self._streams[side] = stream
        self.latency_s[side] = float(stream.latency)
        delayed(self.latency_s[side])

    def _close(self) -> None:
        for stream in self._streams.values():
            with contextlib.suppress(Exception):  # it may be gone
                stream.abort()
            with contextlib.suppress(Exception):
                stream.close()
        self._streams.clear()

    async def watch(self) -> None:
        """Say what was lost, and come back to devices that went away, until cancelled."""
        gone = ""
        while True:
            await asyncio.sleep(AGAIN_S if gone else LOOK_S)
            self._tell_losses()
            if not gone and not self.here:
                gone = str(self)
                if self._streams:
                    log.warning("local: sound has stopped (%s); trying again every %g s", gone, AGAIN_S)
            if gone:
                try:
                    await asyncio.to_thread(self._come_back)
                except DeviceError as error:
                    if str(error) != self._said:
                        log.warning("local: %s", error)
                    self._said = str(error)
                else:
                    log.info("local: sound is back: %s", self)
                    gone = self._said = ""

    def _come_back(self) -> None:
        with self._opening:
            if self._ended:
                return
            self._close()
            self._devices.look_again()
            for side in NAMES:
                self._choose(side)
        self._open()

    def _tell_losses(self) -> None:
        counted = (self.microphone.overflows, self.microphone.dropped, self.loudspeaker.underflows)
        at = self._clock()
        if counted == self._told or at - self._told_at < TOLD_S:
            return
        lost = [now - before for now, before in zip(counted, self._told, strict=True)]
        self._told, self._told_at = counted, at
        log.warning(
            "local: sound was lost, in blocks: %d by the microphone, %d on their way in, %d late for the loudspeaker; "
            "a larger mode.local.block_ms may help",
            *lost,
        )

    def close(self) -> None:
        """Let both devices go for good; safe to call twice."""
        with self._opening:
            self._ended = True
            self._close()
