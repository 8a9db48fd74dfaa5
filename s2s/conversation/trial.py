"""Answers on trial: prepared while the caller may still go on, and let out, kept or dropped when that is known."""

from __future__ import annotations

import msgspec

from s2s.conversation import responses
from s2s.conversation.events import Commit, Prime, Revoke
from s2s.conversation.facts import ResponseCreated
from s2s.conversation.items import lines_of
from s2s.conversation.state import Response, State, Turn
from s2s.conversation.step import Step
from s2s.messages import Ahead, Ask, Line

FREE = 2
"""Answers that may be dropped before what they cost is weighed against those that were given."""
READ_WORDS = 4
"""New words for which the language model is given a turn to read that goes on."""
GOES_ON_MS = 200.0
"""Speech after a pause that is more than a breath or a click: then the words are others by now."""


def same(one: str, other: str) -> bool:
    """Say whether two transcripts have the same words, whatever their case and marks."""
    return _plain(one) == _plain(other)


def prepare(step: Step, turn: Turn) -> None:
    """Answer a turn that may be over, unless too much was prepared in vain by now, or its answer is under way."""
    if on_trial(step.state, turn) is None and affordable(step.state):
        responses.answer(step, turn, told=False)


def prime(step: Step, turn: Turn, ahead: Ahead) -> None:
    """Have the language model read the words so far, or all of them, before it is asked.

    While the caller speaks it does so for every few words: each reading costs as much as a few tokens, however short.
    """
    state = step.state
    count = len(turn.words.split())
    enough = ahead == "whole" or turn.read == 0 or count >= turn.read + (1 if turn.paused else READ_WORDS)
    primes = state.wiring.primes and not state.wiring.hears
    if primes and responses.wanted(state, turn) and turn.words and enough and not state.responses:
        step.set(turn=msgspec.structs.replace(turn, read=count))
        lines = (*lines_of(state.items), Line(role="user", text=turn.words))
        step.do(Prime(settings=state.settings, item=Ask(lines=lines), ahead=ahead))


def affordable(state: State) -> bool:
    """Whether another answer may be prepared that nobody may want."""
    wiring = state.wiring
    return wiring.speculates and state.dropped < FREE + wiring.max_extra_llm * state.answers


def on_trial(state: State, turn: Turn) -> Response | None:
    """The answer that was prepared for a turn, if there is one."""
    return next((r for r in state.responses if not r.told and r.to == turn.item_id), None)


def heard(step: Step, turn: Turn, text: str, final: bool) -> None:
    """Drop the answer that was prepared for other words than these, which are all, or all so far."""
    response = on_trial(step.state, turn)
    if response is not None and not step.state.wiring.hears:
        known, now = _plain(response.heard), _plain(text)
        if now != known if final else not known.startswith(now):
            forget(step)


def goes_on(step: Step, turn: Turn, at_ms: float) -> None:
    """Drop the answer once the caller has spoken on for so long that the words must be others."""
    if not turn.paused and at_ms - turn.resumed_ms >= GOES_ON_MS:
        forget(step)


def let_out(step: Step, turn: Turn) -> bool:
    """Tell of the answer that was prepared for the turn just committed; return whether there is one."""
    response = on_trial(step.state, turn)
    if response is None:
        return False
    response = step.respond(response, told=True)
    step.set(answers=step.state.answers + 1)
    step.tell(ResponseCreated(response=response.view()))
    step.do(Commit(scope=response.scope))
    return True


def forget(step: Step) -> None:
    """Drop the answer that was prepared for a turn that goes on: nobody has heard of it."""
    for response in step.state.responses:
        if not response.told:
            step.do(Revoke(scope=response.scope))
            step.set(
                responses=tuple(r for r in step.state.responses if r.scope != response.scope),
                dropped=step.state.dropped + 1,
            )


def _plain(text: str) -> str:
    return " ".join("".join(letter for letter in text.casefold() if letter.isalnum() or letter.isspace()).split())
