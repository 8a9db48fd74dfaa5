"""What a simulated call is checked by from outside: every step of its reducer, every error of its engine."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from s2s.conversation import events as ev
from s2s.conversation.invariants import Broken, Ledger, require
from s2s.conversation.reducer import step
from s2s.conversation.responses import SILENCE
from s2s.conversation.state import State

log = logging.getLogger("s2s")


class Witness(logging.Handler):
    """Notes the first thing that is wrong; where it stands nothing may be raised, since a call survives errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.wrong: str | None = None
        self.steps = 0
        self._ledger = Ledger()
        self._asked: dict[int, str] = {}

    def note(self, what: str) -> None:
        """Take down what is wrong, unless something was before."""
        self.wrong = self.wrong or what

    def emit(self, record: logging.LogRecord) -> None:
        """Take down an effect that could not be carried out; that a stage fails is the script's doing."""
        if "was not carried out" in record.msg and record.exc_info is not None:
            error = record.exc_info[1]
            self.note(str(error) if isinstance(error, Broken) else f"{type(error).__name__}: {error}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """See every step of calls, what their engine logs, and what is raised where nobody catches it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._uncaught)
        propagates, log.propagate = log.propagate, False
        log.addHandler(self)
        try:
            with patch("s2s.call.step", self._step):
                yield
        finally:
            log.removeHandler(self)
            log.propagate = propagates
            loop.set_exception_handler(None)

    def _uncaught(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.note(f"uncaught: {context.get('exception') or context['message']!r}")

    def _step(self, state: State, event: ev.Event) -> tuple[State, tuple[ev.Effect, ...]]:
        self.steps += 1
        new, effects = step(state, event)
        try:
            self._ledger.stepped(event, new, effects)
            for effect in effects:
                self._answered(new, effect)
        except Broken as broken:
            self.note(str(broken))
        return new, effects

    def _answered(self, state: State, effect: ev.Effect) -> None:
        """What an answer that was prepared on trial is to, was said in the end."""
        if isinstance(effect, ev.Send):
            said = [line.text for line in effect.item.lines if line.role == "user"]
            self._asked[effect.scope] = said[-1].rstrip(".") if said else ""
        elif isinstance(effect, ev.Commit) and self._asked.get(effect.scope):
            told = {item.text.rstrip(".") for item in state.items if item.role == "user"} | {SILENCE.rstrip(".")}
            require(self._asked[effect.scope] in told, "an answer is to what was said")
