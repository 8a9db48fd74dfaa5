"""Graphs of scripted stages for the tests of the engine."""

from __future__ import annotations

import dataclasses
from typing import Any

from s2s.conversation import facts as f
from s2s.graph import Graph, compile_graph
from s2s.place.options import Place
from s2s.stage import Stage
from s2s.testing.caller import Caller
from s2s.testing.stages import (
    ScriptedClauses,
    ScriptedLlm,
    ScriptedStt,
    ScriptedTools,
    ScriptedTts,
    ScriptedTurn,
    ScriptedVad,
)
from s2s.text.chat import Chat

CASCADE = {
    "voice": "caller | vad | turn | stt | chat | llm | clauses | tts | caller",
    "partials": "stt | turn",
    "asked": "chat | turn",
    "captions": "stt | caller",
    "words": "llm | caller",
    "calls": "llm | caller",
}
INLINE = {"vad", "turn", "clauses", "chat"}


def stages(**changes: Any) -> dict[str, Stage]:
    """The stages of a cascade, some of them replaced."""
    return {
        "vad": ScriptedVad(),
        "turn": ScriptedTurn(),
        "stt": ScriptedStt(),
        "chat": Chat(),
        "llm": ScriptedLlm(),
        "clauses": ScriptedClauses(),
        "tts": ScriptedTts(),
        "tools": ScriptedTools(),
        **changes,
    }


def graph(routes: dict[str, str | None] | None = None, places: dict[str, Place] | None = None, **changes: Any) -> Graph:
    """A cascade at `loop`, with other routes, places or stages."""
    drawn = {**CASCADE, **(routes or {})}
    used = {name.strip() for route in drawn.values() if route for name in route.split("|")}
    placed = {}
    for name, stage in stages(**changes).items():
        if name in used:
            place = (places or {}).get(name) or Place(kind="inline" if name in INLINE else "loop")
            placed[name] = (dataclasses.replace(stage), place)
    return compile_graph(drawn, placed)


async def ask(caller: Caller) -> None:
    """Speak one turn."""
    await caller.speak(600)
    await caller.be_silent(400)


def only_response(caller: Caller) -> f.ResponseView:
    """The one response that there was, ended once."""
    (done,) = caller.all(f.ResponseDone)
    return done.response
