"""The graph: stages joined by typed edges, checked before any model is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from s2s.messages import Activity, Ask, Audio, Message, Reply, ReplyEnd, Sound, Speech, ToolCall, ToolResult, Transcript
from s2s.mistakes import ConfigError
from s2s.place.options import Place
from s2s.resample import Resample
from s2s.routes import CALLER, Hop, any_of, hops
from s2s.stage import Stage, ports

Types = frozenset[type[Message]]
SOUND: Types = frozenset({Audio, Speech, Sound})


class GraphError(ConfigError):
    """Routes that make no graph; `mistakes` holds one line for each thing that is wrong."""


@dataclass(frozen=True)
class Node:
    """A stage and its ports; `stage` is None for the caller; `commits`: can't be undone; `fallback` takes over."""

    name: str
    stage: Stage | None
    place: Place
    takes: Types
    sends: Types
    commits: bool = False
    fallback: Node | None = None


@dataclass(frozen=True)
class Edge:
    """A way from one stage to another and the message types that take it; `waits` if a full queue stops the sender."""

    left: str
    right: str
    carries: Types
    waits: bool


@dataclass(frozen=True)
class Graph:
    """Stages by name, `caller` among them, and the edges between them; `unused` stages stand in no route."""

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    routes: Mapping[str, str | None]
    unused: Mapping[str, Node] = field(default_factory=dict)

    def after(self, name: str) -> tuple[Edge, ...]:
        """Return the edges that leave a stage."""
        return self._after.get(name, ())

    def before(self, name: str) -> tuple[Edge, ...]:
        """Return the edges that enter a stage."""
        return self._before.get(name, ())

    def resampler(self, name: str) -> str:
        """Return the resampler that stands before this stage alone, or "" for none."""
        lefts = [edge.left for edge in self.before(name) if isinstance(self.nodes[edge.left].stage, Resample)]
        return next((left for left in lefts if all(edge.right == name for edge in self.after(left))), "")

    def reach(self, source: str, wanted: Types, stop: frozenset[str] = frozenset()) -> tuple[Edge, ...]:
        """Return the edges that lie on a way from `source` to an output.

        Outputs are the edges that carry a `wanted` type to the caller, and every edge to a committing stage. No way
        passes through the caller or a stage in `stop`.
        """
        asked = (source, wanted, stop)
        if asked not in self._reached:
            open_edges = [
                e for e in self.edges if (e.left == source or e.left not in stop | {CALLER}) and e.right not in stop
            ]
            ahead = _spread({source}, open_edges, lambda e: (e.left, e.right))
            out = [e for e in open_edges if (e.carries & wanted if e.right == CALLER else self.nodes[e.right].commits)]
            inner = [e for e in open_edges if e.right != CALLER]
            behind = _spread({e.left for e in out}, inner, lambda e: (e.right, e.left))
            self._reached[asked] = tuple(
                e for e in open_edges if e.left in ahead and (e in out or (e in inner and e.right in behind))
            )
        return self._reached[asked]

    @cached_property
    def _after(self) -> dict[str, tuple[Edge, ...]]:
        return {name: tuple(e for e in self.edges if e.left == name) for name in self.nodes}

    @cached_property
    def _before(self) -> dict[str, tuple[Edge, ...]]:
        return {name: tuple(e for e in self.edges if e.right == name) for name in self.nodes}

    @cached_property
    def _reached(self) -> dict[tuple[str, Types, frozenset[str]], tuple[Edge, ...]]:
        return {}


_CALLER = Node(
    name=CALLER,
    stage=None,
    place=Place(kind="inline"),
    takes=frozenset({Sound, Transcript, Reply, ReplyEnd, ToolCall}),
    sends=frozenset({Audio, Ask, ToolResult}),
)


def compile_graph(routes: Mapping[str, str | None], stages: Mapping[str, tuple[Stage, Place]]) -> Graph:
    """Return the graph that the routes draw between the stages; raises `GraphError` with every mistake."""
    nodes = {
        name: Node(name, stage, place, *ports(type(stage)), commits=stage.commits)
        for name, (stage, place) in stages.items()
    }
    return wire(routes, nodes)


def wire(routes: Mapping[str, Any], known: Mapping[str, Node]) -> Graph:
    """Return the graph that the routes draw between known nodes; raises `GraphError` with every mistake."""
    nodes = {CALLER: _CALLER, **{name: node for name, node in known.items() if name != CALLER}}
    drawn, mistakes = hops(routes, nodes)
    if not drawn and not mistakes:
        mistakes.append("graph: has no route; write one such as voice: 'caller | chat | llm | caller'")
    edges: list[Edge] = []
    for hop in _once(drawn):
        left, right = nodes[hop.left], nodes[hop.right]
        edges.append(Edge(left.name, right.name, left.sends & right.takes, _waits(right)))
        if not edges[-1].carries:
            mistakes.append(
                f"{hop.key}: '{left.name} | {right.name}' carries nothing: "
                f"{left.name} sends {any_of(left.sends)}, {right.name} takes {any_of(right.takes)}"
            )
    if not mistakes:
        mistakes += [*_astray(drawn, nodes, edges), *_deadlocks(drawn, edges)]
    if mistakes:
        raise GraphError(mistakes)
    used = dict.fromkeys(name for edge in edges for name in (edge.left, edge.right))
    graph = Graph(
        nodes={name: nodes[name] for name in used},
        edges=tuple(edges),
        routes=dict(routes),
        unused={name: node for name, node in nodes.items() if name not in used and name != CALLER},
    )
    return _resampled(graph)


def sound_mistake(key: str, graph: Graph) -> str | None:
    """Return the line that a mode reports where a stage makes sound and none of it can reach the caller."""
    made = any(Sound in node.sends for node in graph.nodes.values())
    if not made or any(Sound in edge.carries for edge in graph.before(CALLER)):
        return None
    return f"{key}: sound can't reach the caller; add '… | caller' to a route"


def _once(drawn: Iterable[Hop]) -> list[Hop]:
    return list({(hop.left, hop.right): hop for hop in reversed(list(drawn))}.values())[::-1]


def _waits(right: Node) -> bool:
    return right.name == CALLER or not (right.place.kind == "inline" or right.place.full == "drop-oldest")


def _spread(names: set[str], edges: Iterable[Edge], ends: Callable[[Edge], tuple[str, str]]) -> set[str]:
    """Return every name that can be come to from `names` along the edges, `ends` giving where each begins and ends."""
    found, pairs, grown = set(names), [ends(edge) for edge in edges], True
    while grown:
        more = {end for begin, end in pairs if begin in found} - found
        grown, found = bool(more), found | more
    return found


def _astray(drawn: Iterable[Hop], nodes: Mapping[str, Node], edges: list[Edge]) -> Iterator[str]:
    """Name the stages that nothing reaches, and those whose work reaches nobody."""
    reached = _spread({CALLER}, edges, lambda e: (e.left, e.right))
    sinks = {CALLER, *(name for name, node in nodes.items() if node.commits or not node.sends)}
    useful = _spread(sinks, edges, lambda e: (e.right, e.left))
    seen: set[str] = set()
    for hop in drawn:
        for name in (hop.left, hop.right):
            if name not in reached and name not in seen:
                yield f"{hop.key}: nothing reaches '{name}'; begin a route with 'caller | …' that leads to it"
            elif name not in useful and name not in seen:
                yield f"{hop.key}: what '{name}' sends reaches nobody; add '{name} | … | caller' to a route"
            seen.add(name)


def _deadlocks(drawn: Iterable[Hop], edges: Iterable[Edge]) -> Iterator[str]:
    """Name the cycles all of whose edges wait, so that a full queue would stop every stage of it for good."""
    ways: dict[str, list[str]] = {}
    for edge in edges:
        if edge.waits and CALLER not in (edge.left, edge.right):
            ways.setdefault(edge.left, []).append(edge.right)
    key = {(hop.left, hop.right): hop.key for hop in _once(drawn)}
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> Iterator[str]:
        if name in path:
            cycle = [*path[path.index(name) :], name]
            yield (
                f"{key[path[-1], name]}: '{' | '.join(cycle)}' waits for itself when its queues are full; "
                f"set place.full=drop-oldest on one of them"
            )
        elif name not in done:
            for right in ways.get(name, ()):
                yield from walk(right, [*path, name])
            done.add(name)

    for name in ways:
        yield from walk(name, [])


def _resampled(graph: Graph) -> Graph:
    """Return the graph with a resampler before each stage to which sound comes at another rate than it takes."""
    nodes: dict[str, Node] = {}
    edges = list(graph.edges)
    for name, node in graph.nodes.items():
        hz = node.stage.takes_hz if node.stage else None
        foreign = [e for e in graph.before(name) if hz and e.carries & SOUND and rate_of(graph, e.left) != hz]
        if hz and foreign:
            types = frozenset(kind for edge in foreign for kind in edge.carries & SOUND)
            new = f"{name}@{hz / 1000:g}kHz"
            nodes[new] = Node(new, Resample(hz=hz), Place(kind="inline"), types, types)
            for edge in foreign:
                rest = edge.carries - SOUND
                place = edges.index(edge)
                edges[place : place + 1] = [
                    Edge(edge.left, new, edge.carries & SOUND, waits=False),
                    *([Edge(edge.left, name, rest, edge.waits)] if rest else []),
                ]
            edges.insert(
                edges.index(Edge(foreign[-1].left, new, foreign[-1].carries & SOUND, waits=False)) + 1,
                Edge(new, name, types, _waits(node)),
            )
        nodes[name] = node
    return Graph(nodes, tuple(edges), graph.routes, graph.unused)


def rate_of(graph: Graph, name: str, seen: frozenset[str] = frozenset()) -> int | None:
    """Return the rate of the sound that a stage sends; one that does not fix it passes on what it takes."""
    stage = graph.nodes[name].stage
    if stage is None or name in seen:
        return None
    if stage.sends_hz or stage.takes_hz:
        return stage.sends_hz or stage.takes_hz
    rates = {rate_of(graph, e.left, seen | {name}) for e in graph.before(name) if e.carries & (SOUND | {Activity})}
    return rates.pop() if len(rates) == 1 else None
