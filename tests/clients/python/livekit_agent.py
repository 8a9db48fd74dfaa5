"""A realtime session of LiveKit's plugin, with all that it emits and the wire says in one log."""

from __future__ import annotations

import asyncio
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp
import rounds
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.openai import realtime
from rounds import Log, Loudspeaker, Microphone, Report, need

TOLERATED = ("response_cancel_not_active",)
"""What the library expects: it cancels whenever it interrupts, and looks for this error by its words."""


class Reply:
    """What comes of one generation, read as it comes."""

    def __init__(self, event: llm.GenerationCreatedEvent, speaker: Loudspeaker) -> None:
        self.id, self.by_us = event.response_id, event.user_initiated
        self.item_id, self.text, self.calls = "", "", []
        self.sounds = asyncio.Event()
        self._speaker = speaker
        self.task = asyncio.create_task(self._read(event))

    async def _read(self, event: llm.GenerationCreatedEvent) -> None:
        async def words(message: llm.MessageGeneration) -> None:
            async for text in message.text_stream:
                self.text += text

        async def sound(message: llm.MessageGeneration) -> None:
            async for frame in message.audio_stream:
                self._speaker.add(message.message_id, bytes(frame.data))
                self.sounds.set()

        async def messages() -> None:
            async for message in event.message_stream:
                self.item_id = message.message_id
                await asyncio.gather(words(message), sound(message))

        async def calls() -> None:
            async for call in event.function_stream:
                self.calls.append(call)

        await asyncio.gather(messages(), calls())

    async def spoken(self) -> dict[str, Any]:
        """Wait for the end and return what was said."""
        await self.task
        seconds = self._speaker.seconds(self.item_id)
        need(self.text.strip(), "the answer has no text")
        need(seconds >= 0.3, f"{seconds} s of sound")
        return {"answer": self.text, "audio_s": seconds}


class Agent:
    """One realtime session; what the library emits and what the wire says are in one log."""

    def __init__(self, given: Any, report: Report, log: Log) -> None:
        self.given, self.report, self.log = given, report, log
        self.speaker = Loudspeaker()
        trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=given.ca)) if given.ca else None
        self.http = aiohttp.ClientSession(connector=trusted)
        self.model = realtime.RealtimeModel(base_url=given.url, api_key=given.key, http_session=self.http)
        self.session = self.model.session()
        self.session.on("openai_server_event_received", self._received)
        self.session.on("error", lambda e: report.error(f"session error: {e.error!r} recoverable={e.recoverable}"))
        self.session.on("session_reconnected", lambda e: report.error("the session was reconnected"))
        self.session.on("generation_created", self._created)
        self.session.on("input_speech_started", lambda e: log.add(SimpleNamespace(type="speech")))
        self.session.on("input_audio_transcription_completed", self._heard)
        self.microphone = Microphone(self._hear)

    def _received(self, raw: dict[str, Any]) -> None:
        if raw["type"] == "error":
            self.report.refused(raw["error"], TOLERATED)
        self.log.add(SimpleNamespace(**raw))

    def _created(self, event: llm.GenerationCreatedEvent) -> None:
        self.log.add(SimpleNamespace(type="reply", reply=Reply(event, self.speaker)))

    def _heard(self, event: llm.InputTranscriptionCompleted) -> None:
        if event.is_final:
            self.log.add(SimpleNamespace(type="heard", text=event.transcript, item_id=event.item_id))

    async def _hear(self, pcm: bytes) -> None:
        self.session.push_audio(rtc.AudioFrame(pcm, rounds.HZ, 1, len(pcm) // 2))

    async def close(self) -> None:
        """Hang up."""
        await self.microphone.close()
        await self.session.aclose()
        await self.http.close()

    async def put(self, item: llm.ChatItem, at: int | None = None) -> None:
        """Insert an item into the conversation, at its end or elsewhere."""
        history = self.session.chat_ctx.copy()
        history.items.insert(len(history.items) if at is None else at, item)
        await self.session.update_chat_ctx(history)

    async def ask(self, text: str, **options: Any) -> Reply:
        """Write something and have it answered."""
        since = len(self.log.events)
        await self.put(llm.ChatMessage(role="user", content=[text]))
        return await self.reply(since, **options)

    async def reply(self, since: int, **options: Any) -> Reply:
        """Have the conversation answered."""
        event = await self.session.generate_reply(**options)
        created = await self.log.until("reply", since, lambda e: e.reply.id == event.response_id)
        need(event.user_initiated, "the reply was not known as the one that was asked for")
        return created.reply

    async def answered(self, since: int, not_id: str = "") -> dict[str, Any]:
        """Wait for a reply that came by itself, and return what was heard and said."""
        heard = await self.log.until("heard", since, lambda e: bool(e.text.strip()))
        created = await self.log.until("reply", since, lambda e: e.reply.id != not_id)
        return {"heard": heard.text, **await created.reply.spoken()}
