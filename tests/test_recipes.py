"""Every shipped YAML: it lists the options of its class, its defaults agree, and every recipe composes and wires."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import itertools
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose as compose_alone
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from s2s import packages
from s2s.build import Deployment, build
from s2s.compose import compose
from s2s.fallbacks import loaded
from s2s.graph import GraphError, Node, wire
from s2s.health import findings
from s2s.mistakes import ConfigError
from s2s.modes.doctor import Doctor
from s2s.modes.mode import ModeError
from s2s.options import options
from s2s.paths import CONF, RECIPES
from s2s.plan import deaf

STAGES = ("vad", "turn", "stt", "llm", "tts", "text")
YAMLS = [path for group in (*STAGES, "mode") for path in sorted((CONF / group).glob("*.yaml"))]
RECIPE_NAMES = [path.stem for path in sorted(RECIPES.glob("*.yaml"))]
GRAPHS = [path.stem for path in sorted((CONF / "graph").glob("*.yaml"))]
HEARS = {"audio-llm": ("llm=vllm",)}
"""Graphs in which the default language model can't stand, with one that can."""


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@functools.cache
def composed(path: Path) -> dict[str, Any]:
    """Return the section that a YAML gives with all that it brings in."""
    group = path.parent.name
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose_alone(overrides=[f"+{group}={path.stem}", "+device=cpu"])
    found = OmegaConf.to_container(OmegaConf.select(cfg, f"mode.{path.stem}" if group == "mode" else group))
    assert isinstance(found, dict)
    return {str(k): v for k, v in found.items()}


@functools.cache
def deployed(*words: str) -> Deployment:
    """Return what a command line describes, whatever is installed here."""
    return build(compose(*words), packages=False)


def words(path: Path) -> tuple[str, ...]:
    """The words that choose a backend; a model that has to be named is called m."""
    group = path.parent.name
    named = "model: ???" in path.read_text(encoding="utf-8")
    return (f"{group}={path.stem}", *([f"{group}.model=m"] if named else []))


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
    made = deployed(f"recipe={recipe}")
    assert len(made.graph.edges) >= 3
    assert made.modes


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_composes_builds_and_wires(graph: str) -> None:
    assert deployed(f"graph={graph}", *HEARS.get(graph, ())).graph.edges


BACKENDS = [path for path in YAMLS if path.parent.name in STAGES[:-1]]
ROWS = [
    [path for path in row if path is not None]
    for row in itertools.zip_longest(*([p for p in BACKENDS if p.parent.name == group] for group in STAGES[:-1]))
]
"""The backends, one of each group at a time: every one of them once."""


def node_of(path: Path) -> Node:
    """Return a backend as a graph has it that is composed with it."""
    row = next(row for row in ROWS if path in row)
    return deployed(*(word for each in row for word in words(each))).graph.nodes[path.parent.name]


@pytest.mark.parametrize("path", BACKENDS, ids=name)
def test_a_backend_takes_the_place_of_another(path: Path) -> None:
    assert type(node_of(path).stage) is target(composed(path)["_target_"])


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_backend_stands_in_every_graph_that_has_its_place(graph: str) -> None:
    drawn = deployed(f"graph={graph}", *HEARS.get(graph, ())).graph
    known = {**drawn.unused, **{key: node for key, node in drawn.nodes.items() if node.stage and "@" not in key}}
    tried = 0
    for path in BACKENDS:
        place = path.parent.name
        node = node_of(path)
        if place not in drawn.nodes:
            continue
        wired = wire(drawn.routes, {**known, place: node})
        assert wired.nodes[place].stage is node.stage, name(path)
        if graph in HEARS and place == "llm":
            assert node.stage is not None and bool(list(deaf(wired))) != node.stage.hears(), name(path)
        else:
            assert not list(deaf(wired)), name(path)
        tried += 1
    assert tried >= len(list((CONF / "llm").glob("*.yaml")))


def test_a_backend_in_the_place_of_another_kind_is_a_mistake() -> None:
    drawn = deployed("graph=cascade").graph
    nodes: dict[str, Node] = {key: node for key, node in drawn.nodes.items() if node.stage and "@" not in key}
    with pytest.raises(GraphError, match=r"'turn \| stt' carries nothing"):
        wire(drawn.routes, {**nodes, "stt": dataclasses.replace(nodes["tts"], name="stt")})


def test_a_language_model_that_hears_no_sound_is_no_audio_llm() -> None:
    with pytest.raises(ConfigError) as caught:
        build(compose("graph=audio-llm"), packages=False)
    what = "llm: LlamaCpp hears no sound, and 'turn | chat' gives it the caller's"
    assert str(caught.value) == f"{what}; choose llm=chat-completions, or put stt before chat"
    with pytest.raises(ConfigError, match="backup: LlamaCpp hears no sound"):
        build(compose("recipe=audio-llm", "+llm@backup=llamacpp", "llm.fallback=backup"), packages=False)


def test_every_language_model_says_truly_whether_it_hears() -> None:
    hearing = {path.stem for path in BACKENDS if (stage := node_of(path).stage) is not None and stage.hears()}
    assert hearing >= {"chat-completions", "responses-api", "vllm", "openai", "openrouter", "llamacpp-server", "ollama"}
    assert not hearing & {"llamacpp", "llama-cpp-python", "transformers"}


def test_a_model_of_this_process_hears_where_it_is_said_to() -> None:
    words = ("recipe=audio-llm", "llm=transformers")
    build(compose(*words, "llm.sound=true"), packages=False)
    with pytest.raises(ConfigError, match=r"Transformers hears no sound, .*; set llm\.sound=true if its model does"):
        build(compose(*words), packages=False)


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
            deployed(*shlex.split(line.partition("s2s-run ")[2]))


def lacks(recipe: str, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The stages of a recipe that lack a package where none is installed, and what to do."""
    monkeypatch.setattr(packages, "installed", lambda name: False)
    found = findings(deployed(f"recipe={recipe}").graph, 0, 0.1)
    return {(f.key, f.remedy) for f in found if f.kind == "packages" and f.state == "missing"}


def install(*extras: str, **stages: str) -> set[tuple[str, str]]:
    """What the doctor says of stages and their extras; those of `extras` are embedded."""
    named = {**dict.fromkeys(extras, "embedded"), **stages}
    return {(stage, f"pip install 's2s[{extra}]'") for stage, extra in named.items()}


QWEN3 = "make one there with 's2s[{}]', or set tts.place.python=/path/to/python"
MISSING = {
    "audio-llm": install("tts", "endpoint"),
    "captions": install("stt", "endpoint"),
    "cloud": set(),
    "cpu": install("stt", "llm", "tts"),
    "cuda-24gb": {*install("endpoint", stt="torch"), ("tts", QWEN3.format("qwen3-faster"))},
    "cuda-2gpu": {*install("endpoint", stt="torch", llm="torch"), ("tts", QWEN3.format("qwen3-faster"))},
    "interpreter": install("stt", "llm", "tts", "endpoint"),
    "kiosk": install("stt", "llm", "tts", "endpoint"),
    "mac": install("endpoint", stt="mlx", llm="mlx", tts="mlx"),
    "recorder": install("stt", "llm", "tts", "endpoint"),
    "seed": {*install(stt="torch"), ("tts", QWEN3.format("qwen3"))},
    "text": install("llm"),
    "tools": install("stt", "tts", "endpoint"),
    "two-voices": install("stt", "llm", "tts", "narrator", "endpoint"),
}


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_the_doctor_names_what_a_recipe_needs_and_what_installs_it(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacks(recipe, monkeypatch) == MISSING[recipe]
    header = (RECIPES / f"{recipe}.yaml").read_text(encoding="utf-8").partition("# Run:")[0]
    needed = {remedy.partition("s2s[")[2].partition("]")[0] for _, remedy in MISSING[recipe]}
    for extra in needed - ({"embedded"} if "embedded" not in header else set()):
        assert f"[{extra}" in header or f",{extra}]" in header, f"its first lines should install {extra}"


@pytest.mark.parametrize("recipe", RECIPE_NAMES)
def test_the_doctor_says_nothing_of_packages_that_are_there(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: True)
    graph = deployed(f"recipe={recipe}").graph
    elsewhere = {node.name for node in loaded(graph) if node.place.python}
    found = findings(graph, 0, 0.1)
    assert {f.key for f in found if f.kind == "packages" and f.state == "missing"} == elsewhere


def test_what_the_doctor_prints_can_be_copied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "installed", lambda name: False)
    monkeypatch.setenv("COLUMNS", "250")
    with pytest.raises(ModeError, match="are missing"):
        Doctor(port=0, timeout_s=0.1).show(deployed("recipe=seed").graph)
    assert "pip install 's2s[torch]'" in capsys.readouterr().out


@pytest.mark.parametrize("recipe", ["kiosk", "seed"])
def test_a_recipe_that_chooses_a_mode_can_be_looked_at_by_another(recipe: str) -> None:
    assert set(deployed(f"recipe={recipe}", "mode=doctor").modes) == {"doctor"}
    assert set(deployed("mode=doctor", "+mode.local.meter=false").modes) == {"doctor"}
    with pytest.raises(ConfigError, match="mode 'local' is not chosen"):
        build(compose("mode=realtime", "+mode.local.meter=false"), packages=False)


def test_two_recipes_go_together() -> None:
    made = deployed("recipe=[cpu,captions]")
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
    routes = deployed().graph.routes
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
    for words, budget in (((), 0), (("llm.history_tokens=300",), 300), (("llm=vllm",), None)):
        chat: Any = deployed(*words).graph.nodes["chat"].stage
        assert chat.budget_tokens == budget
