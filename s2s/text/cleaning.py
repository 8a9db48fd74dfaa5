"""From Markdown as language models write it to text that can be spoken, piece by piece as it streams in."""

from __future__ import annotations

import html
import re
from typing import Literal

from s2s.cutting import SPACELESS

Piece = tuple[str, int]
"""Speakable text, and how many characters of the reply it stands for."""

_EMOJI = (
    "\u2190-\u21ff\u231a-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
    "\ufe0f\u20e3\u200b\ufeff\x00-\x08\x0e-\x1b\x7f"  # and what has no width, or controls a terminal
)
_LABEL = r"(?:[^\[\]\n]|\[[^\[\]\n]{0,99}\]){0,200}"
_URL = r"(?:[^()\n]|\([^()\n]{0,200}\)){0,1000}"
_WEB = r"(?:[Hh]ttps?://|www\.)"
_TABLE = r"[-_*=|:+ \t]"

_TOKEN = re.compile(
    rf"(?P<newline>\n)|(?P<space>[^\S\n]+)|(?P<url>{_WEB}[^\s<>()\[\]\"`*|{SPACELESS}]{{1,2000}})"
    rf"|(?P<word>(?!!\[)[^\s*_~`|\[<&\\(\"“‘«{_EMOJI}{SPACELESS}]{{1,400}})|(?P<run>[{SPACELESS}]+)"
    rf"|(?P<link>!?\[(?P<label>{_LABEL})\](?:\({_URL}\)|\[[^\]\n]{{0,99}}\]))|(?P<note>\[\^?\d{{1,3}}\])"
    rf"|<(?P<auto>{_WEB}[^\s<>]{{1,2000}})>|(?P<tag><(?:[A-Za-z/][^<>\n]{{0,200}}|!--[^\n>]{{0,200}}--)>)"
    r"|(?P<entity>&(?:#\d{1,6}|[A-Za-z]{2,8});)|\\(?P<escaped>[!-/:-@\[-`{-~])"
    rf"|(?P<marks>\*+|_+|~+)|(?P<ticks>`+)|(?P<bar>\|)|(?P<emoji>[{_EMOJI}][{_EMOJI}\u200d\U000e0020-\U000e007f]*)"
    r"|(?P<other>.)",
    re.DOTALL,
)
"""One token of a line. Every alternative is bounded, so that what is held back for its end is, too."""
_OPEN = re.compile(
    rf"!?\[{_LABEL}(?:\[[^\[\]\n]{{0,99}})?\Z|!?\[{_LABEL}\]\Z|!?\[{_LABEL}\]\({_URL}(?:\([^()\n]{{0,200}})?\Z"
    rf"|!?\[{_LABEL}\]\[[^\]\n]{{0,99}}\Z|<(?:[A-Za-z/][^<>\n]{{0,200}}|!(?:-(?:-[^\n>]{{0,202}})?)?)?\Z"
    rf"|<{_WEB}[^\s<>]{{0,2000}}\Z|&(?:#\d{{0,6}}|[A-Za-z]{{0,8}})\Z"
)
"""Every beginning of a token that does not end with the first character that can't be in it."""
_BLOCK = re.compile(
    rf"(?P<fence>`{{3,}}|~{{3,}})[^`\n]{{0,99}}(?:\n|\Z)"
    rf"|(?P<rule>(?={_TABLE}{{3,400}}(?:\n|\Z))(?:[-_*=|:+][ \t]*){{3,400}})"
    r"|(?P<heading>#{1,6}[ \t]+)|(?P<bullet>[-*+•‣▪◦·][ \t]+)|(?P<box>\[[ xX]\][ \t]+)|(?P<number>\d{1,3}[.)])[ \t]"
    r"|(?P<quote>>[ \t]?)|(?P<row>\|)"
)
"""What may stand at the beginning of a line."""
_BLOCK_OPEN = re.compile(
    rf"(?:`{{1,2}}|`{{3,}}[^`\n]{{0,99}}|~{{1,2}}|~{{3,}}[^`\n]{{0,99}}|{_TABLE}{{1,400}}|#{{1,6}}[ \t]*|[•‣▪◦·][ \t]*"
    r"|\[(?:[ xX](?:\][ \t]*)?)?|\d{1,3}[.)]?|>)\Z"
)
_BREAKING_TAG = re.compile(r"</?(?:br|p|li|ul|ol|div|tr|td|th|h[1-6])\b", re.IGNORECASE)
_OPENERS = frozenset("[!<&")


class Cleaner:
    """Cleans one reply after another; how the text is cut into feeds makes no difference to the joined pieces.

    Emphasis, headings, bullets, HTML tags and emoji vanish, links become their labels, bare URLs their domains;
    lines that belong apart (headings, list items, table rows, paragraphs) are closed with a full stop and `\\n`.
    `code` says what becomes of fenced code blocks; inline code is always spoken.
    """

    def __init__(self, code: Literal["skip", "speak"] = "skip") -> None:
        self.code = code
        self._rest = ""
        self._begin()

    def _begin(self) -> None:
        self._line = True  # at the beginning of a line
        self._newlines = 0  # seen since the last text, and not yet said
        self._block = False  # this line stands apart from its neighbours
        self._fence = ""
        self._row = self._joint = False
        self._spaced = True
        self._broken = False  # the last thing said is a line break
        self._last = ""  # the last character said that is no space
        self._before = " "  # the last character of the reply that was consumed
        self._said: list[Piece] = []

    def feed(self, text: str, end: bool = False) -> list[Piece]:
        """Take the next characters of a reply and return what is settled of it, all of it if this is its `end`."""
        rest, at = self._rest + text, 0
        while at < len(rest):
            if self._fence:
                after = self._code_line(rest, at, end)
            elif self._line and not rest[at].isspace():
                after = self._line_start(rest, at, end)
            else:
                after = self._token(rest, at, end)
            if after is None:
                break
            if after > at:
                self._before = rest[after - 1]
            at = after
        self._rest = rest[at:]
        said, self._said = self._said, []
        if end:
            self._begin()
        return said

    def _code_line(self, rest: str, at: int, end: bool) -> int | None:
        stop = rest.find("\n", at)
        if stop < 0 and not end:
            return None
        after = len(rest) if stop < 0 else stop + 1
        line = rest[at:after].strip()
        if line.startswith(self._fence) and not line.strip(self._fence[0]):
            self._fence, self._newlines, self._block, self._line = "", 1, True, True
            self._skip(after - at)
        elif self.code == "speak" and line:
            self._say(" ".join(line.split()), after - at)
            self._break(0)
        else:
            self._skip(after - at)
        return after

    def _line_start(self, rest: str, at: int, end: bool) -> int | None:
        if not end and _BLOCK_OPEN.match(rest, at):
            return None
        found = _BLOCK.match(rest, at)
        kind = found.lastgroup if found else None
        apart = kind not in (None, "quote", "rule")
        if self._newlines and kind != "rule":
            if self._block or apart:
                self._break(0)
            elif not self._spaced:
                self._space(0)
            self._newlines = 0
            self._block = self._row = False
        self._block = self._block or apart or kind == "rule"
        if found is None or kind == "number":
            self._line = False
            return at
        self._row = kind == "row"
        self._line = kind in ("bullet", "box", "quote")
        if kind == "fence":
            self._fence = found["fence"]
        self._skip(found.end() - at)
        return found.end()

    def _token(self, rest: str, at: int, end: bool) -> int | None:
        found = _TOKEN.match(rest, at)
        assert found is not None  # its last alternative takes any character
        kind, after = found.lastgroup, found.end()
        if not end:
            if after == len(rest) and kind not in ("newline", "space", "run"):
                return None
            if rest[at] in _OPENERS and _OPEN.match(rest, at):
                return None
            if kind == "bar" and not rest[after:].lstrip(" \t"):
                return None
        size = after - at
        if kind in ("word", "run", "other"):
            self._say(found[0], size)
        elif kind == "space":
            self._skip(size) if self._line or self._spaced else self._space(size)
        elif kind == "newline":
            self._newline()
        elif kind == "url" or kind == "auto":
            address = found[kind]
            if kind == "url":
                address = address.rstrip(".,;:!?'’”")
                after = at + len(address)
            self._say(domain(address), after - at)
        elif kind == "link":
            self._say(clean(found["label"]), size)
        elif kind == "entity":
            self._say(html.unescape(found[0]).replace("\xa0", " "), size)
        elif kind == "escaped":
            self._say(found["escaped"], size)
        elif kind == "marks" and self._literal(found[0], rest[after : after + 1]):
            self._say(found[0], size)
        elif kind == "bar":
            self._bar(rest[after:], size)
        else:
            self._joint = self._joint or kind == "emoji" or bool(_BREAKING_TAG.match(found[0]))
            self._skip(size)
        return after

    def _literal(self, marks: str, after: str) -> bool:
        before = self._before
        if marks[0] == "~":
            return len(marks) == 1
        if marks[0] == "_":
            return before.isalnum() and after.isalnum()
        return (before.isspace() and (not after or after.isspace())) or (before.isdigit() and after.isdigit())

    def _bar(self, rest: str, size: int) -> None:
        next_cell = rest.lstrip(" \t")[:1]
        if self._row and self._last.isalnum() and next_cell not in ("", "\n", "|"):
            self._say(",", 0)
        if self._spaced:
            self._skip(size)
        else:
            self._space(size)

    def _newline(self) -> None:
        self._newlines += 1
        self._line = True
        if self._newlines == 2 and self._last:
            self._break(1)
            self._block = False
        elif self._last in tuple(".!?。！？") and not self._spaced:
            self._space(1)
        else:
            self._skip(1)

    def _break(self, size: int) -> None:
        if not self._broken and (self._last.isalnum() or self._last in tuple(")%")):
            wide = "\u2e80" <= self._last <= "\u9fff"
            self._say("。" if wide else ".", 0)
        if self._last and not self._broken:
            self._said.append(("\n", size))
            self._spaced = self._broken = True
        else:
            self._skip(size)

    def _space(self, size: int) -> None:
        self._said.append((" ", size))
        self._spaced = True

    def _skip(self, size: int) -> None:
        if size:
            self._said.append(("", size))

    def _say(self, text: str, size: int) -> None:
        if not text:
            return self._skip(size)
        if self._joint and not self._spaced and text[0].isalnum() and self._last.isalnum():
            self._said.append((" ", 0))
        self._joint = self._broken = False
        self._said.append((text, size))
        self._spaced = text[-1].isspace()
        self._last = text.rstrip()[-1:] or self._last


def domain(url: str) -> str:
    """Return what is said of a URL: its host, without `www.`."""
    host = re.split(r"[/?#]", url.split("://", 1)[-1], maxsplit=1)[0]
    return host.rsplit("@", 1)[-1].removeprefix("www.")


def clean(text: str, code: Literal["skip", "speak"] = "skip") -> str:
    """Return a whole reply as it is spoken."""
    return "".join(said for said, _ in Cleaner(code).feed(text, end=True)).strip()
