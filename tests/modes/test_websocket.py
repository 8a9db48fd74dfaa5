"""Plain sound over a WebSocket, frame by frame, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from typing import Any

import pytest
import websockets

from s2s.line.party import Party
from s2s.mistakes import ConfigError
from s2s.modes.websocket import WebSocket
from s2s.testing.stages import ScriptedLlm
from tests.modes.lines import HZ, LEVEL, Recorder, Served, endless, serving, short, sound, turn, until
from tests.modes.test_http import get_text

pytestmark = pytest.mark.anyio

ANSWER = LEVEL.to_bytes(2, "little") * (HZ * 3 // 10)
FRAME = 3200
"""Bytes of 100 ms."""


def mode(**options: Any) -> WebSocket:
    return WebSocket(port=0, **options)


class Client:
    """A client, and the frames that it got."""

    def __init__(self, served: Served, path: str = "/", **options: Any) -> None:
        self._url = f"ws://{served.mode.address}{path}"
        self._options = options
        self.frames: list[bytes] = []
        self.texts: list[dict[str, Any]] = []

    async def __aenter__(self) -> Client:
        self.socket = await websockets.connect(self._url, compression=None, **self._options)
        self.reading = asyncio.create_task(self._read())
        return self

    async def _read(self) -> None:
        async for frame in self.socket:
            if isinstance(frame, bytes):
                self.frames.append(frame)
            else:
                self.texts.append(json.loads(frame))

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await asyncio.gather(self.reading, return_exceptions=True)

    @property
    def heard(self) -> bytes:
        return b"".join(self.frames)

    async def say(self, pcm: bytes, size: int = 640) -> None:
        for at in range(0, len(pcm), size):
            await self.socket.send(pcm[at : at + size])

    async def answered(self, times: int = 1) -> None:
        await until(lambda: len(self.heard) >= times * (len(ANSWER) - 64))


@pytest.mark.parametrize("path", ["/", "/v1/anything", "/a/b?c=d"])
async def test_any_path_is_a_call(path: str) -> None:
    async with serving(mode()) as served, Client(served, path) as client:
        await client.say(turn())
        await client.answered()


@pytest.mark.parametrize("size", [1, 3, 1023, 1024, 1500, 100_000])
async def test_frames_of_any_size_are_heard_to_the_last_byte(size: int) -> None:
    said = turn(250)
    async with serving(mode(), short(vad=Recorder())) as served, Client(served) as client:
        await client.say(said, size)
        await client.answered()
        assert next(iter(served.heard.values()))[: len(said)] == said


async def test_answers_come_in_frames_of_100_ms_but_for_the_last() -> None:
    stages = short(llm=ScriptedLlm(words="a b c d e f g h.", seconds=0.001))
    async with serving(mode(lead_s=None), stages) as served, Client(served) as client:
        await client.say(turn())
        await until(lambda: len(client.heard) >= len(sound(800)) - 64)
        assert [len(frame) for frame in client.frames[:-1]] == [FRAME] * (len(client.frames) - 1)
        assert len(client.frames) >= 8 and not client.texts


async def test_without_a_lead_there_is_no_limit_to_the_speed() -> None:
    words = " ".join("abcdefghijklmnopqrstuvwxyz") + "."
    stages = short(llm=ScriptedLlm(words=words, first_seconds=0.001, seconds=0.0))
    async with serving(mode(lead_s=None), stages) as served, Client(served) as client:
        await client.say(turn())
        await until(lambda: client.frames)
        began = asyncio.get_running_loop().time()
        await until(lambda: len(client.heard) >= len(sound(2600)) - 64)
        assert asyncio.get_running_loop().time() - began < 1.0, "2.6 s of sound"


async def test_text_frames_say_nothing_and_end_nothing() -> None:
    async with serving(mode()) as served, Client(served) as client:
        for text in ("hello", '{"type": "session.update"}', "[", ""):
            await client.socket.send(text)
        await client.socket.send(b"")
        await client.say(turn())
        await client.answered()


async def test_a_whole_file_in_one_frame_is_heard_at_the_pace_of_its_samples() -> None:
    said = b"".join(turn(300) + bytes(len(sound(1000))) for _ in range(2))
    async with serving(mode()) as served, Client(served) as client:
        began = asyncio.get_running_loop().time()
        await client.socket.send(said)
        await client.answered(2)
        assert asyncio.get_running_loop().time() - began > 1.0, "the second turn was not spoken yet"


async def test_the_last_turn_of_a_file_needs_no_silence_after_it() -> None:
    async with serving(mode()) as served, Client(served) as client:
        await client.socket.send(sound(1500))
        await client.answered()


async def test_frames_of_16_mib_are_taken_and_larger_ones_close_the_socket() -> None:
    async with serving(mode(), short(vad=Recorder())) as served, Client(served) as client:
        await client.socket.send(bytes(16 * 1024 * 1024 - 16))
        await until(lambda: served.heard)
        assert client.socket.state.name == "OPEN"
    async with serving(mode()) as served, Client(served) as client:
        with contextlib.suppress(websockets.ConnectionClosed):
            await client.socket.send(bytes(16 * 1024 * 1024 + 16))
        await asyncio.wait_for(client.socket.wait_closed(), 5)
        assert client.socket.close_code == 1009


async def test_shared_clients_are_one_call_of_which_all_hear_all() -> None:
    async with serving(mode()) as served, Client(served) as one, Client(served) as two:
        await until(lambda: len(served.engine.calls) == 1)
        await one.say(turn())
        await one.answered()
        await two.answered()
        await two.say(turn())
        await one.answered(2)
        assert len(served.engine.calls) == 1


async def test_the_call_ends_with_the_last_of_them() -> None:
    async with serving(mode()) as served:
        async with Client(served):
            async with Client(served):
                await until(lambda: served.engine.calls)
            (call,) = served.engine.calls.values()
            assert not call.closed
        await until(lambda: not served.engine.calls)
        async with Client(served) as client:
            await client.say(turn())
            await client.answered()


async def test_who_comes_while_the_last_one_goes_gets_a_call_of_their_own() -> None:
    async with serving(mode()) as served:
        party = Party(served.engine, served.mode.settings(), served.mode.terms(100), events=False)
        leaving = asyncio.create_task(party.leave(party.enter()))
        await asyncio.sleep(0)
        assert not party.open
        assert await leaving and not served.engine.calls


async def test_separate_clients_have_calls_of_their_own() -> None:
    async with serving(mode(clients="separate")) as served, Client(served) as one, Client(served) as two:
        await until(lambda: len(served.engine.calls) == 2)
        await one.say(turn())
        await one.answered()
        assert not two.frames


@pytest.mark.parametrize("state", ["connected", "speaking", "thinking", "playing"])
async def test_a_client_may_vanish_at_any_time_and_the_next_one_is_answered(state: str) -> None:
    stages = endless() if state == "playing" else short(llm=ScriptedLlm(words="yes it is.", first_seconds=0.3))
    async with serving(mode(), stages) as served:
        async with Client(served) as client:
            await until(lambda: served.engine.calls)
            if state != "connected":
                await client.say(sound(320) if state == "speaking" else turn())
            if state == "playing":
                await until(lambda: client.frames)
            client.socket.transport.abort()
        await until(lambda: not served.engine.calls)
        async with Client(served) as client:
            await client.say(turn())
            await client.answered()


async def test_who_speaks_into_an_answer_stops_it_and_is_answered() -> None:
    async with serving(mode(lead_s=0.2), endless()) as served, Client(served) as client:
        await client.say(turn())
        await until(lambda: len(client.frames) > 4)
        (call,) = served.engine.calls.values()
        await client.say(sound(320))
        await until(lambda: any(item.heard_ms is not None for item in call.state.items))
        await client.say(bytes(len(sound(320))))
        await until(lambda: len([item for item in call.state.items if item.role == "user"]) == 2)


async def test_events_are_told_where_they_are_asked_for() -> None:
    async with serving(mode(events=True)) as served, Client(served) as client:
        await client.say(turn())
        await until(lambda: any(event["type"] == "token_usage" for event in client.texts))
        kinds = [event["type"] for event in client.texts]
        assert kinds[0] == "speech_started" and kinds[-2:] == ["response_done", "token_usage"]
        said = "".join(event["text"] for event in client.texts if event["type"] == "assistant_text")
        (heard,) = [event for event in client.texts if event["type"] == "transcription_completed"]
        assert said == "yes it is." and heard["transcript"] == "hello"


async def test_a_client_that_does_not_read_holds_up_neither_the_others_nor_the_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(mode(), endless()) as served, Client(served) as reads:
        idle = await websockets.connect(f"ws://{served.mode.address}/", compression=None, max_queue=1)
        with caplog.at_level(logging.WARNING, "s2s"):
            await reads.say(turn())
            await until(lambda: len(reads.frames) > 15, 10)
        idle.transport.abort()


async def test_keys_and_origins_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_API_KEYS", "secret")
    async with serving(mode()) as served:
        async with Client(served) as client:
            await asyncio.wait_for(client.socket.wait_closed(), 5)
            assert client.socket.close_code == 1008 and "API key" in client.socket.close_reason
        async with Client(served, additional_headers={"Authorization": "Bearer secret"}) as client:
            await client.say(turn())
            await client.answered()
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with Client(served, additional_headers={"Origin": "https://elsewhere.example"}):
                pass


async def test_no_session_left_is_said_and_the_socket_closed() -> None:
    async with serving(mode(clients="separate"), sessions=1) as served, Client(served), Client(served) as second:
        await asyncio.wait_for(second.socket.wait_closed(), 5)
        assert (second.socket.close_code, second.socket.close_reason) == (1008, "all 1 sessions are in use")


async def test_a_plain_request_is_told_what_stands_here() -> None:
    async with serving(mode()) as served:
        status, text = await get_text(f"http://{served.mode.address}/anything")
        assert status == 426 and "WebSocket" in text


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"mode.websocket.port: {port} is in use on 127.0.0.1; choose another"):
            WebSocket(port=port).bind("mode.websocket")
