"""The WebSocket of a server whose application may take a message at once, without a queue and a task between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

EXTENSION = "s2s.direct"
"""Where an application finds the socket, among the extensions of its scope."""


class DirectSocket(WebSocketsSansIOProtocol):
    """uvicorn's own, but each whole text message is offered to `taker` first, if nothing waits before it.

    What `taker` returns False for goes the usual way.
    """

    taker: Callable[[bytes], bool] | None = None

    def send_receive_event_to_app(self) -> None:
        """Hand a message over."""
        taker = self.taker
        if taker is None or self.curr_msg_data_type != "text" or len(self.frames) != 1 or self.close_sent:
            super().send_receive_event_to_app()
        elif self.queue.empty() and taker(self.frames[0]):
            self.frames = []
        else:
            self._mend()
            super().send_receive_event_to_app()

    def _mend(self) -> None:
        """Replace what is no UTF-8: the application refuses the text then, instead of uvicorn ending the connection."""
        data = b"".join(self.frames)
        try:
            data.decode()
        except UnicodeDecodeError:
            self.frames = [data.decode("utf-8", "replace").encode()]

    async def run_asgi(self) -> None:
        """Run the application; it finds this socket in its scope."""
        extensions: Any = self.scope["extensions"]
        extensions[EXTENSION] = self
        await super().run_asgi()

    async def send_text(self, data: bytes) -> None:
        """Send a message of UTF-8, once the transport has room; raise ClientDisconnected when the client is gone."""
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        try:
            self.conn.send_text(data)
        except InvalidState:  # it has said goodbye, and the application has yet to hear of it
            raise ClientDisconnected from None
        self.transport.write(b"".join(self.conn.data_to_send()))


def direct(scope: Any) -> DirectSocket | None:
    """Return the socket of an ASGI scope, where it is one of these."""
    found = scope.get("extensions", {}).get(EXTENSION)
    return found if isinstance(found, DirectSocket) else None
