"""`listen_and_play --url`: the client of `mode=websocket`, against the mode itself and against servers that go away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import websockets

from s2s.clients.listen_and_play import main
from s2s.modes.websocket import WebSocket
from tests.clients.sounds import read_wav, write_wav
from tests.modes.lines import HZ, LEVEL, serving, turn

pytestmark = pytest.mark.anyio


def words(url: str, folder: Path, *more: str) -> list[str]:
    return ["--url", url, "--input-wav", str(folder / "in.wav"), "--output-wav", str(folder / "out.wav"), *more]


async def test_what_is_said_is_answered_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_API_KEYS", "secret")
    write_wav(tmp_path / "in.wav", turn())
    async with serving(WebSocket(port=0)) as served:
        line = words(f"ws://{served.mode.address}/", tmp_path, "--tail", "0.8", "--api-key", "secret")
        assert await asyncio.to_thread(main, line) == 0
    heard, _ = read_wav(tmp_path / "out.wav")
    assert len(heard) == pytest.approx(2 * HZ * 0.3, abs=64)
    assert heard[400:-400] == LEVEL.to_bytes(2, "little") * (len(heard[400:-400]) // 2)


async def test_a_server_that_refuses_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S2S_API_KEYS", "secret")
    write_wav(tmp_path / "in.wav", turn())
    async with serving(WebSocket(port=0)) as served:
        assert await asyncio.to_thread(main, words(f"ws://{served.mode.address}/", tmp_path)) == 1
    assert "the server closed the connection: You didn't provide an API key." in capsys.readouterr().err


async def test_a_server_that_ends_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "in.wav", turn())

    async def leave(socket: websockets.ServerConnection) -> None:
        await socket.send("some text, which is passed over")
        await socket.recv()

    async with websockets.serve(leave, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        assert await asyncio.to_thread(main, words(f"ws://127.0.0.1:{port}/", tmp_path)) == 1
    assert "the server closed the connection" in capsys.readouterr().err


def test_no_server_is_told_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "in.wav", turn())
    assert main(words("ws://127.0.0.1:9/", tmp_path)) == 1
    told = capsys.readouterr().err
    assert "no server at ws://127.0.0.1:9/" in told and "s2s-run mode=websocket" in told and len(told.splitlines()) == 1
