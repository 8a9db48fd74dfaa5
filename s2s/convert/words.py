"""The words of a command line as people keep it: quoted whole, over several lines, behind a program and its setting."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

from s2s.mistakes import ConfigError, sentence

_PROGRAM = re.compile(r"(.*/)?(speech-to-speech|speech_to_speech|(speech_to_speech\.)?s2s_pipeline(\.py)?)(:[\w.-]+)?")
_LAUNCHER = re.compile(r"\$|sudo|docker|podman|uv|uvx|env|python[\d.]*|[A-Za-z_]\w*=.*", re.S)
_SETTING = re.compile(r"([A-Za-z_]\w*)=.*", re.S)
_ENDS = {"&", "&&", ";", "|", "||", ">", ">>", "2>&1"}
_CONTINUES = {"\\", "\\\n", "\n"}


def split(rest: Sequence[str]) -> list[str]:
    """Return the words of what stands after `--`: as they are, or those of the one that holds a whole line."""
    if len(rest) != 1:
        return [word for word in rest if word not in _CONTINUES]
    text = re.sub(r"^[ \t]*#.*$", "", rest[0], flags=re.M)  # elsewhere a '#' may stand in a value
    try:
        return shlex.split(re.sub(r"\\\r?\n", " ", text))
    except ValueError as error:
        raise ConfigError([f"mode.convert: {sentence(str(error))} in the line after '--'"]) from None


def unwrapped(words: Sequence[str], flags: Collection[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return a program's arguments, and the names of the variables that are set before it.

    The program is the last word before its `flags` that names it; a container may have it as its entry point, so
    that only the first of them shows where its arguments begin.
    """
    first = next((at for at, word in enumerate(words) if name(word) in flags), len(words))
    contained = {"docker", "podman"} & set(words[:first])
    named = [at for at in range(first) if _PROGRAM.fullmatch(words[at])]
    if named and (not contained or named[-1] + 1 in (first, len(words))):
        begin = named[-1] + 1
    else:
        begin = first if first < len(words) and _LAUNCHER.fullmatch(words[0]) else 0
    arguments = words[begin:]
    end = next((at for at, word in enumerate(arguments) if word in _ENDS), len(arguments))
    settings = tuple(match[1] for match in map(_SETTING.fullmatch, words[:begin]) if match)
    return list(arguments[:end]), settings


def name(word: str) -> str:
    """Return the name of the flag that a word gives, as `mode` for `--mode=local`; "" where it gives none."""
    return word[2:].partition("=")[0].replace("-", "_") if word.startswith("--") else ""
