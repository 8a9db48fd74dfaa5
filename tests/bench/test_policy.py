"""Points of a chart: words in, turn stages as composed out, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from s2s.bench.policy import policies
from s2s.build import build
from s2s.compose import compose
from s2s.messages import EndOfTurn, Transcript
from s2s.mistakes import ConfigError
from s2s.modes.turns import Turns
from s2s.turn.fused import Fused
from s2s.turn.silence import Silence


def points_of(**points: str | None) -> list[str]:
    """Compose points as the default deployment does, and return what tells them apart."""
    return [f"{p.name} {p.setting}" for p in policies(points, "mode.turns.points", build(compose()).graph)]


def test_the_shipped_points_compose() -> None:
    deployment = build(compose("mode=turns"), packages=False)
    mode = deployment.modes["turns"]
    assert isinstance(mode, Turns)
    found = policies(mode.points, "mode.turns.points", deployment.graph)
    assert {policy.name: type(policy.stage).__name__ for policy in found} == {
        "silence": "Silence",
        "silence-soon": "Silence",
        "smart": "Smart",
        "smart-soon": "Smart",
        "fused": "Fused",
    }
    by_words = {policy.words: policy for policy in found}
    fused = by_words["turn=fused", "turn.costs.cut_in=50"]
    assert isinstance(fused.stage, Fused) and fused.stage.costs.cut_in == 50 and fused.hints == {Transcript, EndOfTurn}
    assert fused.setting == "costs.cut_in=50" and fused.config["turn"]["costs"]["cut_in"] == 50
    silence = by_words["turn=silence", "turn.soft_ms=32", "turn.silence_ms=300"].stage
    assert isinstance(silence, Silence) and (silence.soft_ms, silence.silence_ms) == (32, 300)


def test_points_of_ones_own_may_be_one_or_every_combination() -> None:
    mine = "turn=silence turn.soft_ms=32,64 turn.silence_ms=100,200"
    found = points_of(one="turn=fused turn.shortest_ms=100", none=None, mine=mine)
    assert found == ["one as composed", *(f"mine soft_ms={a} silence_ms={b}" for a in (32, 64) for b in (100, 200))]


def test_a_value_of_one_line_is_not_the_next_ones() -> None:
    graph = build(compose()).graph
    words = ["turn=silence turn.soft_ms=32", "turn=silence", "turn=silence turn.silence_ms=90"]
    found = policies({str(number): line for number, line in enumerate(words)}, "points", graph)
    told = [(p.stage.soft_ms, p.stage.silence_ms) for p in found if isinstance(p.stage, Silence)]
    assert told == [(32, 500), (200, 500), (200, 90)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "turn=silense",
            ": turn=silense: no such option; did you mean 'silence'?",
        ),
        ("turn=silence turn.silence_ms=300,soon", ": turn.silence_ms: input should be a valid integer, not 'soon'"),
        ("turn=silence turn.silense_ms=3", ": turn.silense_ms: Silence has no such option; did you mean 'silence_ms'?"),
        ("turn=silence turn.silence_ms=[1", ": turn.silence_ms=[1: no viable alternative at input '[1'; write turn="),
        ("stt=moonshine", ": points differ in how turns end alone; write turn=OPTION or turn.KEY=VALUE, not 'stt=moon"),
    ],
)
def test_a_wrong_point_is_named(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        points_of(mine=line)
    assert str(caught.value).startswith(f"mode.turns.points.mine{said}")


def test_a_point_whose_stage_does_not_run_is_named() -> None:
    graph = build(compose("turn=silence"), packages=False).graph
    with pytest.raises(
        ConfigError, match=r"points.mine: it needs the stage 'endpoint', which does not run here; choose"
    ):
        policies({"mine": "turn=smart"}, "points", graph)
