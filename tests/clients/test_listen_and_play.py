"""The client of `mode=socket`: what it sends, what it plays, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from s2s.clients.listen_and_play import main, parser
from s2s.paths import PACKAGE
from tests.clients.ports import Port, ports
from tests.clients.sounds import noise, read_wav, write_wav

pytestmark = pytest.mark.anyio


def words(receives: Port, sends: Port, folder: Path, *more: str) -> list[str]:
    """Return a command line with files for devices."""
    at = ["--host", "127.0.0.1", "--send_port", str(receives.number), "--recv_port", str(sends.number)]
    return [*at, "--input-wav", str(folder / "in.wav"), "--output-wav", str(folder / "out.wav"), *more]


def test_its_flags_are_the_known_ones_in_both_spellings() -> None:
    plain = parser().parse_args([])
    assert (plain.host, plain.send_port, plain.recv_port) == ("localhost", 12345, 12346)
    assert (plain.send_rate, plain.recv_rate, plain.list_play_chunk_size) == (16000, 16000, 1024)
    flags = {
        **{"host": "h", "send_port": 1, "recv_port": 2, "send_rate": 3, "recv_rate": 4, "list_play_chunk_size": 6},
        **{"input_wav": "i", "output_wav": "o", "tail": 0.5, "input_device": "m", "output_device": "7"},
    }
    for name, value in flags.items():
        for spelling in (name, name.replace("_", "-")):
            assert getattr(parser().parse_args([f"--{spelling}", str(value)]), name) == value


def test_half_a_sample_is_no_chunk(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--list_play_chunk_size", "1023"])
    assert "a sample has 2 bytes: 1022 or 1024, not 1023" in capsys.readouterr().err


@pytest.mark.parametrize("size", [1024, 998])
async def test_sound_arrives_whole_at_its_pace_and_then_silence(size: int, tmp_path: Path) -> None:
    sound = noise(3200)
    write_wav(tmp_path / "in.wav", sound)
    async with ports() as (receives, sends):
        began = time.monotonic()
        line = words(receives, sends, tmp_path, "--tail", "0.1", "--list-play-chunk-size", str(size))
        client = asyncio.create_task(asyncio.to_thread(main, line))
        reader, heard, late_s = await receives.reader(), b"", []
        while frame := await reader.read(size):
            late_s.append(time.monotonic() - began - len(heard) / 2 / 16000)
            heard += frame
        assert await client == 0
    assert heard[: len(sound)] == sound
    assert not any(heard[len(sound) :])
    assert len(heard) % size == 0 and 0 <= len(heard) - 2 * 4800 < size
    assert len(late_s) >= 2 and min(late_s) >= 0, "no sample comes before its time"


async def test_a_file_of_another_rate_is_sent_at_the_rate_asked_for(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", noise(9600), 48000)
    async with ports() as (receives, sends):
        line = words(receives, sends, tmp_path, "--tail", "0", "--send_rate", "8000", "--list_play_chunk_size", "160")
        client = asyncio.create_task(asyncio.to_thread(main, line))
        assert len(await (await receives.reader()).read(-1)) == 2 * 1600
        assert await client == 0


@pytest.mark.parametrize("pieces", [(1024,), (1, 333, 1023, 2, 4097)])
async def test_all_that_came_is_kept_when_the_server_goes(
    pieces: tuple[int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wav(tmp_path / "in.wav", b"")
    said = noise(8000)
    async with ports() as (receives, sends):
        client = asyncio.create_task(asyncio.to_thread(main, words(receives, sends, tmp_path, "--tail", "60")))
        writer = await sends.writer()
        left, number = said, 0
        while left:
            piece = pieces[number % len(pieces)]
            writer.write(left[:piece])
            await writer.drain()
            left, number = left[piece:], number + 1
        await sends.close()
        assert await client == 1
    assert read_wav(tmp_path / "out.wav") == (said, 16000)
    told = "the server closed the connection: it has ended, or it talks to somebody else already\n"
    assert capsys.readouterr().err == told


async def test_a_server_that_hears_no_more_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "in.wav", b"")
    async with ports() as (receives, sends):
        client = asyncio.create_task(asyncio.to_thread(main, words(receives, sends, tmp_path, "--tail", "60")))
        await (await receives.reader()).readexactly(1024)
        await receives.close()
        assert await client == 1
    assert capsys.readouterr().err.startswith("the server closed the connection")


def test_a_server_that_is_not_there_is_told_with_remedies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wav(tmp_path / "in.wav", b"")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        line = ["--host", "127.0.0.1", "--send-port", str(port), "--input-wav", str(tmp_path / "in.wav")]
        assert main(line) == 1
    assert capsys.readouterr().err == (
        f"no server at 127.0.0.1:{port} (Connection refused): start one by 's2s-run mode=socket', "
        "or name it by --host and --send_port\n"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="an interrupt can't be sent to one process there")
async def test_an_interrupt_ends_it_cleanly(tmp_path: Path) -> None:
    write_wav(tmp_path / "in.wav", b"")
    script = str(PACKAGE.parent / "clients" / "listen_and_play.py")
    async with ports() as (receives, sends):
        line = words(receives, sends, tmp_path, "--tail", "60")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, script, *line, stdout=pipe, stderr=pipe)
        (await sends.writer()).write(noise(500))
        await (await receives.reader()).readexactly(4096)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.communicate(), 10) == (b"", b"")
    assert process.returncode == 0
    assert read_wav(tmp_path / "out.wav") == (noise(500), 16000)
