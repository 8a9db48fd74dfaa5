"""The turn stage of a simulation: when a caller's speech is marked, worked out from where it begins and ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from s2s.messages import Mark
from s2s.testing.simulation.script import Act

OPENS_S = 0.064
"""Speech before a turn opens; a shorter sound opens none."""
PAUSE_S, RIPE_S = 0.1, 0.25
END_S = 0.5
MUTED_S = 3.0
"""Seconds without any sound after which an open turn is taken as over."""


def stretches(acts: Sequence[Act]) -> list[tuple[float, float, bool]]:
    """Return where speech begins and ends, overlaps joined, and whether the sound stops there altogether."""
    spoken = [act for act in acts if act.kind in ("speak", "backchannel", "mute")]
    found: list[tuple[float, float, bool]] = []
    for act in sorted(spoken, key=lambda act: act.at):
        end, mute = act.at + act.seconds, act.kind == "mute"
        if found and act.at <= found[-1][1]:
            begin, before, muted = found.pop()
            found.append((begin, max(before, end), muted or mute))
        else:
            found.append((act.at, end, mute))
    return [(begin, end, mute) for begin, end, mute in found if end - begin >= OPENS_S]


def marks(acts: Sequence[Act]) -> Iterator[tuple[float, Mark]]:
    """Yield the time and the mark of each thing that the turn stage notices."""
    spoken = stretches(acts)
    is_open = False
    for place, (begin, end, mute) in enumerate(spoken):
        following = spoken[place + 1][0] if place + 1 < len(spoken) else float("inf")
        if not is_open:
            yield begin + OPENS_S, "start"
            is_open = True
        if mute and following > end + MUTED_S:
            yield end + MUTED_S, "end"
            is_open = False
        elif following > end + PAUSE_S:
            yield end + PAUSE_S, "pause"
            if following > end + RIPE_S:
                yield end + RIPE_S, "ripe"
            if following > end + END_S:
                yield end + END_S, "end"
                is_open = False
            else:
                yield following, "resume"
