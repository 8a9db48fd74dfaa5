"""Whether the packages that a stage needs are installed, without importing them."""

from __future__ import annotations

import importlib.util
import shutil

from s2s.place.options import Place
from s2s.stage import Stage


def installed(name: str) -> bool:
    """Say whether the package `name`, such as `nemo` or `google.genai`, can be imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def missing(key: str, stage: type[Stage], place: Place) -> str | None:
    """Return the line that says what stage `key` needs installed; None when all is there, or another Python is."""
    if place.kind == "process" and place.python:
        there = shutil.which(place.python) is not None
        return None if there else f"{key}: no interpreter {place.python}: {interpreter_remedy(key, stage)}"
    absent = [name for name in stage.needs if not installed(name)]
    if not absent:
        return None
    names = " and ".join(f"'{name}'" for name in absent)
    remedy = requirement(stage) or " ".join(name.partition(".")[0] for name in absent)
    return f"{key}: {stage.__name__} needs the package{'s' if len(absent) > 1 else ''} {names}: pip install {remedy}"


def requirement(stage: type[Stage]) -> str:
    """Return the requirement that brings what a stage needs, or nothing."""
    return f"'s2s[{stage.extra}]'" if stage.extra else ""


def interpreter_remedy(key: str, stage: type[Stage]) -> str:
    """Return what to do where the interpreter of stage `key` is absent."""
    what = f" with {requirement(stage)}" if stage.extra else ""
    return f"make one there{what}, or set {key}.place.python=/path/to/python"
