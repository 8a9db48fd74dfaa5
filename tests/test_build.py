"""A composed config in, a deployment out: every mistake by its full key, all at once."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf

from s2s.build import Deployment, build
from s2s.graph import Graph
from s2s.messages import Ask, Audio, Prompt, Reply, Speech, Transcript
from s2s.mistakes import ConfigError
from s2s.modes.mode import Mode
from s2s.stage import Call, Stage

HERE = __name__


@dataclass(kw_only=True)
class Ears(Stage):
    def run(self, call: Call, item: Audio) -> Iterator[Speech]:
        yield from ()


@dataclass(kw_only=True)
class Stt(Stage):
    language: str = "en"
    threads: int = 1
    beams: int | Literal["auto"] = "auto"
    words: list[str] = field(default_factory=list)

    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        yield from ()


@dataclass(kw_only=True)
class ParakeetTdt(Stt):
    needs = ("nemo_that_is_not_here",)
    extra = "nemo"


@dataclass(kw_only=True)
class Chat(Stage):
    def run(self, call: Call, item: Transcript | Ask) -> Iterator[Prompt]:
        yield from ()


@dataclass(kw_only=True)
class ChatCompletions(Stage):
    model: str
    temperature: float | None = None
    images: bool = True

    async def run(self, call: Call, item: Prompt) -> AsyncIterator[Reply]:
        yield Reply(text="")


@dataclass(kw_only=True)
class Picky(Stt):
    def __post_init__(self) -> None:
        if self.language == "xx":
            raise ValueError("language should be a code such as en, not 'xx'")


@dataclass(kw_only=True)
class Silent(Stage):
    def run(self, call, item):  # type: ignore[no-untyped-def]
        """Have no annotations."""


@dataclass(kw_only=True)
class Serve(Mode):
    port: int = 8765

    def check(self, key: str, graph: Graph) -> list[str]:
        return [] if any(edge.right == "caller" and Reply in edge.carries for edge in graph.edges) else [f"{key}: mute"]


@dataclass(kw_only=True)
class Look(Mode):
    offline = True


def config(**changes: Any) -> Any:
    base = {
        "sessions": 64,
        "log": "info",
        "device": {"stt": "cpu"},
        "graph": {"voice": "caller | ears | stt | chat | llm | caller"},
        "mode": {"serve": {"_target_": f"{HERE}.Serve"}},
        "ears": {"_target_": f"{HERE}.Ears"},
        "stt": {"_target_": f"{HERE}.Stt", "place": {"kind": "thread"}},
        "chat": {"_target_": f"{HERE}.Chat", "place": {"kind": "inline"}},
        "llm": {"_target_": f"{HERE}.ChatCompletions", "model": "m"},
    }
    return OmegaConf.merge(OmegaConf.create(base), OmegaConf.create(changes))


def mistakes(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        build(config(**changes))
    return list(caught.value.mistakes)


def built(**changes: Any) -> Deployment:
    return build(config(**changes))


def test_a_deployment_has_the_stages_where_they_run_and_the_modes() -> None:
    made = built(stt={"language": "de", "place": {"kind": "process", "replicas": 2}}, sessions=3)
    assert made.graph.nodes["stt"].stage == Stt(language="de")
    assert made.graph.nodes["stt"].place.kind == "process"
    assert made.graph.nodes["stt"].place.replicas == 2
    assert made.modes == {"serve": Serve()}
    assert made.sessions == 3
    assert made.config["llm"]["model"] == "m"


def test_an_async_stage_runs_in_the_loop_and_another_in_threads_where_nothing_is_said() -> None:
    nodes = built().graph.nodes
    assert nodes["llm"].place.kind == "loop"
    assert nodes["ears"].place.kind == "thread"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"llm": {"modle": "x"}}, "llm.modle: ChatCompletions has no such option; did you mean 'model'?"),
        ({"llm": {"temperature": "hot"}}, "llm.temperature: input should be a valid number, not 'hot'"),
        ({"llm": {"model": "${oc.env:S2S_NOT_SET}"}},
         "llm.model: ChatCompletions needs a value; environment variable 'S2S_NOT_SET' not found"),
        ({"llm": {"model": "${stt.modle}"}}, "llm.model: interpolation key 'stt.modle' not found"),
        ({"llm": {"images": "maybe"}}, "llm.images: input should be a valid boolean, not 'maybe'"),
        ({"stt": {"threads": 1.5}}, "stt.threads: input should be a valid integer, not 1.5"),
        ({"stt": {"threads": True}}, "stt.threads: input should be a valid integer, not True"),
        ({"stt": {"language": 5}}, "stt.language: input should be a valid string, not 5"),
        ({"stt": {"beams": "many"}}, "stt.beams: input should be a valid integer or 'auto', not 'many'"),
        ({"stt": {"words": ["a", 1]}}, "stt.words.1: input should be a valid string, not 1"),
        ({"stt": {"place": {"kind": "cluster"}}},
         "stt.place.kind: input should be 'inline', 'loop', 'thread', 'process' or 'ray', not 'cluster'"),
        ({"stt": {"place": {"knd": "loop"}}}, "stt.place.knd: Place has no such option; did you mean 'kind'?"),
        ({"stt": {"place": {"replicas": 0}}}, "stt.place.replicas: input should be 1 or more, not 0"),
        ({"stt": {"place": {"batch": 4}}}, "stt.place.batch: Stt has no run_batch; input should be 1, not 4"),
        ({"stt": {"place": "thread"}}, "stt.place: input should be a mapping such as {kind: thread}, not 'thread'"),
        ({"llm": {"place": {"kind": "thread"}}},
         "llm.place.kind: ChatCompletions is async; input should be 'loop', not 'thread'"),
        ({"stt": {"_target_": f"{HERE}.ParakeetTdt"}},
         "stt: ParakeetTdt needs the package 'nemo_that_is_not_here': pip install 's2s[nemo]'"),
        ({"stt": {"_target_": f"{HERE}.Parakeet"}},
         f"stt._target_: no class 'Parakeet' in {HERE}; did you mean 'ParakeetTdt'?"),
        ({"stt": {"_target_": "s2s.sst.whisper.Whisper"}},
         "stt._target_: no module 's2s.sst'; did you mean 's2s.stt'?"),
        ({"stt": {"_target_": "os.path.join"}}, "stt._target_: os.path.join is not a Stage"),
        ({"stt": {"_target_": "whisper"}},
         "stt._target_: input should be a class such as 'package.module.Class', not 'whisper'"),
        ({"stt": {"_target_": f"{HERE}.Serve"}}, f"stt._target_: {HERE}.Serve is not a Stage; choose from "),
        ({"stt": {"_target_": f"{HERE}.Silent"}}, "stt._target_: Silent.run needs annotations: run(self, call: Call"),
        ({"stt": {"_target_": f"{HERE}.Picky", "language": "xx"}},
         "stt: language should be a code such as en, not 'xx'"),
        ({"mode": {"serve": {"prot": 1}}}, "mode.serve.prot: Serve has no such option; did you mean 'port'?"),
        ({"mode": {"serve": {"_target_": f"{HERE}.Stt"}}}, f"mode.serve._target_: {HERE}.Stt is not a Mode; choose"),
        ({"mode": {"look": {"format": 1}}}, "mode.look: mode 'look' is not chosen; say mode=[serve,look]"),
        ({"graph": {"voice": "caller | ears | sst"}}, "graph.voice: no stage is called 'sst'; did you mean 'stt'?"),
        ({"graph": {"voice": "caller | stt | chat | caller"}},
         "graph.voice: 'caller | stt' carries nothing: caller sends Audio or Ask or ToolResult, stt takes Speech"),
        ({"graph": {"voice": "caller | ears | stt | caller"}}, "mode.serve: mute"),
        ({"sessions": 0}, "sessions: input should be 1 or more, not 0"),
        ({"sessions": "many"}, "sessions: input should be a valid integer, not 'many'"),
        ({"log": "loud"}, "log: input should be 'debug', 'info', 'warning' or 'error', not 'loud'"),
        ({"sesions": 3}, "sesions: no such option or stage; did you mean 'sessions'?"),
        ({"caller": {"_target_": f"{HERE}.Stt"}},
         "caller: the graph has a caller of its own; give the stage another name"),
        ({"graph": "cascade"}, "graph: input should be a mapping of names, not 'cascade'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_its_full_key(changes: dict[str, Any], line: str) -> None:
    assert mistakes(**changes)[0].startswith(line)
    assert len(mistakes(**changes)) == 1 or "graph" in changes


@pytest.mark.parametrize("left_out", [True, False])
def test_an_option_without_a_default_needs_a_value(left_out: bool) -> None:
    made = config()
    made.llm.model = "???"
    if left_out:
        del made.llm["model"]
    with pytest.raises(ConfigError) as caught:
        build(made)
    assert caught.value.mistakes == ("llm.model: ChatCompletions needs a value",)


def test_all_mistakes_come_at_once() -> None:
    found = mistakes(
        llm={"modle": "x", "temperature": "hot"},
        stt={"_target_": f"{HERE}.ParakeetTdt", "place": {"kind": "cluster"}, "threads": "two"},
        graph={"voice": "caller | ears | sst"},
        mode={"serve": {"port": "high"}},
        sessions=0,
    )
    assert sorted(line.split(":")[0] for line in found) == [
        "graph.voice", "llm.modle", "llm.temperature", "mode.serve.port", "sessions", "stt.place.kind", "stt.threads",
    ]  # fmt: skip


def test_a_stage_with_a_mistake_makes_no_false_mistake_of_its_routes() -> None:
    assert mistakes(stt={"_target_": "nowhere.Stt"}) == ["stt._target_: no module 'nowhere'"]


def test_an_option_that_is_missing_or_a_package_is_no_mistake_of_an_unused_stage() -> None:
    unused = {"voice": "caller | chat | llm | caller"}
    assert built(graph=unused, stt={"_target_": f"{HERE}.ParakeetTdt"}, sessions=1).missing == ()
    listen = {"voice": "caller | ears | stt | caller", "more": "caller | chat | other | caller"}
    made = config(graph=listen, other={"_target_": f"{HERE}.ChatCompletions", "model": "m"})
    made.llm.model = "???"
    assert "llm" not in build(made).graph.nodes
    assert mistakes(graph=unused, stt={"threads": "two"})[0].startswith("stt.threads")


def test_missing_packages_can_be_told_apart() -> None:
    line = "stt: ParakeetTdt needs the package 'nemo_that_is_not_here': pip install 's2s[nemo]'"
    changed = config(stt={"_target_": f"{HERE}.ParakeetTdt"})
    assert build(changed, packages=False).missing == (line,)
    offline = OmegaConf.merge(changed, {"mode": None})
    offline.mode = {"look": {"_target_": f"{HERE}.Look"}}
    assert build(offline).missing == (line,)
    elsewhere = config(stt={"_target_": f"{HERE}.ParakeetTdt", "place": {"kind": "process", "python": sys.executable}})
    assert build(elsewhere).missing == ()


def test_no_mode_is_a_mistake() -> None:
    made = config()
    made.mode = None
    with pytest.raises(ConfigError, match="mode: choose one or more"):
        build(made)


@pytest.mark.parametrize(("value", "read"), [(1, 1.0), (0.5, 0.5), ("0.5", 0.5), ("1e-2", 0.01), (None, None)])
def test_a_number_may_come_as_text_that_reads_as_one(value: object, read: object) -> None:
    stage = built(llm={"temperature": value}).graph.nodes["llm"].stage
    assert isinstance(stage, ChatCompletions)
    assert stage.temperature == read


def test_an_environment_variable_may_hold_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_PORT", "9000")
    assert built(mode={"serve": {"port": "${oc.env:S2S_PORT}"}}).modes["serve"] == Serve(port=9000)


def test_text_that_reads_as_a_number_stays_text_where_text_is_wanted() -> None:
    stage = built(llm={"model": "007"}).graph.nodes["llm"].stage
    assert isinstance(stage, ChatCompletions)
    assert stage.model == "007"


def test_a_note_may_be_kept_for_interpolation() -> None:
    stage = built(_ours={"model": "big"}, llm={"model": "${_ours.model}"}).graph.nodes["llm"].stage
    assert isinstance(stage, ChatCompletions)
    assert stage.model == "big"
