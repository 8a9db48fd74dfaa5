"""An OpenAI-compatible server that says what a script tells it, for tests without a model.

It serves /v1/chat/completions, /v1/responses, /v1/models, /v1/audio/transcriptions and /v1/audio/speech on
127.0.0.1, on a free port if none is named, and keeps what it was asked::

    async with OpenAIServer() as server:
        server.play(Scripted(status=429, headers=(("retry-after", "0"),)), Scripted(text=("Fine", ".")))
        ...  # ask at server.url
        assert [request.path for request in server.requests] == ["/v1/chat/completions"] * 2
        await server.requests[-1].gone.wait()  # the client has closed its connection

With `with` instead of `async with` it runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from email import message_from_bytes
from http import HTTPStatus
from types import TracebackType
from typing import Any

from s2s.testing.openai_script import Scripted, chat_events, response_events, transcript_events


@dataclasses.dataclass
class Request:
    """What a client asked: `body` is its JSON, or its form with files as bytes; `gone` is set when it has closed."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    gone: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    held: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    released: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)
    sent: int = 0

    def release(self) -> None:
        """Let the server go on with an answer that it holds."""
        self.released.set()


class OpenAIServer:
    """The server; `requests` are those of the endpoints that a script answers, oldest first."""

    def __init__(self, *answers: Scripted, models: Iterable[str] = ("scripted",), port: int = 0) -> None:
        self.models = list(models)
        self.port = port
        self.requests: list[Request] = []
        self.arrived = asyncio.Condition()
        self._answers = deque(answers)
        self._tasks: set[asyncio.Task[None]] = set()

    def play(self, *answers: Scripted) -> None:
        """Append answers, one for each request to come; after the last one the server says hello to everybody."""
        self._answers.extend(answers)

    async def asked(self, count: int = 1) -> Request:
        """Wait until `count` requests have come in all, and return the latest."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[-1]

    async def __aenter__(self) -> OpenAIServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def __enter__(self) -> OpenAIServer:
        started = threading.Event()

        async def serve() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            async with self:
                started.set()
                await self._stop.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()), name="openai-server", daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = None
        try:
            request = await _read(reader)
            watch = asyncio.get_running_loop().create_task(_watch(reader, request))
            try:
                await self._answer(request, writer)
            finally:
                watch.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            if request is not None:
                request.gone.set()
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/v1/models":
            listing = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models]
            _head(writer, 200, "application/json")
            writer.write(json.dumps({"object": "list", "data": listing}).encode())
            return
        answer = self._answers.popleft() if self._answers else Scripted()
        async with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
        if answer.hold == -1:
            await _held(request)
        if answer.status != 200:
            _head(writer, answer.status, "application/json", answer.headers)
            error = {"message": answer.message, "type": "scripted", "code": answer.code}
            writer.write(json.dumps({"error": error}).encode())
            return
        kind, blocks = self._content(request, answer)
        _head(writer, 200, kind, (*answer.headers, ("Transfer-Encoding", "chunked")))
        for block in blocks:
            if request.sent == answer.hold:
                await _held(request)
            if request.sent == answer.cut:
                await writer.drain()
                writer.transport.abort()
                return
            if answer.delay_s:
                await asyncio.sleep(answer.delay_s)
            writer.write(b"%x\r\n%b\r\n" % (len(block), block))
            await writer.drain()
            request.sent += 1
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    def _content(self, request: Request, answer: Scripted) -> tuple[str, Iterator[bytes]]:
        model = str(request.body.get("model", ""))
        if request.path == "/v1/audio/speech":
            return answer.sound_kind, iter(answer.sound)
        if request.path == "/v1/audio/transcriptions" and request.body.get("stream") != "true":
            return "application/json", iter((json.dumps({"text": "".join(answer.text)}).encode(),))
        if request.path == "/v1/audio/transcriptions":
            return "text/event-stream", _sse(transcript_events(answer))
        if request.path == "/v1/responses":
            return "text/event-stream", _sse(response_events(answer, model), named=True)
        return "text/event-stream", _sse(chat_events(answer, model), done=True)


def _sse(events: Iterator[dict[str, Any]], *, named: bool = False, done: bool = False) -> Iterator[bytes]:
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        yield f"{name}data: {json.dumps(event)}\n\n".encode()
    if done:
        yield b"data: [DONE]\n\n"


def _head(writer: asyncio.StreamWriter, status: int, kind: str, headers: Iterable[tuple[str, str]] = ()) -> None:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Type: {kind}", "Connection: close"]
    writer.write("\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode())


async def _held(request: Request) -> None:
    request.held.set()
    waits = [asyncio.ensure_future(event.wait()) for event in (request.gone, request.released)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if request.gone.is_set():
        raise ConnectionAbortedError


async def _watch(reader: asyncio.StreamReader, request: Request) -> None:
    """Notice that the client closes; it sends nothing more on a connection that is not kept."""
    with contextlib.suppress(ConnectionError):
        await reader.read(1)
    request.gone.set()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    content = b"".join([block async for block in _body(reader, headers)])
    return Request(method, path.partition("?")[0], headers, _decoded(headers.get("content-type", ""), content))


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    if headers.get("transfer-encoding") != "chunked":
        yield await reader.readexactly(int(headers.get("content-length", "0")))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")


def _decoded(kind: str, content: bytes) -> dict[str, Any]:
    if not kind.startswith("multipart/form-data"):
        return dict(json.loads(content)) if content else {}
    form: dict[str, Any] = {}
    parts: Any = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + content).get_payload()
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        form[name] = data if part.get_filename() else data.decode()
    return form
