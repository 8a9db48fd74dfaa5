"""A graph as a picture in SVG, with nothing to load: stages from left to right, loops below, dashed what drops."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from s2s.graph import Edge, Graph, Node
from s2s.routes import CALLER, ordered

BOX, HIGH = 150, 46
ACROSS, DOWN = 250, 92
MARGIN = 30
ARC = 34
"""How much further from the boxes each edge runs that passes some by."""
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.what{font-size:10px;fill:#666}.carries{font-size:10px;fill:#2a6f3c}"
    "rect{fill:#f4f7fb;stroke:#4c78a8}.commits{stroke-width:3}.end{fill:#fff3e0;stroke:#f58518}"
    "path{fill:none;stroke:#888}.drops{stroke-dasharray:5 4}marker path{fill:#888;stroke:none}"
)
HEAD = (
    '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z"/></marker>'
)
Place = tuple[float, float]


def svg(graph: Graph, lines: Callable[[Node], tuple[str, str]]) -> str:
    """Return the picture; `lines` gives what stands under a stage's name, and what is told when one points at it."""
    columns = _columns(graph)
    last = max(columns.values(), default=0) + 1
    places: dict[str, Place] = {}
    filled: dict[int, int] = {}
    for name, column in columns.items():
        row = filled[column] = filled.get(column, -1) + 1
        places[name] = (MARGIN + column * ACROSS, row * DOWN)
    out: Place = (MARGIN + last * ACROSS, 0.0)
    edges = [(edge, places[edge.left], out if edge.right == CALLER else places[edge.right]) for edge in graph.edges]
    edges.sort(key=lambda one: abs(one[2][0] - one[1][0]))  # so that the longer arcs run around the shorter
    over = [one for one in edges if one[2][0] - one[1][0] > ACROSS]
    under = [one for one in edges if one[2][0] <= one[1][0]]
    top, bottom = MARGIN + ARC * len(over), max(y for _, y in [*places.values(), out]) + HIGH
    away: dict[int, float] = {id(one): -ARC * (number + 1) - 10 for number, one in enumerate(over)}
    away |= {id(one): bottom + ARC * (number + 1) - one[1][1] - HIGH / 2 for number, one in enumerate(under)}
    drawn = [
        _edge(*one, away.get(id(one), 0.0), graph.nodes[one[0].right].place.full == "drop-oldest") for one in edges
    ]
    for name, (x, y) in places.items():
        drawn.append(_end(x, y) if name == CALLER else _box(graph.nodes[name], x, y, *lines(graph.nodes[name])))
    drawn.append(_end(*out))
    width, height = out[0] + BOX + MARGIN, top + bottom + ARC * len(under) + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}">'
        f"<defs>{HEAD}<style>{STYLE}</style></defs>"
        f'<g transform="translate(0 {top})">{"".join(drawn)}</g></svg>'
    )


def _columns(graph: Graph) -> dict[str, int]:
    """Return how far from the caller each stage is, on its longest way that does not go back."""
    order = {name: number for number, name in enumerate(_visited(graph))}
    columns = {CALLER: 0}
    for name in order:
        befores = [edge.left for edge in graph.before(name) if order.get(edge.left, len(order)) < order[name]]
        if name != CALLER:
            columns[name] = 1 + max((columns[left] for left in befores), default=0)
    return columns


def _visited(graph: Graph) -> list[str]:
    """Return the stages so that each comes after those that lead to it, loops aside."""
    done: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        seen.add(name)
        for edge in reversed(graph.after(name)):
            if edge.right != CALLER and edge.right not in seen:
                visit(edge.right)
        done.append(name)

    visit(CALLER)
    return done[::-1]


def _edge(edge: Edge, begin: Place, end: Place, away: float, drops: bool) -> str:
    (x, y), (to_x, to_y) = (begin[0] + BOX, begin[1] + HIGH / 2), (end[0], end[1] + HIGH / 2)
    bend = ACROSS / 3
    if away:
        high = min(y, to_y) + away if away < 0 else y + away
        line = f"M{x} {y}C{x + bend} {y} {x} {high} {(x + to_x) / 2} {high}S{to_x - bend} {to_y} {to_x} {to_y}"
    else:
        high = (y + to_y) / 2
        line = f"M{x} {y}C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    kind = ' class="drops"' if drops else ""
    text = escape(", ".join(ordered(edge.carries)))
    return (
        f'<path d="{line}"{kind} marker-end="url(#tip)"/>'
        f'<text class="carries" x="{(x + to_x) / 2}" y="{high - 5}" text-anchor="middle">{text}</text>'
    )


def _box(node: Node, x: float, y: float, under: str, title: str) -> str:
    kind = ' class="commits"' if node.commits else ""
    return (
        f'<g><title>{escape(title)}</title><rect x="{x}" y="{y}" width="{BOX}" height="{HIGH}" rx="6"{kind}/>'
        f'<text x="{x + BOX / 2}" y="{y + 20}" text-anchor="middle">{escape(node.name)}</text>'
        f'<text class="what" x="{x + BOX / 2}" y="{y + 36}" text-anchor="middle">{escape(under)}</text></g>'
    )


def _end(x: float, y: float) -> str:
    return (
        f'<rect class="end" x="{x}" y="{y}" width="{BOX}" height="{HIGH}" rx="23"/>'
        f'<text x="{x + BOX / 2}" y="{y + 28}" text-anchor="middle">{CALLER}</text>'
    )
