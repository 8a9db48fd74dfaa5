"""Small charts as SVG, with nothing to load: stacked bars, curves, and dots."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#9d755d", "#eeca3b", "#79706e", "#ff9da6")
WIDTH, LEFT, RIGHT = 920, 300, 70
LONGEST = 46
"""Letters of a name that fit beside its bar; of a longer one the end is shown."""


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


def legend(names: Sequence[str]) -> str:
    """Return which colour stands for what."""
    marks = (f'<span><i style="background:{colour(n)}"></i>{escape(name)}</span>' for n, name in enumerate(names))
    return f'<p class="legend">{"".join(marks)}</p>'


def _plane(
    series: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    x_name: str,
    y_name: str,
    joined: bool,
    front: Sequence[int] = (),
) -> str:
    height, left, bottom = 300, 60, 40
    xs = [x for _, line in series for x, _ in line]
    ys = [y for _, line in series for _, y in line]
    if not xs:
        return ""
    low, high = min(xs), max(xs)
    low, high = (low - 1, high + 1) if low == high else (low - 0.05 * (high - low), high + 0.05 * (high - low))
    top = max(max(ys), 1e-9) * 1.08

    def at(x: float, y: float) -> tuple[float, float]:
        across = left + (x - low) / (high - low) * (WIDTH - left - 20)
        return across, height - bottom - y / top * (height - bottom - 10)

    out = [f'<line x1="{left}" y1="{height - bottom}" x2="{WIDTH - 20}" y2="{height - bottom}" class="axis"/>']
    for step in range(5):
        x, y = low + (high - low) * step / 4, top * step / 4
        out.append(_text(at(x, 0)[0], height - bottom + 16, f"{x:.4g}", "middle"))
        out.append(_text(left - 6, at(low, y)[1] + 4, f"{y:.3g}", "end"))
    out.append(_text((WIDTH + left) / 2, height - 6, x_name, "middle"))
    out.append(f'<text transform="translate(14,{height / 2}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>')
    for number, (name, line) in enumerate(series):
        places = [at(x, y) for x, y in line]
        if joined:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            out.append(
                f'<polyline points="{path}" fill="none" stroke="{colour(number)}" stroke-width="2">'
                f"<title>{escape(name)}</title></polyline>"
            )
        else:
            fill = colour(number) if number in front else "none"
            for x, y in places:
                out.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{fill}" stroke="{colour(number)}" stroke-width="2">'
                    f"<title>{escape(name)}</title></circle>"
                )
    return _svg("".join(out), height)


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(inside: str, height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">{inside}</svg>'
