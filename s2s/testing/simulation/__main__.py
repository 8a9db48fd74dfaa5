"""Play conversations drawn from seeds and tell what breaks.

    python -m s2s.testing.simulation --level engine --seeds 0-500 --processes 2

The exit code is 1 where something broke; of each kind the first few are told as the shortest script that still breaks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from functools import partial

from s2s.testing.simulation.script import draw
from s2s.testing.simulation.seeds import WORLDS, Level, Played, breaks, play_range
from s2s.testing.simulation.shrink import shrunk

STORIES = 3
"""Scripts told for each kind of breakage; of more seeds the number alone is told."""
PROGRESS_S = 30.0


def seed_range(text: str) -> tuple[int, int]:
    """Read `0-500`, which ends before 500."""
    first, _, end = text.replace("_", "").partition("-")
    if not (first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise argparse.ArgumentTypeError(f"should be like 0-500, not '{text}'")
    return int(first), int(end)


class Tally:
    """What has been played so far, and how long it took."""

    def __init__(self, level: Level, first: int, end: int) -> None:
        self.level = level
        self.first = self.done = first
        self.end = end
        self.steps = 0
        self.broken: Counter[str] = Counter()
        self._began = self._told = time.monotonic()

    def add(self, played: Played) -> None:
        """Count a chunk, and tell what broke in it and, now and then, how far it is."""
        self.done = played.end
        self.steps += played.steps
        for seed, what in played.broken:
            self.broken[what] += 1
            print(f"seed {seed}: {what}", flush=True)
            if self.broken[what] <= STORIES:
                print(shrunk(draw(seed), what, partial(breaks, self.level)), flush=True)
        if time.monotonic() - self._told >= PROGRESS_S:
            self._told = time.monotonic()
            print(self, flush=True)

    def __str__(self) -> str:
        seconds = time.monotonic() - self._began
        count = self.done - self.first
        whole = "" if self.done == self.end else f" of {self.end - self.first:,}"
        return (
            f"{self.level}: seeds {self.first:,} to {self.done:,}: {count:,}{whole} conversations and {self.steps:,} "
            f"steps in {seconds:.0f} s, {count / seconds:,.1f} conversations/s; {self.broken.total()} broken"
        )


def main() -> int:
    """Play the range of the command line."""
    parser = argparse.ArgumentParser(prog="python -m s2s.testing.simulation", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--level", choices=list(WORLDS), default="reducer", help="what plays the conversations")
    parser.add_argument("--seeds", type=seed_range, default=(0, 1000), metavar="FROM-TO", help="such as 0-500")
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    first, end = given.seeds
    tally = Tally(given.level, first, end)
    try:
        for played in play_range(given.level, first, end, given.processes):
            tally.add(played)
    except KeyboardInterrupt:
        print()
    print(tally)
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
