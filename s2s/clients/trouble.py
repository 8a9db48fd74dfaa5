"""What ends a client before its time."""

from __future__ import annotations

import os
import re


class Trouble(Exception):
    """Says in one line what is wrong and what to do about it."""


def reason(error: Exception) -> str:
    """Return why a connection failed, in the system's own words; asyncio hides them behind its addresses."""
    numbers = re.findall(r"\[Errno (\d+)\]", str(error))
    told = " and ".join(dict.fromkeys(os.strerror(int(number)) for number in numbers))
    return told or getattr(error, "strerror", None) or str(error) or "it does not answer"
