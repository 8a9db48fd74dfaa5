"""One voice round with the beta dialect of `openai` 1.x (`client.beta.realtime`), asynchronous or, with --sync, not."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import openai
import rounds
from openai_ga import work
from openai_link import Link
from rounds import Report


class BetaLink(Link):
    """The same round in the words of the beta: a flat session, and other names of events and content."""

    SOUND = "response.audio.delta"
    WORDS = "response.audio_transcript.delta"
    ADDED = "conversation.item.created"
    BY_NAME: Any = {"type": "function", "function": {"name": "get_weather"}}
    PLAIN: dict[str, Any] = {
        "modalities": ["audio", "text"],
        "voice": "alloy",
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
    }

    def manager(self) -> Any:
        """Return what connects; this client speaks TLS unless it is given the WebSocket's URL."""
        kind = openai.OpenAI if self.given.sync else openai.AsyncOpenAI
        websocket = self.given.url.replace("http", "ws", 1)
        client = kind(api_key=self.given.key, base_url=self.given.url, websocket_base_url=websocket)
        return client.beta.realtime.connect(model="gpt-4o-realtime-preview")

    def input(self, **hearing: Any) -> dict[str, Any]:
        """Return session fields for the caller's side."""
        names = {"transcription": "input_audio_transcription", "turn_detection": "turn_detection"}
        return {names[key]: value for key, value in hearing.items()}

    def detection(self, session: Any) -> Any:
        """Return a session's turn detection."""
        return session.turn_detection


if __name__ == "__main__":
    given = rounds.options(__doc__, sync="use the synchronous client")
    report = Report("openai beta" + (" sync" if given.sync else ""), openai.__version__)
    sys.exit(asyncio.run(rounds.main(report, work(given, report, BetaLink))))
