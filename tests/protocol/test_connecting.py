"""How a session begins: keys, origins, secrets, TLS, and what is told over plain HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest
import websockets

from s2s.modes.realtime_app import OPEN_PATHS
from tests.modes.served import Client, Server, serving
from tests.protocol.raw import Raw
from tests.protocol.web import ask

pytestmark = pytest.mark.anyio

KEY = "sk-right"


@pytest.fixture
def keys_file(tmp_path: Path) -> str:
    path = tmp_path / "keys.txt"
    path.write_text(f"# for the tests\n{KEY}\nsk-other\n")
    return str(path)


def bearer(key: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {key}"}}


async def turned_away(url: str, **options: Any) -> dict[str, Any]:
    """The error of a session that is refused after the upgrade, with 1008."""
    async with websockets.connect(url, **options) as socket:
        event = json.loads(await socket.recv())
        assert event["type"] == "error" and event["event_id"]
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008
    error: dict[str, Any] = event["error"]
    return error


@pytest.mark.row("1 key", "1 browser key")
async def test_a_key_lets_in(keys_file: str) -> None:
    browser = {"subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"]}
    async with serving(keys_file=keys_file) as server:
        for options in (bearer(KEY), bearer("sk-other"), browser):
            async with Client(server.url, **options) as client:
                assert client.types() == ["session.created"]
                assert client.socket.subprotocol == ("realtime" if "subprotocols" in options else None)


@pytest.mark.row("1 bad key", "5 key")
@pytest.mark.parametrize(
    "options",
    [
        {},
        bearer("sk-wrong"),
        bearer(""),
        bearer(f"{KEY}x"),
        bearer("ek_never_made"),
        {"additional_headers": {"Authorization": KEY}},
        {"additional_headers": {"X-Api-Key": KEY}},
        {"additional_headers": {"Cookie": f"key={KEY}"}},
        {"subprotocols": ["realtime", KEY]},
        {"subprotocols": ["realtime", "openai-insecure-api-key.sk-wrong"]},
    ],
)
async def test_a_wrong_missing_or_misplaced_key_does_not(keys_file: str, options: dict[str, Any]) -> None:
    async with serving(keys_file=keys_file) as server:
        error = await turned_away(server.url, **options)
        assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_api_key")
        assert "Authorization: Bearer KEY" in error["message"] or "client secret" in error["message"]
        assert KEY not in json.dumps(error)
        for query in ("api_key", "key", "token"):
            assert (await turned_away(f"{server.url}&{query}={KEY}"))["code"] == "invalid_api_key"
        assert not server.engine.calls


async def test_keys_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_API_KEYS", f"sk-first, {KEY}")
    async with serving() as server:
        async with Client(server.url, **bearer(KEY)):
            pass
        assert (await turned_away(server.url))["code"] == "invalid_api_key"


@pytest.mark.row("1 bad key")
async def test_without_a_key_nothing_is_told_but_whether_it_lives(keys_file: str) -> None:
    async with serving(keys_file=keys_file) as server:
        for path in OPEN_PATHS:
            assert (await ask(server.http + path))[0] == 200
        for path in ("/v1/models", "/v1/pool", "/v1/usage", "/v1/audio/voices"):
            status, told = await ask(server.http + path)
            assert (status, told["error"]["code"]) == (401, "invalid_api_key")
            assert (await ask(server.http + path, Authorization=f"Bearer {KEY}"))[0] == 200


@pytest.mark.row("1 origin")
@pytest.mark.parametrize(
    ("origin", "allowed", "enters"),
    [
        (None, [], True),
        ("http://localhost:3000", [], True),
        ("http://app.localhost", [], True),
        ("http://127.0.0.1:8080", [], True),
        ("http://[::1]:8080", [], True),
        ("https://evil.example", [], False),
        ("http://localhost.evil.example", [], False),
        ("http://127.0.0.1.evil.example", [], False),
        ("null", [], False),
        ("file://", [], False),
        ("http://[::1", [], False),
        ("https://app.good.example", ["https://*.good.example"], True),
        ("https://evil.example", ["https://*.good.example"], False),
        ("null", ["null"], True),
        ("https://any.example", ["*"], True),
    ],
)
async def test_pages_of_other_sites_are_refused(origin: str | None, allowed: list[str], enters: bool) -> None:
    headers = {} if origin is None else {"Origin": origin}
    async with serving(origins=allowed) as server:
        assert (await ask(f"{server.http}/v1/models", **headers))[0] == (200 if enters else 403)
        if enters:
            async with websockets.connect(server.url, additional_headers=headers) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
        else:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await websockets.connect(server.url, additional_headers=headers)
            assert refused.value.response.status_code == 403


async def test_a_name_that_was_made_to_point_here_proves_nothing() -> None:
    headers = {"Origin": "http://rebound.example", "Host": "rebound.example"}
    async with serving() as server:
        assert (await ask(f"{server.http}/v1/models", **headers))[0] == 403


async def mint(server: Server, body: Any, key: str = KEY) -> tuple[int, Any]:
    """Ask for a client secret."""
    return await ask(f"{server.http}/v1/realtime/client_secrets", body, Authorization=f"Bearer {key}")


@pytest.mark.row("1 client secrets", "1 key")
async def test_a_client_secret_opens_sessions_as_they_were_set_up(keys_file: str) -> None:
    session = {"type": "realtime", "instructions": "only this", "audio": {"output": {"speed": 1.0}}}
    async with serving(keys_file=keys_file) as server:
        _, made = await mint(server, {"session": session, "expires_after": {"anchor": "created_at", "seconds": 30}})
        assert made["value"].startswith("ek_") and made["session"]["instructions"] == "only this"
        assert made["session"]["object"] == "realtime.session" and made["session"]["id"].startswith("sess_")
        for _ in range(2):
            async with Client(server.url, **bearer(made["value"])) as client:
                assert client.events[0]["session"]["instructions"] == "only this"
                assert client.events[0]["session"]["id"] != made["session"]["id"]
        assert (await mint(server, {}, made["value"]))[0] == 401, "a secret makes no other"


@pytest.mark.row("1 bad key", "5 key")
async def test_a_client_secret_expires(keys_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(keys_file=keys_file) as server:
        _, made = await mint(server, {"expires_after": {"seconds": 10}})
        import s2s.modes.realtime_app as app

        now = app.time.time()
        monkeypatch.setattr(app.time, "time", lambda: now + 11)
        error = await turned_away(server.url, **bearer(made["value"]))
        assert error["code"] == "invalid_api_key" and "expired" in error["message"]


@pytest.mark.row("1 client secrets")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 5}}, "invalid_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "invalid_value", "expires_after.seconds"),
        ({"session": {"type": "realtime", "nonsense": 1}}, "unknown_parameter", "session.nonsense"),
        ({"session": {"type": "other"}}, "invalid_session_type", "session.type"),
        ({"session": 7}, "invalid_type", "session"),
        ({"more": 1}, "unknown_parameter", "more"),
    ],
)
async def test_what_a_secret_cant_be_made_of(body: dict[str, Any], code: str, param: str) -> None:
    async with serving() as server:
        status, told = await mint(server, body)
        assert (status, told["error"]["code"], told["error"]["param"]) == (400, code, param)


async def test_a_body_that_is_no_json_is_said_to_be() -> None:
    async with serving() as server:
        for body, code in ((b"{", "invalid_json"), (b"[]", "invalid_type"), (b"[" * 100_000, "invalid_json")):
            status, told = await mint(server, body)
            assert (status, told["error"]["code"]) == (400, code)
        status, told = await mint(server, b" " * 1_000_000)
        assert (status, told["error"]["code"]) == (413, "request_too_large")


async def test_an_address_that_is_a_websockets_says_so() -> None:
    async with serving() as server:
        status, told = await ask(f"{server.http}/v1/realtime?model=x")
        assert (status, told["error"]["code"]) == (426, "upgrade_required")
        assert (await ask(f"{server.http}/v1/models/Qwen/Qwen3-4B"))[1]["id"] == "Qwen/Qwen3-4B"


@pytest.mark.row("1 calls", "1 sideband")
async def test_there_is_no_webrtc() -> None:
    async with serving() as server:
        status, told = await ask(f"{server.http}/v1/realtime/calls", b"v=0")
        assert (status, told["error"]["code"]) == (501, "webrtc_not_supported")
        error = await turned_away(f"{server.http.replace('http', 'ws')}/v1/realtime?call_id=rtc_1")
        assert "rtc_1" in error["message"]


async def test_models_voices_and_usage() -> None:
    async with serving(voice="amy") as server:
        assert (await ask(f"{server.http}/v1/models/gpt-realtime"))[1]["id"] == "gpt-realtime"
        assert [voice["id"] for voice in (await ask(f"{server.http}/v1/audio/voices"))[1]["data"]] == ["amy"]
        async with Client(server.url) as client:
            await client.turn()
            await client.until("response.done")
            await client.refused("response.cancel")
            await client.send("nonsense")
            await client.until("error", 2)
        await server.alone()
        _, usage = await ask(f"{server.http}/v1/usage")
        assert (usage["sessions"], usage["turns"], usage["errors"]) == (1, 1, 2)
        assert usage["responses"] == {"completed": 1, "cancelled": 0, "incomplete": 0, "failed": 0}
        assert usage["tokens"]["output_tokens"] == 10
        assert usage["audio"] == {"input_seconds": 0.6, "output_seconds": 1.0}


@pytest.mark.row("1 tls")
async def test_it_speaks_tls_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.tls.user_cache_path", lambda name: tmp_path)
    async with serving(tls="self-signed") as server:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "tls" / "127.0.0.1" / "cert.pem"))
        url = server.url.replace("ws://", "wss://")
        async with Client(url, ssl=trusted) as client:
            await client.turn()
            assert (await client.until("response.done"))["response"]["status"] == "completed"
            with pytest.raises(ssl.SSLCertVerificationError):
                await websockets.connect(url)
        assert (tmp_path / "tls" / "127.0.0.1" / "key.pem").stat().st_mode & 0o77 == 0, "nobody else reads the key"


@pytest.mark.row("1 keep-alive")
async def test_both_sides_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s2s.modes.http.PING_S", 0.1)
    async with serving() as server, Client(server.url, ping_interval=None) as client:
        await asyncio.wait_for(await client.socket.ping(), 2)
        raw = await Raw.connect(server.http)
        await raw.write(raw.upgrade())
        await raw.reader.readuntil(b"session.created")
        await asyncio.wait_for(raw.reader.readuntil(b"\x89"), 2)  # a ping of the server's
        await asyncio.wait_for(raw.reader.read(), 2)  # who does not answer is gone
        await raw.close()
        assert (await client.configure())["object"] == "realtime.session"
