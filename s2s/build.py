"""From a composed config to a checked deployment: every mistake is named, and no model is imported."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, Literal

from s2s.fallbacks import after, named, stood_by, unfit
from s2s.graph import Graph, GraphError, Node, wire
from s2s.messages import Item
from s2s.mistakes import ConfigError, near
from s2s.modes.mode import Mode
from s2s.options import Missing, make, plain, resolved
from s2s.packages import missing
from s2s.place.options import Place
from s2s.plan import deaf
from s2s.routes import CALLER, stops
from s2s.speculation import Speculation
from s2s.stage import Stage, ports
from s2s.targets import find


@dataclasses.dataclass(frozen=True)
class Deployment:
    """What one process runs; `missing` are the lines about packages and keys that used stages lack."""

    graph: Graph
    modes: dict[str, Mode]
    sessions: int
    config: dict[str, Any]
    missing: tuple[str, ...] = ()
    speculation: Speculation = dataclasses.field(default_factory=Speculation)
    drain_s: float = 5.0


@dataclasses.dataclass(kw_only=True)
class Process:
    """The options of the process itself, at the top level of the config."""

    sessions: int = 64
    speculation: Speculation = dataclasses.field(default_factory=Speculation)
    drain_s: float = 5.0
    log: Literal["debug", "info", "warning", "error"] = "info"


_SECTIONS = ("graph", "mode", "device")


def build(cfg: Any, *, packages: bool = True) -> Deployment:
    """Return the deployment that a composed config describes.

    Raises `ConfigError` with every mistake, one line each. A package that is not installed, or a key that is not set,
    is a mistake unless `packages` is false or every mode is offline.
    """
    mistakes: list[str] = []
    config: dict[str, Any] = resolved(cfg, "", mistakes)
    routes = _section(config, "graph", mistakes)
    process = _process(config, mistakes)
    modes = _modes(_section(config, "mode", mistakes), mistakes)

    nodes: dict[str, Node] = {}
    absent: list[str] = []
    sections = {key: section for key, section in config.items() if key not in _SECTIONS and _is_stage(section)}
    if sections.pop(CALLER, None):
        mistakes.append(f"{CALLER}: the graph has a caller of its own; give the stage another name")
    used = stops(routes)
    fallbacks = named(sections, used, mistakes)
    used |= {other for name in used for other in after(name, fallbacks)}
    for key, section in sections.items():
        node, lack = _stage(key, section, key in used, mistakes)
        if node is not None:
            nodes[key] = node
        if lack and key in used:
            absent.append(lack)

    graph = None
    try:
        graph = stood_by(wire(routes, nodes), fallbacks)
    except GraphError as error:
        mistakes += error.mistakes
    if graph is not None and not mistakes:
        mistakes += [*unfit(graph), *deaf(graph)]
        for name, mode in modes.items():
            mistakes += mode.check(f"mode.{name}", graph)
    if packages and not all(mode.offline for mode in modes.values()):
        mistakes += absent
    if mistakes or graph is None or process is None:
        raise ConfigError(mistakes)
    lacks, trials = tuple(absent), process.speculation
    return Deployment(graph, modes, process.sessions, plain(config), lacks, trials, process.drain_s)


def _is_stage(section: Any) -> bool:
    return isinstance(section, dict) and "_target_" in section


def _section(config: Mapping[str, Any], key: str, mistakes: list[str]) -> dict[str, Any]:
    section = config.get(key)
    if isinstance(section, dict):
        return section
    if section is not None:
        mistakes.append(f"{key}: input should be a mapping of names, not {plain(section)!r}")
    return {}


def _process(config: Mapping[str, Any], mistakes: list[str]) -> Process | None:
    """Check the top level: what is neither a section, a stage nor a note (`_name`) is an option of the process."""
    fields = [field.name for field in dataclasses.fields(Process)]
    values = {}
    for key, value in config.items():
        if key in fields:
            values[key] = value
        elif key not in _SECTIONS and not key.startswith("_") and not _is_stage(value):
            others = [name for name in config if name != key]
            mistakes.append(f"{key}: no such option or stage{near(key, others)}")
    found: list[str] = []
    process = make(Process, values, "", found)
    mistakes += [line.removeprefix(".") for line in found]
    if process and process.sessions < 1:
        mistakes.append(f"sessions: input should be 1 or more, not {process.sessions}")
    if process and process.drain_s < 0:
        mistakes.append(f"drain_s: input should be 0 or more, not {process.drain_s:g}")
    return process


def _modes(section: Mapping[str, Any], mistakes: list[str]) -> dict[str, Mode]:
    """Return the chosen modes; options of others, as a recipe sets them, are fine where the chosen ones only look."""
    modes: dict[str, Mode] = {}
    left: list[str] = []
    for name, values in section.items():
        key = f"mode.{name}"
        if not isinstance(values, dict) or "_target_" not in values:
            chosen = ",".join([n for n, v in section.items() if isinstance(v, dict) and "_target_" in v] + [name])
            left.append(f"{key}: mode '{name}' is not chosen; say mode=[{chosen}]")
            continue
        try:
            cls = find(values["_target_"], Mode, key)
        except ValueError as error:
            mistakes.append(str(error))
            continue
        mode = make(cls, values, key, mistakes, besides=("_target_",))
        if mode is not None:
            modes[name] = mode
    if not modes or not all(mode.offline for mode in modes.values()):
        mistakes += left
    if not section:
        mistakes.append("mode: choose one or more, such as mode=realtime or mode=show")
    return modes


def _stage(key: str, section: dict[str, Any], used: bool, mistakes: list[str]) -> tuple[Node | None, str | None]:
    """Return the node of a stage and the line about the packages, or else the key, that it lacks.

    The node of a stage with mistakes has the ports of its class, or every port, so that the routes can be checked too.
    """
    place_values = section.get("place")
    if isinstance(place_values, Missing) or place_values is None:
        place_values = {}
    stand_in = Place(kind="inline")
    try:
        cls = find(section["_target_"], Stage, key)
        takes, sends = ports(cls)
    except (ValueError, TypeError) as error:
        mistakes.append(str(error) if isinstance(error, ValueError) else f"{key}._target_: {error}")
        every = frozenset(Item.__args__)
        return Node(key, None, stand_in, every, every, commits=True), None
    stage = make(cls, section, key, mistakes, whole=used, besides=("_target_", "place", "fallback"))
    place = _place(cls, place_values, f"{key}.place", mistakes)
    if stage is None and not used:
        return None, None
    place = place or stand_in
    line = missing(key, cls, place)
    if line is None and stage is not None and (lack := stage.lacks()):
        line = f"{key}: {lack}"
    return Node(key, stage, place, takes, sends, commits=cls.commits), line


def _place(cls: type[Stage], values: Any, key: str, mistakes: list[str]) -> Place | None:
    """Return where a stage runs; an async one runs at `loop` unless its YAML says otherwise."""
    if not isinstance(values, dict):
        mistakes.append(f"{key}: input should be a mapping such as {{kind: thread}}, not {values!r}")
        return None
    is_async = inspect.isasyncgenfunction(cls.run)  # type: ignore[attr-defined]
    place = make(Place, {"kind": "loop", **values} if is_async else values, key, mistakes)
    if place is None:
        return None
    for name in ("replicas", "ahead", "batch", "inbox"):
        if getattr(place, name) < 1:
            mistakes.append(f"{key}.{name}: input should be 1 or more, not {getattr(place, name)}")
    if not 0 <= place.nice <= 19:
        mistakes.append(f"{key}.nice: input should be from 0 to 19, not {place.nice}")
    if place.first_s is not None and place.first_s <= 0:
        mistakes.append(f"{key}.first_s: input should be more than 0, not {place.first_s:g}")
    if is_async and place.kind in ("inline", "thread"):
        mistakes.append(f"{key}.kind: {cls.__name__} is async; input should be 'loop', not '{place.kind}'")
    elif place.kind != "loop" and cls.offers is not Stage.offers:
        what = f"the language model has to know what {cls.__name__} offers"
        mistakes.append(f"{key}.kind: {what}; input should be 'loop', not '{place.kind}'")
    if place.batch > 1 and not hasattr(cls, "run_batch"):
        mistakes.append(f"{key}.batch: {cls.__name__} has no run_batch; input should be 1, not {place.batch}")
    return place
