"""What a bench leaves: a line of JSON for each point, and for a sweep (`-m`) a table and a page over all of them."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Any

import msgspec

from s2s.bench.point import Point

log = logging.getLogger("s2s")

LINES = "points.jsonl"


def overrides() -> list[str]:
    """Return what the command line says for this point, its mode and its bench options aside."""
    job = _hydra()
    if job is None:
        return []
    words = [word.lstrip("+") for word in job.overrides.task]
    return [word for word in words if not word.startswith(("mode=", "mode.bench.out=")) and word != "recipe=null"]


def config() -> dict[str, Any]:
    """Return the whole composed config of this point, without what is secret."""
    return _CONFIG


_CONFIG: dict[str, Any] = {}


def remember(composed: dict[str, Any]) -> None:
    """Keep the composed config of the point that runs now."""
    _CONFIG.clear()
    _CONFIG.update(composed)


def file(out: str | None) -> Path | None:
    """Return where this point's line goes: to `out`, else into the folder of the sweep; nowhere for a single run."""
    if out is not None:
        return Path(out).expanduser()
    job = _hydra()
    return Path(job.sweep.dir) / LINES if job is not None and sweeping() else None


def sweeping() -> bool:
    """Whether this is one point of a sweep."""
    job = _hydra()
    return job is not None and str(job.mode).endswith("MULTIRUN")


def write(path: Path, point: Point) -> None:
    """Add a point's line to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(point) + b"\n")


def read(path: Path) -> list[Point]:
    """Return the points of a file."""
    return [msgspec.json.decode(line, type=Point) for line in path.read_bytes().splitlines() if line.strip()]


def _hydra() -> Any:
    from hydra.core.hydra_config import HydraConfig

    with contextlib.suppress(ValueError):
        return HydraConfig.get()
    return None
