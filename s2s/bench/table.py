"""Points as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from s2s.bench.point import Point
from s2s.bench.record import FAULTS, PARTS, Figure

NAMES = {
    "gap_p50": "gap p50 (ms)",
    "gap_p95": "gap p95 (ms)",
    "cut_ins": "cut-ins (%)",
    "missed": "missed (%)",
    "glitches": "glitches (%)",
    "wer": "WER (%)",
    "onset_p50": "onset (ms)",
    "stop_p50": "barge-in (ms)",
    "cancel_p95": "cancel p95 (ms)",
    "read": "tokens read",
    "written": "written",
}
"""The figures of a table, in their order."""
MEANINGS = {
    "gap_p50": "from the true end of speech to the first audible sample of the answer, median",
    "gap_p95": "the same, which 95 % do not exceed",
    "cut_ins": "turns that the agent took as over before they were",
    "missed": "turns without an answer in time",
    "glitches": "answers whose sound came later than a player needed it",
    "wer": "word error rate of what was heard",
    "onset_p50": "from the first sound of a turn to the agent's notice, median",
    "cancel_p95": "from a cancel to the last that came of the answer, which 95 % do not exceed",
    "stop_p50": "from the first sound spoken into an answer to the agent's notice, median",
    "read": "tokens that the language model read anew, a turn",
    "written": "tokens that it wrote, a turn",
}
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
    for column in ("", "value (90 % interval)", "turns", "what it is"):
        table.add_column(column, justify="right" if column[:1] in ("v", "t") else "left")
    for name, title in NAMES.items():
        if name in point.figures:
            figure = point.figures[name]
            table.add_row(title, told(name, figure, True), str(figure.count), MEANINGS[name])
    if point.usage is not None:
        use = point.usage
        table.add_row("CPU a turn (s)", cost(point), "", "processor time of this process")
        table.add_row("CPU (%)", f"{100 * use.cpu_s / use.seconds:.0f}", "", "of one core")
        table.add_row("memory (MB)", f"{use.rss_mb:.0f}", "", f"{use.rss_grown_mb:.1f} more than before the calls")
    console.print(table)
    parts = [f"{part} {point.figures[f'{part}_ms'].value:.0f}" for part in PARTS if f"{part}_ms" in point.figures]
    if parts:
        console.print("medians of the gap's parts in ms: " + " + ".join(parts), highlight=False)
    kinds = dict.fromkeys(record.kind for record in point.records if record.kind not in ("interruption", *FAULTS))
    if len(kinds) > 1:
        told_of = {kind: [record.cut_in for record in point.records if record.kind == kind] for kind in sorted(kinds)}
        shares = (f"{kind} {sum(cut)} of {len(cut)}" for kind, cut in told_of.items())
        console.print("cut-ins by kind of turn: " + ", ".join(shares), highlight=False)


def many(console: Console, points: Sequence[Point], objective: str) -> None:
    """Print points side by side, the best by the objective first."""
    shown = [name for name in NAMES if any(name in point.figures for point in points)]
    table = Table(title=title(points, objective))
    table.add_column("what was changed", overflow="fold", min_width=22)
    for name in shown:
        table.add_column(NAMES[name], justify="right")
    table.add_column("CPU a turn (s)", justify="right")
    order = ranked(points, objective)
    for name, point in zip(names(order), order, strict=True):
        table.add_row(name, *(told(kind, point.figures.get(kind)) for kind in shown), cost(point))
    console.print(table)


def compared(console: Console, before: Point, after: Point) -> None:
    """Print what has changed since another run; what both intervals hold is noise."""
    table = Table(title=f"since {before.at}")
    for column in ("", "before", "now", "change", ""):
        table.add_column(column, justify="right" if column else "left")
    for name, heading in NAMES.items():
        old, new = before.figures.get(name), after.figures.get(name)
        if old is None or new is None:
            continue
        if new.low <= old.high and old.low <= new.high:
            word = "within the noise"
        else:
            word = "better" if new.value < old.value else "worse"
        change = f"{new.value / old.value:.2f} x" if old.value else "-"
        table.add_row(heading, told(name, old, True), told(name, new, True), change, word)
    console.print(table)


def title(points: Sequence[Point], objective: str) -> str:
    """Return what a table of points is a table of."""
    return f"{len(points)} deployment{'s' * (len(points) > 1)}, by {NAMES.get(objective, objective)}"


def ranked(points: Sequence[Point], objective: str) -> list[Point]:
    """Return the points with the least of the objective first, those without it last."""

    def value(point: Point) -> float:
        figure = point.figures.get(objective)
        return float("inf") if figure is None else figure.value

    return sorted(points, key=value)


def names(points: Sequence[Point]) -> list[str]:
    """Return what tells each point from the others: the overrides that they do not all share."""
    shared = set.intersection(*(set(point.overrides) for point in points)) if len(points) > 1 else set()
    return [" ".join(word for word in point.overrides if word not in shared) or "as composed" for point in points]


def cost(point: Point) -> str:
    """Return the processor time of a turn in seconds."""
    return "-" if point.usage is None else f"{point.usage.cpu_s / max(1, len(point.records)):.2f}"
