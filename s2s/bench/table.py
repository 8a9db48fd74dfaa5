"""Points as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from s2s.bench.point import Point
from s2s.bench.record import PARTS, Figure

NAMES = {
    "gap_p50": "gap, median (ms)",
    "gap_p95": "gap, 95 % (ms)",
    "cut_ins": "cut-ins (%)",
    "missed": "missed (%)",
    "glitches": "glitches (%)",
    "wer": "word errors (%)",
    "stop_p50": "notice of an interruption (ms)",
    "read": "tokens read a turn",
    "written": "tokens written a turn",
}
"""The figures of a table, in their order, as a reader knows them."""
SHARES = {"cut_ins", "missed", "glitches", "wer"}


def told(name: str, figure: Figure | None, interval: bool = False) -> str:
    """Return a figure as text, with its interval if wanted."""
    if figure is None:
        return "-"
    scale = 100 if name in SHARES else 1
    digits = 1 if name in SHARES or name in ("read", "written") else 0
    value = f"{figure.value * scale:.{digits}f}"
    return f"{value} ({figure.low * scale:.{digits}f} to {figure.high * scale:.{digits}f})" if interval else value


def one(console: Console, point: Point) -> None:
    """Print the figures of one point, with their intervals, and the parts of its gap."""
    table = Table(title=f"{point.callers} caller{'s' * (point.callers > 1)}, {len(point.records)} turns")
    for column in ("", "value (90 % interval)", "turns"):
        table.add_column(column, justify="left" if not column else "right")
    for name, title in NAMES.items():
        if name in point.figures:
            figure = point.figures[name]
            table.add_row(title, told(name, figure, True), str(figure.count))
    if point.usage is not None:
        use = point.usage
        table.add_row("processor per turn (s)", f"{use.cpu_s / max(1, len(point.records)):.2f}", "")
        table.add_row("processor of one core (%)", f"{100 * use.cpu_s / use.seconds:.0f}", "")
        table.add_row("memory (MB), grown", f"{use.rss_mb:.0f}, {use.rss_grown_mb:.1f}", "")
    console.print(table)
    parts = [f"{part} {point.figures[f'{part}_ms'].value:.0f}" for part in PARTS if f"{part}_ms" in point.figures]
    if parts:
        console.print("medians of the gap's parts in ms: " + " + ".join(parts), highlight=False)


def many(console: Console, points: Sequence[Point], objective: str) -> None:
    """Print points side by side, the best by the objective first."""
    ranked = sorted(points, key=lambda point: _value(point, objective))
    shown = [name for name in NAMES if any(name in point.figures for point in points)]
    table = Table(title=f"{len(points)} deployments, by {NAMES.get(objective, objective)}")
    table.add_column("what was changed")
    for name in shown:
        table.add_column(NAMES[name], justify="right")
    table.add_column("processor per turn (s)", justify="right")
    for point in ranked:
        use = point.usage
        processor = "-" if use is None else f"{use.cpu_s / max(1, len(point.records)):.2f}"
        changed = " ".join(point.overrides) or "nothing"
        table.add_row(changed, *(told(name, point.figures.get(name)) for name in shown), processor)
    console.print(table)


def _value(point: Point, objective: str) -> float:
    figure = point.figures.get(objective)
    return float("inf") if figure is None else figure.value
