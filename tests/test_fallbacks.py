"""`llm: {fallback: NAME}` in a config: what it makes, and where it is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from s2s.build import build
from s2s.compose import compose
from s2s.fallbacks import chain, loaded
from s2s.health import findings
from s2s.llm.llamacpp import LlamaCpp
from s2s.modes.pull import sources
from s2s.modes.show import Show, described, mermaid
from tests.test_fallback_config import Llm, built, other


def test_a_stage_has_another_one_beside_it_that_stands_in_no_route() -> None:
    graph = built(llm={"fallback": "backup", "place": {"first_s": 1.5}}).graph
    node = graph.nodes["llm"]
    assert node.fallback is not None
    assert (node.fallback.name, node.fallback.stage) == ("backup", Llm(model="small"))
    assert "backup" not in graph.nodes and "backup" not in graph.unused and "voice" in graph.unused
    assert [one.name for one in loaded(graph)].count("backup") == 1


def test_without_one_nothing_changes() -> None:
    graph = built(llm={"fallback": None}).graph
    assert graph.nodes["llm"].fallback is None
    assert "backup" in graph.unused


def test_a_fallback_may_have_one_too() -> None:
    graph = built(llm={"fallback": "backup"}, backup={"fallback": "last"}, last=other("Llm")).graph
    assert [node.name for node in chain(graph.nodes["llm"])] == ["llm", "backup", "last"]


def test_a_recogniser_that_wants_the_rate_that_comes_may_take_over() -> None:
    assert built(stt={"fallback": "second"}, second=other("FineStt")).graph.nodes["stt"].fallback
    resampled = built(stt=other("NarrowStt", fallback="second"), second=other("NarrowStt")).graph
    assert "stt@8kHz" in resampled.nodes and resampled.nodes["stt"].fallback


def test_packages_that_a_fallback_lacks_are_told_and_those_of_an_unused_stage_are_not() -> None:
    line = "backup: Rare needs the package 'package_that_is_not_here': pip install 's2s[rare]'"
    assert built(llm={"fallback": "backup"}, backup=other("Rare")).missing == (line,)
    assert built(backup=other("Rare")).missing == ()
    assert built(stt={"fallback": "none"}, none=other("Stt"), spare=other("Rare"), backup=other("Rare")).missing == ()


def test_it_is_shown_looked_at_and_fetched_like_any_other_stage(capsys: pytest.CaptureFixture[str]) -> None:
    graph = built(llm={"fallback": "backup"}, backup=other("Rare", model="small")).graph
    Show().show(graph)
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "llm Llm thread Prompt Reply ReplyEnd ToolCall fallback=backup" in rows
    assert "backup Rare thread Prompt Reply ReplyEnd ToolCall model=small" in rows
    assert "unused: voice (Voice); no route names them" in rows
    assert "  s_llm -. fallback .-> s_backup" in mermaid(graph).splitlines()
    Show(format="json").show(graph)
    read = json.loads(capsys.readouterr().out)
    assert read == described(graph)
    assert {stage["name"]: stage["fallback"] for stage in read["stages"]}["llm"] == "backup"
    assert ("backup", "/weights/small") in sources(graph)
    missing = {(one.key, one.kind) for one in findings(graph, 0, 1.0) if one.state == "missing"}
    assert {("backup", "packages"), ("backup", "weights"), ("llm", "weights")} <= missing


def test_the_command_line_that_the_docs_give() -> None:
    words = ("llm=vllm", "+llm@backup=llamacpp", "llm.fallback=backup", "llm.place.first_s=1.5", "backup.slots=2")
    node = build(compose(*words), packages=False).graph.nodes["llm"]
    assert node.fallback is not None
    assert isinstance(node.fallback.stage, LlamaCpp)
    assert (node.fallback.stage.slots, node.place.first_s) == (2, 1.5)


def test_a_recipe_brings_its_own(tmp_path: Path) -> None:
    recipe = tmp_path / "office.yaml"
    recipe.write_text(
        "defaults:\n  - override /llm: vllm\n  - /llm@backup: llamacpp\n"
        "llm:\n  fallback: backup\n  place: {first_s: 1.5}\nbackup:\n  temperature: 0.5\n"
    )
    node = build(compose(str(recipe)), packages=False).graph.nodes["llm"]
    assert node.fallback is not None
    assert isinstance(node.fallback.stage, LlamaCpp)
    assert node.fallback.stage.temperature == 0.5
    changed = build(compose(str(recipe), "llm@backup=hf"), packages=False).graph.nodes["llm"]
    assert changed.fallback is not None
    assert not isinstance(changed.fallback.stage, LlamaCpp)
    off = ("llm.fallback=null", "llm.place.first_s=null")
    assert build(compose(str(recipe), *off), packages=False).graph.nodes["llm"].fallback is None
