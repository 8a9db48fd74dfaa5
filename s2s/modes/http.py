"""HTTP servers: the port is taken before models load, and the server ends with its task."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

from s2s.mistakes import ConfigError
from s2s.tls import Certificate

PING_S = 20.0
"""Seconds between pings, and for their answer: a client that gives none is gone."""


class Listener:
    """A port that is taken; raises ConfigError, under the mode's key, when it can't be.

    Its options are called `host` and `port`, with a `prefix` before it where a mode has two.
    """

    def __init__(self, key: str, host: str, port: int, prefix: str = "") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((host, port))
        except OSError as error:
            self.socket.close()
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    [f"{key}.{prefix}port: {port} is in use on {host}; choose another, or stop what listens there"]
                ) from None
            raise ConfigError(
                [f"{key}.{prefix}host: can't listen on {host}:{port}: {error.strerror or error}"]
            ) from None
        self.host = host
        self.port: int = self.socket.getsockname()[1]

    @property
    def address(self) -> str:
        """Where it can be reached from this machine, as in a URL."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        host = f"[{host}]" if ":" in host else host
        return f"{host}:{self.port}"

    def open(self) -> None:
        """Take connections; until then they are refused."""
        self.socket.listen(2048)

    def close(self) -> None:
        """Leave the port to others."""
        self.socket.close()


async def serve_app(
    app: Any, listener: Listener, frame_bytes: int, compression: bool, certificate: Certificate | None = None
) -> None:
    """Serve an ASGI application on a listener until cancelled; open sockets are closed with 1012 then."""
    import uvicorn

    from s2s.modes.direct import DirectSocket

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # signals belong to the process, not to one of its servers

    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws=DirectSocket,
        ws_max_size=frame_bytes,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=compression,
        timeout_graceful_shutdown=2,
        ssl_certfile=certificate.cert if certificate is not None else None,
        ssl_keyfile=certificate.key if certificate is not None else None,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener.socket]))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        server.should_exit = True
        await task
        raise
