"""Makes a script that breaks something as short as it can be while it still breaks the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from s2s.conversation.invariants import Broken
from s2s.testing.simulation.script import Script
from s2s.testing.simulation.world import World

T = TypeVar("T")


def broken(script: Script) -> str | None:
    """Return what of a script breaks, None where all holds."""
    try:
        World(script).run()
    except Broken as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def shrunk(script: Script, what: str, fails: Callable[[Script], str | None] = broken) -> Script:
    """Return a script of fewer acts and faults that breaks in the same way."""

    def still(candidate: Script) -> bool:
        return fails(candidate) == what

    def fewer(name: str) -> None:
        nonlocal script
        whole = script
        parts = _fewer(getattr(whole, name), lambda parts: still(msgspec.structs.replace(whole, **{name: parts})))
        script = msgspec.structs.replace(whole, **{name: parts})

    before = None
    while script != before:
        before = script
        fewer("acts")
        fewer("faults")
    return script


def _fewer(parts: tuple[T, ...], still: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    size = max(1, len(parts) // 2)
    while parts and size:
        at = 0
        while at < len(parts):
            candidate = _without(parts, at, size)
            if still(candidate):
                parts = candidate
            else:
                at += size
        size //= 2
    return parts


def _without(parts: Sequence[T], at: int, size: int) -> tuple[T, ...]:
    return (*parts[:at], *parts[at + size :])
