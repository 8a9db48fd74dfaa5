"""The direct way to a client, at the moment when it is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from s2s.modes.direct import DirectSocket, direct

pytestmark = pytest.mark.anyio


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.sent += data


async def socket() -> Any:
    """An open socket without a server around it."""
    made: Any = DirectSocket.__new__(DirectSocket)
    made.conn, made.transport, made.writable = Protocol(SERVER, state=OPEN), Wire(), asyncio.Event()
    made.disconnected = made.close_sent = False
    made.writable.set()
    return made


async def test_a_text_goes_out_as_one_frame() -> None:
    made = await socket()
    await made.send_text("hé".encode())
    assert made.transport.sent == Frame(Opcode.TEXT, "hé".encode()).serialize(mask=False)


async def test_a_client_that_has_said_goodbye_is_gone() -> None:
    made = await socket()
    made.conn.receive_data(Frame(Opcode.CLOSE, Close(1000, "").serialize()).serialize(mask=True))
    with pytest.raises(ClientDisconnected):
        await made.send_text(b"too late")
    assert b"too late" not in made.transport.sent


async def test_it_is_found_in_its_scope_only() -> None:
    made = await socket()
    assert direct({"extensions": {"s2s.direct": made}}) is made
    assert direct({"extensions": {"s2s.direct": object()}}) is None
    assert direct({}) is None
