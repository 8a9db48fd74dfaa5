"""The graph that a script is played against: a whole cascade, or one without conversation, of stages that go wrong."""

from __future__ import annotations

from s2s.graph import Graph, compile_graph
from s2s.place.options import Place
from s2s.stage import Stage
from s2s.testing.simulation.faulty_stages import FaultyLlm, FaultyStt, FaultyTts, PlainChat, PlainTranslator, TickedVad
from s2s.testing.simulation.plain_turn import PlainTurn
from s2s.testing.simulation.script import Script
from s2s.testing.stages import ScriptedClauses

CASCADE = {
    "voice": "caller | vad | turn | stt | chat | llm | clauses | tts | caller",
    "asked": "chat | turn",
    "partials": "stt | turn",
    "captions": "stt | caller",
    "words": "llm | caller",
    "calls": "llm | caller",
}
INTERPRETER = {
    "voice": "caller | vad | turn | stt | translate | llm | clauses | tts | caller",
    "partials": "stt | turn",
    "captions": "stt | caller",
    "words": "llm | caller",
    "calls": "llm | caller",
}
TIMEOUT_S = 15.0
"""Seconds without a sign of life after which a stage counts as failed: some stalls are longer, most are not."""


def graph_of(script: Script) -> Graph:
    """Return the graph for a script's options, with its faults in its stages."""
    inline = Place(kind="inline")
    loop = Place(kind="loop", timeout_s=TIMEOUT_S)
    seed, faults = script.seed, script.faults
    stages: dict[str, tuple[Stage, Place]] = {
        "vad": (TickedVad(), Place(kind="loop", batch=32, wait_ms=4.0)),
        "turn": (PlainTurn(), inline),
        "stt": (FaultyStt(seed=seed, faults=faults), loop),
        "llm": (FaultyLlm(seed=seed, faults=faults), loop),
        "clauses": (ScriptedClauses(), inline),
        "tts": (FaultyTts(seed=seed, faults=faults), Place(kind="loop", timeout_s=TIMEOUT_S, ahead=2)),
    }
    if script.chat:
        stages["chat"] = (PlainChat(), inline)
    else:
        stages["translate"] = (PlainTranslator(), inline)
    return compile_graph(CASCADE if script.chat else INTERPRETER, stages)
