"""Gives each clause of an answer to one of several voices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from s2s.cutting import speakable
from s2s.messages import Clause
from s2s.stage import Call, Stage

_QUOTE = re.compile(r"[\"“”«»„]")


@dataclass(kw_only=True)
class Cast(Stage):
    """Several voices by rules: `voices` says for each stage that speaks what it speaks.

    `tag` is what follows `[name]`, until another name is called; `quotes` is also what stands in quotation marks; any
    other rule is a regular expression, and the voice gets the clauses in which it is found. Everything else
    is for `default`. A clause that changes its voice is parted, and the clauses are counted anew.
    """

    voices: dict[str, str] = field(default_factory=lambda: {"narrator": "tag"})
    default: str = "tts"

    def __post_init__(self) -> None:
        for name, rule in self.voices.items():
            try:
                re.compile(rule)
            except re.error as error:
                raise ValueError(f"voices.{name} should be tag, quotes or a regular expression: {error}") from error

    def load(self) -> None:
        """Prepare the rules."""
        names = "|".join(re.escape(name) for name in (*self.voices, self.default))
        self._tag = re.compile(rf"\s*\[({names})\]:?\s*")
        self._quoting = next((name for name, rule in self.voices.items() if rule == "quotes"), "")
        self._found = {n: re.compile(rule) for n, rule in self.voices.items() if rule not in ("tag", "quotes")}

    def run(self, call: Call, item: Clause) -> Iterator[Clause]:
        """Send the clause, in parts where it changes its voice, to who speaks it."""
        scene: _Scene = call.state.setdefault("cast", _Scene(self.default))
        parts = [part for part in self._parts(scene, item.text) if speakable(part[1])]
        rest = sum(len(text) for _, text in parts)
        for to, text in parts:
            rest -= len(text)
            scene.until = max(scene.until, item.until - rest)
            yield msgspec.structs.replace(item, text=text.strip(), to=to, index=scene.index, until=scene.until)
            scene.index += 1

    def _parts(self, scene: _Scene, text: str) -> Iterator[tuple[str, str]]:
        tagged = self._tag.split(text)
        for place in range(0, len(tagged), 2):
            if place:
                scene.voice, scene.quoted = tagged[place - 1], False
            yield from self._quotes(scene, tagged[place])

    def _quotes(self, scene: _Scene, text: str) -> Iterator[tuple[str, str]]:
        begin = 0
        for mark in _QUOTE.finditer(text) if self._quoting else ():
            end = mark.end() if scene.quoted else mark.start()
            yield self._who(scene, text[begin:end]), text[begin:end]
            begin, scene.quoted = end, not scene.quoted
        yield self._who(scene, text[begin:]), text[begin:]

    def _who(self, scene: _Scene, text: str) -> str:
        if scene.quoted:
            return self._quoting
        return next((name for name, rule in self._found.items() if rule.search(text)), scene.voice)


class _Scene:
    """Who speaks in one answer, and what has been sent of it."""

    def __init__(self, voice: str) -> None:
        self.voice = voice
        self.quoted = False
        self.index = self.until = 0
