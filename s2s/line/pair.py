"""Two TCP connections that are one call: one is heard, one is spoken to; either may come first, and come again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

from s2s.engine import Engine, SessionLimit
from s2s.line.line import Line, Terms
from s2s.settings import Settings

log = logging.getLogger("s2s")

IDLE_S = 0.1
"""Seconds between two looks whether an answer is over that nobody may be listening to."""
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""Seconds of quiet, between two probes, and how many: who lost their network frees the port after 25 s."""
LINGER_S = 10.0
"""Seconds for which somebody is waited for who speaks for a listener that has said goodbye: it may be gone."""
ENDED = (ConnectionError, TimeoutError, asyncio.IncompleteReadError)


class Pair:
    """The one client of a pair of ports; its call lasts while one of its connections does."""

    def __init__(self, engine: Engine, settings: Settings, terms: Terms, chunk_size: int) -> None:
        self._engine = engine
        self._settings = settings
        self._terms = terms
        self._chunk_size = chunk_size
        self._line: Line | None = None
        self._heard: asyncio.StreamWriter | None = None
        self._spoken: asyncio.Task[None] | None = None
        self._left = self._over = self._closing = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear a client until it is gone; a chunk that it has not finished by then is nothing."""
        if self._heard is not None:
            _refuse(writer, "somebody else is heard here")
            return
        with self._working():
            keep_alive(writer)
            self._heard = writer
            await self._part()
            try:
                line = self._call()
                while True:
                    await line.intake.put(self, await reader.readexactly(self._chunk_size))
            except SessionLimit as error:
                log.warning("socket: a client was refused: %s", error)
            except ENDED:
                pass
            finally:
                self._heard = None
                writer.transport.abort()
                await self._rest()

    async def send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to a client until it is gone."""
        if self._spoken is not None and not self._left:
            _refuse(writer, "somebody else is spoken to here")
            return
        if self._spoken is not None:
            self._spoken.cancel()  # it has said goodbye
        with self._working():
            keep_alive(writer)
            self._left = False
            try:
                speaking = self._spoken = asyncio.create_task(self._speak(self._call(), writer))
            except SessionLimit as error:
                log.warning("socket: a client was refused: %s", error)
                writer.transport.abort()
                return
            watching = asyncio.create_task(self._watch(reader, speaking))
            try:
                await asyncio.wait((speaking,))
            finally:
                for task in (speaking, watching):
                    task.cancel()
                await asyncio.gather(speaking, watching, return_exceptions=True)
                writer.transport.abort()
                if self._spoken is speaking:
                    self._spoken = None
                    await self._end()

    async def _rest(self) -> None:
        """Answer what was said to the end, where somebody may still listen."""
        self._over = True
        if self._line is not None and self._spoken is not None:
            self._line.intake.leave(self)
            while self._left and self._heard is None and self._spoken is not None and not self._line.idle:
                await asyncio.sleep(IDLE_S)  # a listener that has said goodbye is noticed when it is spoken to
        if self._heard is None and self._left:
            await self._part()
        await self._end()

    async def _part(self) -> None:
        """End the call of a client that has said goodbye on both connections."""
        if self._over and self._left and self._spoken is not None:
            speaking, self._spoken = self._spoken, None
            speaking.cancel()
            await self._hang_up()

    async def close(self) -> None:
        """End everything."""
        self._closing = True
        if self._heard is not None:
            self._heard.transport.abort()
        await self._hang_up()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        """Let `close` end what is within; asyncio's servers complain of handlers that were cancelled."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self._closing:
                raise
        finally:
            self._tasks.discard(task)

    async def _speak(self, line: Line, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # what waits for a slow reader waits here, and can be dropped
        with contextlib.suppress(*ENDED):
            async for frame in line.playout.frames():
                writer.write(frame)
                await writer.drain()

    async def _watch(self, reader: asyncio.StreamReader, speaking: asyncio.Task[None]) -> None:
        """Note when a client says nothing more: it is gone, or only listens, which looks alike."""
        try:
            while await reader.read(65536):
                pass
        except ENDED:
            speaking.cancel()
            return
        self._left = True
        if self._over and self._heard is None:
            await self._rest()
            return
        await asyncio.sleep(LINGER_S)
        if self._heard is None and not self._over:
            speaking.cancel()

    def _call(self) -> Line:
        if self._line is None:
            self._line = Line(self._engine, self._settings, self._terms)
        return self._line

    async def _end(self) -> None:
        """Hang up when nobody is left."""
        if self._heard is None and self._spoken is None:
            await self._hang_up()

    async def _hang_up(self) -> None:
        """End the call, to the end even where this is cancelled."""
        line, self._line = self._line, None
        self._left = self._over = False
        if line is not None:
            closing = asyncio.create_task(line.close())
            self._tasks.add(closing)
            closing.add_done_callback(self._tasks.discard)
            await asyncio.shield(closing)


def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Have the system ask for signs of life where a client is quiet: the wire has no pings of its own."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):  # not everywhere
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _refuse(writer: asyncio.StreamWriter, why: str) -> None:
    log.warning("socket: %s was refused: %s", writer.get_extra_info("peername"), why)
    writer.transport.abort()
