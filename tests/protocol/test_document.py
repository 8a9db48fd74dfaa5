"""docs/realtime.md says something of every event, field and error that there is."""

from __future__ import annotations

import fnmatch
import re

import msgspec

from s2s.paths import PACKAGE
from s2s.realtime import session_shapes, shapes
from tests.realtime.strict import CLASSES

TEXT = (PACKAGE.parent / "docs" / "realtime.md").read_text(encoding="utf-8")


def named() -> set[str]:
    """The words in code spans; one that begins with a dot goes on from the word before it."""
    found, before = set(), ""
    for word in re.findall(r"`([^`\n]+)`", TEXT):
        if word.startswith("."):
            word = before.rpartition(".")[0] + word
        found.add(word)
        before = word
    return found


def unnamed(names: set[str]) -> set[str]:
    words = named()
    return {name for name in names if not any(fnmatch.fnmatchcase(name, word) for word in words)}


def fields(shape: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(shape)}


def test_every_event_is_named() -> None:
    assert unnamed(set(shapes.CLIENT_EVENTS)) == set()
    assert unnamed(set(CLASSES)) == set()


def test_every_field_is_named() -> None:
    own = fields(session_shapes.Session) - {"audio", "temperature"}
    assert unnamed(own) == set()
    sides = {f"audio.input.{name}" for name in fields(session_shapes.Input)}
    sides |= {f"audio.output.{name}" for name in fields(session_shapes.Output)}
    assert unnamed(sides) == set()
    assert unnamed(fields(session_shapes.ServerVad)) == set()
    assert unnamed(fields(session_shapes.Transcription)) == set()
    assert unnamed(fields(shapes.ResponseOptions) - {"audio", "temperature", "reasoning"}) == set()


def test_every_error_is_named() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for part in ("realtime", "conversation")
        for path in (PACKAGE / part).glob("*.py")
    )
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"|step\.refuse\(\s*"(\w+)"|code="(\w+)"', source))
    assert len(codes) > 10
    assert unnamed({code for group in codes for code in group if code} - {"transcription_failed"}) == set()
