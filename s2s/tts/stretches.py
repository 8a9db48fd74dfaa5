"""Text in stretches that a model speaks in one run, for those that make no sound before they have made all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from s2s.cutting import Goal, cut

STRETCH = Goal(stop=20, pause=60, space=160)
"""A few seconds of sound."""


class Unwanted(Exception):
    """What runs is no longer wanted."""


def stretches(text: str) -> Iterator[str]:
    """Yield the sentences of a text, the long ones in parts."""
    while (length := cut(text, STRETCH, end=True)) is not None:
        yield text[:length].strip()
        text = text[length:]
    if text.strip():
        yield text.strip()


def make_stoppable(model: Any, unwanted: Callable[[], bool]) -> None:
    """Have the run of a torch module raise Unwanted before its next layer, where that is true by then."""

    def ask(module: Any, inputs: Any) -> None:
        if unwanted():
            raise Unwanted

    for module in model.modules():
        module.register_forward_pre_hook(ask)
