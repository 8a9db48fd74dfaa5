"""Protocol buffers as they stand in a file, as far as models need them: messages, numbered fields, no schema.

Source: the encoding of Protocol Buffers, versions 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LENGTHS = {1: 8, 5: 4}
"""Bytes of the fields of fixed length, by wire type."""


def fields(data: memoryview) -> Iterator[tuple[int, Any, memoryview]]:
    """Yield the number, the value, an int or bytes, and the raw whole of each field of a message.

    Raise IndexError where it ends too soon, KeyError for a wire type that there is not.
    """
    at = 0
    while at < len(data):
        begin = at
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value, data[begin:at]
            continue
        size, at = _varint(data, at) if wire == 2 else (LENGTHS[wire], at)
        if at + size > len(data):
            raise IndexError("it ends too soon")
        yield key >> 3, data[at : at + size], data[begin : at + size]
        at += size


def field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes."""
    return header(number, len(value)) + value


def header(number: int, size: int) -> bytes:
    """Return what stands before the `size` bytes of a field."""
    head = bytearray([number << 3 | 2])
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size])


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
