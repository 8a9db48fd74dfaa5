"""Routes in, a checked graph out: every mistake is named, and the wanted part of it can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from s2s.graph import Graph, GraphError, compile_graph, sound_mistake
from s2s.messages import (
    Activity,
    Ask,
    Asked,
    Audio,
    Clause,
    Prompt,
    Reply,
    ReplyEnd,
    Sound,
    Speech,
    ToolCall,
    ToolResult,
    Transcript,
)
from s2s.place.options import Place
from s2s.resample import Resample
from s2s.routes import drawn
from s2s.stage import Call, Stage


@dataclass(kw_only=True)
class Vad(Stage):
    takes_hz = 16_000

    def run(self, call: Call, item: Audio) -> Iterator[Activity]:
        yield from ()


@dataclass(kw_only=True)
class Turn(Stage):
    def run(self, call: Call, item: Activity | Transcript | Asked) -> Iterator[Speech]:
        yield from ()


@dataclass(kw_only=True)
class Stt(Stage):
    takes_hz = 16_000

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        yield from ()


@dataclass(kw_only=True)
class WideStt(Stt):
    takes_hz = 24_000


@dataclass(kw_only=True)
class Chat(Stage):
    def run(self, call: Call, item: Transcript | Ask | ToolResult) -> Iterator[Prompt | Asked]:
        yield from ()


@dataclass(kw_only=True)
class Llm(Stage):
    def run(self, call: Call, item: Prompt) -> Iterator[Reply | ReplyEnd | ToolCall]:
        yield from ()


@dataclass(kw_only=True)
class Tools(Stage):
    commits = True

    def run(self, call: Call, item: ToolCall) -> Iterator[ToolResult]:
        yield from ()


@dataclass(kw_only=True)
class Clauses(Stage):
    def run(self, call: Call, item: Reply) -> Iterator[Clause]:
        yield from ()


@dataclass(kw_only=True)
class Tts(Stage):
    sends_hz = 24_000

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        yield from ()


@dataclass(kw_only=True)
class Recorder(Stage):
    commits = True
    takes_hz = 16_000

    def run(self, call: Call, item: Audio | Sound | Reply) -> Iterator[None]:
        yield from ()


@dataclass(kw_only=True)
class Rephrase(Stage):
    def run(self, call: Call, item: Reply) -> Iterator[Reply]:
        yield from ()


INLINE, THREAD = Place(kind="inline"), Place(kind="thread")
STAGES: dict[str, tuple[Stage, Place]] = {
    "vad": (Vad(), THREAD),
    "turn": (Turn(), INLINE),
    "stt": (Stt(), THREAD),
    "chat": (Chat(), INLINE),
    "llm": (Llm(), Place(kind="loop")),
    "clauses": (Clauses(), INLINE),
    "tts": (Tts(), THREAD),
}
CASCADE: dict[str, str | None] = {
    "voice": "caller | vad | turn | stt | chat | llm | clauses | tts | caller",
    "partials": "stt | turn",
    "asked": "chat | turn",
    "captions": "stt | caller",
    "words": "llm | caller",
    "calls": "llm | caller",
}


def graph(routes: dict[str, str | None] | None = None, **stages: tuple[Stage, Place]) -> Graph:
    return compile_graph({**CASCADE, **(routes or {})}, {**STAGES, **stages})


def pairs(edges: object) -> set[str]:
    return {f"{e.left} | {e.right}" for e in edges}  # type: ignore[attr-defined]


def mistakes(routes: dict[str, str | None], **stages: tuple[Stage, Place]) -> tuple[str, ...]:
    with pytest.raises(GraphError) as caught:
        compile_graph(routes, {**STAGES, **stages})
    return caught.value.mistakes


def test_an_edge_carries_what_the_left_sends_and_the_right_takes() -> None:
    carried = {(e.left, e.right): e.carries for e in graph().edges}
    assert carried["llm", "caller"] == {Reply, ReplyEnd, ToolCall}
    assert carried["llm", "clauses"] == {Reply}
    assert carried["stt", "turn"] == carried["stt", "caller"] == {Transcript}
    assert carried["chat", "turn"] == {Asked}
    assert carried["tts", "caller"] == {Sound}


def test_a_hop_in_two_routes_is_one_edge_and_a_stage_in_two_routes_one_node() -> None:
    made = graph()
    assert [f"{e.left} | {e.right}" for e in made.edges].count("llm | caller") == 1
    assert list(made.nodes) == ["caller", "vad@16kHz", "vad", "turn", "stt", "chat", "llm", "clauses", "tts"]


def test_after_and_before_give_the_edges_of_a_stage() -> None:
    made = graph()
    assert pairs(made.after("stt")) == {"stt | chat", "stt | turn", "stt | caller"}
    assert pairs(made.before("turn")) == {"vad | turn", "stt | turn", "chat | turn"}
    assert made.after("nobody") == ()


def test_an_edge_waits_unless_its_right_stage_has_no_queue_or_drops() -> None:
    waits = {(e.left, e.right): e.waits for e in graph(stt=(Stt(), Place(full="drop-oldest"))).edges}
    assert not waits["vad", "turn"]
    assert not waits["turn", "stt"]
    assert waits["clauses", "tts"]
    assert waits["tts", "caller"]


def test_a_null_route_is_no_route_and_its_stages_are_unused() -> None:
    made = graph({"voice": "caller | vad | turn | stt | caller", "asked": None, "words": None, "calls": None})
    assert set(made.unused) == {"chat", "llm", "clauses", "tts"}
    assert "llm" not in made.nodes


@pytest.mark.parametrize(
    ("route", "line"),
    [
        ("caller | vad | sst", "graph.voice: no stage is called 'sst'; did you mean 'stt'?"),
        (
            "caller | stt | chat",
            "graph.voice: 'caller | stt' carries nothing: caller sends Audio or Ask or ToolResult, stt takes Speech",
        ),
        ("caller | vad | caller", "graph.voice: 'vad | caller' carries nothing: vad sends Activity, caller takes "),
        ("stt", "graph.voice: 'stt' goes nowhere; write 'a | b'"),
        ("caller || stt", "graph.voice: 'caller || stt' has an empty place; write stage names between the '|'"),
        ("stt | chat | llm | caller", "graph.voice: nothing reaches 'stt'; begin a route with 'caller | …' that"),
        ("caller | vad | turn", "graph.voice: what 'vad' sends reaches nobody; add 'vad | … | caller' to a route"),
    ],
)
def test_a_wrong_route_is_named_with_its_remedy(route: str, line: str) -> None:
    assert mistakes({"voice": route})[0].startswith(line)


def test_a_stage_that_resembles_none_gets_all_to_choose_from() -> None:
    (line,) = mistakes({"voice": "caller | chat | llm | xyzzy | caller"})
    assert line == (
        "graph.voice: no stage is called 'xyzzy'; choose from caller, chat, clauses, llm, stt, tts, turn, vad"
    )


def test_all_mistakes_come_at_once() -> None:
    lines = mistakes({"a": "caller | vda", "b": "caller | llm", "c": "tts"})
    assert [line.split(":")[0] for line in lines] == ["graph.a", "graph.c", "graph.b"]


def test_no_route_at_all_is_a_mistake() -> None:
    assert mistakes({"voice": None}) == (
        "graph: has no route; write one such as voice: 'caller | chat | llm | caller'",
    )


def test_a_cycle_whose_edges_all_wait_is_a_mistake_and_one_that_drops_is_not() -> None:
    routes: dict[str, str | None] = {
        "words": "caller | chat | llm | better | caller",
        "again": "better | more",
        "back": "more | better",
    }
    both = {"better": (Rephrase(), THREAD), "more": (Rephrase(), THREAD)}
    assert mistakes(routes, **both) == (
        "graph.back: 'better | more | better' waits for itself when its queues are full; "
        "set place.full=drop-oldest on one of them",
    )
    for place in (Place(full="drop-oldest"), INLINE):
        assert compile_graph(routes, {**STAGES, **both, "more": (Rephrase(), place)})


def test_a_loop_by_tools_is_fine_as_chat_has_no_queue() -> None:
    made = graph({"loop": "llm | tools | chat"}, tools=(Tools(), Place(kind="loop")))
    assert made.nodes["tools"].commits
    assert pairs(made.after("tools")) == {"tools | chat"}


def test_sound_at_another_rate_goes_through_one_resampler_for_all_that_need_it() -> None:
    made = graph({"ears": "caller | recorder", "mouth": "tts | recorder", "said": "llm | recorder"},
                 recorder=(Recorder(), THREAD))  # fmt: skip
    assert pairs(made.before("recorder")) == {"recorder@16kHz | recorder", "llm | recorder"}
    assert pairs(made.before("recorder@16kHz")) == {"caller | recorder@16kHz", "tts | recorder@16kHz"}
    inserted = made.nodes["recorder@16kHz"]
    assert inserted.stage == Resample(hz=16_000)
    assert inserted.place.kind == "inline"
    assert inserted.takes == inserted.sends == {Audio, Sound}


def test_sound_that_comes_at_the_right_rate_goes_straight() -> None:
    made = graph()
    assert pairs(made.before("stt")) == {"turn | stt"}  # what vad took at 16 kHz, turn passes on at 16 kHz
    assert pairs(graph(stt=(WideStt(), THREAD)).before("stt")) == {"stt@24kHz | stt"}


def test_text_alone_runs_no_speech_synthesis() -> None:
    reached = graph().reach("chat", frozenset({Reply, ReplyEnd}), frozenset({"turn"}))
    assert pairs(reached) == {"chat | llm", "llm | caller"}


def test_sound_runs_speech_synthesis() -> None:
    reached = graph().reach("chat", frozenset({Sound}), frozenset({"turn"}))
    assert pairs(reached) == {"chat | llm", "llm | clauses", "clauses | tts", "tts | caller"}


def test_a_transcript_alone_never_asks_the_language_model() -> None:
    reached = graph().reach("caller", frozenset({Transcript}), frozenset({"chat"}))
    assert pairs(reached) == {
        "caller | vad@16kHz", "vad@16kHz | vad", "vad | turn", "turn | stt", "stt | turn", "stt | caller",
    }  # fmt: skip


def test_a_committing_stage_is_always_wanted() -> None:
    made = graph({"mouth": "tts | recorder"}, recorder=(Recorder(), THREAD))
    reached = pairs(made.reach("chat", frozenset({Reply}), frozenset({"turn"})))
    assert {"clauses | tts", "tts | recorder@16kHz", "recorder@16kHz | recorder"} <= reached
    assert "tts | caller" not in reached


def test_what_can_not_be_reached_is_empty() -> None:
    assert graph().reach("tts", frozenset({Transcript})) == ()
    assert graph().reach("chat", frozenset({Sound}), frozenset({"llm", "turn"})) == ()


def test_a_mode_can_ask_whether_sound_reaches_the_caller() -> None:
    assert sound_mistake("mode.realtime", graph()) is None
    assert sound_mistake("mode.realtime", compile_graph({"a": "caller | chat | llm | caller"}, STAGES)) is None
    mute = graph({"voice": "caller | vad | turn | stt | chat | llm | clauses | tts | recorder"},
                 recorder=(Recorder(), THREAD))  # fmt: skip
    assert sound_mistake("mode.realtime", mute) == (
        "mode.realtime: sound can't reach the caller; add '… | caller' to a route"
    )


@pytest.mark.parametrize(
    ("routes", "counted"),
    [
        ({"voice": "caller | turn | stt | caller"}, {"voice", "after", "ends"}),
        ({"voice": "caller | turn | caller"}, {"voice", "ends"}),
        ({"voice": "caller | stt | caller"}, {"voice"}),
        ({"voice": "caller | chat | caller"}, {"voice"}),
        ({"voice": "caller | stt | endpoint | caller"}, {"voice", "after"}),
    ],
)
def test_a_stage_beside_another_is_led_to_where_the_graph_has_both(routes: dict[str, str], counted: set[str]) -> None:
    assert drawn({**routes, "after": "stt | endpoint", "ends": "turn | endpoint | turn"}).keys() == counted
