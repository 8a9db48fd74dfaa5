"""What a turn's answer waited for: the parts of the gap between the caller's last sound and the agent's first."""

from __future__ import annotations

import logging

import msgspec

from s2s.messages import Clause, Message, Reply, Sound, Transcript

log = logging.getLogger("s2s")


class Marks:
    """When the first item of each kind came in one scope, and when the scope's source ended, in loop seconds."""

    __slots__ = ("at", "ended")

    def __init__(self, opened: float) -> None:
        self.at: dict[type, float] = {type(None): opened}
        self.ended = opened

    def note(self, item: Message, now: float) -> None:
        """Note an item; of transcripts the last one counts."""
        kind = type(item)
        if kind is Transcript or kind not in self.at:
            self.at[kind] = now

    @property
    def opened(self) -> float:
        """When the scope was opened."""
        return self.at[type(None)]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one answer's gap, in milliseconds, each from the end of the one before.

    `turn_ms` is the silence after which the turn was transcribed and answered, `commit_ms` what its sound then waited
    until the turn was certainly over.
    """

    turn_ms: float
    stt_ms: float
    llm_ms: float
    clause_ms: float
    tts_ms: float
    commit_ms: float

    @property
    def total_ms(self) -> float:
        """From the caller's last sound to the agent's first."""
        return self.turn_ms + self.stt_ms + self.llm_ms + self.clause_ms + self.tts_ms + self.commit_ms

    def __str__(self) -> str:
        return (
            f"gap {self.total_ms:.0f} ms = turn {self.turn_ms:.0f} + stt {self.stt_ms:.0f} + "
            f"llm {self.llm_ms:.0f} + clause {self.clause_ms:.0f} + tts {self.tts_ms:.0f} + commit {self.commit_ms:.0f}"
        )


def gap_of(spoken_until: float, turn: Marks, answer: Marks, now: float) -> Gap | None:
    """Return the parts of the gap of an answer whose first sound leaves `now`, to a turn spoken until then."""
    at = answer.at
    if not {Reply, Sound} <= at.keys():
        return None
    text_at = turn.at.get(Transcript, turn.ended)
    clause = at.get(Clause, at[Reply])
    return Gap(
        turn_ms=(turn.ended - spoken_until) * 1000,
        stt_ms=(text_at - turn.ended) * 1000,
        llm_ms=(at[Reply] - text_at) * 1000,
        clause_ms=(clause - at[Reply]) * 1000,
        tts_ms=(at[Sound] - clause) * 1000,
        commit_ms=(now - at[Sound]) * 1000,
    )
