"""One call over plain sound: what is said in it is heard, and what the agent says stops when the caller speaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from s2s.audio import Resampler
from s2s.call import LiveCall
from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.line.intake import Intake
from s2s.line.playout import Playout
from s2s.settings import Settings

log = logging.getLogger("s2s")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a line goes: `half` duplex hears nothing from the end of a turn to the end of its answer.

    Sound is mono s16le at `hz` both ways; it leaves in frames of `frame_ms`, `lead_s` before it is played, or at once
    for None. Half duplex hears again after `safety_s` in which nothing of an answer came. Of a source no more is taken
    while `backlog_s` of it are unheard.
    """

    hz: int = 16000
    duplex: Literal["full", "half"] = "full"
    frame_ms: float = 20.0
    lead_s: float | None = 0.5
    safety_s: float = 30.0
    backlog_s: float = 2.0


class Line:
    """A call's sink and its sound both ways; `tell_also` is told every fact, `hushed` when a player is to be silent."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        terms: Terms,
        tell_also: Callable[[f.Fact], None] | None = None,
        hushed: Callable[[], None] | None = None,
        player_left_s: Callable[[], float] | None = None,
    ) -> None:
        self._engine = engine
        self._terms = terms
        self._tell_also = tell_also
        self._hushed = hushed
        self._loop = asyncio.get_running_loop()
        self._resamplers: dict[str, Resampler] = {}
        self._deaf_since: float | None = None
        self.playout = Playout(terms.hz, terms.frame_ms, terms.lead_s, self._loop.time, self._resume, player_left_s)
        self.intake = Intake(terms.hz, self.hear, self._loop.time, terms.backlog_s)
        self.call: LiveCall = engine.call(self, settings)
        self._feeding = asyncio.create_task(self.intake.run())

    @property
    def room(self) -> bool:
        """Whether the player keeps up."""
        return self.playout.room

    @property
    def deaf(self) -> bool:
        """Whether what the caller says is not heard now."""
        if self._deaf_since is None:
            return False
        if self.playout.busy:
            self._deaf_since = self._loop.time() + self.playout.left_s
        elif not self.call.state.waiting and self.call.state.default is None:
            self._deaf_since = None
        elif self._loop.time() - self._deaf_since > self._terms.safety_s:
            log.warning("%s: no answer for %g s: the caller is heard again", self.call.id, self._terms.safety_s)
            self._deaf_since = None
        return self._deaf_since is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be heard, thought about or said."""
        return self.call.idle and not self.intake.busy

    @property
    def playing(self) -> bool:
        """Whether something of an answer is yet to be heard."""
        return self.playout.busy

    async def hear(self, pcm: bytes, hz: int | None = None) -> None:
        """Take the caller's sound: whole samples at the line's rate or `hz`; waits while too much of it is unheard."""
        if not self.deaf:
            await self.call.audio(pcm, hz or self._terms.hz)

    def tell(self, fact: f.Fact) -> None:
        """Take what the conversation says."""
        if isinstance(fact, f.SoundDelta):
            resampler = self._resamplers.setdefault(fact.item_id, Resampler(self._terms.hz))
            self.playout.put(fact.response_id, fact.item_id, resampler.push(fact.pcm, fact.rate))
        elif isinstance(fact, f.SoundDone):
            rest = self._resamplers.pop(fact.item_id, Resampler(self._terms.hz)).flush()
            self.playout.put(fact.response_id, fact.item_id, rest if fact.whole else b"")
        elif isinstance(fact, f.SpeechStarted):
            self._interrupt()
        elif isinstance(fact, f.TurnCommitted):
            self._deaf_since = self._loop.time() if self._terms.duplex == "half" else None
        elif isinstance(fact, f.ResponseDone):
            if fact.response.status == "cancelled":
                self._resamplers.clear()
                self.playout.drop()
            else:  # what was made before it failed is said
                self.playout.end(fact.response.id)
        elif isinstance(fact, f.Problem):
            log.warning("%s: %s", self.call.id, fact.message)
        if self._tell_also is not None:
            self._tell_also(fact)

    def interrupt(self) -> None:
        """Stop the answer because the caller takes the turn by hand."""
        heard = self.playout.heard
        if self.call.state.default is not None:  # first, or what waits for room would follow
            self.call.feed(ev.CancelResponse())
        self._hush()
        self._tell_heard(heard)

    def _interrupt(self) -> None:
        """The caller speaks: nothing more of an answer leaves, and the conversation knows how much they heard."""
        detection = self.call.state.settings.detection
        if detection is None or detection.interrupt_response:
            self._tell_heard(self._hush())

    def _hush(self) -> tuple[str, float] | None:
        """Silence the player; return the item that was being played, and how many ms of it were heard, if one was."""
        heard = self.playout.drop()
        if self._hushed is not None:
            self._hushed()
            self.playout.hush()
        return heard

    def _tell_heard(self, heard: tuple[str, float] | None) -> None:
        if heard is not None:
            self.call.feed(ev.Played(item_id=heard[0], ms=heard[1]))

    def _resume(self) -> None:
        if not self.call.closed:
            self.call.resume()

    async def close(self) -> None:
        """Hang up; safe to call twice."""
        self.playout.close()
        self._feeding.cancel()
        await asyncio.gather(self._feeding, return_exceptions=True)
        await self._engine.hangup(self.call)
