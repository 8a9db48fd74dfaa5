"""Who takes over from whom: the `fallback` of stages, checked before any model is imported."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from s2s.graph import SOUND, Graph, Node, rate_of
from s2s.messages import Activity, Audio, Message
from s2s.mistakes import near
from s2s.place.pool import finishes
from s2s.plan import is_chat
from s2s.resample import Resample
from s2s.routes import any_of


def loaded(graph: Graph) -> Iterator[Node]:
    """Yield every stage that is loaded: those in routes, each with the ones that take over from it behind it."""
    for node in graph.nodes.values():
        if node.stage is not None:
            yield from chain(node)


def chain(node: Node) -> Iterator[Node]:
    """Yield a stage, the one that takes over from it, the one that takes over from that, and so on."""
    yield node
    if node.fallback is not None:
        yield from chain(node.fallback)


def named(sections: Mapping[str, Mapping[str, Any]], used: Collection[str], mistakes: list[str]) -> dict[str, str]:
    """Return the fallbacks that stages name, those that can be, and add what is wrong with the others to `mistakes`."""
    found: dict[str, str] = {}
    for key, section in sections.items():
        name = section.get("fallback")
        if not isinstance(name, str):
            if name is not None:
                mistakes.append(f"{key}.fallback: input should be the name of a stage, not {name!r}")
            continue
        takes = next((other for other, taker in found.items() if taker == name), None)
        if name == key or key in after(name, found):
            ways = " | ".join([key, *after(key, {**found, key: name})])
            mistakes.append(f"{key}.fallback: '{ways}' goes in a circle; {_another(key)}")
        elif name not in sections:
            mistakes.append(f"{key}.fallback: no stage is called '{name}'{near(name, set(sections) - {key})}")
        elif name in used:
            mistakes.append(f"{key}.fallback: '{name}' has work of its own in a route; {_another(key)}")
        elif takes is not None:
            mistakes.append(f"{key}.fallback: '{name}' takes over from '{takes}' already; {_another(key)}")
        else:
            found[key] = name
    return found


def stood_by(graph: Graph, fallbacks: Mapping[str, str]) -> Graph:
    """Return the graph with the fallbacks of its stages, all of which stand in no route."""

    def whole(node: Node) -> Node:
        other = graph.unused.get(fallbacks.get(node.name, ""))
        return node if other is None else dataclasses.replace(node, fallback=whole(other))

    nodes = {name: whole(node) for name, node in graph.nodes.items()}
    beside = {node.name for first in nodes.values() for node in chain(first)}
    unused = {name: node for name, node in graph.unused.items() if name not in beside}
    return dataclasses.replace(graph, nodes=nodes, unused=unused)


def unfit(graph: Graph) -> Iterator[str]:
    """Name the stages that no other can take over from, and the fallbacks that can't do what is asked of them."""
    for node in graph.nodes.values():
        if node.fallback is None:
            if node.place.first_s is not None:
                yield f"{node.name}.place.first_s: nobody takes over after it; name a fallback, or leave it null"
        elif why := _alone(node):
            yield f"{node.name}.fallback: {why}"
        else:
            for before, other in itertools.pairwise(chain(node)):
                yield from (f"{before.name}.fallback: {why}" for why in _lacks(graph, node, other))


def after(name: str, fallbacks: Mapping[str, str]) -> list[str]:
    """Return who takes over from a stage, in turn; the last is the first again in a circle."""
    found: list[str] = []
    while name in fallbacks and fallbacks[name] not in found:
        name = fallbacks[name]
        found.append(name)
    return found


def _another(key: str) -> str:
    return f"add another stage, such as +{key}@backup=NAME"


def _alone(node: Node) -> str | None:
    """Say why no other stage can take over from this one."""
    if is_chat(node.stage):
        return "the conversation itself is there, and no other stage can know it"
    if node.commits:
        return "what it does can't be taken back, so no other stage may do it over"
    if node.takes & {Audio, Activity}:
        return "it hears the whole call in one go, so no other stage can take over midway"
    if node.place.kind == "inline":
        return f"a stage that runs inline has none; set {node.name}.place.kind=loop"
    return None


def _lacks(graph: Graph, node: Node, other: Node) -> Iterator[str]:
    """Say what is asked of a stage that its fallback can't do."""
    assert node.stage is not None
    assert other.stage is not None
    before, after = graph.before(node.name), graph.after(node.name)
    come: set[type[Message]] = {kind for edge in before for kind in edge.carries}
    gone: set[type[Message]] = {kind for edge in after for kind in edge.carries}
    if not come <= other.takes:
        yield f"{any_of(come)} comes to {node.name}, '{other.name}' takes {any_of(other.takes)}"
    if not gone <= other.sends:
        yield f"{any_of(gone)} is wanted of {node.name}, '{other.name}' sends {any_of(other.sends)}"
    if other.commits:
        yield f"what '{other.name}' does can't be taken back, so it may do nothing over"
    if finishes(other.stage) and not finishes(node.stage):
        yield f"'{other.name}' answers when its input has ended, {node.name} is never told that it has"
    takes_hz, sends_hz = other.stage.takes_hz, other.stage.sends_hz
    if takes_hz and any(edge.carries & SOUND and _rate_from(graph, edge.left) != takes_hz for edge in before):
        yield f"'{other.name}' takes sound at {takes_hz} Hz, {node.name} is sent it at another rate"
    rights = [graph.nodes[edge.right].stage for edge in after if edge.carries & SOUND]
    if any(right and right.takes_hz not in (None, sends_hz) for right in rights if not isinstance(right, Resample)):
        yield f"'{other.name}' sends sound at another rate than {node.name}, which the next stage can't take"


def _rate_from(graph: Graph, left: str) -> int | None:
    stage = graph.nodes[left].stage
    return stage.hz if isinstance(stage, Resample) else rate_of(graph, left)
