"""Whether the packages that a stage needs are installed, without importing them."""

from __future__ import annotations

import importlib.util

from s2s.place.options import Place
from s2s.stage import Stage


def installed(name: str) -> bool:
    """Say whether the package `name`, such as `nemo` or `google.genai`, can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def missing(key: str, stage: type[Stage], place: Place) -> str | None:
    """Return the line that says what stage `key` needs installed; None when all is there, or in another Python."""
    if place.kind == "process" and place.python:
        return None
    absent = [name for name in stage.needs if not installed(name)]
    if not absent:
        return None
    names = " and ".join(f"'{name}'" for name in absent)
    remedy = f"'s2s[{stage.extra}]'" if stage.extra else " ".join(name.partition(".")[0] for name in absent)
    return f"{key}: {stage.__name__} needs the package{'s' if len(absent) > 1 else ''} {names}: pip install {remedy}"
