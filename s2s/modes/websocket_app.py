"""The web application of `mode=websocket`: who may connect, and which call they are in."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect

from s2s.engine import Engine, SessionLimit
from s2s.line.party import Guest, Party
from s2s.modes.handshake import key_of, origin_allowed
from s2s.modes.keys import KeyRefused, Keys, Secrets, admit

if TYPE_CHECKING:
    from s2s.modes.websocket import WebSocket as Options


BACKLOG_S = 600.0
"""Seconds of a client's sound that may wait, 19 MB: more than a frame; who is held up longer answers no ping."""


class WebSocketApp:
    """One engine's calls over plain WebSockets: one for all clients, or one for each."""

    def __init__(self, engine: Engine, options: Options, keys: Keys) -> None:
        self._engine = engine
        self._options = options
        self._keys = keys
        self._party: Party | None = None

    def app(self) -> FastAPI:
        """Return the application."""
        app = FastAPI(title="s2s", openapi_url=None, docs_url=None, redoc_url=None)
        app.websocket("/{path:path}")(self._connected)
        app.get("/{path:path}")(self._plain)
        return app

    async def _plain(self) -> Response:
        return Response("This address is a WebSocket's: connect with ws:// or wss://.\n", 426, media_type="text/plain")

    async def _connected(self, socket: WebSocket) -> None:
        if not origin_allowed(socket.headers, self._options.origins):
            await socket.close(1008)  # before it is accepted: the upgrade is refused with 403
            return
        await socket.accept()
        try:
            admit(key_of(socket.headers), self._keys, Secrets(), time.time())
            party = self._join()
        except (SessionLimit, KeyRefused) as error:
            await socket.close(1008, str(error).partition(";")[0][:120])
            return
        guest = party.enter()
        writing = asyncio.create_task(_write(socket, guest))
        reading = asyncio.create_task(_read(socket, party, guest))
        try:
            await asyncio.wait((writing, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, reading):
                task.cancel()
            await asyncio.gather(writing, reading, return_exceptions=True)
            if await party.leave(guest) and self._party is party:
                self._party = None

    def _join(self) -> Party:
        options = self._options
        if self._party is not None and self._party.open:
            return self._party
        terms = options.terms(options.frame_ms, backlog_s=BACKLOG_S)
        party = Party(self._engine, options.settings(), terms, options.events)
        if options.clients == "shared":
            self._party = party
        return party


async def _read(socket: WebSocket, party: Party, guest: Guest) -> None:
    """Take binary frames until the client is gone; text says nothing here."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        sound = message.get("bytes")
        if sound:
            await party.hear(guest, sound)


async def _write(socket: WebSocket, guest: Guest) -> None:
    """Send what the client is to get until it is gone."""
    try:
        async for frame in guest.frames():
            if isinstance(frame, str):
                await socket.send_text(frame)
            else:
                await socket.send_bytes(frame)
    except (WebSocketDisconnect, RuntimeError):  # what starlette raises depends on who closed first
        return
