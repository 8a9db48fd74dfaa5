"""Functions that any agent may want; `functions` of the stage `tools` names them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def now(zone: str = "") -> str:
    """Tell the date and the time of day.

    Args:
        zone: a time zone such as Europe/Paris; leave it out for the time where this service is
    """
    try:
        there = datetime.now(ZoneInfo(zone)) if zone else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"there is no time zone '{zone}'; give one such as Europe/Paris") from error
    return there.strftime("%A, %d %B %Y, %H:%M %Z")
