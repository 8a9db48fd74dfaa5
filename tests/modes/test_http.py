"""What the mode tells over plain HTTP, and the port that it takes."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from s2s.mistakes import ConfigError
from s2s.modes.http import Listener
from s2s.modes.realtime import Realtime
from tests.modes.served import Client, serving

pytestmark = pytest.mark.anyio


async def get(url: str) -> tuple[int, Any]:
    """Return the status and the JSON at a URL."""
    status, text = await get_text(url)
    return status, json.loads(text)


async def get_text(url: str) -> tuple[int, str]:
    """Return the status and the text at a URL."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), body.decode()


async def test_health_readiness_models_and_pool() -> None:
    async with serving(sessions=3) as server, Client(server.url):
        assert await get(f"{server.http}/health") == (200, {"status": "ok"})
        status, ready = await get(f"{server.http}/ready")
        stages = {"vad", "turn", "stt", "chat", "llm", "clauses", "tts"}
        assert status == 200 and ready["ready"] and stages <= set(ready["stages"]) and all(ready["stages"].values())
        models = (await get(f"{server.http}/v1/models"))[1]
        assert models == {"object": "list", "data": [{"id": "s2s", "object": "model", "created": 0, "owned_by": "s2s"}]}
        pool = (await get(f"{server.http}/v1/pool"))[1]
        assert (pool["size"], pool["in_use"]) == (3, 1)
        assert pool["units"]["llm"] == {"waiting": 0, "running": 0, "replicas": 1}


async def test_a_server_with_a_stage_that_is_down_is_not_ready() -> None:
    async with serving() as server:
        server.engine.pools["stt"]._loaded = False  # type: ignore[attr-defined]
        status, ready = await get(f"{server.http}/ready")
        assert status == 503 and not ready["ready"] and not ready["stages"]["stt"]
        server.engine.pools["stt"]._loaded = True  # type: ignore[attr-defined]


async def test_the_stock_client_lists_the_models() -> None:
    async with serving() as server:
        client = server.client()
        assert [model.id async for model in client.models.list()] == ["s2s"]
        await client.close()


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            Listener("mode.realtime", "127.0.0.1", port)
    text = f"mode.realtime.port: {port} is in use on 127.0.0.1; choose another, or stop what listens there"
    assert str(caught.value) == text


def test_a_host_that_is_not_here_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^mode\.realtime\.host: can't listen on 192\.0\.2\.1:8765: "):
        Listener("mode.realtime", "192.0.2.1", 8765)


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")]
)
def test_the_banner_says_where_to_connect(host: str, shown: str) -> None:
    mode = Realtime(host=host, port=0)
    try:
        mode.bind("mode.realtime")
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    port = mode._listener.port
    assert f"ws://{shown}:{port}/v1/realtime" in mode.banner[0] and f"http://{shown}:{port}/v1" in mode.banner[1]
    mode._listener.socket.close()


def test_connections_are_refused_until_it_is_opened() -> None:
    listener = Listener("mode.realtime", "127.0.0.1", 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port), timeout=1)
    listener.open()
    socket.create_connection(("127.0.0.1", listener.port), timeout=1).close()
    listener.socket.close()
