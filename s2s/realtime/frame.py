"""What goes to a client."""

from __future__ import annotations

import msgspec


class Frame(msgspec.Struct, frozen=True):
    """A text frame for the client; `sound_of` names the response whose sound or words it carries."""

    data: bytes
    sound_of: str = ""
