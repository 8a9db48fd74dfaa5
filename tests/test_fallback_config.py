"""`llm: {fallback: NAME}` in a config: what every mistake says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from omegaconf import OmegaConf

from s2s.build import Deployment, build
from s2s.messages import Audio, Clause, Prompt, Reply, ReplyEnd, Sound, Speech, ToolCall, Transcript
from s2s.mistakes import ConfigError
from s2s.stage import Call, Stage
from s2s.text.chat import Chat

HERE = __name__


@dataclass(kw_only=True)
class Ears(Stage):
    sends_hz = 16000

    def run(self, call: Call, item: Audio) -> Iterator[Speech]:
        yield from ()


@dataclass(kw_only=True)
class Stt(Stage):
    def run(self, call: Call, item: Speech) -> Iterator[Transcript]:
        yield from ()


class LateStt(Stt):
    def finish(self, call: Call) -> Iterator[Transcript]:
        yield Transcript(text="")


class NarrowStt(Stt):
    takes_hz = 8000


class FineStt(Stt):
    takes_hz = 16000


@dataclass(kw_only=True)
class Llm(Stage):
    model: str = "m"

    def weights(self) -> list[str]:
        return [f"/weights/{self.model}"]

    def run(self, call: Call, item: Prompt) -> Iterator[Reply | ReplyEnd | ToolCall]:
        yield from ()


@dataclass(kw_only=True)
class Plain(Stage):
    def run(self, call: Call, item: Prompt) -> Iterator[Reply]:
        yield from ()


@dataclass(kw_only=True)
class Deaf(Stage):
    def run(self, call: Call, item: Clause) -> Iterator[Reply | ReplyEnd | ToolCall]:
        yield from ()


@dataclass(kw_only=True)
class Rare(Llm):
    needs = ("package_that_is_not_here",)
    extra = "rare"


@dataclass(kw_only=True)
class Voice(Stage):
    def run(self, call: Call, item: Reply) -> Iterator[Clause]:
        yield from ()


@dataclass(kw_only=True)
class Tools(Stage):
    commits = True

    def run(self, call: Call, item: ToolCall) -> Iterator[Reply]:
        yield from ()


class Talk(Chat):
    """The conversation's own stage."""


def config(**changes: Any) -> Any:
    stages = {name.lower(): {"_target_": f"{HERE}.{name}"} for name in ("Ears", "Stt", "Llm", "Voice", "Tools")}
    stages["chat"] = {"_target_": f"{HERE}.Talk", "place": {"kind": "inline"}}
    base = {
        "graph": {"voice": "caller | ears | stt | chat | llm | caller", "calls": "llm | tools"},
        "mode": {"show": {"_target_": "s2s.modes.show.Show"}},
        **stages,
        "backup": {"_target_": f"{HERE}.Llm", "model": "small"},
    }
    return OmegaConf.merge(OmegaConf.create(base), OmegaConf.create(changes))


def built(**changes: Any) -> Deployment:
    return build(config(**changes))


def mistakes(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        built(**changes)
    return list(caught.value.mistakes)


def other(name: str, **options: Any) -> dict[str, Any]:
    return {"_target_": f"{HERE}.{name}", **options}


ADD = "add another stage, such as +{}@backup=NAME"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"llm": {"fallback": "bakup"}}, "llm.fallback: no stage is called 'bakup'; did you mean 'backup'?"),
        ({"llm": {"fallback": "caller"}}, "llm.fallback: no stage is called 'caller'; choose from backup, chat, ears"),
        ({"llm": {"fallback": 5}}, "llm.fallback: input should be the name of a stage, not 5"),
        ({"llm": {"falback": "backup"}}, "llm.falback: Llm has no such option; did you mean 'fallback'?"),
        ({"llm": {"fallback": "llm"}}, f"llm.fallback: 'llm | llm' goes in a circle; {ADD.format('llm')}"),
        ({"llm": {"fallback": "backup"}, "backup": {"fallback": "llm"}},
         f"backup.fallback: 'backup | llm | backup' goes in a circle; {ADD.format('backup')}"),
        ({"llm": {"fallback": "stt"}},
         f"llm.fallback: 'stt' has work of its own in a route; {ADD.format('llm')}"),
        ({"llm": {"fallback": "backup"}, "stt": {"fallback": "backup"}},
         f"llm.fallback: 'backup' takes over from 'stt' already; {ADD.format('llm')}"),
        ({"llm": {"fallback": "deaf"}, "deaf": other("Deaf")},
         "llm.fallback: Prompt comes to llm, 'deaf' takes Clause"),
        ({"llm": {"fallback": "plain"}, "plain": other("Plain")},
         "llm.fallback: Reply or ReplyEnd or ToolCall is wanted of llm, 'plain' sends Reply"),
        ({"llm": {"fallback": "backup"}, "backup": {"fallback": "plain"}, "plain": other("Plain")},
         "backup.fallback: Reply or ReplyEnd or ToolCall is wanted of llm, 'plain' sends Reply"),
        ({"tools": {"fallback": "second"}, "second": other("Tools")},
         "tools.fallback: what it does can't be taken back, so no other stage may do it over"),
        ({"ears": {"fallback": "second"}, "second": other("Ears")},
         "ears.fallback: it hears the whole call in one go, so no other stage can take over midway"),
        ({"chat": {"fallback": "second"}, "second": other("Talk")},
         "chat.fallback: the conversation itself is there, and no other stage can know it"),
        ({"llm": {"fallback": "backup", "place": {"kind": "inline"}}},
         "llm.fallback: a stage that runs inline has none; set llm.place.kind=loop"),
        ({"stt": {"fallback": "second"}, "second": other("LateStt")},
         "stt.fallback: 'second' answers when its input has ended, stt is never told that it has"),
        ({"stt": {"fallback": "second"}, "second": other("NarrowStt")},
         "stt.fallback: 'second' takes sound at 8000 Hz, stt is sent it at another rate"),
        ({"llm": {"fallback": "backup"}, "backup": {"modle": 1}},
         "backup.modle: Llm has no such option; did you mean 'model'?"),
        ({"llm": {"fallback": "backup"}, "backup": {"model": "${oc.env:S2S_NOT_SET}"}},
         "backup.model: Llm needs a value; environment variable 'S2S_NOT_SET' not found"),
        ({"llm": {"place": {"first_s": 0}}}, "llm.place.first_s: input should be more than 0, not 0"),
        ({"llm": {"place": {"first_s": 1.5}}},
         "llm.place.first_s: nobody takes over after it; name a fallback, or leave it null"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_its_full_key(changes: dict[str, Any], line: str) -> None:
    found = mistakes(**changes)
    assert len(found) == 1 and found[0].startswith(line), found


def test_sound_at_another_rate_is_refused_where_the_next_stage_takes_one_only() -> None:
    voices = {"tts": other("Fast"), "second": other("Slow"), "meter": other("Meter")}
    graph = {"voice": "caller | ears | stt | chat | llm | voice | tts | meter | caller", "calls": None}
    line = "tts.fallback: 'second' sends sound at another rate than tts, which the next stage can't take"
    assert built(graph=graph, **voices)
    assert mistakes(graph=graph, **{**voices, "tts": other("Fast", fallback="second")}) == [line]
    slow = {**voices, "tts": other("Slow", fallback="second")}
    assert built(graph=graph, **slow).graph.nodes["tts"].fallback, "a resampler stands between them"


@dataclass(kw_only=True)
class Fast(Stage):
    sends_hz = 24000

    def run(self, call: Call, item: Clause) -> Iterator[Sound]:
        yield from ()


class Slow(Fast):
    sends_hz = 22050


@dataclass(kw_only=True)
class Meter(Stage):
    takes_hz = 24000

    def run(self, call: Call, item: Sound) -> Iterator[Sound]:
        yield from ()


def test_all_mistakes_come_at_once() -> None:
    found = mistakes(llm={"fallback": "bakup", "modle": 1}, stt={"fallback": "stt"}, tools={"fallback": 1})
    assert sorted(line.split(":")[0] for line in found) == [
        "llm.fallback",
        "llm.modle",
        "stt.fallback",
        "tools.fallback",
    ]
    fits = mistakes(llm={"fallback": "plain"}, plain=other("Plain"), ears={"fallback": "second"}, second=other("Ears"))
    assert sorted(line.split(":")[0] for line in fits) == ["ears.fallback", "llm.fallback"]
