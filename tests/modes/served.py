"""The realtime mode on a free port over scripted stages, and a client that holds every event against the package."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import websockets
from openai import AsyncOpenAI

from s2s.engine import Engine
from s2s.graph import Graph
from s2s.modes.realtime import Realtime
from s2s.place.options import Place
from s2s.testing.stages import ScriptedLlm, ScriptedStt, ScriptedTts, ScriptedTurn
from tests.engine.graphs import graph
from tests.realtime.strict import strict

HZ = 24000
LOUD = (2000).to_bytes(2, "little")
QUIET = bytes(2)


def quick(routes: dict[str, str | None] | None = None, places: dict[str, Place] | None = None, **stages: Any) -> Graph:
    """A cascade of scripted stages that wastes no time."""
    own = {
        "turn": ScriptedTurn(silence_ms=100),
        "stt": ScriptedStt(seconds=0.005),
        "llm": ScriptedLlm(first_seconds=0.005, seconds=0.001),
        "tts": ScriptedTts(seconds=0.001, ms_per_word=100),
    }
    return graph(routes, places, **{**own, **stages})


def slow(**stages: Any) -> Graph:
    """The same, with an answer that goes on for ever, at five times the pace at which it is heard."""
    own = {"llm": ScriptedLlm(first_seconds=0.005, seconds=0.02, endless=True), "tts": ScriptedTts(seconds=0.02)}
    return quick(**{**own, **stages})


class Server:
    """A running server."""

    def __init__(self, engine: Engine, mode: Realtime) -> None:
        self.engine = engine
        self.http = f"http://127.0.0.1:{mode._listener.port}"
        self.url = f"{self.http.replace('http', 'ws')}/v1/realtime?model=s2s"

    def client(self) -> AsyncOpenAI:
        """The stock client, pointed here."""
        return AsyncOpenAI(base_url=f"{self.http}/v1", api_key="none")

    async def alone(self) -> None:
        """Return when no call is open any more; fail after a while."""

        async def wait() -> None:
            while self.engine.calls:
                await asyncio.sleep(0.005)

        await asyncio.wait_for(wait(), 5)


@contextlib.asynccontextmanager
async def serving(stages: Graph | None = None, sessions: int = 8, **options: Any) -> AsyncIterator[Server]:
    """Serve a graph until the block ends."""
    mode = Realtime(port=0, **options)
    mode.bind("mode.realtime")
    async with Engine(stages or quick(), sessions, seed="t") as engine:
        mode.open()
        task = asyncio.create_task(mode.serve(engine))
        try:
            yield Server(engine, mode)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Client:
    """A raw WebSocket client; `events` holds all that it was told, and each was valid."""

    def __init__(self, url: str, **options: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed: tuple[int | None, str] | None = None
        self._url = url
        self._options = {"compression": None, "max_size": 1 << 20, **options}
        self._news = asyncio.Condition()
        self._wrong: BaseException | None = None

    async def __aenter__(self) -> Client:
        self.socket = await websockets.connect(self._url, **self._options)
        self._reading = asyncio.create_task(self._read())
        await self.until("session.created")
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.socket.close()
        await self._reading

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in self.socket:
                event = json.loads(frame)
                try:
                    strict(event)
                except AssertionError as error:
                    self._wrong = error
                async with self._news:
                    self.events.append(event)
                    self._news.notify_all()
        async with self._news:
            self.closed = (self.socket.close_code, self.socket.close_reason or "")
            self._news.notify_all()

    async def wait(self, ready: Callable[[], Any], seconds: float = 5.0) -> None:
        """Return when `ready()`; fail after a while, or when the server has said something that it should not."""

        async def waiting() -> None:
            async with self._news:
                await self._news.wait_for(lambda: self._wrong or ready() or self.closed)

        try:
            await asyncio.wait_for(waiting(), seconds)
        except asyncio.TimeoutError:
            raise AssertionError(f"nothing more after {self.types()[-12:]}") from None
        if self._wrong:
            raise self._wrong
        assert ready(), f"closed with {self.closed} after {self.types()[-12:]}"

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Return the event of this type and number, counted from the beginning, once it came."""
        await self.wait(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All events of a type."""
        return [event for event in self.events if event["type"] == kind]

    def types(self) -> list[str]:
        """The types of all events so far."""
        return [event["type"] for event in self.events]

    def order(self, since: int = 1) -> list[str]:
        """The types from the event of that number on, without what may come anywhere."""
        anywhere = (".delta", "transcription", "rate_limits")
        return [kind for kind in self.types()[since:] if not any(part in kind for part in anywhere)]

    async def send(self, kind: str, /, **fields: Any) -> None:
        """Send an event."""
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def ask(self, kind: str, answer: str, /, **fields: Any) -> dict[str, Any]:
        """Send an event and return the next one of the type that answers it."""
        count = len(self.all(answer)) + 1
        await self.send(kind, **fields)
        return await self.until(answer, count)

    async def refused(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        """Send what can't be done and return its error."""
        event = await self.ask(kind, "error", event_id="mine", **fields)
        assert event["error"]["event_id"] == "mine"
        error: dict[str, Any] = event["error"]
        return error

    async def configure(self, **session: Any) -> dict[str, Any]:
        """Update the session and return it."""
        event = await self.ask("session.update", "session.updated", session={"type": "realtime", **session})
        found: dict[str, Any] = event["session"]
        return found

    async def listen(self, **turn_detection: Any) -> None:
        """Set server_vad, or push to talk for nothing."""
        detection = {"type": "server_vad", **turn_detection} if turn_detection else None
        await self.configure(audio={"input": {"turn_detection": detection}})

    async def sound(self, ms: int, loud: bool = True) -> None:
        """Send sound or silence, faster than real time, in frames of 20 ms."""
        frame = base64.b64encode((LOUD if loud else QUIET) * (HZ // 50)).decode()
        for _ in range(ms // 20):
            await self.send("input_audio_buffer.append", audio=frame)

    async def turn(self, ms: int = 400) -> None:
        """Speak and be silent."""
        await self.sound(ms)
        await self.sound(200, loud=False)

    async def say(self, text: str, **fields: Any) -> dict[str, Any]:
        """Add a written message of the user's and return the item."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}
        event = await self.ask("conversation.item.create", "conversation.item.done", item=item)
        found: dict[str, Any] = event["item"]
        return found

    def heard(self, response_id: str) -> bytes:
        """The sound of a response."""
        deltas = self.all("response.output_audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas if event["response_id"] == response_id)
