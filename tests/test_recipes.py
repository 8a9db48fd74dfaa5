"""Every shipped YAML: it lists the options of its class, its defaults agree, and every recipe composes and wires."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from s2s.build import build
from s2s.compose import compose
from s2s.options import options
from s2s.paths import CONF, RECIPES

STAGES = ("vad", "turn", "stt", "llm", "tts", "text")
YAMLS = [path for group in (*STAGES, "mode") for path in sorted((CONF / group).glob("*.yaml"))]
RECIPE_NAMES = [path.stem for path in sorted(RECIPES.glob("*.yaml"))]
GRAPHS = [path.stem for path in sorted((CONF / "graph").glob("*.yaml"))]


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def composed(path: Path) -> dict[str, Any]:
    """Return the section that a YAML gives with all that it brings in."""
    group = path.parent.name
    key = {"mode": f"mode.{path.stem}", "turn": "turn"}.get(group, "under_test")
    word = f"{group}={path.stem}" if group in ("mode", "turn") else f"+{group}@under_test={path.stem}"
    found = OmegaConf.to_container(OmegaConf.select(compose(word), key))
    assert isinstance(found, dict)
    return {str(k): v for k, v in found.items()}


def target(path: str) -> type:
    module, _, cls = path.rpartition(".")
    found = getattr(importlib.import_module(module), cls)
    assert isinstance(found, type)
    return found


@pytest.mark.parametrize("path", YAMLS, ids=name)
def test_a_yaml_lists_every_option_of_its_class_and_no_other(path: Path) -> None:
    section = composed(path)
    besides = {"_target_"} if path.parent.name == "mode" else {"_target_", "place"}
    assert besides <= set(section)
    assert set(section) - besides == set(options(target(section["_target_"])))


@pytest.mark.parametrize("path", YAMLS, ids=name)
def test_a_yaml_opens_with_what_it_is_and_never_says_on_or_off(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines[:3] if line.startswith("# ") and not line.startswith("# @package")]
    assert comments
    if path.parent.name == "mode":
        assert lines[0] == f"# @package mode.{path.stem}"
    tokens = yaml.scan(path.read_text(encoding="utf-8"))
    scalars = {token.value.lower() for token in tokens if isinstance(token, yaml.ScalarToken)}
    assert scalars and not scalars & {"on", "off", "yes", "no"}


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_a_recipe_composes_builds_and_wires(recipe: str) -> None:
    made = build(compose(f"recipe={recipe}"), packages=False)
    assert len(made.graph.edges) >= 3
    assert made.modes


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_composes_builds_and_wires(graph: str) -> None:
    assert build(compose(f"graph={graph}"), packages=False).graph.edges


@pytest.mark.parametrize("group", [path for path in YAMLS if path.parent.name in STAGES[:-1]], ids=name)
def test_a_backend_takes_the_place_of_another(group: Path) -> None:
    words = [f"{group.parent.name}={group.stem}"]
    if "model: ???" in group.read_text(encoding="utf-8"):
        words.append(f"{group.parent.name}.model=m")
    assert build(compose(*words), packages=False).graph.edges


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_a_recipe_opens_with_what_to_install_to_run_and_to_expect(recipe: str) -> None:
    text = (RECIPES / f"{recipe}.yaml").read_text(encoding="utf-8")
    comment = text[: text.index("\ndefaults:") if "\ndefaults:" in text else len(text)]
    for part in ("# Install:", "# Run:", "# Change:", "# Needs:", "# Measured:"):
        assert part in comment
    assert f"s2s-run recipe={recipe}" in comment


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_the_commands_of_a_recipe_name_keys_that_exist(recipe: str) -> None:
    for line in (RECIPES / f"{recipe}.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith(("# Run:", "# Change:")):
            words = line.partition("s2s-run ")[2].split()
            build(compose(*words), packages=False)


def test_two_recipes_go_together() -> None:
    made = build(compose("recipe=[cpu,captions]"), packages=False)
    assert "llm" not in made.graph.nodes
    assert "llm" in made.graph.unused


def test_a_second_instance_has_options_of_its_own() -> None:
    made = build(compose("recipe=two-voices", "narrator.speed=1.5"), packages=False)
    narrator, tts = made.graph.nodes["narrator"].stage, made.graph.nodes["tts"].stage
    assert type(narrator) is type(tts)
    assert vars(narrator)["speed"] == 1.5
    assert vars(tts)["speed"] == 1.0


def test_the_engine_of_a_second_instance_can_be_changed() -> None:
    made = build(compose("recipe=two-voices", "tts@narrator=openai"), packages=False)
    assert type(made.graph.nodes["narrator"].stage) is not type(made.graph.nodes["tts"].stage)


def test_the_default_graph_is_the_one_of_the_design() -> None:
    routes = build(compose(), packages=False).graph.routes
    assert routes == {
        "voice": "caller | vad | turn | stt | chat | llm | clauses | tts | caller",
        "partials": "stt | turn",
        "asked": "chat | turn",
        "captions": "stt | caller",
        "words": "llm | caller",
        "calls": "llm | caller",
        "after": "stt | endpoint",
        "ends": "turn | endpoint | turn",
    }


def test_a_small_model_asks_chat_for_a_short_history() -> None:
    assert build(compose(), packages=False).graph.nodes["chat"].stage.budget_tokens == 0
    assert build(compose("llm.history_tokens=300"), packages=False).graph.nodes["chat"].stage.budget_tokens == 300
    assert build(compose("llm=vllm"), packages=False).graph.nodes["chat"].stage.budget_tokens is None
