"""`mode=realtime`: the OpenAI Realtime protocol over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from s2s.modes.http import Listener, serve_app
from s2s.modes.mode import Mode
from s2s.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI, WebSocket

    from s2s.engine import Engine
    from s2s.graph import Graph


@dataclasses.dataclass(kw_only=True)
class Realtime(Mode):
    """Serves `/v1/realtime` to any client of the OpenAI Realtime API."""

    host: str = "127.0.0.1"
    port: int = 8765
    model: str = "s2s"
    instructions: str = ""
    voice: str | None = None
    language: str | None = None
    transcribe: bool = True
    max_minutes: float | None = 60.0
    frame_mb: float = 24.0
    compression: bool = False

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say when sound is made that can't reach the caller."""
        from s2s.graph import sound_mistake

        mistake = sound_mistake(key, graph)
        return [mistake] if mistake else []

    def bind(self, key: str) -> None:
        """Take the port, before any model is loaded."""
        self._listener = Listener(key, self.host, self.port)

    def open(self) -> None:
        """Take connections; they wait until they are served."""
        self._listener.open()

    def settings(self) -> Settings:
        """The settings that a session begins with."""
        return Settings(
            instructions=self.instructions,
            voice=self.voice,
            language=self.language,
            transcribe=self.transcribe,
        )

    @property
    def address(self) -> str:
        """Where it listens, as in a URL."""
        host = f"[{self._listener.host}]" if ":" in self._listener.host else self._listener.host
        return f"{host}:{self._listener.port}"

    @property
    def banner(self) -> list[str]:
        """What is said when it listens."""
        at = self.address
        return [
            f"realtime   ws://{at}/v1/realtime   (OpenAI Realtime API; base_url http://{at}/v1)",
            f'           try: python clients/talk.py --base-url http://{at}/v1 --text "Who are you?"',
        ]

    async def serve(self, engine: Engine) -> None:
        """Answer clients until cancelled."""
        await serve_app(
            self.app(engine),
            self._listener,
            frame_bytes=int(self.frame_mb * 1024 * 1024),
            compression=self.compression,
        )

    def app(self, engine: Engine) -> FastAPI:
        """Return the web application of this mode."""
        from fastapi import FastAPI, WebSocket
        from fastapi.responses import JSONResponse

        app = FastAPI(title="s2s", openapi_url=None)

        @app.get("/health")
        async def health() -> dict[str, str]:
            return {"status": "ok"}

        @app.get("/ready")
        async def ready() -> JSONResponse:
            stages = {name: pool.live for name, pool in engine.pools.items()}
            return JSONResponse({"ready": engine.live, "stages": stages}, status_code=200 if engine.live else 503)

        @app.get("/v1/models")
        async def models() -> dict[str, Any]:
            return {"object": "list", "data": [{"id": self.model, "object": "model", "owned_by": "s2s"}]}

        @app.get("/v1/pool")
        async def pool() -> dict[str, Any]:
            return {"size": engine.sessions, "in_use": len(engine.calls), "units": engine.statistics()}

        async def realtime(socket: WebSocket) -> None:
            await self._session(engine, socket)

        # the annotation is a name that only the type checker sees at module level
        realtime.__annotations__["socket"] = WebSocket
        app.websocket("/v1/realtime")(realtime)
        return app

    async def _session(self, engine: Engine, socket: WebSocket) -> None:
        from fastapi import WebSocketDisconnect

        from s2s.engine import SessionLimit
        from s2s.modes.direct import direct
        from s2s.realtime.connection import Connection

        offered = socket.headers.get("sec-websocket-protocol", "")
        chosen = "realtime" if "realtime" in [word.strip() for word in offered.split(",")] else None
        await socket.accept(subprotocol=chosen)
        seconds = None if self.max_minutes is None else self.max_minutes * 60
        expires_at = int(time.time() + (seconds or 10 * 365 * 86400))
        try:
            connection = Connection(engine, self.settings(), socket.query_params.get("model") or self.model, expires_at)
        except SessionLimit as error:
            limit = {"type": "invalid_request_error", "code": "session_limit_reached", "message": str(error)}
            await socket.send_json({"type": "error", "event_id": "event_1", "error": limit})
            await socket.close(1008, "session_limit_reached")
            return

        async def receive() -> str | bytes:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            text = message.get("text")
            return text if text is not None else message["bytes"]  # type: ignore[no-any-return]

        async def send(frame: bytes) -> None:
            await socket.send_text(frame.decode())

        straight = direct(socket.scope)
        if straight is not None:
            straight.taker = connection.take
        reading = asyncio.create_task(connection.pump(receive))
        writing = asyncio.create_task(connection.write(straight.send_text if straight else send))
        try:
            done, _ = await asyncio.wait({reading, writing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                await _say_goodbye(socket, self.max_minutes)
        except asyncio.CancelledError:
            return  # the server ends, and this client did not read its goodbye
        finally:
            if straight is not None:
                straight.taker = None
            reading.cancel()
            writing.cancel()
            read, written = await asyncio.gather(reading, writing, return_exceptions=True)
            await connection.close()
        gone = (WebSocketDisconnect, asyncio.CancelledError, OSError)
        for result, expected in ((read, gone), (written, (*gone, RuntimeError))):
            if isinstance(result, BaseException) and not isinstance(result, expected):
                raise result


async def _say_goodbye(socket: WebSocket, minutes: float | None) -> None:
    with contextlib.suppress(RuntimeError, OSError):
        await socket.close(1001, f"Your session hit the maximum duration of {minutes:g} minutes.")
