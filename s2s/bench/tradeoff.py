"""Delay against cut-ins: what turn policies came to, as a table, as words and as a chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from s2s.bench import svg
from s2s.bench.point import Point
from s2s.bench.record import LEVEL, RESAMPLES, TurnRecord, resamples
from s2s.bench.table import told


class Measured(NamedTuple):
    """A policy, which of its settings it is, and what it came to."""

    name: str
    setting: str
    point: Point


class Beaten(NamedTuple):
    """A point, the one that is both sooner and cuts in less, None if none is, and in how many resamples it is so."""

    point: Measured
    by: Measured | None
    share: float


def beaten(points: Sequence[Measured], ours: str, seed: int = 0) -> list[Beaten]:
    """Return for each point of other policies the surest of `ours` that beats it.

    One beats another if its median gap is less and so is its number of cut-ins, or neither has any, of all turns.
    `share` is in how many bootstrap resamples that is so, the same turns drawn for both; a missed turn counts as an
    endless gap.
    """
    picks = resamples(len(points[0].point.records), seed)
    drawn = {id(point): _drawn(point.point.records, picks) for point in points}
    whole = {id(point): _drawn(point.point.records, np.arange(picks.shape[1])[None]) for point in points}
    found = []
    for point in points:
        if point.name == ours:
            continue
        best: Beaten = Beaten(point, None, 0.0)
        for other in points:
            if other.name == ours and _less(whole[id(other)], whole[id(point)])[0]:
                share = float(_less(drawn[id(other)], drawn[id(point)]).mean())
                if best.by is None or share > best.share:
                    best = Beaten(point, other, share)
        found.append(best)
    return found


def show(console: Console, points: Sequence[Measured], ours: str | None, seed: int = 0) -> None:
    """Print the table, and in words which points of `ours` beat those of others."""
    kinds = list(dict.fromkeys(record.kind for record in points[0].point.records))
    table = Table(title=f"delay against cut-ins, {len(points[0].point.records)} turns, 90 % intervals")
    for column in ("policy", "setting", "gap p50 (ms)", "gap p95 (ms)", "cut-ins (%)", *kinds, "missed"):
        table.add_column(column, justify="left" if column in ("policy", "setting") else "right")
    before = ""
    for name, setting, point in points:
        cells = [told(figure, point.figures.get(figure), True) for figure in ("gap_p50", "gap_p95", "cut_ins")]
        cuts = [[record.cut_in for record in point.records if record.kind == kind] for kind in kinds]
        missed = str(sum(record.missed for record in point.records))
        shown = "" if name == before else name
        table.add_row(shown, setting, *cells, *(f"{sum(cut)}/{len(cut)}" for cut in cuts), missed)
        before = name
    console.print(table)
    if ours is not None:
        for line in lines(beaten(points, ours, seed), ours):
            console.print(line, highlight=False, soft_wrap=True)


def lines(found: Sequence[Beaten], ours: str) -> list[str]:
    """Return in words which points of `ours` beat others, and how surely."""
    out = [
        f"Which {ours} has both a lower median gap and fewer cut-ins (or none, where the other has none),"
        f" and in how many of {RESAMPLES} resamples of the turns:"
    ]
    for (name, setting, _), by, share in found:
        if by is None:
            out.append(f"{name} {setting}: no {ours} is both sooner and cuts into fewer")
            continue
        sure = "" if share >= LEVEL else ", not sure"
        out.append(f"{name} {setting}: {ours} {by.setting} is both, in {100 * share:.0f} % of the resamples{sure}")
    for name in dict.fromkeys(entry.point.name for entry in found):
        mine = [entry for entry in found if entry.point.name == name]
        better = [entry for entry in mine if entry.by is not None]
        sure_of = sum(entry.share >= LEVEL for entry in better)
        out.append(
            f"of {len(mine)} points of {name}, {ours} beats {len(better)}, and {sure_of} of them in at least"
            f" {100 * LEVEL:.0f} % of the resamples"
        )
    return out


def chart(points: Sequence[Measured]) -> str:
    """Return the chart as an SVG file: the median gap to the right, the share of cut-ins upwards, a line a policy."""
    series: dict[str, list[svg.Spot]] = {}
    for name, setting, point in points:
        gap, cuts = point.figures.get("gap_p50"), point.figures["cut_ins"]
        if gap is not None:
            spot = svg.Spot(
                setting, gap.value, 100 * cuts.value, (gap.low, gap.high), (100 * cuts.low, 100 * cuts.high)
            )
            series.setdefault(name, []).append(spot)
    return svg.lines(list(series.items()), "gap, median (ms)", "turns cut into (%)")


def _drawn(records: Sequence[TurnRecord], picks: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median gap and the share of cut-ins of each row of picks."""
    gaps = np.array([math.inf if record.gap_ms is None else record.gap_ms for record in records])
    cuts = np.array([record.cut_in for record in records], float)
    middle = math.ceil(picks.shape[1] / 2) - 1
    return np.sort(gaps[picks], axis=1)[:, middle], cuts[picks].mean(axis=1)


def _less(
    one: tuple[NDArray[np.float64], NDArray[np.float64]], other: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.bool_]:
    fewer = (one[1] < other[1]) | ((one[1] == 0) & (other[1] == 0))
    return np.asarray((one[0] < other[0]) & fewer)
