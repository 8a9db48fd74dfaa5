"""A simulated caller's way to an agent: over a WebSocket of the Realtime protocol, or straight into the engine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from s2s.audio import Resampler
from s2s.conversation import facts as f
from s2s.conversation.events import CancelResponse
from s2s.engine import Engine

HZ = 24000
"""Sample rate of what callers say and hear, as the Realtime protocol has it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller noticed, and when, in seconds of its loop's clock."""

    kind: str  # started, stopped, heard, created, sound, words, done, failed
    at: float
    id: str = ""
    """The response, or the turn's item."""
    text: str = ""
    pcm: bytes = b""
    status: str = ""
    tokens: tuple[int, int, int] = (0, 0, 0)
    """Read, of which from a cache, and written by the language model."""


Tell = Callable[[Told], None]


class Link(Protocol):
    """A connection that speaks and listens."""

    async def open(self, tell: Tell) -> None:
        """Connect; what happens is told."""

    async def send(self, pcm: bytes) -> None:
        """Say a frame of mono s16le at 24 kHz."""

    async def cancel(self) -> None:
        """Want no more of the answer."""

    async def close(self) -> None:
        """Hang up; safe to call twice."""

    async def abort(self) -> None:
        """Be gone without a word."""


class SocketLink:
    """Over the Realtime protocol, to `url` such as ws://host:8765/v1."""

    def __init__(self, url: str, model: str = "s2s", key: str = "") -> None:
        base = url.rstrip("/").replace("http", "ws", 1) if url.startswith("http") else url.rstrip("/")
        self._url = f"{base}/realtime?model={model}"
        self._headers = {"Authorization": f"Bearer {key}"} if key else None
        self._frames: dict[bytes, str] = {}

    async def open(self, tell: Tell) -> None:
        """Connect and begin to listen."""
        import websockets

        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._socket = await websockets.connect(
            self._url, compression=None, max_size=None, additional_headers=self._headers
        )
        self._reading = asyncio.create_task(self._read())

    async def send(self, pcm: bytes) -> None:
        """Say a frame."""
        frame = self._frames.get(pcm)
        if frame is None:
            audio = base64.b64encode(pcm).decode()
            frame = self._frames[pcm] = f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}'
        await self._socket.send(frame)

    async def cancel(self) -> None:
        """Ask for the end of the answer."""
        await self._socket.send('{"type":"response.cancel"}')

    async def close(self) -> None:
        """Hang up."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        await self._socket.close()

    async def abort(self) -> None:
        """Cut the connection."""
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        self._socket.transport.abort()

    async def _read(self) -> None:
        async for frame in self._socket:
            told = told_by(json.loads(frame), self._loop.time())
            if told is not None:
                self._tell(told)
        self._tell(Told(kind="failed", at=self._loop.time(), text=f"the server closed: {self._socket.close_code}"))


def told_by(event: dict[str, Any], at: float) -> Told | None:
    """Return what a server event tells a caller, if it tells anything."""
    kind = event["type"]
    if kind == "response.output_audio.delta":
        return Told(kind="sound", at=at, id=event["response_id"], pcm=base64.b64decode(event["delta"]))
    if kind in ("response.output_audio_transcript.delta", "response.output_text.delta"):
        return Told(kind="words", at=at, id=event["response_id"], text=event["delta"])
    if kind == "input_audio_buffer.speech_started":
        return Told(kind="started", at=at, id=event["item_id"])
    if kind == "input_audio_buffer.speech_stopped":
        return Told(kind="stopped", at=at, id=event["item_id"])
    if kind == "conversation.item.input_audio_transcription.completed":
        return Told(kind="heard", at=at, id=event["item_id"], text=event["transcript"])
    if kind == "response.created":
        return Told(kind="created", at=at, id=event["response"]["id"])
    if kind == "response.done":
        response = event["response"]
        usage = response.get("usage") or {}
        cached = (usage.get("input_token_details") or {}).get("cached_tokens", 0)
        tokens = (usage.get("input_tokens", 0), cached, usage.get("output_tokens", 0))
        return Told(kind="done", at=at, id=response["id"], status=response["status"], tokens=tokens)
    if kind == "error":
        return Told(kind="failed", at=at, text=event["error"].get("message", ""))
    return None


class InprocLink:
    """Straight into an engine of this process: what is measured is the graph alone."""

    room = True
    playing = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def open(self, tell: Tell) -> None:
        """Begin a call."""
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._resampler = Resampler(HZ)
        self._call = self._engine.call(self)

    async def send(self, pcm: bytes) -> None:
        """Say a frame."""
        await self._call.audio(pcm, HZ)

    async def cancel(self) -> None:
        """End the answer."""
        self._call.feed(CancelResponse())

    async def close(self) -> None:
        """Hang up."""
        await self._engine.hangup(self._call)

    async def abort(self) -> None:
        """Hang up: there is no connection to cut."""
        await self.close()

    def tell(self, fact: f.Fact) -> None:
        """Take what the conversation tells its client."""
        at = self._loop.time()
        if isinstance(fact, f.SoundDelta):
            pcm = self._resampler.push(fact.pcm, fact.rate)
            self._tell(Told(kind="sound", at=at, id=fact.response_id, pcm=pcm))
        elif isinstance(fact, (f.WordsDelta, f.TextDelta)):
            self._tell(Told(kind="words", at=at, id=fact.response_id, text=fact.delta))
        elif isinstance(fact, f.SpeechStarted):
            self._tell(Told(kind="started", at=at, id=fact.item_id))
        elif isinstance(fact, f.SpeechStopped):
            self._tell(Told(kind="stopped", at=at, id=fact.item_id))
        elif isinstance(fact, f.TurnText):
            self._tell(Told(kind="heard", at=at, id=fact.item_id, text=fact.text))
        elif isinstance(fact, f.ResponseCreated):
            self._tell(Told(kind="created", at=at, id=fact.response.id))
        elif isinstance(fact, f.ResponseDone):
            usage = fact.response.usage or f.Usage()
            tokens = (usage.input_tokens, usage.cached_tokens, usage.output_tokens)
            self._tell(Told(kind="done", at=at, id=fact.response.id, status=fact.response.status, tokens=tokens))
        elif isinstance(fact, f.Problem):
            self._tell(Told(kind="failed", at=at, text=fact.message))
