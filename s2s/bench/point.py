"""One measured deployment: what was run where, and what its callers saw; a line of JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Any

import msgspec

from s2s.bench.record import Figure, TurnRecord, summary

PACKAGES = (
    "s2s", "faster-whisper", "ctranslate2", "moonshine-voice", "onnxruntime", "xllamacpp", "piper-tts", "torch",
    "transformers", "llama-cpp-python",
)  # fmt: skip
"""Packages whose versions are recorded, where they are installed."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the server's process used while its callers called."""

    seconds: float
    cpu_s: float
    rss_mb: float
    rss_grown_mb: float


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment, by its overrides and its whole config, and its figures."""

    overrides: list[str]
    callers: int
    figures: dict[str, Figure]
    usage: Usage | None
    records: list[TurnRecord]
    config: dict[str, Any]
    machine: dict[str, str]
    versions: dict[str, str]
    at: str


def point(
    overrides: list[str],
    callers: int,
    records: list[TurnRecord],
    usage: Usage | None,
    config: dict[str, Any],
    seed: int,
) -> Point:
    """Return the point of a run, without its warm-up."""
    measured = [record for record in records if record.number >= 0]
    return Point(
        overrides=overrides,
        callers=callers,
        figures=summary(measured, seed),
        usage=usage,
        records=measured,
        config=config,
        machine=machine(),
        versions=versions(),
        at=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )


def machine() -> dict[str, str]:
    """Return what the machine says of itself."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    return {
        "cpu": model or platform.processor() or platform.machine(),
        "cores": str(cores),
        "memory_gb": f"{int(memory) / 1e6:.1f}" if memory else "",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def versions() -> dict[str, str]:
    """Return the installed versions of the packages that matter."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def rss_mb() -> float:
    """Return the resident memory of this process in MB; 0 where the system does not tell."""
    line = next((line for line in _lines("/proc/self/status") if line.startswith("VmRSS")), "")
    return int(line.split()[1]) / 1000 if line else 0.0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
