"""A caller made of the stock `openai` package, which speaks real sound at real-time pace and keeps what it is told."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import soxr
import websockets
from openai import AsyncOpenAI

HZ = 24000
FRAME_MS = 40
SIZE = HZ * FRAME_MS // 1000
ENDED = ("completed", "incomplete")
"""How an answer ends that nobody cut off: the small model may talk up to its limit."""


class Answer:
    """One response: its words, its sound, when each piece came, and how it ended."""

    def __init__(self, event: Any) -> None:
        self.id = event.response.id
        self.words = ""
        self.sound = bytearray()
        self.arrivals: list[tuple[float, float]] = []
        self.done: Any = None

    @property
    def seconds(self) -> float:
        """How long its sound lasts."""
        return len(self.sound) / 2 / HZ

    @property
    def samples(self) -> np.ndarray:
        """Its sound as float samples at 16 kHz."""
        return soxr.resample(np.frombuffer(bytes(self.sound), "<i2").astype("f4") / 32768, HZ, 16000)

    @property
    def late_s(self) -> float:
        """By how much the sound ever came after a player that began with the first piece needed it; <= 0 is never."""
        if not self.arrivals:
            return 0.0
        first = self.arrivals[0][0]
        return max(at - first - before for at, before in self.arrivals)


class SdkCaller:
    """Use as an async context manager."""

    def __init__(self, url: str) -> None:
        self.client = AsyncOpenAI(base_url=url, websocket_base_url=url.replace("http", "ws", 1), api_key="none")
        self.events: list[tuple[float, Any]] = []
        self.answers: list[Answer] = []
        self.transcripts: list[str] = []
        self.loop = asyncio.get_running_loop()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> SdkCaller:
        self._manager = self.client.realtime.connect(model="s2s")
        self.connection = await self._manager.__aenter__()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._manager.__aexit__(None, None, None)
        await self.client.close()

    async def _read(self) -> None:
        async for event in self.connection:
            await self._take(event)

    async def _take(self, event: Any) -> None:
        at = self.loop.time()
        self.events.append((at, event))
        if event.type == "response.created":
            self.answers.append(Answer(event))
        elif event.type == "conversation.item.input_audio_transcription.completed":
            self.transcripts.append(event.transcript)
        elif event.type.startswith("response."):
            answer = next(a for a in self.answers if a.id == (getattr(event, "response_id", "") or event.response.id))
            if event.type == "response.output_audio.delta":
                answer.arrivals.append((at, answer.seconds))
                answer.sound += base64.b64decode(event.delta)
            elif event.type == "response.output_audio_transcript.delta":
                answer.words += event.delta
            elif event.type == "response.done":
                answer.done = event.response
        async with self._news:
            self._news.notify_all()

    async def until(self, ready: Any, seconds: float = 30.0) -> None:
        """Return when `ready()` is true; fail after a while."""

        async def wait() -> None:
            async with self._news:
                await self._news.wait_for(ready)

        await asyncio.wait_for(wait(), seconds)

    async def speak(self, samples: np.ndarray) -> float:
        """Say something at real-time pace and return when its last frame was sent."""
        began = self.loop.time()
        for number, at in enumerate(range(0, len(samples), SIZE)):
            await asyncio.sleep(began + (number + 1) * FRAME_MS / 1000 - self.loop.time())
            await self.append(base64.b64encode(samples[at : at + SIZE].tobytes()).decode())
        return self.loop.time()

    async def append(self, audio: str) -> None:
        """Send a frame of base64 sound."""
        await self.connection.input_audio_buffer.append(audio=audio)

    async def be_silent(self, seconds: float) -> None:
        """Send silence for a while."""
        await self.speak(np.zeros(round(seconds * HZ), "<i2"))

    async def be_silent_until(self, ready: Any, seconds: float = 30.0) -> None:
        """Send silence until `ready()` is true; fail after a while."""
        began = self.loop.time()
        while not ready():
            assert self.loop.time() - began < seconds, (
                f"not ready after {seconds} s: {[e.type for _, e in self.events][-8:]}"
            )
            await self.be_silent(FRAME_MS / 1000)

    def types(self) -> list[str]:
        """The types of all events so far."""
        return [event.type for _, event in self.events]

    def when(self, kind: str) -> list[float]:
        """When events of a type came."""
        return [at for at, event in self.events if event.type == kind]


def _namespace(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: _namespace(item) for key, item in value.items()})
    return [_namespace(item) for item in value] if isinstance(value, list) else value


class RawCaller(SdkCaller):
    """The same caller on a plain WebSocket: many of them on one machine must not be the load that they measure."""

    async def __aenter__(self) -> SdkCaller:
        url = str(self.client.websocket_base_url) + "/realtime?model=s2s"
        self.connection = await websockets.connect(url, compression=None, max_size=None)
        self._reading = asyncio.create_task(self._read_frames())
        return self

    async def __aexit__(self, *_: Any) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self.connection.close()
        await self.client.close()

    async def _read_frames(self) -> None:
        async for frame in self.connection:
            await self._take(_namespace(json.loads(frame)))

    async def append(self, audio: str) -> None:
        """Send a frame of base64 sound."""
        await self.connection.send('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')
