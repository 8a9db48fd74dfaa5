"""A response cut off at any moment of its life, through the whole engine, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from s2s.conversation import events as ev
from s2s.conversation import facts as f
from s2s.engine import Engine
from s2s.testing.caller import Caller
from s2s.testing.clock import run_virtual
from tests.engine.graphs import graph

DELTAS = (f.SoundDelta, f.WordsDelta, f.TextDelta)


async def cut_at(boundary: int, how: str) -> tuple[int, list[f.Fact]]:
    """Let a turn be answered and cut the answer right after fact number `boundary`; return where that was."""
    async with Engine(graph(), seed="t") as engine:
        caller = Caller(engine)
        cut: list[int] = []
        tell = caller.tell

        def watch(fact: f.Fact) -> None:
            tell(fact)
            if len(caller.heard) == boundary + 1 and not cut:
                cut.append(boundary)
                asyncio.get_running_loop().call_soon(interrupt)

        def interrupt() -> None:
            if how == "cancel":
                caller.call.feed(ev.CancelResponse())
            else:
                caller.call.feed(ev.Spoken(mark="start", at_ms=5000.0))
            cut.append(len(caller.heard))

        caller.tell = watch  # type: ignore[method-assign]
        await caller.speak(600)
        await caller.be_silent(2500)
        facts = [fact for _, fact in caller.heard]
        assert all(scope.live for scope in caller.call._scopes.values())
        return (cut[1] if len(cut) > 1 else len(facts)), facts


def whole() -> list[f.Fact]:
    """The answer as it is when nobody cuts it."""
    return run_virtual(cut_at(10_000, "cancel"))[1]


@pytest.mark.parametrize("how", ["cancel", "speech"])
def test_nothing_of_a_cut_answer_is_told_and_it_ends_once(how: str) -> None:
    count = len(whole())
    assert count > 40
    cancelled = 0
    for boundary in range(count):
        at, facts = run_virtual(cut_at(boundary, how))
        created: list[Any] = [fact.response.id for fact in facts if isinstance(fact, f.ResponseCreated)]
        ended: list[Any] = [fact.response for fact in facts if isinstance(fact, f.ResponseDone)]
        assert sorted(created) == sorted(response.id for response in ended), f"cut after fact {boundary}"
        for response in ended:
            if response.status == "cancelled":
                cancelled += 1
                later = [fact for fact in facts[at:] if isinstance(fact, DELTAS) and fact.response_id == response.id]
                assert not later, f"cut after fact {boundary}: {later[0]}"
    assert cancelled > 20, "most boundaries lie within the answer"
