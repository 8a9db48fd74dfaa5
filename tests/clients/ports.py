"""The two TCP ports of `mode=socket`, without a server behind them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Port:
    """A port that takes one connection."""

    def __init__(self) -> None:
        self.number = 0
        self._met: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._met = asyncio.get_running_loop().create_future()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Port]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.number = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            if self._met.done():
                self._met.result()[1].close()

    async def reader(self) -> asyncio.StreamReader:
        """Return what the client says, once it is there."""
        return (await asyncio.wait_for(asyncio.shield(self._met), 10))[0]

    async def writer(self) -> asyncio.StreamWriter:
        """Return what the client hears, once it is there."""
        return (await asyncio.wait_for(asyncio.shield(self._met), 10))[1]

    async def close(self) -> None:
        """Close the connection, once there is one."""
        (await self.writer()).close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._met.set_result((reader, writer))


@contextlib.asynccontextmanager
async def ports() -> AsyncIterator[tuple[Port, Port]]:
    """Open the port that a client speaks to and the one that it hears."""
    async with Port().open() as receives, Port().open() as sends:
        yield receives, sends
