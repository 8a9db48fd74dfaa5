"""A conversation by the Realtime protocol, from the caller's side."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from s2s.audio import Resampler
from s2s.clients.captions import Captions
from s2s.clients.microphone import Source
from s2s.clients.speaker import Speaker
from s2s.clients.trouble import Trouble

HZ = 24000
"""Sample rate of the protocol's pcm."""

_HEARD = "conversation.item.input_audio_transcription"
_SAID = ("response.output_audio_transcript", "response.output_text")


class Socket(Protocol):
    """A WebSocket, which raises where the other side has closed."""

    async def send(self, frame: str, /) -> None:
        """Send a text frame."""

    async def recv(self) -> str | bytes:
        """Return the next frame."""


class Conversation:
    """Sends what the source hears, plays and writes what the server says, and falls silent when the caller speaks."""

    def __init__(
        self,
        socket: Socket,
        source: Source,
        speaker: Speaker,
        captions: Captions,
        *,
        tell: Callable[[str], None] | None = None,
        half_duplex: bool = False,
    ) -> None:
        self._socket = socket
        self._source = source
        self._speaker = speaker
        self._captions = captions
        self._tell = tell
        self._half_duplex = half_duplex
        self._contents: dict[str, int] = {}
        self._cut: set[str] = set()

    async def begin(self, session: dict[str, Any]) -> None:
        """Wait until the server has begun, and ask for these fields of a session, if any; raise Trouble if refused."""
        event = await self._next()
        if event["type"] == "error":
            raise Trouble(f"the server says: {event['error'].get('message')}")
        if session:
            await self._send("session.update", session={"type": "realtime", **session})

    async def speak(self) -> None:
        """Send all that the source hears; while an answer is heard in half duplex, silence of the same length."""
        resampler = Resampler(HZ, at_once=True)
        async with contextlib.aclosing(self._source.frames()) as frames:
            async for frame in frames:
                heard = bytes(len(frame)) if self._half_duplex and self._speaker.playing else frame
                if pcm := resampler.push(heard, self._source.rate):
                    await self._send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    async def listen(self) -> NoReturn:
        """Take what the server says until the socket raises."""
        while True:
            await self._take(await self._next())

    async def _next(self) -> dict[str, Any]:
        frame = await self._socket.recv()
        text = frame if isinstance(frame, str) else frame.decode()
        if self._tell is not None:
            self._tell(text)
        event: dict[str, Any] = json.loads(text)
        return event

    async def _take(self, event: dict[str, Any]) -> None:
        kind, _, moment = event["type"].rpartition(".")
        item = event.get("item_id", "")
        if event["type"] == "input_audio_buffer.speech_started":
            await self._hush()
        elif kind == "response.output_audio":
            self._play(item, event, moment)
        elif kind == _HEARD and moment == "delta":
            self._captions.add("you", item, event.get("delta") or "")
        elif kind == _HEARD and moment == "completed":
            self._captions.whole("you", item, event["transcript"])
        elif kind in _SAID and moment == "delta":
            self._captions.add("agent", item, event["delta"])
        elif kind in _SAID and moment == "done":
            self._captions.whole("agent", item, event.get("transcript") or event.get("text") or "")
        elif event["type"] == "error" or (kind == _HEARD and moment == "failed"):
            self._complain(event["error"])
        elif event["type"] == "response.done" and event["response"]["status"] == "failed":
            self._complain((event["response"].get("status_details") or {}).get("error") or {})

    def _play(self, item: str, event: dict[str, Any], moment: str) -> None:
        """Play a piece of an answer; what comes too late of one that was interrupted is not heard."""
        if item in self._cut:
            return
        if moment == "delta":
            self._contents[item] = event["content_index"]
            self._speaker.play(base64.b64decode(event["delta"]), HZ, item)
        elif moment == "done":
            self._speaker.finish(item)

    async def _hush(self) -> None:
        """Stop the answer, and tell the server how much of it was heard."""
        for item, heard_ms in self._speaker.flush().items():
            self._cut.add(item)
            cut = {"item_id": item, "content_index": self._contents[item], "audio_end_ms": heard_ms}
            await self._send("conversation.item.truncate", **cut)

    def _complain(self, error: dict[str, Any]) -> None:
        self._captions.end_line()
        print(f"error: {error.get('message') or error.get('code') or 'the server does not say which'}", file=sys.stderr)

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._socket.send(json.dumps({"type": kind, **fields}))
