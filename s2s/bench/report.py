"""Points as one HTML page that needs nothing else: tables, charts, every config, and what two points differ in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from s2s.bench import svg
from s2s.bench.point import Point
from s2s.bench.record import PARTS, TurnRecord
from s2s.bench.table import MEANINGS, NAMES, cost, ranked, title, told
from s2s.bench.table import names as names_of

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
th { text-align: left; font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.best td { background: #eef6ee; } small { color: #666; } pre { overflow: auto; background: #f6f6f6; padding: .8rem; }
svg { width: 100%; font-size: 12px; } .axis { stroke: #999; } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem; border-radius: 2px; }
ins { background: #dff3df; text-decoration: none; } del { background: #f8dede; text-decoration: none; }
"""
SCRIPT = """
const points = JSON.parse(document.getElementById('configs').textContent);
const [a, b, out] = ['a', 'b', 'diff'].map(id => document.getElementById(id));
function show() {
  const [left, right] = [points[a.value], points[b.value]];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  out.replaceChildren(...keys.filter(key => left[key] !== right[key]).sort().flatMap(key => {
    const line = (tag, value) => { const e = document.createElement(tag);
      e.textContent = `${tag === 'del' ? '-' : '+'} ${key}: ${value}\\n`; return e; };
    return [...(key in left ? [line('del', left[key])] : []), ...(key in right ? [line('ins', right[key])] : [])];
  }));
  if (!out.childNodes.length) out.textContent = 'nothing';
}
a.onchange = b.onchange = show; b.selectedIndex = Math.min(1, points.length - 1); show();
"""


def page(points: Sequence[Point], objective: str = "gap_p50") -> str:
    """Return the page, the best point by the objective first."""
    order = ranked(points, objective)
    names = names_of(order)
    machine = ", ".join(f"{key} {value}" for key, value in order[0].machine.items() if value)
    versions = ", ".join(f"{name} {version}" for name, version in order[0].versions.items())
    sections = [
        ("", _table(order, names)),
        ("What the gap is made of, medians", _waterfall(order, names)),
        ("The median turn and the worst ones", _turns(order, names)),
        (
            "Gaps of all turns",
            svg.curves([(n, _cdf(p)) for n, p in zip(names, order, strict=True)], "gap (ms)", "share"),
        ),
        ("Delay against cut-ins", _delay(order, names)),
        ("Gap against processor time", _front(order, names)),
        ("What two of them differ in", _diff(names)),
        ("Their whole configs", "".join(map(_config, names, order))),
    ]
    body = "".join(f"<h2>{head}</h2>{text}" if head else text for head, text in sections if text)
    flat = json.dumps([_flat(point.config) for point in order]).replace("</", "<\\/")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>s2s bench</title><style>{STYLE}</style>'
        f"<h1>{escape(title(points, objective))}</h1>"
        f"<p><small>{escape(order[0].at)} · {escape(machine)}<br>{escape(versions)}</small></p>{body}"
        f'<script type="application/json" id="configs">{flat}</script><script>{SCRIPT}</script></html>\n'
    )


def _table(points: Sequence[Point], names: Sequence[str]) -> str:
    shown = [name for name in NAMES if any(name in point.figures for point in points)]
    head = "".join(f'<th class="n" title="{escape(MEANINGS[name])}">{escape(NAMES[name])}</th>' for name in shown)
    rows = []
    for number, (name, point) in enumerate(zip(names, points, strict=True)):
        cells = "".join(
            f'<td class="n" title="{escape(told(f, point.figures.get(f), True))}">{told(f, point.figures.get(f))}</td>'
            for f in shown
        )
        best = ' class="best"' if number == 0 else ""
        rows.append(f'<tr{best}><td>{escape(name)}</td>{cells}<td class="n">{cost(point)}</td></tr>')
    return f'<table><tr><th>what was changed</th>{head}<th class="n">CPU (s a turn)</th></tr>{"".join(rows)}</table>'


def _waterfall(points: Sequence[Point], names: Sequence[str]) -> str:
    rows = [
        (name, [p.figures[f"{part}_ms"].value if f"{part}_ms" in p.figures else 0.0 for part in PARTS])
        for name, p in zip(names, points, strict=True)
    ]
    return svg.bars([row for row in rows if any(row[1])], PARTS, "ms") if any(any(row[1]) for row in rows) else ""


def _turns(points: Sequence[Point], names: Sequence[str]) -> str:
    rows: list[tuple[str, list[float]]] = []
    for name, point in zip(names, points, strict=True):
        timed = sorted((r for r in point.records if r.parts and r.gap_ms is not None), key=lambda r: r.gap_ms or 0.0)
        if timed:
            rows += [
                (f"{name}: {what}", _parts(r)) for what, r in (("median", timed[len(timed) // 2]), ("worst", timed[-1]))
            ]
    return svg.bars(rows, PARTS, "ms") if rows else ""


def _parts(record: TurnRecord) -> list[float]:
    return [record.parts.get(part, 0.0) for part in PARTS]


def _cdf(point: Point) -> list[tuple[float, float]]:
    gaps = sorted(record.gap_ms for record in point.records if record.gap_ms is not None)
    return [(gap, (place + 1) / len(gaps)) for place, gap in enumerate(gaps)]


def _delay(points: Sequence[Point], names: Sequence[str]) -> str:
    found = [
        (name, point.figures["gap_p50"].value, 100 * point.figures["cut_ins"].value)
        for name, point in zip(names, points, strict=True)
        if {"gap_p50", "cut_ins"} <= point.figures.keys()
    ]
    return svg.dots(found, "gap, median (ms)", "cut-ins (%)", front([(x, y) for _, x, y in found])) if found else ""


def _front(points: Sequence[Point], names: Sequence[str]) -> str:
    found = [
        (name, point.figures["gap_p50"].value, point.usage.cpu_s / max(1, len(point.records)))
        for name, point in zip(names, points, strict=True)
        if "gap_p50" in point.figures and point.usage is not None
    ]
    text = svg.dots(found, "gap, median (ms)", "CPU (s a turn)", front([(x, y) for _, x, y in found]))
    return f"{text}<p><small>Filled: no other is better in both.</small></p>" if found else ""


def front(places: Sequence[tuple[float, float]]) -> list[int]:
    """Return the places that no other beats in one respect without being worse in the other: the Pareto front."""
    return [
        number
        for number, (x, y) in enumerate(places)
        if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in places)
    ]


def _diff(names: Sequence[str]) -> str:
    options = "".join(f'<option value="{number}">{escape(name)}</option>' for number, name in enumerate(names))
    return f'<select id="a">{options}</select> <select id="b">{options}</select><pre id="diff"></pre>'


def _config(name: str, point: Point) -> str:
    from omegaconf import OmegaConf

    return f"<details><summary>{escape(name)}</summary><pre>{escape(OmegaConf.to_yaml(point.config))}</pre></details>"


def _flat(config: Any, key: str = "") -> dict[str, str]:
    if isinstance(config, dict):
        return {
            k: v for name, value in config.items() for k, v in _flat(value, f"{key}.{name}" if key else name).items()
        }
    return {key: json.dumps(config)}
