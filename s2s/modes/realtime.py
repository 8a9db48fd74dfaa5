"""`mode=realtime`: the OpenAI Realtime protocol over a WebSocket."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from s2s.modes.handshake import beyond_loopback
from s2s.modes.http import Listener, serve_app
from s2s.modes.keys import Keys
from s2s.modes.mode import Mode
from s2s.settings import Settings
from s2s.tls import Certificate, self_signed

if TYPE_CHECKING:
    from fastapi import FastAPI

    from s2s.engine import Engine
    from s2s.graph import Graph


log = logging.getLogger("s2s")


@dataclasses.dataclass(kw_only=True)
class Realtime(Mode):
    """Serves `/v1/realtime` to any client of the OpenAI Realtime API."""

    host: str = "127.0.0.1"
    port: int = 8765
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
    keys_env: str = "S2S_API_KEYS"
    keys_file: str | None = None
    origins: list[str] = dataclasses.field(default_factory=list)
    tls: Literal["self-signed"] | Certificate | None = None

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say when sound is made that can't reach the caller."""
        from s2s.graph import sound_mistake

        mistake = sound_mistake(key, graph)
        return [mistake] if mistake else []

    def bind(self, key: str) -> None:
        """Take the port, and read keys and certificate, before any model is loaded."""
        self._keys = Keys.load(f"{key}.keys_file", self.keys_env, self.keys_file)
        self._certificate = self_signed(self.host) if self.tls == "self-signed" else self.tls
        if self._certificate is not None:
            self._certificate.check(f"{key}.tls")
        self._listener = Listener(key, self.host, self.port)
        if beyond_loopback(self.host) and not self._keys:
            log.warning(
                "%s.host: other machines can reach %s, and nobody is asked for a key; set %s or %s.keys_file",
                *(key, self.host, self.keys_env, key),
            )

    def open(self) -> None:
        """Take connections; they wait until they are served."""
        self._listener.open()

    def settings(self) -> Settings:
        """The settings that a session begins with."""
        return Settings(
            instructions=self.instructions,
            voice=self.voice,
            language=self.language,
            transcribe=self.transcribe,
        )

    @property
    def address(self) -> str:
        """Where it can be reached from this machine, as in a URL."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._listener.host, self._listener.host)
        host = f"[{host}]" if ":" in host else host
        return f"{host}:{self._listener.port}"

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
