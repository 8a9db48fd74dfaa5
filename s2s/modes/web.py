"""What modes have in common that serve the web: an address, keys, origins and a certificate."""

from __future__ import annotations

import dataclasses
import logging
from typing import Literal

from s2s.modes.handshake import beyond_loopback
from s2s.modes.http import Listener
from s2s.modes.keys import Keys
from s2s.modes.mode import Mode
from s2s.tls import Certificate, self_signed

log = logging.getLogger("s2s")


@dataclasses.dataclass(kw_only=True)
class Web(Mode):
    """The base of modes at `host:port`; without any key everybody is let in, and told so where others can reach it."""

    host: str = "127.0.0.1"
    port: int = 8765
    keys_env: str = "S2S_API_KEYS"
    keys_file: str | None = None
    origins: list[str] = dataclasses.field(default_factory=list)
    tls: Literal["self-signed"] | Certificate | None = None

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

    @property
    def address(self) -> str:
        """Where it can be reached from this machine, as in a URL."""
        return self._listener.address
