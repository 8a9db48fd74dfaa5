"""Ranges of seeds: played one after another or by several processes, in bounded memory, and counted."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
from collections.abc import Iterator
from typing import Literal

import msgspec

from s2s.conversation.invariants import Broken
from s2s.testing.simulation.engine_world import EngineWorld
from s2s.testing.simulation.script import Script, draw
from s2s.testing.simulation.world import World

Level = Literal["reducer", "engine"]

WORLDS: dict[Level, type[World] | type[EngineWorld]] = {"reducer": World, "engine": EngineWorld}
CHUNKS: dict[Level, int] = {"reducer": 200, "engine": 10}
"""Seeds that a process plays before it reports: about a second of work."""
LIFETIME = 500
"""Chunks after which a process is replaced by a new one."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the seeds from `first` up to `end`: what broke, by seed, and the reducer's steps."""

    first: int
    end: int
    steps: int
    broken: tuple[tuple[int, str], ...] = ()


def verdict(world: World | EngineWorld) -> str | None:
    """Run a conversation and return what of it breaks, None where all holds."""
    try:
        world.run()
    except Broken as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def breaks(level: Level, script: Script) -> str | None:
    """Return what of a script breaks at a level, None where all holds."""
    return verdict(WORLDS[level](script))


def play(level: Level, first: int, end: int) -> Played:
    """Play the conversations of the seeds from `first` up to, and without, `end`."""
    steps, broken = 0, []
    for seed in range(first, end):
        world = WORLDS[level](draw(seed))
        what = verdict(world)
        steps += world.steps
        if what is not None:
            broken.append((seed, what))
    return Played(first=first, end=end, steps=steps, broken=tuple(broken))


def play_range(level: Level, first: int, end: int, processes: int = 1) -> Iterator[Played]:
    """Yield what came of a range, chunk by chunk and in order."""
    edges = [*range(first, end, CHUNKS[level]), end]
    chunks = ((level, begin, until) for begin, until in itertools.pairwise(edges))
    if processes == 1:
        yield from itertools.starmap(play, chunks)
        return
    with multiprocessing.get_context("spawn").Pool(processes, _leave_signals, maxtasksperchild=LIFETIME) as pool:
        yield from pool.imap(_play, chunks)


def _leave_signals() -> None:
    """Let the process that waits for this one take an interrupt."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _play(chunk: tuple[Level, int, int]) -> Played:
    return play(*chunk)
