"""Plain sound over two TCP ports, byte for byte, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any

import pytest

from s2s.line.pair import KEEP_ALIVE, keep_alive
from s2s.mistakes import ConfigError
from s2s.modes.socket import Socket
from s2s.testing.stages import ScriptedLlm
from tests.modes.lines import HZ, LEVEL, Recorder, Served, endless, serving, short, sound, turn, until

pytestmark = pytest.mark.anyio

ANSWER = LEVEL.to_bytes(2, "little") * (HZ * 3 // 10)


def mode(**options: Any) -> Socket:
    return Socket(recv_port=0, send_port=0, **options)


class Telephone:
    """A client: `said` goes to one port, `heard` comes from the other."""

    def __init__(self, served: Served) -> None:
        self._ports = served.mode._receiving.port, served.mode._sending.port
        self.heard = bytearray()
        self.ended = False

    async def __aenter__(self) -> Telephone:
        await self.listen()
        await self.speak()
        return self

    async def speak(self) -> None:
        _, self.writer = await asyncio.open_connection("127.0.0.1", self._ports[0])

    async def listen(self) -> None:
        reader, self._ear = await asyncio.open_connection("127.0.0.1", self._ports[1])
        self._listening = asyncio.create_task(self._hear(reader))

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                self.heard += data
        self.ended = True

    async def say(self, pcm: bytes, size: int = 640) -> None:
        for at in range(0, len(pcm), size):
            self.writer.write(pcm[at : at + size])
            await self.writer.drain()

    async def hang_up(self) -> None:
        for writer in (self.writer, self._ear):
            writer.transport.abort()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    async def __aexit__(self, *_: object) -> None:
        await self.hang_up()


async def test_the_ports_open_with_the_models() -> None:
    served = mode()
    served.bind("mode.socket")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", served._receiving.port)
    served.open()
    _, writer = await asyncio.open_connection("127.0.0.1", served._receiving.port)
    writer.transport.abort()
    served._receiving.close()
    served._sending.close()


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"mode.socket.recv_port: {port} is in use on 127.0.0.1; choose another"):
            Socket(recv_port=port, send_port=0).bind("mode.socket")
        with pytest.raises(ConfigError, match=r"mode.socket.send_port"):
            Socket(recv_port=0, send_port=port).bind("mode.socket")


@pytest.mark.parametrize("size", [1, 1023])
def test_a_chunk_is_whole_samples(size: int) -> None:
    (mistake,) = mode(chunk_size=size).check("mode.socket", short())
    assert "mode.socket.chunk_size: input should be an even number of bytes" in mistake


@pytest.mark.parametrize("listens_first", [True, False])
async def test_either_connection_may_come_first(listens_first: bool) -> None:
    async with serving(mode()) as served:
        phone = Telephone(served)
        for connect in (phone.listen, phone.speak) if listens_first else (phone.speak, phone.listen):
            await connect()
            await until(lambda: served.engine.calls)
        await phone.say(turn())
        await until(lambda: len(phone.heard) >= len(ANSWER) - 64)
        assert len(served.engine.calls) == 1
        await phone.hang_up()
        await until(lambda: not served.engine.calls)


@pytest.mark.parametrize(("chunk_size", "frame"), [(1024, 1), (1024, 777), (1024, 64_000), (2, 640), (1000, 333)])
async def test_frames_of_any_size_are_heard_as_they_were_said(chunk_size: int, frame: int) -> None:
    said = turn(320)
    said += bytes(-len(said) % chunk_size)
    async with serving(mode(chunk_size=chunk_size), short(vad=Recorder())) as served, Telephone(served) as phone:
        await phone.say(said, frame)
        await until(lambda: served.heard and len(next(iter(served.heard.values()))) >= len(said))
        assert next(iter(served.heard.values()))[: len(said)] == said
        await until(lambda: len(phone.heard) >= len(ANSWER) - 64)


async def test_the_answer_is_bare_samples_and_no_end_is_written_into_them() -> None:
    async with serving(mode()) as served:
        async with Telephone(served) as phone:
            await phone.say(turn())
            await until(lambda: len(phone.heard) >= len(ANSWER) - 64)
            phone._ear.write_eof()
            phone.writer.close()
            await asyncio.wait_for(phone._listening, 10)
        assert len(phone.heard) == pytest.approx(len(ANSWER), abs=64) and len(phone.heard) % 2 == 0
        assert b"END" not in phone.heard


async def test_a_part_of_a_chunk_that_is_left_behind_is_nothing() -> None:
    async with serving(mode(), short(vad=Recorder())) as served, Telephone(served) as phone:
        await phone.say(sound(64) + sound(10))
        phone.writer.close()
        await until(lambda: served.heard and len(next(iter(served.heard.values()))) > len(sound(128)))
        heard = next(iter(served.heard.values()))
        assert heard.rstrip(b"\0") == sound(64).rstrip(b"\0"), "and silence follows, so that the turn ends"


async def test_who_has_said_all_is_still_answered() -> None:
    async with serving(mode()) as served, Telephone(served) as phone:
        await phone.say(sound(480))
        phone.writer.close()
        await until(lambda: len(phone.heard) >= len(ANSWER) - 64)


async def test_a_second_client_is_refused_at_once_and_said_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "s2s"):
        async with serving(mode()) as served, Telephone(served) as phone:
            for port in phone._ports:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(), 2) == b""
                writer.close()
            await phone.say(turn())
            await until(lambda: len(phone.heard) >= len(ANSWER) - 64)
    assert "somebody else is heard here" in caplog.text and "somebody else is spoken to here" in caplog.text


@pytest.mark.parametrize("state", ["connected", "speaking", "thinking", "playing"])
async def test_a_client_may_vanish_at_any_time_and_the_next_one_is_answered(state: str) -> None:
    stages = endless() if state == "playing" else short(llm=ScriptedLlm(words="yes it is.", first_seconds=0.3))
    async with serving(mode(), stages) as served:
        async with Telephone(served) as phone:
            await until(lambda: served.engine.calls)
            if state != "connected":
                await phone.say(sound(320) if state == "speaking" else turn())
            if state == "playing":
                await until(lambda: len(phone.heard) > 1000)
        await until(lambda: not served.engine.calls)
        async with Telephone(served) as phone:
            await phone.say(turn())
            await until(lambda: len(phone.heard) >= len(ANSWER) - 64)


async def test_who_speaks_into_an_answer_stops_it() -> None:
    async with serving(mode(lead_s=0.2), endless()) as served, Telephone(served) as phone:
        await phone.say(turn())
        await until(lambda: len(phone.heard) > len(sound(400)))
        (call,) = served.engine.calls.values()
        await phone.say(sound(320))
        await until(lambda: any(item.heard_ms is not None for item in call.state.items))
        await phone.say(bytes(len(sound(320))))
        await until(lambda: len([item for item in call.state.items if item.role == "user"]) == 2)


async def test_half_duplex_hears_nothing_while_it_speaks() -> None:
    async with serving(mode(duplex="half"), endless(vad=Recorder())) as served, Telephone(served) as phone:
        await phone.say(turn())
        await until(lambda: len(phone.heard) > len(sound(300)))
        heard = len(next(iter(served.heard.values())))
        count = len(phone.heard)
        await phone.say(turn())
        await until(lambda: len(phone.heard) > count + len(sound(600)))
        assert len(next(iter(served.heard.values()))) == heard


async def test_a_client_that_does_not_read_costs_little_and_holds_up_nobody() -> None:
    async with serving(mode(lead_s=None), endless()) as served:
        phone = Telephone(served)
        reader, writer = await asyncio.open_connection("127.0.0.1", phone._ports[1], limit=1024)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await phone.speak()
        await phone.say(turn())
        (call,) = served.engine.calls.values()
        await until(lambda: not call._sink.room, 20)
        assert reader is not None
        writer.transport.abort()
        phone.writer.transport.abort()
        await until(lambda: not served.engine.calls)


async def test_one_session_less_is_a_clear_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "s2s"):
        async with serving(mode(), sessions=0) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.mode._receiving.port)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 2) == b""
            writer.close()
    assert "all 0 sessions are in use" in caplog.text


async def test_a_client_whose_network_is_lost_frees_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(*server.getsockname())
        keep_alive(writer)
        connection = writer.get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEP_ALIVE["TCP_KEEPIDLE"]
        writer.transport.abort()
