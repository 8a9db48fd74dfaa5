"""What a process and its child say to each other: msgpack behind a length of four bytes, on a socket pair.

Items travel as they are (`Raw`), since which messages there are is known only when the stage's module is imported.
"""

from __future__ import annotations

import struct
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from s2s.messages import Message
from s2s.settings import Settings

LENGTH = struct.Struct("<I")


class Order(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The base of all that is said."""


class Load(Order, frozen=True, kw_only=True):
    """To the child: make the stage `target` with these options, and load it."""

    target: str
    options: dict[str, Any]


class Ready(Order, frozen=True, kw_only=True):
    """From the child: it is loaded, or `error` says why not."""

    error: str | None = None


class View(Order, frozen=True, kw_only=True):
    """To the child: from now on `view` is this call in this scope, with these settings."""

    view: int
    call: str
    scope: int
    settings: Settings


class Run(Order, frozen=True, kw_only=True):
    """To the child: run these jobs, more than one as a batch; `mute` keeps what they give."""

    jobs: list[int]
    views: list[int]
    items: list[msgspec.Raw]
    mute: bool = False


class Cancel(Order, frozen=True, kw_only=True):
    """To the child: nobody wants this job any more."""

    job: int


class Forget(Order, frozen=True, kw_only=True):
    """To the child: nothing more comes for this view."""

    view: int


class Hangup(Order, frozen=True, kw_only=True):
    """To the child: this caller is gone."""

    call: str


class Given(Order, frozen=True, kw_only=True):
    """From the child: an output of a job."""

    job: int
    item: msgspec.Raw


class Ended(Order, frozen=True, kw_only=True):
    """From the child: these jobs are over; `error` says what went wrong."""

    jobs: list[int]
    error: str | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Load | Ready | View | Run | Cancel | Forget | Hangup | Given | Ended)


def encoded(order: Order) -> bytes:
    """Return an order as it goes over the socket."""
    data = _encoder.encode(order)
    return LENGTH.pack(len(data)) + data


def decoded(data: bytes) -> Any:
    """Return the order whose bytes, without their length, these are."""
    return _decoder.decode(data)


def packed(item: Message | None) -> msgspec.Raw:
    """Return an item, None for `finish`, as it travels in an order."""
    return msgspec.Raw(_encoder.encode(item))


class Unpacker:
    """Makes items of what travels; knows the messages of all modules imported by now."""

    def __init__(self) -> None:
        kinds: Any = reduce(or_, Message.__subclasses__())
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kinds | None)

    def __call__(self, raw: msgspec.Raw) -> Any:
        """Return the item."""
        return self._decoder.decode(raw)
