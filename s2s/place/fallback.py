"""`fallback: NAME`: a stage with another one beside it, which takes over while the first fails, and gives back."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import msgspec

from s2s.messages import Clause, Message, Prompt, Speech, Transcript
from s2s.place.attempt import Attempt
from s2s.place.breaker import Breaker
from s2s.place.pool import Pool, StageDown, Ticket
from s2s.place.view import View
from s2s.settings import Settings
from s2s.stage import Call, Stage

WHOLE = (Prompt, Clause)
"""Items that are all of a stage's work, so that another stage can do it over without what came before."""
GRACE_S = 2.0
"""Seconds that closing waits for a stage to let go of what was given up."""


@dataclasses.dataclass
class _Scope:
    """One call's scope: its view for either stage, who works on it, since which era, and what that one has heard."""

    primary: View
    backup: View
    on_primary: bool
    era: int
    heard: list[Message] = dataclasses.field(default_factory=list)


class FallbackPool:
    """Two pools that look like one: items go to `primary`, and to `backup` while that one is down.

    Who works on a scope is decided at its first item, and a scope that has gone over stays there. An item that fails
    before it has given anything is done over by the backup at once, with what its scope has heard before; one that has
    given something fails. A primary that is down is tried again with the first item of a scope, in a while that doubles
    (`Breaker`). Limits of time are kept here, since only here is it known whose they are; what is given up is cancelled
    and not waited for.
    """

    batches = False
    patient = True
    first: Stage | None = None

    def __init__(self, primary: Pool, backup: Pool) -> None:
        self.name, self.stage = primary.name, primary.stage
        self.place = dataclasses.replace(primary.place, first_s=None, timeout_s=None)
        self._primary = primary
        self._backup = backup
        self._callers = 0
        self._scopes: weakref.WeakKeyDictionary[Call, _Scope] = weakref.WeakKeyDictionary()
        self._memories: dict[str, dict[str, Any]] = {}
        self._given_up: set[asyncio.Task[None]] = set()
        primary.patient = False

    async def start(self) -> None:
        """Load both; raise RuntimeError with the name of the backup where it is the one that can't be."""
        limit_s = self._primary.place.first_s or self._primary.place.timeout_s or 0.0
        self._breaker = Breaker(self.name, self._backup.name, limit_s)
        failures = await asyncio.gather(self._primary.start(), self._backup.start(), return_exceptions=True)
        if failures[0] is not None:
            raise failures[0]
        if failures[1] is not None:
            raise RuntimeError(f"its fallback '{self._backup.name}': {_said(failures[1])}") from failures[1]

    @property
    def live(self) -> bool:
        """Whether one of them would take an item."""
        return self._primary.live or self._backup.live

    @property
    def callers(self) -> int:
        """How many calls are open."""
        return self._callers

    @callers.setter
    def callers(self, count: int) -> None:
        self._callers = self._primary.callers = self._backup.callers = count

    async def run(self, call: Call, item: Message | None) -> AsyncIterator[Any]:
        """Yield what the primary makes of an item, or the backup where that fails before it has given anything."""
        if isinstance(item, Prompt) and item.ahead:  # nobody waits for it, and the backup would read in vain
            if self._primary.live and not self._breaker.down:
                async with contextlib.aclosing(self._primary.run(call, item)) as outputs:  # type: ignore[type-var]
                    async for out in outputs:
                        yield out
            return
        scope = self._scopes.get(call) or self._begin(call)
        why = ""
        if self._goes_to_primary(scope, item):
            if item is not None and not isinstance(item, WHOLE):
                scope.heard.append(item)
            given = final = False
            try:
                async with contextlib.aclosing(self._work(self._primary, scope.primary, item)) as outputs:
                    async for out in outputs:
                        self._breaker.answered(scope.era)
                        given = True
                        final = final or not (isinstance(out, Transcript) and not out.final)
                        yield out
                if given:
                    self._breaker.succeeded(scope.era)
                return
            except Exception as error:
                self._breaker.failed(scope.era, error)
                scope.on_primary = False
                scope.primary.give_up()
                if final:
                    raise
                why = _said(error)
        try:
            async with contextlib.aclosing(self._taken_over(scope, item)) as outputs:
                async for out in outputs:
                    yield out
        except Exception as error:
            if not why:
                raise
            raise RuntimeError(f"{why}; its fallback '{self._backup.name}': {_said(error)}") from error

    def post(
        self, call: Call, item: Message, put: Callable[[Any], None], end: Callable[[BaseException | None], None]
    ) -> Ticket:
        """Refuse: what has a fallback is run; either stage may share model calls all the same."""
        raise TypeError(f"{self.name} has a fallback: its items are run, not posted")

    def drop(self, ticket: Ticket) -> None:
        """Refuse: nothing is posted here."""
        raise TypeError(f"{self.name} has a fallback: nothing of it was posted")

    def hangup(self, call: Call) -> None:
        """Let both forget the caller."""
        self._primary.hangup(call)
        self._backup.hangup(Call(call.id, call.scope, call.settings, self._memories.pop(call.id, {})))

    def statistics(self) -> dict[str, int]:
        """How many items wait and run at either, the copies of the primary, and whether the backup has taken over."""
        one, other = self._primary.statistics(), self._backup.statistics()
        sums = {name: one[name] + other[name] for name in ("waiting", "running")}
        return {**sums, "replicas": one["replicas"], "on_fallback": int(self._breaker.down)}

    async def close(self) -> None:
        """Let both go."""
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=GRACE_S)
        await asyncio.gather(self._primary.close(), self._backup.close(), return_exceptions=True)

    def _begin(self, call: Call) -> _Scope:
        """Decide who works on a scope."""
        memory = self._memories.setdefault(call.id, {})
        scope = self._scopes[call] = _Scope(
            View(call, call.settings, call.memory, call.state),
            View(call, self._settings(call.settings), memory, {}),
            on_primary=self._admits(),
            era=self._breaker.era,
        )
        return scope

    def _admits(self) -> bool:
        if not self._backup.live:
            return True
        return (self._primary.live or not self._breaker.down) and self._breaker.admits()

    def _goes_to_primary(self, scope: _Scope, item: Message | None) -> bool:
        """Whether the primary still works on this scope: not if it has failed elsewhere since, and need not go on."""
        if isinstance(item, WHOLE) and self._breaker.down and scope.era != self._breaker.era:
            scope.on_primary = False
        return scope.on_primary

    def _settings(self, settings: Settings) -> Settings:
        """Return the settings without a voice that only the primary has."""
        if settings.voice is None or "voice" not in type(self._backup.stage).honours:
            return settings
        names, others = self._backup.stage.voice_names(), self.stage.voice_names()
        kept = settings.voice not in (others or ()) if names is None else settings.voice in names
        return settings if kept else msgspec.structs.replace(settings, voice=None)

    async def _taken_over(self, scope: _Scope, item: Message | None) -> AsyncGenerator[Any, None]:
        """Yield what the backup makes of an item, once it has heard what the primary had heard of the scope."""
        heard, scope.heard = _joined(scope.heard), []
        for earlier in heard if item is None else heard[:-1]:
            async with contextlib.aclosing(self._work(self._backup, scope.backup, earlier)) as outputs:
                async for _ in outputs:
                    pass
        last = heard[-1] if heard and item is not None else item
        async with contextlib.aclosing(self._work(self._backup, scope.backup, last)) as outputs:
            async for out in outputs:
                yield out

    async def _work(self, pool: Pool, view: View, item: Message | None) -> AsyncGenerator[Any, None]:
        """Yield what a pool makes of an item; raise TimeoutError where it gives no sign of life for too long."""
        if not (pool.live or pool.patient):
            raise StageDown("no copy of it is there")
        place = pool.place
        attempt = Attempt(pool.run(view, item), place.first_s or place.timeout_s, place.timeout_s)
        try:
            async for out in attempt:
                yield out
        except Exception:
            task = attempt.cancel()
            self._given_up.add(task)
            task.add_done_callback(self._given_up.discard)
            raise
        except BaseException:
            await asyncio.wait([attempt.cancel()])
            raise


def _joined(items: list[Message]) -> list[Message]:
    """Return the items, those of a turn as one piece, so that a recogniser hears it in one go."""
    pieces = [item for item in items if isinstance(item, Speech)]
    if len(pieces) < 2 or len(pieces) < len(items) or len({piece.rate for piece in pieces}) > 1:
        return items
    pcm, first, last = b"".join(piece.pcm for piece in pieces), pieces[0], pieces[-1]
    mark = "start" if first.mark == "start" else last.mark
    return [Speech(pcm=pcm, rate=first.rate, mark=mark, at_ms=first.at_ms)]


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
