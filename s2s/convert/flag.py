"""A flag of speech-to-speech 0.2.11: how its value reads, and what it is called here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from s2s.convert.line import Line

Outcome = Mapping[str, Any] | str
"""What a flag becomes: our keys with their values, or the reason why it becomes nothing."""


class Flag(NamedTuple):
    """A flag by its name without dashes, and the default that it has there.

    `keys` are the YAML keys that take it, with `{mode}` for the mode's name; where there are none, `why` says the
    reason. `of` are the seed's choices with which it counts, such as `stt=whisper,whisper-mlx`. `to` is for values
    that are not the same under another name.
    """

    name: str
    default: Any = None
    keys: tuple[str, ...] = ()
    why: str = ""
    of: str = ""
    kind: type = str
    choices: tuple[str, ...] = ()
    to: Callable[[Flag, Any, Line], Outcome] | None = None

    def becomes(self, value: Any, line: Line) -> Outcome:
        """Return what this value becomes."""
        return self.to(self, value, line) if self.to is not None else self.under_its_key(value, line)

    def under_its_key(self, value: Any, line: Line) -> Outcome:
        """Return the value under the first of its keys, or why there is none."""
        return {self.keys[0].format(mode=line.mode): value} if self.keys else self.why
