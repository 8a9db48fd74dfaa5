"""The device that a client has chosen; what is wrong with it becomes the client's own trouble here and nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from s2s.clients.trouble import Trouble
from s2s.devices import DeviceError, Devices, Side

FILES = "--input-wav and --output-wav"
"""The options of most clients that name files in place of devices."""


@contextlib.contextmanager
def devices(instead: str = FILES) -> Iterator[Devices]:
    """Give the devices of this machine; raise Trouble where they can't be used, which names the options `instead`."""
    try:
        yield Devices(f"or use files instead, by {instead}")
    except DeviceError as error:
        raise Trouble(str(error)) from None


class Chosen:
    """A device by number or name, in blocks as long as `block` samples at `rate`, or at its own rate if need be."""

    def __init__(self, side: Side, wanted: str | None, rate: int, block: int, instead: str = FILES) -> None:
        self.block_ms = 1000 * block / rate
        self._instead = instead
        with devices(instead) as found:
            self.device = found.choose(side, wanted)
            self.form = found.format(self.device, rate, or_own=True)

    def start(self, callback: Callable[..., None], ended: Callable[[], None] | None = None) -> Any:
        """Return a running stream; `ended` is told its end."""
        with devices(self._instead) as found:
            stream = found.stream(self.device, self.form, self.block_ms, callback, ended)
            found.start(self.device, stream)
            return stream
