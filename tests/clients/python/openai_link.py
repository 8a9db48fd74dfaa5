"""A connection of the `openai` package, with all that came over it in a log."""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import openai
import rounds
from rounds import Log, Loudspeaker, Microphone, Report, need


class Link:
    """One connection: methods of it are awaited through `call`, its events are put into a log."""

    SOUND = "response.output_audio.delta"
    WORDS = "response.output_audio_transcript.delta"
    ADDED = "conversation.item.added"
    BY_NAME: Any = {"type": "function", "name": "get_weather"}
    PLAIN: dict[str, Any] = {"type": "realtime", "output_modalities": ["audio"]}

    def __init__(self, given: Any, report: Report) -> None:
        self.given, self.report = given, report
        self.log, self.speaker = Log(), Loudspeaker()
        self.closing = False
        self.connection: Any = None
        self.raw: deque[dict[str, Any]] = deque()
        self._tap = rounds.Tap(self.raw.append, lambda event: None)

    def manager(self) -> Any:
        """Return what connects."""
        kind = openai.OpenAI if self.given.sync else openai.AsyncOpenAI
        return kind(api_key=self.given.key, base_url=self.given.url).realtime.connect(model="gpt-realtime")

    def input(self, **hearing: Any) -> dict[str, Any]:
        """Return session fields for the caller's side."""
        return {"audio": {"input": hearing}}

    def detection(self, session: Any) -> Any:
        """Return a session's turn detection."""
        return session.audio.input.turn_detection

    async def open(self) -> None:
        """Connect and read on, in a task or in a thread."""
        self._loop = asyncio.get_running_loop()
        self.connection = await self.call(self.manager().enter)
        if self.given.sync:
            threading.Thread(target=self._read_sync, daemon=True).start()
        else:
            self._task = asyncio.create_task(self._read_async())
        self.microphone = Microphone(self.hear)

    async def call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """Call a method of the library, which in the synchronous client may block."""
        if self.given.sync:
            return await asyncio.to_thread(method, **arguments)
        return await method(**arguments)

    async def hear(self, frame: bytes) -> None:
        """Send a frame of sound."""
        await self.call(self.connection.input_audio_buffer.append, audio=base64.b64encode(frame).decode())

    async def close(self) -> None:
        """Say goodbye."""
        self.closing = True
        logging.getLogger("websockets.client").removeHandler(self._tap)
        if self.connection is None:
            return
        await self.microphone.close()
        await self.call(self.connection.close)
        self.log.fail("closed by us")
        if self.raw:
            self.report.drop(f"never surfaced: {[event['type'] for event in self.raw]}")

    async def _read_async(self) -> None:
        try:
            async for event in self.connection:
                self._take(event)
            self._ended(None)
        except Exception as error:
            self._ended(error)

    def _read_sync(self) -> None:
        try:
            for event in self.connection:
                self._loop.call_soon_threadsafe(self._take, event)
            self._loop.call_soon_threadsafe(self._ended, None)
        except Exception as error:
            self._loop.call_soon_threadsafe(self._ended, error)

    def _ended(self, error: Exception | None) -> None:
        if not self.closing or error is not None:
            self.report.error(f"connection ended: {error!r}")
        self.log.fail(f"connection ended: {error!r}")

    def _take(self, event: Any) -> None:
        """Note an event; the library builds events unchecked, so that a wrong shape is found only here."""
        raw = self.raw.popleft()
        if raw != event.to_dict(mode="json"):
            self.report.drop(f"{raw['type']}: came as {raw}, surfaced as {event.to_dict(mode='json')}")
        try:
            type(event).model_validate(event.to_dict(mode="python"), strict=False)
        except Exception as error:
            self.report.drop(f"{getattr(event, 'type', event)}: {error}")
        if event.type == "error":
            self.report.error(f"error event: {event.to_json(indent=None)}")
        elif event.type == self.SOUND:
            self.speaker.add(event.item_id, base64.b64decode(event.delta))
        self.log.add(event)

    # what the parts ask for

    async def update(self, **session: Any) -> Any:
        """Change the session and return what the server made of it."""
        since = len(self.log.events)
        await self.call(self.connection.session.update, session={**self.PLAIN, **session})
        return (await self.log.until("session.updated", since)).session

    async def write(self, text: str, **item: Any) -> None:
        """Put a text of the user's into the conversation."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content, **item}
        await self.call(self.connection.conversation.item.create, item=item)

    async def answered(self, since: int, not_id: str = "") -> dict[str, Any]:
        """Wait for a completed response, by voice, and return what it was."""
        done = await self.log.until(
            "response.done", since, lambda e: e.response.id != not_id and e.response.status in rounds.ENDS
        )
        need(done.response.output, "the response has no output")
        item = done.response.output[-1]
        need(item.type == "message", f"the response is a {item.type}")
        text, seconds = item.content[0].transcript, self.speaker.seconds(item.id)
        deltas = "".join(e.delta for e in self.log.all(self.WORDS, item_id=item.id))
        need(text, "the answer has no transcript")
        need(deltas == text, f"the deltas say {deltas!r}, the item {text!r}")
        need(seconds >= 0.3, f"{seconds} s of sound")
        return {"answer": text, "audio_s": seconds}

    async def heard(self, since: int) -> str:
        """Wait for the transcript of a turn of the user's."""
        kind = "conversation.item.input_audio_transcription.completed"
        return str((await self.log.until(kind, since, lambda e: bool(e.transcript.strip()))).transcript)
