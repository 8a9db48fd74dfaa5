"""A WebSocket client that can stop anywhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any


class Raw:
    """A connection of plain bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, http: str) -> Raw:
        """Connect to a server's base URL."""
        host, port = http.removeprefix("http://").split(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    def upgrade(self, path: str = "/v1/realtime") -> bytes:
        """The request of a handshake."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def text(self, event: dict[str, Any]) -> None:
        """Send an event."""
        await self.frame(json.dumps(event).encode())

    async def frame(self, payload: bytes) -> None:
        """Send a masked text frame, its mask all zeros."""
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        await self.write(b"\x81" + size + bytes(4) + payload)

    async def close(self) -> None:
        """Close this side."""
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)
