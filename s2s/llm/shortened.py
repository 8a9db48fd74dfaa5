"""A conversation that is too long for its model."""

from __future__ import annotations

from s2s.messages import Line


def shorter(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return the lines without the older half of the turns; the system line and the last turn always stay."""
    keep = 1 if lines and lines[0].role == "system" else 0
    turns = [n for n, line in enumerate(lines) if n >= keep and line.role == "user"]
    if len(turns) < 2:
        return lines
    return lines[:keep] + lines[turns[len(turns) // 2] :]
