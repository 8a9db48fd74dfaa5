"""How a value is written: in YAML, and as a word of a command line."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

_PLAIN = re.compile(r"(\.{0,2}/|[A-Za-z_])([\w./:@+-]*[\w./@+-])?|\d+\.\d+\.\d+\.\d+", re.A)
_WORDS = {"null", "true", "false", "on", "off", "yes", "no", "y", "n", "nan", "inf"}
"""What YAML or Hydra takes for something other than text."""


def in_yaml(value: Any) -> str:
    """Return a value as YAML on one line, that reads back as it is."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _is_plain(value):
        return value
    quoted = json.dumps(_literal(value), ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e]", lambda m: m[0] if m[0].isprintable() else f"\\U{ord(m[0]):08x}", quoted)


def in_words(key: str, value: Any) -> str:
    """Return `key=value` as Hydra reads it, quoted for a shell."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if isinstance(value, str) and not _is_plain(value):
        return shlex.quote(f"{key}={QuotedString(_literal(value), Quote.double).with_quotes()}")
    return shlex.quote(f"{key}={in_yaml(value)}")


def in_comment(text: str) -> str:
    """Return the text on one line, so that nothing of it stands outside its comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS


def _literal(text: str) -> str:
    """Return the text with what would be an interpolation escaped."""
    return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", text)
