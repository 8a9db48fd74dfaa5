"""Pictures of a prompt, for a model in this process."""

from __future__ import annotations

import base64
import io
from typing import Any

import msgspec

from s2s.messages import Line

MOST_PIXELS = 40_000_000
"""A larger picture is not opened: a small file can hold one that takes all memory."""


def pictures(lines: tuple[Line, ...]) -> tuple[tuple[Line, ...], list[Any]]:
    """Return the lines with those pictures that can be read, and these, RGB, in order.

    Only data URLs are read: nothing is fetched. The text says where a picture could not be.
    """
    found: list[Any] = []
    shown = []
    for line in lines:
        opened = {url: picture for url in line.images if (picture := _opened(url)) is not None}
        absent = len(line.images) - len(opened)
        text = "\n".join([line.text] * bool(line.text) + ["(a picture, which can't be shown)"] * absent)
        shown.append(msgspec.structs.replace(line, text=text, images=tuple(opened)))
        found.extend(opened.values())
    return tuple(shown), found


def _opened(url: str) -> Any:
    """Return the picture of a data URL, or None."""
    from PIL import Image

    head, _, data = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        return None
    try:
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        return picture.convert("RGB") if picture.width * picture.height <= MOST_PIXELS else None
    except Exception:  # a caller's file may be anything
        return None
