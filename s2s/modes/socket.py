"""`mode=socket`: plain sound over two TCP ports, one that hears and one that speaks."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from typing import TYPE_CHECKING

from s2s.modes.handshake import beyond_loopback
from s2s.modes.http import Listener
from s2s.modes.plain import HZ, Plain

if TYPE_CHECKING:
    from s2s.engine import Engine
    from s2s.graph import Graph

log = logging.getLogger("s2s")

FRAME_MS = 20.0


@dataclasses.dataclass(kw_only=True)
class Socket(Plain):
    """Hears one client on `recv_port` and speaks to one on `send_port`: mono s16le at 16 kHz, no framing."""

    recv_host: str = "127.0.0.1"
    recv_port: int = 12345
    send_host: str = "127.0.0.1"
    send_port: int = 12346
    chunk_size: int = 1024

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say what is out of bounds, too."""
        mistakes = super().check(key, graph)
        if self.chunk_size < 2 or self.chunk_size % 2:
            mistakes.append(
                f"{key}.chunk_size: input should be an even number of bytes, 2 or more, not {self.chunk_size}"
            )
        return mistakes

    def bind(self, key: str) -> None:
        """Take both ports before any model is loaded."""
        self._receiving = Listener(key, self.recv_host, self.recv_port, "recv_")
        try:
            self._sending = Listener(key, self.send_host, self.send_port, "send_")
        except Exception:
            self._receiving.close()
            raise
        for name, host in (("recv_host", self.recv_host), ("send_host", self.send_host)):
            if beyond_loopback(host):
                log.warning("%s.%s: other machines can reach %s, and this wire has no keys", key, name, host)

    def open(self) -> None:
        """Take connections; they wait until they are served."""
        self._receiving.open()
        self._sending.open()

    @property
    def banner(self) -> list[str]:
        """What is said when it listens."""
        hears, speaks = self._receiving, self._sending
        flags = f"--host {hears.host} --send_port {hears.port} --recv_port {speaks.port}"
        return [
            f"socket     hears tcp://{hears.host}:{hears.port}, speaks tcp://{speaks.host}:{speaks.port}"
            f"   (mono s16le, {HZ} Hz)",
            f"           try: python clients/listen_and_play.py {flags}",
        ]

    async def serve(self, engine: Engine) -> None:
        """Serve one client after the other until cancelled."""
        from s2s.line.pair import Pair

        pair = Pair(engine, self.settings(), self.terms(FRAME_MS), self.chunk_size)
        servers = [
            await asyncio.start_server(pair.receive, sock=self._receiving.socket),
            await asyncio.start_server(pair.send, sock=self._sending.socket),
        ]
        try:
            await asyncio.gather(*(server.serve_forever() for server in servers))
        finally:
            for server in servers:
                server.close()
            with contextlib.suppress(asyncio.CancelledError):
                await pair.close()
