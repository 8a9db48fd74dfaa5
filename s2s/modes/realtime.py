"""`mode=realtime`: the OpenAI Realtime protocol over a WebSocket."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from s2s.modes.http import serve_app
from s2s.modes.web import Web
from s2s.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from s2s.engine import Engine
    from s2s.graph import Graph


@dataclasses.dataclass(kw_only=True)
class Realtime(Web):
    """Serves `/v1/realtime` to any client of the OpenAI Realtime API."""

    model: str = "s2s"
    instructions: str = ""
    voice: str | None = None
    language: str | None = None
    transcribe: bool = True
    max_minutes: float | None = 60.0
    frame_mb: float = 24.0
    compression: bool = False
    keep_audio_s: Annotated[float, Field(ge=0, le=15)] = 0.0
    image_hosts: list[str] = dataclasses.field(default_factory=list)

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say when sound is made that can't reach the caller."""
        from s2s.graph import sound_mistake

        mistake = sound_mistake(key, graph)
        return [mistake] if mistake else []

    def settings(self) -> Settings:
        """The settings that a session begins with."""
        return Settings(
            instructions=self.instructions,
            voice=self.voice,
            language=self.language,
            transcribe=self.transcribe,
        )

    @property
    def banner(self) -> list[str]:
        """What is said when it listens."""
        at = self.address
        s, trust = ("", "") if self._certificate is None else ("s", f"SSL_CERT_FILE={self._certificate.cert} ")
        key = " --api-key KEY" if self._keys else ""
        talk = f'python clients/talk.py --base-url http{s}://{at}/v1{key} --text "Who are you?"'
        return [
            f"realtime   ws{s}://{at}/v1/realtime   (OpenAI Realtime API; base_url http{s}://{at}/v1)",
            f"           try: {trust}{talk}",
        ]

    async def serve(self, engine: Engine) -> None:
        """Answer clients until cancelled."""
        await serve_app(
            self.app(engine),
            self._listener,
            frame_bytes=int(self.frame_mb * 1024 * 1024),
            compression=self.compression,
            certificate=self._certificate,
        )

    def app(self, engine: Engine) -> FastAPI:
        """Return the web application of this mode."""
        from s2s.modes.realtime_app import RealtimeApp

        return RealtimeApp(engine, self, self._keys).app()
