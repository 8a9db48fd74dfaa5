"""Speech recognition behind /v1/audio/transcriptions."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

from s2s.messages import Speech, Transcript
from s2s.remote import Remote
from s2s.remote_errors import StreamCut, failed
from s2s.stage import Call
from s2s.wav import wav

NOTHING: tuple[Transcript, ...] = ()


@dataclass(kw_only=True)
class OpenAITranscription(Remote):
    """Speech recognition behind /v1/audio/transcriptions: each turn is sent as one WAV file when it has ended."""

    language: str | None = None
    prompt: str = ""
    temperature: float | None = None
    stream: bool = True

    honours: ClassVar[frozenset[str]] = frozenset({"language"})

    def load(self) -> None:
        """Make the client; raise RemoteError when the key is missing."""
        super().load()
        self._create = self._client.audio.transcriptions.with_streaming_response.create

    async def run(self, call: Call, item: Speech) -> AsyncIterator[Transcript]:
        """Keep the sound of the turn; nothing is said of it before it ends."""
        call.state.setdefault("pcm", bytearray()).extend(item.pcm)
        call.state["rate"] = item.rate
        for heard in NOTHING:
            yield heard

    async def finish(self, call: Call) -> AsyncIterator[Transcript]:  # type: ignore[override]
        """Yield what was said, its last item final; raise RemoteError when the server fails."""
        if not call.state.get("pcm"):
            return
        file = wav(bytes(call.state["pcm"]), call.state["rate"])
        async with aclosing(self.patiently(lambda: self._ask(call, file))) as items:
            async for item in items:
                yield item

    async def _ask(self, call: Call, file: bytes) -> AsyncGenerator[Transcript, None]:
        import openai

        language = call.settings.language or self.language
        async with self._create(
            model=await self.model_name(),
            file=("speech.wav", file, "audio/wav"),
            response_format="json",
            language=language or openai.omit,
            prompt=self.prompt or openai.omit,
            temperature=openai.omit if self.temperature is None else self.temperature,
            stream=self.stream or openai.omit,
            extra_body=self.added,
        ) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                said = json.loads(await response.read())
                yield Transcript(text=said["text"].strip(), language=said.get("language") or language or "")
                return
            text, whole = "", False
            async for line in response.iter_lines():
                if line.startswith("data: {"):
                    text, whole = _heard(json.loads(line[6:]), text, whole)
                    if not whole:
                        yield Transcript(text=text.strip(), final=False)
            if not whole:
                raise StreamCut("the stream was cut: it ended before the transcript did")
            yield Transcript(text=text.strip(), language=language or "")


def _heard(event: dict[str, Any], text: str, whole: bool) -> tuple[str, bool]:
    """Return the text so far and whether it is whole, after an event of OpenAI's kind or a chunk of vLLM's."""
    if error := event.get("error"):
        raise failed(error)
    if event.get("type") == "transcript.text.delta":
        return text + event["delta"], False
    if event.get("type") == "transcript.text.done":
        return event["text"], True
    for choice in event.get("choices") or ():
        text += (choice.get("delta") or {}).get("content") or ""
        whole = whole or choice.get("finish_reason") is not None
    return text, whole
