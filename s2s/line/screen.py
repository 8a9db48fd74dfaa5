"""The terminal of a call: what both sides say while they say it, and how loud they are; elsewhere lines alone."""

from __future__ import annotations

import logging
import math
import sys
from typing import TYPE_CHECKING, TextIO

from s2s.conversation import facts as f

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 24
"""Characters of a meter."""
LOWEST_DB = -60.0
"""What a meter shows as nothing."""
STYLES = {"you": "cyan", "agent": "green"}


class Screen:
    """Writes captions to `out`, and draws a meter below them where it is a terminal; use it as a context manager."""

    def __init__(self, out: TextIO, *, meter: bool = True, captions: bool = True) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=out, highlight=False)
        self._meter = meter
        self._captions = captions
        self._open: dict[str, tuple[str, str]] = {}
        self._handlers: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
        self._levels = (0.0, 0.0)
        self._note = ""
        shown = self._console.is_terminal and not self._console.is_dumb_terminal and (meter or captions)
        self._live = (
            Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=sys.stderr.isatty(),
            )
            if shown
            else None
        )

    def __enter__(self) -> Screen:
        """Begin to draw; what is logged to the same terminal goes above."""
        if self._live is not None:
            before = sys.stderr
            self._live.start()
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is before is not sys.stderr:
                    handler.setStream(sys.stderr)
                    self._handlers.append((handler, before))
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            for handler, before in self._handlers:
                handler.setStream(before)
            self._live.stop()

    def tell(self, fact: f.Fact) -> None:
        """Write what the conversation says."""
        if isinstance(fact, f.TurnTextDelta):
            self._add("you", fact.item_id, fact.delta)
        elif isinstance(fact, f.TurnText):
            self._write("you", fact.item_id, fact.text)
        elif isinstance(fact, f.TurnTextFailed):
            self._write("you", fact.item_id, f"({fact.reason})")
        elif isinstance(fact, (f.WordsDelta, f.TextDelta)):
            self._add("agent", fact.item_id, fact.delta)
        elif isinstance(fact, (f.WordsDone, f.TextDone)):
            self._write("agent", fact.item_id, fact.text)

    def _add(self, who: str, item_id: str, words: str) -> None:
        self._open[item_id] = (who, self._open.get(item_id, ("", ""))[1] + words)

    def _write(self, who: str, item_id: str, text: str) -> None:
        self._open.pop(item_id, None)
        if self._captions and text.strip():
            style = STYLES[who] if self._live else None
            self._console.print(_line(who, text), style=style, markup=False, soft_wrap=self._live is None)

    def draw(self, microphone: float, loudspeaker: float, note: str = "") -> None:
        """Show how loud both sides are, from 0 to 1, what is being said, and a note."""
        if self._live is not None:
            was = self._levels  # a meter falls slower than speech, so that it can be read
            self._levels = (max(microphone, was[0] * 0.7), max(loudspeaker, was[1] * 0.7))
            self._note = note
            self._live.update(self._picture(), refresh=True)

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        lines: list[RenderableType] = []
        if self._captions:
            lines += [Text(_line(who, words), style=f"dim {STYLES[who]}") for who, words in self._open.values()]
        if self._meter:
            ascii_only = self._console.options.ascii_only
            microphone, loudspeaker = (bar(level, ascii_only) for level in self._levels)
            lines.append(Text(f"mic [{microphone}]  agent [{loudspeaker}]  {self._note}", no_wrap=True, style="dim"))
        elif self._note:
            lines.append(Text(self._note, style="dim"))
        return Group(*lines)


def bar(level: float, ascii_only: bool = False) -> str:
    """Return a level from 0 to 1 as a bar, even in decibels."""
    db = 20 * math.log10(max(level, 1e-6))
    full = round(WIDTH * min(1.0, max(0.0, 1 - db / LOWEST_DB)))
    return ("#" if ascii_only else "█") * full + " " * (WIDTH - full)


def _line(who: str, text: str) -> str:
    """Return a caption without what would steer a terminal."""
    plain = "".join(letter if letter.isprintable() else " " if letter.isspace() else "" for letter in text)
    return f"{who + ':':7}{plain.strip()}"
