"""What happens in a simulated conversation, as plain data: drawn from a seed, run again at will, and shrunk."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

ActKind = Literal[
    "speak", "backchannel", "mute", "type", "create", "aside", "cancel", "clear", "truncate", "delete", "update", "drop"
]
FaultKind = Literal["stall", "fail", "duplicate", "late", "silent", "length", "call", "endless"]
FaultAt = Literal["stt", "llm", "tts"]

LEAST_S = 60.0
"""Virtual seconds that a conversation lasts at least."""
TURNS = (4, 9)
SPEECH_S = (0.3, 6.0)
PAUSES_S = ((0.05, 0.19), (0.2, 0.48), (0.55, 1.5), (1.5, 12.0))
"""Ranges of pauses: within a word, long enough for a trial, long enough for an end, and as one waits for an answer."""


class Act(msgspec.Struct, frozen=True):
    """What a caller or client does `at` seconds: for `seconds`, where it lasts; `number` says which of several."""

    kind: ActKind
    at: float
    seconds: float = 0.0
    number: int = 0


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong when the stage works on its `number`th scope."""

    at: FaultAt
    kind: FaultKind
    number: int


class Script(msgspec.Struct, frozen=True):
    """A whole conversation; `seed` gives the latencies of the stages, and the options are the call's."""

    seed: int
    acts: tuple[Act, ...]
    faults: tuple[Fault, ...]
    interrupt: bool = True
    create: bool = True
    idle_ms: int | None = None
    chat: bool = True

    def __str__(self) -> str:
        lines = [f"Script(seed={self.seed}, interrupt={self.interrupt}, create={self.create}, "]
        lines[0] += f"idle_ms={self.idle_ms}, chat={self.chat}, acts=("
        lines += [f"    {act}," for act in self.acts]
        lines += ["), faults=(", *(f"    {fault}," for fault in self.faults), "))"]
        return "\n".join(lines)


_FAULTS: dict[FaultAt, tuple[FaultKind, ...]] = {
    "stt": ("stall", "fail", "duplicate", "late", "silent"),
    "llm": ("stall", "fail", "late", "length", "call", "endless"),
    "tts": ("stall", "fail", "late"),
}


def draw(seed: int) -> Script:
    """Return the conversation of a seed: at least a minute, four turns and a fault."""
    chance = random.Random(seed)
    acts: list[Act] = []
    now = chance.uniform(0.0, 3.0)
    turns = chance.randint(*TURNS)
    while turns > 0 or now < LEAST_S:
        seconds = chance.uniform(*SPEECH_S)
        acts.append(Act("speak", now, seconds))
        now += seconds
        low, high = chance.choices(PAUSES_S, (2, 3, 2, 6))[0]
        now += chance.uniform(low, high)
        turns -= low >= 0.5
        if chance.random() < 0.35:
            acts.append(_aside(chance, now))
    if chance.random() < 0.15:
        acts.append(Act("drop", chance.uniform(now / 2, now)))
    faults = []
    for _ in range(chance.randint(1, 4)):
        at = chance.choice(tuple(_FAULTS))
        faults.append(Fault(at, chance.choice(_FAULTS[at]), chance.randrange(6)))
    return Script(
        seed,
        tuple(sorted(acts, key=lambda act: act.at)),
        tuple(faults),
        interrupt=chance.random() < 0.8,
        create=chance.random() < 0.85,
        idle_ms=chance.choice((None, None, 4000)),
        chat=chance.random() < 0.9,
    )


def _aside(chance: random.Random, now: float) -> Act:
    kind: ActKind = chance.choice(
        ("backchannel", "mute", "type", "create", "aside", "cancel", "clear", "truncate", "delete", "update")
    )
    return Act(kind, max(0.0, now - chance.uniform(0.0, 4.0)), chance.uniform(0.1, 0.3), chance.randrange(8))
