"""`mode=show`: the graph as tables, as a picture in Mermaid or SVG, or as JSON, without loading a model."""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from s2s.drawing import svg
from s2s.fallbacks import loaded
from s2s.modes.mode import Mode
from s2s.packages import missing
from s2s.resample import Resample
from s2s.routes import CALLER, ordered
from s2s.secrets import MASK, is_secret
from s2s.weights import WeightsError, cached

if TYPE_CHECKING:
    from s2s.graph import Graph, Node
    from s2s.place.options import Place


_SAID_FIRST = ("kind", "replicas")


@dataclasses.dataclass(kw_only=True)
class Show(Mode):
    """Print the graph, its placement, and the packages that it lacks."""

    format: Literal["table", "mermaid", "svg", "json"] = "table"

    offline: ClassVar[bool] = True

    def show(self, graph: Graph) -> None:
        """Print the graph to stdout."""
        if self.format == "mermaid":
            print(mermaid(graph))
        elif self.format == "svg":
            print(svg(graph, _said))
        elif self.format == "json":
            print(json.dumps(described(graph), indent=2))
        else:
            _print_tables(graph)


def described(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain data: stages, edges, unused stages, and lines about missing packages."""
    return {
        "stages": [_described(node) for node in loaded(graph)],
        "edges": [
            {"from": edge.left, "to": edge.right, "carries": ordered(edge.carries), "waits": edge.waits}
            for edge in graph.edges
        ],
        "unused": [_described(node) for node in graph.unused.values()],
        "missing": list(_missing(graph)),
    }


def mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flow chart; a dotted edge drops its oldest item when its queue is full."""
    lines = ["graph LR", "  in([caller])"]
    for node in loaded(graph):
        if isinstance(node.stage, Resample):
            lines.append(f"  {_id(node.name)}[/{_kilohertz(node.stage)}/]")
        elif node.stage is not None:
            corners = ("[(", ")]") if node.commits else ("[", "]")
            text = f'"{node.name}<br/><small>{type(node.stage).__name__}, {_where(node.place)}</small>"'
            lines.append(f"  {_id(node.name)}{text.join(corners)}")
    lines.append("  out([caller])")
    for edge in graph.edges:
        left = "in" if edge.left == CALLER else _id(edge.left)
        right = "out" if edge.right == CALLER else _id(edge.right)
        arrow = "-.->" if graph.nodes[edge.right].place.full == "drop-oldest" else "-->"
        lines.append(f"  {left} {arrow}|{', '.join(ordered(edge.carries))}| {right}")
    others = [(node.name, node.fallback.name) for node in loaded(graph) if node.fallback]
    lines += [f"  {_id(name)} -. fallback .-> {_id(other)}" for name, other in others]
    return "\n".join(lines)


def placement(place: Place) -> str:
    """Return where a stage runs and what about that is unusual, such as `thread x2 batch=32`."""
    usual, said = dataclasses.asdict(type(place)()), dataclasses.asdict(place)
    others = [f"{name}={_short(said[name])}" for name in said if name not in _SAID_FIRST and said[name] != usual[name]]
    return " ".join([_where(place), *others])


def changed(node: Node) -> dict[str, Any]:
    """Return the options of a node that are not at the default of its class; secrets are masked."""
    if node.stage is None:
        return {}
    return {
        field.name: MASK if is_secret(field.name) and value else value
        for field in dataclasses.fields(node.stage)
        if field.init and (value := getattr(node.stage, field.name)) != _default(field)
    }


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _described(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "class": type(node.stage).__name__,
        "place": dataclasses.asdict(node.place),
        "takes": ordered(node.takes),
        "sends": ordered(node.sends),
        "commits": node.commits,
        "fallback": node.fallback.name if node.fallback else None,
        "options": changed(node),
        "loads": list(_loads(node)),
    }


def _loads(node: Node) -> Iterator[str]:
    """Say what the stage would load, and whether it is here."""
    for source in node.stage.weights() if node.stage else ():
        try:
            here = cached(source) is not None
        except WeightsError as error:
            yield str(error)
        else:
            yield f"{source.partition('#')[0]} ({'here' if here else 'to be fetched'})"


def _said(node: Node) -> tuple[str, str]:
    """Return what a picture says of a stage, and what more it tells."""
    more = [f"{type(node.stage).__name__}, {placement(node.place)}", _options(_said_of(node)), *_loads(node)]
    return f"{type(node.stage).__name__}, {_where(node.place)}", "\n".join(line for line in more if line)


def _said_of(node: Node) -> dict[str, Any]:
    """Return the changed options of a node, and who takes over from it."""
    return {**({"fallback": node.fallback.name} if node.fallback else {}), **changed(node)}


def _missing(graph: Graph) -> Iterator[str]:
    for node in loaded(graph):
        if node.stage is not None and (line := missing(node.name, type(node.stage), node.place)):
            yield line


def _print_tables(graph: Graph) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console.width = 140
    styles = ("bold", "", "cyan", "green", "green", "dim")
    stages = Table("stage", "class", "runs", "takes", "sends", "options", box=None, pad_edge=False)
    for node in loaded(graph):
        cells = [node.name, type(node.stage).__name__, placement(node.place)]
        cells += [" ".join(ordered(node.takes)), " ".join(ordered(node.sends)), _options(_said_of(node))]
        stages.add_row(*(Text(cell, style) for cell, style in zip(cells, styles, strict=True)))
    edges = Table("edge", "carries", "when its queue is full", box=None, pad_edge=False)
    for edge in graph.edges:
        way = f"{edge.left} | {edge.right}"
        full = "the sender waits" if edge.waits else _when_full(graph.nodes[edge.right])
        edges.add_row(Text(way, "bold"), Text(", ".join(ordered(edge.carries)), "green"), full)
    console.print(stages)
    console.print()
    console.print(edges)
    loads = Table("stage", "loads", box=None, pad_edge=False)
    for node in loaded(graph):
        for line in _loads(node):
            loads.add_row(Text(node.name, "bold"), line)
    if loads.row_count:
        console.print()
        console.print(loads)
    if graph.unused:
        names = ", ".join(f"{node.name} ({type(node.stage).__name__})" for node in graph.unused.values())
        console.print(Text(f"\nunused: {names}; no route names them", "dim"))
    lacks = list(_missing(graph))
    if lacks:
        console.print(Text("\nmissing:", "bold red"))
        for line in lacks:
            console.print(Text(f"  {line}"))
    print(f"\n```mermaid\n{mermaid(graph)}\n```")


def _when_full(node: Node) -> str:
    return "the oldest is dropped" if node.place.full == "drop-oldest" else "no queue"


def _where(place: Place) -> str:
    return place.kind if place.replicas == 1 else f"{place.kind} x{place.replicas}"


def _options(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else textwrap.shorten(str(value), 48, placeholder=" …")


def _kilohertz(stage: Resample) -> str:
    return f"to {stage.hz / 1000:g} kHz"


def _id(name: str) -> str:
    return "s_" + re.sub(r"\W", "_", name)
