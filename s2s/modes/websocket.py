"""`mode=websocket`: plain sound over a WebSocket, binary frames both ways."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from s2s.modes.http import serve_app
from s2s.modes.plain import HZ, Plain
from s2s.modes.web import Web

if TYPE_CHECKING:
    from s2s.engine import Engine
    from s2s.graph import Graph


@dataclasses.dataclass(kw_only=True)
class WebSocket(Web, Plain):
    """Takes binary frames of any size at any path, and gives such frames of `frame_ms`: mono s16le at 16 kHz."""

    clients: Literal["shared", "separate"] = "shared"
    events: bool = False
    frame_ms: float = 100.0
    frame_mb: float = 16.0

    def check(self, key: str, graph: Graph) -> list[str]:
        """Say what is out of bounds, too."""
        mistakes = super().check(key, graph)
        for name in ("frame_ms", "frame_mb"):
            if getattr(self, name) <= 0:
                mistakes.append(f"{key}.{name}: input should be more than 0, not {getattr(self, name):g}")
        return mistakes

    @property
    def banner(self) -> list[str]:
        """What is said when it listens."""
        scheme, at = "ws" if self._certificate is None else "wss", self.address
        return [
            f"websocket  {scheme}://{at}/   (binary frames both ways: mono s16le, {HZ} Hz)",
            f"           try: python clients/listen_and_play.py --url {scheme}://{at}/",
        ]

    async def serve(self, engine: Engine) -> None:
        """Answer clients until cancelled."""
        from s2s.modes.websocket_app import WebSocketApp

        await serve_app(
            WebSocketApp(engine, self, self._keys).app(),
            self._listener,
            frame_bytes=int(self.frame_mb * 1024 * 1024),
            compression=False,
            certificate=self._certificate,
        )
