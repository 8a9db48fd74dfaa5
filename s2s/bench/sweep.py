"""What a bench leaves: a line of JSON for each point, and for a sweep (`-m`) a table and a page over all of them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import msgspec
from hydra.experimental.callback import Callback

from s2s.bench.point import Point
from s2s.secrets import MASK, is_secret

LINES = "points.jsonl"
PAGE = "report.html"


def overrides() -> list[str]:
    """Return what the command line says for this point, without what only says how it is measured."""
    job = _hydra()
    if job is None:
        return []
    words = [word.lstrip("+").partition("=") for word in job.overrides.task]
    said = [
        (key, value)
        for key, _, value in words
        if key not in ("mode", "mode.bench.out", "mode.bench.baseline") and value != "null"
    ]
    return [f"{key}={MASK if is_secret(key.rpartition('.')[2]) else value}" for key, value in said]


def path(out: str | None) -> Path | None:
    """Return where this point's line goes: to `out`, else into the folder of the sweep; nowhere for a single run."""
    if out is not None:
        return Path(out).expanduser()
    job = _hydra()
    return Path(job.sweep.dir) / LINES if job is not None and str(job.mode).endswith("MULTIRUN") else None


def write(path: Path, point: Point) -> None:
    """Add a point's line to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(point) + b"\n")


def read(path: Path) -> list[Point]:
    """Return the points of a file."""
    return [msgspec.json.decode(line, type=Point) for line in path.read_bytes().splitlines() if line.strip()]


def baseline(path: Path) -> list[Point]:
    """Return the point of a file to compare with: the one with the same overrides, or the only one; else none.

    Raises ValueError for a file that can't be read.
    """
    try:
        points = read(path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path}: not the lines of a bench: {error}") from error
    same = [point for point in points if point.overrides == overrides()]
    return same[-1:] or (points if len(points) == 1 else [])


class Report(Callback):
    """Tells the points of a sweep when all are measured; Hydra calls it."""

    def on_multirun_end(self, config: Any, **_: Any) -> None:
        """Print the table and write the page, where a bench has left lines."""
        lines = Path(config.hydra.sweep.dir) / LINES
        if not lines.is_file():
            return
        from rich.console import Console

        from s2s.bench import report, table

        points = read(lines)
        objective = str(points[0].config.get("mode", {}).get("bench", {}).get("objective", "gap_p50"))
        console = Console()
        table.many(console, points, objective)
        page = lines.with_name(PAGE)
        page.write_text(report.page(points, objective), encoding="utf-8")
        console.print(f"{page}  and {lines.name} beside it", highlight=False, soft_wrap=True)


def _hydra() -> Any:
    from hydra.core.hydra_config import HydraConfig

    with contextlib.suppress(ValueError):
        return HydraConfig.get()
    return None
