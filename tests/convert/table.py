"""The tables of docs/from-speech-to-speech.md, made of the data: `python -m tests.convert.table` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s2s.convert.flag import Flag
from s2s.convert.flags import PARTS
from s2s.convert.options import CHOICES, chosen_by

CODE = re.compile(
    r"--[a-z_]+(?: [a-z][\w-]+)?(?=[ ,;]|$)|\b[a-z_]+(?:\.[a-z_]+)+(?:=[\w.]+)?|\b(?:turn|stt|llm|tts|recipe)=[\w-]+"
    r"|hf:[^\s;]+|\b[a-z_]+: \{.*?\}"
)


def tables() -> str:
    """Return all of them: backends, then flags by what they are for."""
    parts = [["| | here |", "| --- | --- |", *backends()]]
    parts += [[f"### {part}", "", "| flag | here | |", "| --- | --- | --- |", *map(row, PARTS[part])] for part in PARTS]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def backends() -> Iterator[str]:
    """Yield a row for each choice of the seed."""
    for flag in ("stt", "llm_backend", "tts"):
        for name, option in CHOICES[flag].items():
            here = f"`{option}`" if option.built else f"not built yet; until then {coded(option.instead)}"
            yield f"| `--{flag} {name}` | {here} |"


def row(flag: Flag) -> str:
    """Return the row of a flag."""
    here = ", ".join(f"`{key.format(mode='MODE')}`" for key in flag.keys) or "–"
    said = [part for part in (belongs(flag), unbuilt(flag), coded(flag.why)) if part]
    return f"| `--{flag.name}` | {here} | {'; '.join(said)}".rstrip() + " |"


def belongs(flag: Flag) -> str:
    """Say with what a flag counts, where that is not all there is."""
    chooser, _, names = flag.of.partition("=")
    if not names or len(names.split(",")) == len(CHOICES[chooser]):
        return ""
    return f"with {' or '.join(f'`--{chooser} {name}`' for name in names.split(','))}"


def unbuilt(flag: Flag) -> str:
    """Say which of the options that would take a flag are not there."""
    options = chosen_by(flag.of) if flag.keys else []
    absent = [option for option in options if not option.built]
    if not absent:
        return ""
    return "not built yet" if len(absent) == len(options) else f"{', '.join(f'`{o}`' for o in absent)} not built yet"


def coded(text: str) -> str:
    """Return the text with keys and flags as code."""
    return CODE.sub(lambda match: f"`{match[0]}`", text)


if __name__ == "__main__":
    print(tables(), end="")
