"""Every error of the contract over a real socket, and whatever else a client may send: the session goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any

import pytest

from tests.modes.served import Client, serving, slow
from tests.protocol.raw import Raw

pytestmark = pytest.mark.anyio


@pytest.mark.row(
    "5 invalid_json", "5 unknown event", "5 missing_required_parameter", "5 invalid_type", "5 invalid_value",
    "5 unknown_parameter", "2 event_id", "2 output_audio_buffer.clear",
)  # fmt: skip
@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({"type": "no.such"}, "invalid_value", "type"),
        ({"type": 7}, "invalid_value", "type"),
        ({}, "missing_required_parameter", "type"),
        ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": {"type": "other"}}, "invalid_session_type", "session.type"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "session.update", "session": {"type": "realtime", "audio": None}}, "invalid_type", "session.audio"),
        (
            {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"nonsense": 1}}}},
            "unknown_parameter",
            "session.audio.input.nonsense",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "temperature": 0.8}},
            "unknown_parameter",
            "session.temperature",
        ),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "%%%"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA", "more": 1}, "unknown_parameter", "more"),
        ({"type": "conversation.item.create", "item": {"type": "message"}}, "missing_required_parameter", "item.role"),
        ({"type": "conversation.item.create", "item": {"type": "mcp_call"}}, "invalid_value", "item.type"),
        ({"type": "conversation.item.truncate", "item_id": "x"}, "missing_required_parameter", "content_index"),
        (
            {"type": "response.create", "response": {"max_output_tokens": 0}},
            "invalid_value",
            "response.max_output_tokens",
        ),
        ({"type": "response.create", "response": {"metadata": {"n": 1}}}, "invalid_type", "response.metadata"),
        (
            {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "gone"}]}},
            "invalid_value",
            "response.input[0].id",
        ),
    ],
)
async def test_a_mistake_is_told_by_code_and_parameter(event: dict[str, Any], code: str, param: str) -> None:
    async with serving() as server, Client(server.url) as client:
        await client.socket.send(json.dumps({**event, "event_id": "mine"}))
        error = (await client.until("error"))["error"]
        assert (error["type"], error["event_id"]) == ("invalid_request_error", "mine")
        assert error["code"] == code and error["param"].startswith(param), error
        await client.turn()
        assert (await client.until("response.done"))["response"]["status"] == "completed"


@pytest.mark.row("1 binary frame", "5 invalid_event")
async def test_a_binary_frame_is_refused() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.socket.send(b"\x00\x01")
        error = (await client.until("error"))["error"]
        assert error["code"] == "invalid_event" and "binary frames are not supported" in error["message"]
        assert (await client.configure())["object"] == "realtime.session"


WRONG = [
    "", " ", "null", "true", "7", '"text"', "[]", "{", "}", "{}}", "\u0000", "NaN", '{"type": NaN}', "[1, 2]",
    '{"type": "session.update"', '{"type": ["session.update"]}', '{"type": {"a": 1}}', '{"type": null}',
    '{"type": "response.cancel", "type": 5}', '{"type": "input_audio_buffer.append", "audio": null}',
    '{"type": "input_audio_buffer.append", "audio": "A"}', '{"type": "input_audio_buffer.append", "audio": "A==="}',
    '{"type": "input_audio_buffer.append", "audio": ["AAAA"]}', '{"event_id": {"a": []}, "type": "response.cancel"}',
    '{"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": "text"}}',
    '{"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [[]]}}',
    '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 1e99, "audio_end_ms": -1}',
    '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 99999999999999999999}',
    '{"type": "response.create", "response": {"tools": [{"type": "function"}]}}',
    '{"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": {"type": 5}}}}}',
    '{"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"format": {"type": "mp3"}}}}}',
    '{"type": "session.update", "session": {"type": {"a": 1}}}', '{"type": "session.update", "session": {"type": []}}',
    "😀", '{"type": "😀"}', '{"type": "\\ud83d"}', '{"type": "\\ud83d\\ude00", "event_id": "\\ude00"}',
    '{"\\ud83d": 1}',
]  # fmt: skip


@pytest.mark.row("8 malformed")
async def test_no_malformed_text_ends_the_session() -> None:
    async with serving() as server, Client(server.url) as client:
        for number, text in enumerate(WRONG, 1):
            await client.socket.send(text)
            error = (await client.until("error", number))["error"]
            assert error["type"] == "invalid_request_error" and error["code"], text
        assert (await client.configure())["object"] == "realtime.session"


@pytest.mark.row("8 malformed")
async def test_what_is_no_utf8_does_not_end_the_session() -> None:
    async with serving() as server:
        raw = await Raw.connect(server.http)
        await raw.write(raw.upgrade())
        await raw.reader.readuntil(b"session.created")
        await raw.frame(b'{"type": "\xff\xfe"}')
        await asyncio.wait_for(raw.reader.readuntil(b"unknown_or_invalid_event"), 5)
        await raw.text({"type": "input_audio_buffer.clear"})
        await asyncio.wait_for(raw.reader.readuntil(b"input_audio_buffer.cleared"), 5)
        await raw.close()


@pytest.mark.row("8 malformed")
async def test_sound_of_odd_lengths_is_joined() -> None:
    async with serving() as server, Client(server.url) as client:
        sound = b"\xd0\x07" * 12000
        noise = random.Random(1)
        while sound:
            size = noise.choice((1, 3, 333, 961))
            await client.send("input_audio_buffer.append", audio=base64.b64encode(sound[:size]).decode())
            sound = sound[size:]
        await client.sound(200, loud=False)
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        assert client.all("input_audio_buffer.speech_stopped")[0]["audio_end_ms"] in range(590, 720)


@pytest.mark.row("8 deep")
@pytest.mark.parametrize("text", ["[" * 100_000, '{"type":' * 100_000, '{"type": "session.update", "session": ' * 5000])
async def test_deep_nesting_is_refused(text: str) -> None:
    async with serving() as server, Client(server.url) as client:
        await client.socket.send(text)
        assert (await client.until("error"))["error"]["code"] == "invalid_json"
        nested: Any = {}
        for _ in range(200):
            nested = {"properties": nested}
        tool = {"type": "function", "name": "f", "parameters": nested}
        assert (await client.configure(tools=[tool]))["tools"] == [tool], "what is sound may be deep"


@pytest.mark.row("8 huge", "1 frames in")
async def test_huge_frames_are_taken_up_to_the_limit() -> None:
    async with serving() as server, Client(server.url) as client:
        await client.listen()
        audio = base64.b64encode(bytes(15 * 1024 * 1024)).decode()
        await client.send("input_audio_buffer.append", audio=audio)
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")
        await client.configure(instructions="x" * 2_000_00)
        text = "x" * 1_000_000
        message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        for number, event in enumerate(
            (
                {"type": text},
                {text: 1, "type": "response.cancel"},
                {"type": "response.cancel", "event_id": text},
                {"type": "session.update", "session": {"type": "realtime", "instructions": text}},
                {"type": "conversation.item.create", "item": message},
                {"type": "conversation.item.create", "item": {"id": text, **message}},
                {"type": "conversation.item.delete", "item_id": text},
            ),
            1,
        ):
            await client.socket.send(json.dumps(event))
            error = await client.until("error", number)
            assert len(json.dumps(error)) < 5000, "what was wrong is not sent back whole"


@pytest.mark.row("1 frames out")
async def test_no_frame_for_a_client_is_above_a_megabyte() -> None:
    async with serving(keep_audio_s=15) as server, Client(server.url) as client:  # which closes above 1 MiB
        await client.listen()
        await client.sound(14_800)
        await client.send("input_audio_buffer.commit")
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        kept = await client.ask("conversation.item.retrieve", "conversation.item.retrieved", item_id=item_id)
        assert len(kept["item"]["content"][0]["audio"]) > 900_000


@pytest.mark.row("5 item ids")
async def test_items_that_are_not_there() -> None:
    async with serving() as server, Client(server.url) as client:
        for kind, fields, code in (
            ("conversation.item.delete", {"item_id": ""}, "item_delete_invalid_item_id"),
            ("conversation.item.retrieve", {"item_id": "x" * 1000}, "item_retrieve_invalid_item_id"),
            (
                "conversation.item.truncate",
                {"item_id": "x", "content_index": 0, "audio_end_ms": 0},
                "item_truncate_invalid_item_id",
            ),
            ("response.cancel", {"response_id": "x"}, "response_cancel_not_active"),
        ):
            assert (await client.refused(kind, **fields))["code"] == code


@pytest.mark.row("8 floods")
async def test_a_flood_of_requests_is_answered_one_by_one_and_others_are_served() -> None:
    async with serving(slow()) as server, Client(server.url) as one, Client(server.url) as other:
        count = 3000

        async def flood() -> None:
            for number in range(count):
                await one.send("response.cancel" if number % 2 else "input_audio_buffer.clear", event_id=f"e{number}")

        flooding = asyncio.create_task(flood())
        for _ in range(5):
            assert (await other.configure())["object"] == "realtime.session"
        await flooding
        await one.until("error", count // 2)
        assert [event["error"]["event_id"] for event in one.all("error")] == [f"e{n}" for n in range(1, count, 2)]
        assert len(one.all("input_audio_buffer.cleared")) == count // 2


@pytest.mark.row("8 slow handshake")
async def test_a_handshake_that_comes_byte_by_byte_is_completed_and_holds_up_nobody() -> None:
    async with serving() as server:
        raw = await Raw.connect(server.http)
        request = raw.upgrade()
        for at in range(0, len(request) - 10, 10):
            await raw.write(request[at : at + 10])
        async with Client(server.url) as client:
            assert client.types() == ["session.created"]
        await raw.write(request[len(request) - len(request) % 10 - (10 if len(request) % 10 == 0 else 0) :])
        head = await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 5)
        assert b" 101 " in head.splitlines()[0]
        await raw.close()
        await server.alone()


@pytest.mark.row("8 half-closed")
@pytest.mark.parametrize("when", ["handshake", "idle", "answering"])
async def test_half_closed_sockets_leave_nothing_behind(when: str) -> None:
    async with serving(slow()) as server:
        raw = await Raw.connect(server.http)
        if when == "handshake":
            await raw.write(raw.upgrade()[:40])
        else:
            await raw.write(raw.upgrade())
            await raw.reader.readuntil(b"session.created")
        if when == "answering":
            await raw.text({"type": "response.create"})
            await raw.reader.readuntil(b"output_audio.delta")
        raw.writer.write_eof()
        await asyncio.wait_for(raw.reader.read(), 5)  # to the end: the server closes its side
        await raw.close()
        await server.alone()
