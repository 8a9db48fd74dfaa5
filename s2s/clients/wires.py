"""What carries a client's plain sound: two TCP connections, or the binary frames of a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from s2s.clients.trouble import Trouble, reason


class Wire(Protocol):
    """Takes and gives bytes; both raise Trouble once the server is gone."""

    async def send(self, sound: bytes) -> None:
        """Send sound, when there is room for it."""

    async def receive(self) -> bytes:
        """Return the next sound."""


class Ports:
    """Two TCP connections: one that the server hears, one that it speaks to; `size` bytes are read at once."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader, size: int) -> None:
        self._writer = writer
        self._reader = reader
        self._size = size

    async def send(self, sound: bytes) -> None:
        """Send sound, when there is room for it."""
        try:
            self._writer.write(sound)
            await self._writer.drain()
        except OSError as error:
            raise _lost(error) from None

    async def receive(self) -> bytes:
        """Return the next sound."""
        try:
            sound = await self._reader.read(self._size)
        except OSError as error:
            raise _lost(error) from None
        if not sound:
            raise _lost()
        return sound


class Frames:
    """The binary frames of a WebSocket; text is passed over."""

    def __init__(self, socket: object) -> None:
        from websockets.asyncio.client import ClientConnection

        assert isinstance(socket, ClientConnection)
        self._socket = socket

    async def send(self, sound: bytes) -> None:
        """Send a frame, when there is room for it."""
        from websockets import ConnectionClosed

        try:
            await self._socket.send(sound)
        except ConnectionClosed as error:
            raise self._closed(error) from None

    async def receive(self) -> bytes:
        """Return the next frame."""
        from websockets import ConnectionClosed

        while True:
            try:
                frame = await self._socket.recv()
            except ConnectionClosed as error:
                raise self._closed(error) from None
            if isinstance(frame, bytes):
                return frame

    def _closed(self, error: Exception) -> Trouble:
        told = self._socket.close_reason
        return Trouble(f"the server closed the connection: {told}") if told else _lost(error)


async def ports(stack: contextlib.AsyncExitStack, host: str, numbers: dict[str, int], size: int) -> Ports:
    """Connect to both ports, by the names of their flags: the one that the server hears on comes first."""
    streams = []
    for name, port in numbers.items():
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise Trouble(
                f"no server at {host}:{port} ({reason(error)}): start one by 's2s-run mode=socket', "
                f"or name it by --host and --{name}"
            ) from None
        stack.callback(writer.close)
        streams.append((reader, writer))
    return Ports(streams[0][1], streams[1][0], size)


async def frames(stack: contextlib.AsyncExitStack, url: str, key: str | None) -> Frames:
    """Connect to a WebSocket."""
    import websockets

    headers = {"Authorization": f"Bearer {key}"} if key else None
    try:
        socket = await websockets.connect(url, compression=None, additional_headers=headers)
    except (OSError, websockets.WebSocketException) as error:
        raise Trouble(
            f"no server at {url} ({reason(error)}): start one by 's2s-run mode=websocket', or name it by --url"
        ) from None
    stack.push_async_callback(socket.close)
    return Frames(socket)


def _lost(error: Exception | None = None) -> Trouble:
    why = f" ({reason(error)})" if error else ""
    return Trouble(f"the server closed the connection{why}: it has ended, or it talks to somebody else already")
