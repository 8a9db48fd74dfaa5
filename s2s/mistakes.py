"""How a mistake in a configuration is worded: where, what, and the remedy, on one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConfigError(ValueError):
    """A configuration that can't run; `mistakes` holds one line for each thing that is wrong."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        super().__init__("\n".join(self.mistakes))


def near(word: object, words: Iterable[object]) -> str:
    """Return `; did you mean 'x'?` for the nearest of `words`, or all of them to choose from, or nothing."""
    names = sorted({str(name) for name in words})
    found = difflib.get_close_matches(str(word), names, n=1)
    if found:
        return f"; did you mean '{found[0]}'?"
    return f"; choose from {', '.join(names)}" if names else ""


def sentence(text: str) -> str:
    """Return the first line of another library's message, begun in lower case and ended without a full stop."""
    line = text.strip().splitlines()[0].rstrip(".") if text.strip() else "failed"
    return line if line[:2].isupper() else line[0].lower() + line[1:]
