"""The web application of `mode=realtime`: the WebSocket, and what is told and handed out over plain HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from s2s.engine import Engine, SessionLimit
from s2s.modes.client_secrets import minted
from s2s.modes.direct import direct
from s2s.modes.handshake import is_beta, key_of, origin_allowed, protocols
from s2s.modes.keys import SECRET_PREFIX, KeyRefused, Keys, Secrets, admit
from s2s.realtime.connection import Connection, Welcome, abilities_of
from s2s.realtime.refusal import Refusal
from s2s.realtime.session import Kind
from s2s.realtime.usage import Usage

if TYPE_CHECKING:
    from s2s.modes.realtime import Realtime

FOREVER_S = 10 * 365 * 86400
SECRET_BYTES = 128 * 1024
"""The largest request for a client secret: what it sets up is kept until the secret expires."""
OPEN_PATHS = ("/health", "/ready")
"""What is told to anybody: whoever looks after the server has no key."""


class RealtimeApp:
    """One engine's sessions over the web."""

    def __init__(self, engine: Engine, options: Realtime, keys: Keys) -> None:
        self._engine = engine
        self._options = options
        self._keys = keys
        self._secrets = Secrets()
        self._abilities = abilities_of(engine.network, tuple(options.image_hosts))
        self._usage = Usage()

    def app(self) -> FastAPI:
        """Return the application."""
        app = FastAPI(title="s2s", openapi_url=None)
        app.middleware("http")(self._guard)
        for path, answer in (
            ("/health", self._health),
            ("/ready", self._ready),
            ("/v1/models", self._models),
            ("/v1/models/{name:path}", self._model),
            ("/v1/audio/voices", self._voices),
            ("/v1/pool", self._pool),
            ("/v1/usage", self._show_usage),
            ("/v1/realtime", self._plain),
        ):
            app.get(path)(answer)
        app.post("/v1/realtime/client_secrets")(self._client_secrets)
        for path in ("/v1/realtime/sessions", "/v1/realtime/transcription_sessions"):
            app.post(path)(self._beta_sessions)
        app.post("/v1/realtime/calls")(self._calls)
        app.websocket("/v1/realtime")(self._session)
        return app

    async def _guard(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Let in who has a key, from pages that may ask."""
        if request.url.path not in OPEN_PATHS:
            if not origin_allowed(request.headers, self._options.origins):
                return _error(403, "origin_not_allowed", f"Pages at {request.headers['origin']} may not ask here.")
            key = key_of(request.headers)
            if key is not None and key.startswith(SECRET_PREFIX):
                return _error(401, "invalid_api_key", "A client secret opens sessions only; use an API key.")
            try:
                admit(key, self._keys, self._secrets, time.time())
            except KeyRefused as error:
                return _error(401, "invalid_api_key", str(error))
        return await call_next(request)

    async def _health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def _ready(self) -> JSONResponse:
        live = self._engine.live
        stages = {name: pool.live for name, pool in self._engine.pools.items()}
        return JSONResponse({"ready": live, "stages": stages}, status_code=200 if live else 503)

    async def _models(self) -> dict[str, Any]:
        return {"object": "list", "data": [self._about(self._options.model)]}

    async def _model(self, name: str) -> dict[str, Any]:
        return self._about(name)  # a session may ask for any name, and gets this deployment

    def _about(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": "s2s"}

    async def _voices(self) -> dict[str, Any]:
        names = [name for name in (self._options.voice or "default", *(self._abilities.voices or ())) if name]
        return {"object": "list", "data": [{"id": name, "object": "voice"} for name in dict.fromkeys(names)]}

    async def _pool(self) -> dict[str, Any]:
        engine = self._engine
        return {"size": engine.sessions, "in_use": len(engine.calls), "units": engine.statistics()}

    async def _show_usage(self) -> dict[str, Any]:
        return self._usage.show()

    async def _plain(self) -> Response:
        return _error(426, "upgrade_required", "This address is a WebSocket's: connect with ws:// or wss://.")

    async def _calls(self) -> Response:
        return _error(501, "webrtc_not_supported", "This server has no WebRTC; connect a WebSocket to /v1/realtime.")

    async def _client_secrets(self, request: Request) -> Response:
        return await self._mint(request, None)

    async def _beta_sessions(self, request: Request) -> Response:
        kind: Kind = "transcription" if request.url.path.endswith("transcription_sessions") else "realtime"
        return await self._mint(request, kind)

    async def _mint(self, request: Request, beta: Kind | None) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > SECRET_BYTES:
                return _error(413, "request_too_large", f"The request may have {SECRET_BYTES} bytes.")
        try:
            asked = msgspec.json.decode(body or b"{}")
        except (ValueError, RecursionError) as error:
            return _error(400, "invalid_json", f"Could not parse the request as JSON: {error}")
        options = self._options
        try:
            shown = minted(asked, self._secrets, time.time(), options.settings(), options.model, self._abilities, beta)
        except Refusal as refusal:
            return _error(400, refusal.code, refusal.message, refusal.param)
        return JSONResponse(shown)

    async def _session(self, socket: WebSocket) -> None:
        if not origin_allowed(socket.headers, self._options.origins):
            await socket.close(1008)  # before it is accepted: the upgrade is refused with 403
            return
        await socket.accept(subprotocol="realtime" if "realtime" in protocols(socket.headers) else None)
        seconds = None if self._options.max_minutes is None else self._options.max_minutes * 60
        try:
            connection = self._welcome(socket, seconds)
        except (SessionLimit, KeyRefused, Refusal) as error:
            codes = {SessionLimit: "session_limit_reached", KeyRefused: "invalid_api_key"}
            code = error.code if isinstance(error, Refusal) else codes[type(error)]
            told = {"type": "invalid_request_error", "code": code, "message": str(error)}
            await socket.send_json({"type": "error", "event_id": "event_1", "error": told})
            await socket.close(1008, code)
            return
        await _serve(socket, connection, seconds, self._options.max_minutes)

    def _welcome(self, socket: WebSocket, seconds: float | None) -> Connection:
        """Open the session that a client asks for."""
        options, asked = self._options, socket.query_params
        preset = admit(key_of(socket.headers), self._keys, self._secrets, time.time())
        if "call_id" in asked:
            raise Refusal("invalid_value", f"There is no call '{asked['call_id']}': this server has no WebRTC.")
        wanted = (preset or {}).get("type") or ("transcription" if asked.get("intent") == "transcription" else None)
        welcome = Welcome(
            model=asked.get("model") or options.model,
            expires_at=int(time.time() + (seconds or FOREVER_S)),
            kind="transcription" if wanted == "transcription" else "realtime",
            beta=is_beta(socket.headers),
            preset=preset,
            keep_audio_s=options.keep_audio_s,
        )
        return Connection(self._engine, options.settings(), welcome, self._abilities, self._usage)


def _error(status: int, code: str, message: str, param: str | None = None) -> JSONResponse:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": error}, status_code=status)


async def _serve(socket: WebSocket, connection: Connection, seconds: float | None, minutes: float | None) -> None:
    """Carry frames both ways until one side ends it."""

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
            with contextlib.suppress(RuntimeError, OSError):
                await socket.close(1001, f"Your session hit the maximum duration of {minutes:g} minutes.")
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
