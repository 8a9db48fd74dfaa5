"""Small charts as SVG, with nothing to load: stacked bars, curves, dots, and lines with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#eeca3b", "#79706e", "#ff9da6")
WIDTH, HEIGHT, LEFT, RIGHT = 920, 300, 300, 70
TALL = 420
"""How high a chart in a file of its own is."""
LONGEST = 46
"""Letters of a name that fit beside its bar; of a longer one the end is shown."""
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.axis{stroke:#999}.interval{stroke-width:1;opacity:.4}"
    "rect.page{fill:#fff}"
)
Place = tuple[float, float]


class Spot(NamedTuple):
    """A point of a line, and the intervals that it lies in."""

    name: str
    x: float
    y: float
    x_interval: tuple[float, float]
    y_interval: tuple[float, float]


def colour(number: int) -> str:
    """Return a colour that differs from its neighbours'."""
    return COLOURS[number % len(COLOURS)]


def bars(rows: Sequence[tuple[str, Sequence[float]]], parts: Sequence[str], unit: str) -> str:
    """Return rows of stacked bars, one colour for each part; negative parts are drawn as none."""
    longest = max((sum(max(0.0, value) for value in values) for _, values in rows), default=1.0) or 1.0
    out = []
    for number, (name, values) in enumerate(rows):
        top, x = 26 * number, float(LEFT)
        out.append(_text(LEFT - 8, top + 15, name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}", "end"))
        for part, value in enumerate(values):
            width = max(0.0, value) / longest * (WIDTH - LEFT - RIGHT)
            title = escape(f"{parts[part]}: {value:.0f} {unit}")
            out.append(
                f'<rect x="{x:.1f}" y="{top + 3}" width="{width:.1f}" height="18" fill="{colour(part)}">'
                f"<title>{title}</title></rect>"
            )
            x += width
        out.append(_text(x + 6, top + 15, f"{sum(values):.0f} {unit}"))
    return _svg("".join(out), 26 * len(rows) + 6) + legend(parts)


def curves(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str, y_name: str) -> str:
    """Return lines through points, x to the right from the least to the most, y upwards from 0."""
    return _plane(series, x_name, y_name, joined=True) + legend([name for name, _ in series])


def dots(points: Sequence[tuple[str, float, float]], x_name: str, y_name: str, front: Sequence[int] = ()) -> str:
    """Return a dot for each point; those of the front are filled."""
    series = [(name, [(x, y)]) for name, x, y in points]
    return _plane(series, x_name, y_name, joined=False, front=front) + legend([name for name, _, _ in points])


def lines(series: Sequence[tuple[str, Sequence[Spot]]], x_name: str, y_name: str) -> str:
    """Return a file of its own: a line through the spots of each series, and a cross of the intervals of each."""
    spots = [spot for _, line in series for spot in line]
    ends = [(x, y) for s in spots for x, y in zip(s.x_interval, s.y_interval, strict=True)]
    at, axes = _axes(ends, x_name, y_name, TALL)
    drawn = []
    for number, (name, line) in enumerate(series):
        stroke = f'stroke="{colour(number)}"'
        for spot in line:
            (left, low), (right, high) = (at(x, y) for x, y in zip(spot.x_interval, spot.y_interval, strict=True))
            x, y = at(spot.x, spot.y)
            for x1, y1, x2, y2 in ((left, y, right, y), (x, low, x, high)):
                drawn.append(
                    f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {stroke} class="interval"/>'
                )
        drawn.append(_line([at(spot.x, spot.y) for spot in line], number, name))
        for spot in line:
            drawn.append(_dot(*at(spot.x, spot.y), number, colour(number), f"{name} {spot.name}", 4))
        drawn.append(f'<circle cx="{WIDTH - 150}" cy="{22 + 20 * number}" r="4" fill="{colour(number)}"/>')
        drawn.append(_text(WIDTH - 138, 26 + 20 * number, name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TALL}" width="{WIDTH}">'
        f'<style>{STYLE}</style><rect class="page" width="{WIDTH}" height="{TALL}"/>{axes}{"".join(drawn)}</svg>\n'
    )


def legend(names: Sequence[str]) -> str:
    """Return which colour stands for what."""
    marks = (f'<span><i style="background:{colour(n)}"></i>{escape(name)}</span>' for n, name in enumerate(names))
    return f'<p class="legend">{"".join(marks)}</p>'


def _plane(
    series: Sequence[tuple[str, Sequence[Place]]],
    x_name: str,
    y_name: str,
    joined: bool,
    front: Sequence[int] = (),
) -> str:
    places = [place for _, line in series for place in line]
    if not places:
        return ""
    at, axes = _axes(places, x_name, y_name)
    out = [axes]
    for number, (name, line) in enumerate(series):
        if joined:
            out.append(_line([at(x, y) for x, y in line], number, name))
        else:
            fill = colour(number) if number in front else "none"
            out += [_dot(*at(x, y), number, fill, name) for x, y in line]
    return _svg("".join(out), HEIGHT)


def _axes(
    places: Sequence[Place], x_name: str, y_name: str, height: int = HEIGHT
) -> tuple[Callable[[float, float], Place], str]:
    """Return where a place is drawn, and the axes: x from the least to the most, y upwards from 0."""
    left, bottom = 60, 40
    xs, ys = [x for x, _ in places], [y for _, y in places]
    low, high = min(xs), max(xs)
    low, high = (low - 1, high + 1) if low == high else (low - 0.05 * (high - low), high + 0.05 * (high - low))
    top = max(max(ys), 1e-9) * 1.08

    def at(x: float, y: float) -> Place:
        across = left + (x - low) / (high - low) * (WIDTH - left - 20)
        return across, height - bottom - y / top * (height - bottom - 10)

    out = [f'<line x1="{left}" y1="{height - bottom}" x2="{WIDTH - 20}" y2="{height - bottom}" class="axis"/>']
    out += [_text(at(x, 0)[0], height - bottom + 16, f"{x:.4g}", "middle") for x in _round(low, high)]
    out += [_text(left - 6, at(low, y)[1] + 4, f"{y:.4g}", "end") for y in _round(0, top)]
    out.append(_text((WIDTH + left) / 2, height - 6, x_name, "middle"))
    out.append(f'<text transform="translate(14,{height / 2}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>')
    return at, "".join(out)


def _round(low: float, high: float) -> list[float]:
    """Return a few round numbers from `low` to `high`."""
    size = 10 ** math.floor(math.log10(high - low))
    step = next(part * size for part in (0.1, 0.2, 0.5, 1, 2) if (high - low) / (part * size) <= 8)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _line(places: Sequence[Place], number: int, name: str) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour(number)}" stroke-width="2">'
        f"<title>{escape(name)}</title></polyline>"
    )


def _dot(x: float, y: float, number: int, fill: str, name: str, radius: float = 6) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="{colour(number)}" stroke-width="2">'
        f"<title>{escape(name)}</title></circle>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(inside: str, height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">{inside}</svg>'
