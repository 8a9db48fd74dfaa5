"""Speech synthesis behind /v1/audio/speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from s2s.audio import Samples
from s2s.messages import Clause, Sound
from s2s.remote import Remote
from s2s.remote_errors import RemoteError
from s2s.stage import Call


@dataclass(kw_only=True)
class OpenAISpeech(Remote):
    """Speech synthesis behind /v1/audio/speech, as raw 16-bit sound that is passed on while it comes."""

    voice: str = "alloy"
    speed: float = 1.0
    instructions: str = ""
    sample_rate: int = 24000

    honours: ClassVar[frozenset[str]] = frozenset({"voice", "speed"})

    def load(self) -> None:
        """Make the client; raise RemoteError when the key is missing."""
        super().load()
        self._create = self._client.audio.speech.with_streaming_response.create

    def voice_names(self) -> None:
        """The speech server knows its voices alone."""

    async def run(self, call: Call, item: Clause) -> AsyncIterator[Sound]:
        """Yield the clause's sound as it comes; raise RemoteError when the server fails."""
        if not item.text.strip():
            return
        async with aclosing(self.patiently(lambda: self._ask(call, item))) as items:
            async for sound in items:
                yield sound

    async def _ask(self, call: Call, item: Clause) -> AsyncGenerator[Sound, None]:
        import openai

        speed: Any = self.speed * call.settings.speed
        async with self._create(
            model=await self.model_name(),
            voice=call.settings.voice or self.voice,
            input=item.text,
            instructions=self.instructions or openai.omit,
            speed=openai.omit if speed == 1.0 else speed,
            response_format="pcm",
            extra_body=self.added,
        ) as response:
            content = response.headers.get("content-type", "")
            if any(kind in content for kind in ("json", "text", "mpeg", "wav", "ogg", "flac", "aac")):
                raise RemoteError(f"{self.base_url}: sent {content} for pcm; use a server that streams raw pcm")
            samples = Samples()
            async for chunk in response.iter_bytes():
                if pcm := samples.push(chunk):
                    yield Sound(pcm=pcm, rate=self.sample_rate)
