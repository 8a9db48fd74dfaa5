"""The client of the Realtime protocol against our server: its flags, its captions, its sound, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from s2s.clients.listen_and_play_realtime import converse, main, parser
from tests.clients.ports import ports
from tests.clients.sounds import Watched, read_wav, write_wav
from tests.modes.served import LOUD, Client, Server, serving

pytestmark = pytest.mark.anyio

SAID = LOUD * 6400


def words(server: Server, folder: Path, *more: str) -> list[str]:
    """Return a command line with files for devices."""
    port = server.http.rpartition(":")[2]
    files = ["--input-wav", write_wav(folder / "in.wav", SAID), "--output-wav", str(folder / "out.wav")]
    return ["--host", "127.0.0.1", "--port", port, *files, *more]


def test_its_flags_are_the_known_ones_in_both_spellings() -> None:
    plain = parser().parse_args([])
    assert (plain.host, plain.port, plain.model, plain.voice) == ("localhost", 8765, "s2s", None)
    assert (plain.send_rate, plain.recv_rate, plain.chunk_size) == (16000, 16000, 1024)
    assert not plain.print_json and not plain.block_mic_during_playback
    flags = {
        **{"host": "h", "port": 1, "model": "m", "voice": "v", "send_rate": 3, "recv_rate": 4, "chunk_size": 5},
        **{"instructions": "be", "api_key": "k", "input_device": "2", "output_device": "out"},
        **{"input_wav": "i", "output_wav": "o", "tail": 0.5},
    }
    for name, value in flags.items():
        for spelling in (name, name.replace("_", "-")):
            assert getattr(parser().parse_args([f"--{spelling}", str(value)]), name) == value
    for name in ("print_json", "block_mic_during_playback", "tls"):
        for spelling in (name, name.replace("_", "-")):
            assert getattr(parser().parse_args([f"--{spelling}"]), name) is True


@pytest.mark.parametrize("rate", [16000, 24000, 44100])
async def test_a_spoken_turn_is_captioned_and_its_answer_saved(
    rate: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Watched()
    monkeypatch.setattr(sys, "stdout", out)
    async with serving() as server:
        line = words(server, tmp_path, "--tail", "60", "--send-rate", str(rate), "--recv-rate", str(rate))
        client = asyncio.create_task(converse(parser().parse_args(line)))
        await out.until("agent: ")
        client.cancel()
        await asyncio.gather(client, return_exceptions=True)
        await server.alone()
    assert out.getvalue() == "you:   hello\nagent: well, this is an answer. and it has two sentences.\n"
    sound, saved_at = read_wav(tmp_path / "out.wav")
    assert saved_at == rate
    assert abs(len(sound) / 2 / rate - 1.0) < 0.1, "the last piece may have been on its way"


async def test_every_event_can_be_printed_and_the_session_is_what_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, captions = Watched(), Watched()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", captions)
    async with serving() as server:
        line = words(
            server, tmp_path, "--tail", "60", "--print-json", "--voice", "marin", "--instructions", "Be brief."
        )
        client = asyncio.create_task(converse(parser().parse_args(line)))
        await out.until('"type":"response.done"')
        client.cancel()
        await asyncio.gather(client, return_exceptions=True)
    events = [json.loads(text) for text in out.getvalue().splitlines()]
    assert [event["type"] for event in events[:2]] == ["session.created", "session.updated"]
    asked = events[1]["session"]
    assert (asked["instructions"], asked["audio"]["output"]["voice"]) == ("Be brief.", "marin")
    assert "response.output_audio.delta" in {event["type"] for event in events}
    assert captions.getvalue().startswith("you:   hello\nagent: well, ")


async def test_it_ends_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as server:
        assert await asyncio.to_thread(main, words(server, tmp_path, "--tail", "0")) == 0
        await server.alone()
    assert capsys.readouterr().err == ""


async def test_a_key_is_shown_where_the_server_wants_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S2S_API_KEYS", "sk-right")
    async with serving() as server:
        right = words(server, tmp_path, "--tail", "0", "--api-key", "sk-right")
        assert await asyncio.to_thread(main, right) == 0
        assert await asyncio.to_thread(main, words(server, tmp_path)) == 1
    told = capsys.readouterr().err
    assert told.startswith("the server says: ") and len(told.splitlines()) == 1


async def test_a_server_that_is_full_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(sessions=1) as server, Client(server.url):
        assert await asyncio.to_thread(main, words(server, tmp_path)) == 1
    told = capsys.readouterr().err
    assert told.startswith("the server says: ") and len(told.splitlines()) == 1


async def test_a_lost_connection_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Watched()
    monkeypatch.setattr(sys, "stdout", out)
    async with serving() as server:
        line = words(server, tmp_path, "--tail", "60", "--print-json")
        client = asyncio.create_task(asyncio.to_thread(main, line))
        await out.until("session.created")
    assert await client == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("the connection is lost: the server closed it (1")


async def test_a_server_that_is_not_there_is_told_with_remedies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_wav(tmp_path / "in.wav", b"")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        assert await asyncio.to_thread(main, ["--host", "127.0.0.1", "--port", port, "--input-wav", path]) == 1
    assert capsys.readouterr().err == (
        f"no server at 127.0.0.1:{port} (Connection refused): start one by 's2s-run', "
        "or name it by --host and --port, with --tls where it speaks TLS\n"
    )


async def test_a_server_of_another_kind_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_wav(tmp_path / "in.wav", b"")
    async with ports() as (other, _):
        line = ["--host", "127.0.0.1", "--port", str(other.number), "--input-wav", path]
        client = asyncio.create_task(asyncio.to_thread(main, line))
        (await other.writer()).write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await other.close()
        assert await client == 1
    assert f"127.0.0.1:{other.number} answers HTTP 404, unlike a server of" in capsys.readouterr().err
