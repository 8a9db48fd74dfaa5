"""Connections: how they begin, how they end, and what one of them can do to the others."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
import websockets

from s2s.messages import Activity, Audio
from s2s.place.options import Place
from s2s.realtime.connection import Connection
from s2s.realtime.outbox import FULL_BYTES, ROOM_BYTES
from s2s.stage import Call
from s2s.testing.stages import ScriptedLlm, ScriptedTts, ScriptedVad
from tests.modes.served import HZ, Client, quick, serving, slow

pytestmark = pytest.mark.anyio


@pytest.mark.row("1 session limit")
async def test_the_session_past_the_last_is_refused_and_the_next_place_is_taken() -> None:
    async with serving(sessions=1) as server:
        async with Client(server.url) as client:
            second = await websockets.connect(server.url)
            error = json.loads(await second.recv())
            assert (error["type"], error["error"]["code"]) == ("error", "session_limit_reached")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await second.recv()
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
            assert (await client.configure(instructions="unharmed"))["instructions"] == "unharmed"
        await server.alone()
        async with Client(server.url) as client:
            assert client.types() == ["session.created"]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["realtime", "openai-insecure-api-key.sk-1"], "realtime"),
        (["openai-insecure-api-key.sk-1", "realtime"], "realtime"),
        ([], None),
    ],
)
@pytest.mark.row("1 browser key")
async def test_only_the_subprotocol_realtime_is_selected(offered: list[str], chosen: str | None) -> None:
    async with serving() as server, Client(server.url, subprotocols=offered or None) as client:
        assert client.socket.subprotocol == chosen


@pytest.mark.row("1 compression")
async def test_compression_is_used_where_both_want_it() -> None:
    async with serving(compression=True) as server, Client(server.url, compression="deflate") as client:
        assert "permessage-deflate" in client.socket.response.headers["Sec-WebSocket-Extensions"]
        await client.turn()
        await client.until("response.done")


async def test_sound_is_taken_as_it_is_read_and_all_else_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[str] = []
    receive = Connection.receive

    async def noted(self: Connection, frame: Any) -> None:
        received.append(json.loads(frame)["type"])
        await receive(self, frame)

    monkeypatch.setattr(Connection, "receive", noted)
    async with serving() as server, Client(server.url) as client:
        await client.turn()
        await client.until("response.done")
        assert received == [], "no frame of sound waited in a queue"
        await client.send("input_audio_buffer.append", audio=base64.b64encode(bytes(2 * HZ * 2)).decode())
        await client.configure(instructions="after it")
        assert received == ["input_audio_buffer.append", "session.update"], "a long one lets others go before its rest"
        (call,) = server.engine.calls.values()
        assert call.heard_ms > 2000


@pytest.mark.row("1 websocket")
async def test_the_model_that_a_client_names_is_its_sessions() -> None:
    async with serving() as server, Client(server.url.replace("model=s2s", "model=gpt-realtime&x=1")) as client:
        assert client.events[0]["session"]["model"] == "gpt-realtime"


@pytest.mark.row("1 session end")
async def test_a_session_ends_after_its_minutes() -> None:
    async with serving(max_minutes=0.005) as server, Client(server.url) as client:
        assert 0 <= client.events[0]["session"]["expires_at"] - time.time() + 1 < 3
        await client.wait(lambda: client.closed)
        assert client.closed == (1001, "Your session hit the maximum duration of 0.005 minutes.")
        await server.alone()


async def test_a_session_may_last_for_ever() -> None:
    async with serving(max_minutes=None) as server, Client(server.url) as client:
        assert client.events[0]["session"]["expires_at"] > time.time() + 86400 * 365


async def test_open_sockets_are_told_that_the_server_ends() -> None:
    async with serving(slow()) as server:
        client = Client(server.url)
        await client.__aenter__()
        await client.turn()
        await client.until("response.output_audio.delta")
    await client.wait(lambda: client.closed)
    assert client.closed is not None and client.closed[0] == 1012
    assert not server.engine.calls
    await client.__aexit__()


async def test_a_dropped_connection_frees_its_call() -> None:
    async with serving(slow()) as server:
        async with Client(server.url):
            pass
        await server.alone()
        before = asyncio.all_tasks()
        client = Client(server.url)
        await client.__aenter__()
        await client.turn()
        await client.until("response.output_audio.delta", 2)
        assert len(server.engine.calls) == 1
        client.socket.transport.abort()
        await server.alone()
        await client.__aexit__()
        for _ in range(100):
            left = {task for task in asyncio.all_tasks() - before if not task.done()}
            if left:
                await asyncio.sleep(0.01)
        assert not left, left
        assert not any(pool["waiting"] or pool["running"] for pool in server.engine.statistics().values())


async def stuck(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that shakes hands, asks for an endless answer, and never reads again."""
    host, port = url.removeprefix("ws://").partition("/")[0].split(":")
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plain, limit=4096)
    writer.write(
        b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    return reader, writer


def frame(kind: str, **fields: Any) -> bytes:
    """A masked text frame, its mask all zeros."""
    payload = json.dumps({"type": kind, **fields}).encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + payload


async def test_13_a_client_that_does_not_read_holds_up_nobody_and_costs_little() -> None:
    fast = ScriptedTts(seconds=0.0, ms_per_word=2000)
    llm = ScriptedLlm(first_seconds=0.0, seconds=0.002, endless=True)
    async with serving(quick(llm=llm, tts=fast)) as server:
        _, writer = await stuck(server.url)
        writer.write(frame("response.create"))
        await writer.drain()
        async with Client(server.url) as client:
            gaps = []
            for _ in range(12):
                began = time.monotonic()
                await client.configure()
                gaps.append(time.monotonic() - began)
                await asyncio.sleep(0.05)
            call = next(iter(server.engine.calls.values()))
            waiting = call._sink.outbox._bytes
            scope = next(iter(call._scopes.values()))
            assert not call._sink.room and ROOM_BYTES <= waiting < 2 * ROOM_BYTES
            made_s, text = scope.gate._sound_s, len(call.state.responses[0].items[0].text)
            await asyncio.sleep(0.3)
            assert call._sink.outbox._bytes == waiting and scope.gate._sound_s <= made_s + 0.1
            assert len(call.state.responses[0].items[0].text) == text
            assert made_s < 40, "synthesis waits too"
            assert max(gaps) < 0.5, gaps
            writer.transport.abort()
        await server.alone()


@pytest.mark.row("8 floods")
async def test_a_client_that_asks_and_never_reads_is_asked_to_wait() -> None:
    async with serving() as server:
        _, writer = await stuck(server.url)
        big = frame("session.update", session={"type": "realtime", "instructions": "x" * 20_000})
        for _ in range(2000):
            writer.write(big)
        call = next(iter(server.engine.calls.values()))
        seen = -1
        while (waiting := call._sink.outbox._bytes) != seen:
            seen = waiting
            await asyncio.sleep(0.2)
        assert FULL_BYTES <= waiting < FULL_BYTES + 100_000
        writer.transport.abort()
        await server.alone()


class WaitingVad(ScriptedVad):
    """Hears nothing until it is let go."""

    go: ClassVar[asyncio.Event]

    async def run(self, call: Call, item: Audio) -> AsyncIterator[Activity]:  # type: ignore[override]
        """Wait, then pass every sound on."""
        await self.go.wait()
        for out in super().run(call, item):
            yield out


@pytest.mark.row("8 floods")
async def test_13_sound_that_comes_faster_than_it_is_heard_waits_at_the_client() -> None:
    """The reference takes all of it, until memory ends."""
    WaitingVad.go = asyncio.Event()
    waits = quick(vad=WaitingVad(), places={"vad": Place(kind="loop", inbox=8)})
    async with serving(waits) as server, Client(server.url) as client:
        second = base64.b64encode(bytes(2 * HZ)).decode()

        async def push() -> None:
            for _ in range(1000):
                await client.send("input_audio_buffer.append", audio=second)

        pushing = asyncio.create_task(push())
        call = next(iter(server.engine.calls.values()))
        seen = -1.0
        while call.heard_ms != seen or not seen:
            seen = call.heard_ms
            await asyncio.sleep(0.1)
        assert call.heard_ms < 20_000 and not pushing.done()
        WaitingVad.go.set()
        while call.heard_ms == seen:
            await asyncio.sleep(0.01)
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)
        client.socket.transport.abort()
    assert not server.engine.calls


async def test_one_frame_of_minutes_holds_up_nobody() -> None:
    async with serving() as server, Client(server.url) as one, Client(server.url) as other:
        await one.send("input_audio_buffer.append", audio=base64.b64encode(bytes(2 * HZ * 300)).decode())
        gaps = []
        while (call := next(iter(server.engine.calls.values()))).heard_ms < 300_000:
            began = time.monotonic()
            await other.configure()
            gaps.append(time.monotonic() - began)
        assert call.heard_ms == 300_000 and max(gaps) < 0.5, gaps


async def test_a_fault_of_the_servers_own_is_said_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server, Client(server.url) as client:
        call = next(iter(server.engine.calls.values()))
        call.clear = lambda: 1 / 0  # type: ignore[assignment,method-assign]
        error = (await client.ask("input_audio_buffer.clear", "error"))["error"]
        assert (error["type"], error["code"]) == ("server_error", "server_error")
        assert "ZeroDivisionError" in caplog.text
        await client.turn()
        assert (await client.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.row("1 frames in")
async def test_a_frame_over_the_limit_ends_its_connection_only() -> None:
    async with serving(frame_mb=0.01) as server, Client(server.url) as one, Client(server.url) as other:
        await one.send("input_audio_buffer.append", audio="A" * 20_000)
        await one.wait(lambda: one.closed)
        assert one.closed is not None and one.closed[0] == 1009
        assert (await other.configure())["object"] == "realtime.session"
